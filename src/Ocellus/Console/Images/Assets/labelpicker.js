// Finds a label by typing, or makes a new one.
import { el, put } from "./dom.js";
import { chip } from "./grid.js";

/** @param {import("./images.js").Images} images @param {(name: string) => void} done */
export function pickLabel(images, done) {
  const input = /** @type {HTMLInputElement} */ (el("input", {
    type: "text", "aria-label": "Label", maxlength: "256", autocomplete: "off", spellcheck: "false", role: "combobox", "aria-expanded": "true", "aria-controls": "label-options",
    placeholder: "Find or make a label",
  }));
  const list = el("div", { id: "label-options", role: "listbox", "aria-label": "Labels" });
  const dialog = /** @type {HTMLDialogElement} */ (el("dialog", { class: "picker", "aria-label": "Label" }, input, list));
  let at = 0;
  /** @type {string[]} */ let names = [];
  const show = () => {
    const typed = input.value.trim(), part = typed.toLowerCase();
    names = images.labels.map((l) => l.name).filter((n) => n.toLowerCase().includes(part)).slice(0, 50);
    if (typed && !images.labels.some((l) => l.name === typed)) names.push(typed);
    at = Math.min(at, Math.max(0, names.length - 1));
    put(list, ...names.map((name, i) => el("div", { role: "option", id: `label-option-${i}`, "aria-selected": String(i === at), on: { click: () => choose(name) } },
      chip(name, images), images.labels.some((l) => l.name === name) ? null : el("span", { class: "muted", text: " new" }))));
    if (names.length) input.setAttribute("aria-activedescendant", `label-option-${at}`); else input.removeAttribute("aria-activedescendant");
  };
  /** @param {string} name */
  const choose = (name) => { dialog.close(); done(name); };
  input.addEventListener("input", () => { at = 0; show(); });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { at = (at + (event.key === "ArrowDown" ? 1 : names.length - 1)) % Math.max(1, names.length); show(); event.preventDefault(); }
    if (event.key === "Enter" && names[at]) { event.preventDefault(); choose(names[at]); }
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  show();
  dialog.showModal();
}
