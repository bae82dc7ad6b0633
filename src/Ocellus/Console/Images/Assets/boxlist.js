// The boxes as a list, each with its label and four numbers: to read and to type, and what the canvas is for screen readers.
import { el, put } from "./dom.js";
import { inside } from "./geometry.js";
import { chip } from "./grid.js";

const NUMBERS = /** @type {const} */ ([["left", "Left"], ["top", "Top"], ["width", "Width"], ["height", "Height"]]);

/**
 * @param {Element} list @param {import("./labelstate.js").Box[]} boxes @param {number} selected @param {{ width: number, height: number }} size @param {import("./images.js").Images} images
 * @param {{ select: (at: number) => void, change: (at: number, box: import("./labelstate.js").Box) => void, remove: (at: number) => void, relabel: (at: number) => void }} act
 */
export function showBoxes(list, boxes, selected, size, images, act) {
  // A number that is being typed stays: the list is only filled anew when it is another one.
  const text = JSON.stringify([boxes, selected]), before = /** @type {HTMLElement} */ (list);
  if (before.dataset.shows === text) return;
  before.dataset.shows = text;
  const focused = document.activeElement instanceof HTMLElement && list.contains(document.activeElement) ? document.activeElement.id : "";
  put(list, ...boxes.map((box, at) => el("li", { class: at === selected ? "selected" : "", data: { at } },
    el("div", { class: "row between" },
      el("button", { type: "button", class: "quiet", id: `box-${at}`, "aria-pressed": String(at === selected), on: { click: () => act.select(at) } }, chip(box.label, images)),
      el("span", {}, el("button", { type: "button", class: "quiet", text: "Label", "aria-label": `Another label for box ${at + 1}`, on: { click: () => act.relabel(at) } }),
        el("button", { type: "button", class: "quiet", text: "×", "aria-label": `Remove box ${at + 1}`, on: { click: () => act.remove(at) } }))),
    at === selected ? el("div", { class: "numbers" }, ...NUMBERS.map(([name, words]) => {
      const input = /** @type {HTMLInputElement} */ (el("input", { type: "number", id: `box-${at}-${name}`, step: "1", min: "0", "aria-label": `${words} of box ${at + 1}`, title: words }));
      input.value = String(box[name]);
      input.addEventListener("change", () => act.change(at, inside({ ...box, [name]: Number(input.value) || 0 }, size)));
      return input;
    })) : null)));
  if (focused) document.getElementById(focused)?.focus();
}
