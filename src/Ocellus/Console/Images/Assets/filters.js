// Filters, order and their counts. They are in the address: every view is a link.
import { el, one, put } from "./dom.js";
import { chip } from "./grid.js";
import { SHOWS } from "./images.js";

const NAMES = /** @type {const} */ (["set", "label", "show", "name", "order"]);

/** @param {import("./images.js").Images} images @param {() => void} changed @returns {{ show: () => void }} */
export function filters(images, changed) {
  const address = new URLSearchParams(location.search);
  for (const name of NAMES) images.filter[name] = address.get(name) ?? "";
  const name = /** @type {HTMLInputElement} */ (one("#name")), order = /** @type {HTMLSelectElement} */ (one("#order"));
  name.value = images.filter.name;
  order.value = images.filter.order;

  /** @param {Partial<import("./images.js").Filter>} change */
  function set(change) {
    Object.assign(images.filter, change);
    const query = new URLSearchParams(location.search);
    query.delete("at");
    for (const n of NAMES) if (images.filter[n]) query.set(n, images.filter[n]); else query.delete(n);
    history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
    images.choose();
    changed();
  }
  name.addEventListener("input", () => set({ name: name.value.trim() }));
  name.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === "Escape") one("#tiles").focus(); });
  order.addEventListener("change", () => set({ order: order.value }));
  one("#clear-filter").addEventListener("click", () => { name.value = ""; set({ set: "", label: "", show: "", name: "" }); });

  /** @param {"set" | "label" | "show"} what @param {string} value @param {Node | string} words @param {number} count @param {string | number} [id] */
  const choice = (what, value, words, count, id = value) => el("button", {
    type: "button", class: "choice", id: `choice-${what}-${id}`, "aria-pressed": String(images.filter[what] === value), on: { click: () => set({ [what]: images.filter[what] === value ? "" : value }) },
  }, el("span", { class: "ellipsis" }, words), el("span", { class: "count", text: count }));

  return {
    show() {
      const counts = images.counts();
      const focus = document.activeElement?.id ?? "";
      put(one("#filter-sets"), choice("set", "train", "Training", counts.sets.train), choice("set", "test", "Test", counts.sets.test));
      put(one("#filter-shows"), ...[...Object.entries(SHOWS), /** @type {const} */ (["suggested", { words: "Suggested" }])].filter(([key]) => counts.shows[key] > 0 || key === "unlabelled" || images.filter.show === key)
        .map(([key, show]) => choice("show", key, show.words, counts.shows[key])));
      put(one("#filter-labels"), ...[...counts.labels].map(([label, count], i) => choice("label", label, chip(label, images), count, i)));
      if (focus) document.getElementById(focus)?.focus();
      one("#filtered").textContent = images.filter.set || images.filter.label || images.filter.show || images.filter.name ? `${images.view.length} of ${counts.all}` : `${counts.all}`;
    },
  };
}
