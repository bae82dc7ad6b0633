// The labels on the settings page: other names and colours, two made one, keys. And the keys of gallery and stage, switched off or others.
import { note, post, send } from "./api.js";
import { all, el, one, put } from "./dom.js";
import { LETTERS, lettersOff, remap, remapped, switchLetters } from "./hotkeys.js";

const list = one("#labels"), root = `/ui/api/p/${encodeURIComponent(list.dataset.project ?? "")}/images`;
const COLOURS = 12;
/** @typedef {{ name: string, colour: number, key: string, train: number, test: number }} Label */
/** @type {Label[]} */ let labels = [];

/** @param {string} text */
function refuse(text) { one("#labels-refused").textContent = text; }

/** @param {() => Promise<any>} act */
async function change(act) {
  refuse("");
  try { await act(); await load(); } catch (failure) { refuse(failure instanceof Error ? failure.message : String(failure)); }
}

async function load() {
  labels = (await (await send("GET", `${root}/labels`)).json()).labels;
  const focus = document.activeElement?.id ?? "";
  put(list, labels.length === 0 ? el("p", { class: "muted", text: "No label yet. They are made while labelling." }) : el("table", { class: "cards" },
    el("thead", {}, el("tr", {}, ...["Label", "Colour", "Key", "Images", "Change"].map((t) => el("th", { scope: "col", class: t === "Images" ? "num" : "", text: t })))),
    el("tbody", {}, ...labels.map(row))));
  list.dataset.ready = String(labels.length);
  if (focus) document.getElementById(focus)?.focus();
}

/** @param {Label} label @param {number} i */
function row(label, i) {
  const colour = select(`colour-${i}`, `Colour of ${label.name}`, [["-1", "By order"], ...Array.from({ length: COLOURS }, (_, n) => [String(n), `Colour ${n + 1}`])], String(label.colour),
    (value) => post(`${root}/labels`, { ...label, colour: Number(value) }));
  const key = select(`key-${i}`, `Key of ${label.name}`, [["", "By order"], ...Array.from({ length: 9 }, (_, n) => [String(n + 1), String(n + 1)])], label.key,
    (value) => post(`${root}/labels`, { ...label, key: value }));
  return el("tr", {}, el("td", { data: { label: "Label" } }, el("span", { class: `chip c${label.colour >= 0 ? label.colour : i % COLOURS}` }, el("i", { "aria-hidden": "true" }), label.name)),
    el("td", { data: { label: "Colour" } }, colour), el("td", { data: { label: "Key" } }, key), el("td", { class: "num", data: { label: "Images" }, text: label.train + label.test }),
    el("td", {}, el("span", { class: "row" },
      el("button", { type: "button", class: "quiet", id: `rename-${i}`, text: "Rename or merge", "aria-label": `Rename or merge ${label.name}`, on: { click: () => ask(label) } }),
      label.train + label.test === 0 ? el("button", { type: "button", class: "quiet", text: "Remove", "aria-label": `Remove ${label.name}`, on: { click: () => change(() => post(`${root}/labels/remove`, label)) } }) : null)));
}

/** @param {string} id @param {string} words @param {string[][]} options @param {string} now @param {(value: string) => Promise<any>} act */
function select(id, words, options, now, act) {
  const made = /** @type {HTMLSelectElement} */ (el("select", { id, "aria-label": words }, ...options.map(([value, text]) => el("option", { value, text }))));
  made.value = now;
  made.addEventListener("change", () => change(() => act(made.value)));
  return made;
}

/** Asks for the new name; a name that exists makes the two one. @param {Label} label */
function ask(label) {
  const dialog = /** @type {HTMLDialogElement} */ (one("#rename")), name = /** @type {HTMLInputElement} */ (one("#rename-to")), words = one("#rename-words");
  name.value = label.name;
  const tell = () => {
    const other = labels.find((l) => l.name === name.value.trim() && l.name !== label.name), images = label.train + label.test;
    words.textContent = other ? `${label.name} and ${other.name} become one label. This cannot be undone.` : `Changes ${images} images in both sets.`;
    one("#rename-do").textContent = other ? "Merge" : "Rename";
  };
  name.oninput = tell;
  tell();
  one("#rename-title").textContent = `Rename ${label.name}`;
  /** @type {HTMLFormElement} */ (one("#rename-form")).onsubmit = (event) => {
    event.preventDefault();
    const to = name.value.trim();
    dialog.close();
    if (to === label.name) return;
    change(() => post(`${root}/labels/rename`, { from: [label.name], to }));
    note(`# console only: the label ${label.name} becomes ${to}`);
  };
  dialog.showModal();
  name.select();
}

const off = /** @type {HTMLInputElement} */ (one("#letters"));
off.checked = !lettersOff();
off.addEventListener("change", () => switchLetters(off.checked));

/** The keys of letters, each of which can be another. */
function showLetters() {
  put(one("#hotkeys"), ...Object.entries(LETTERS).flatMap(([letter, words]) => {
    const input = /** @type {HTMLInputElement} */ (el("input", { id: `hotkey-${letter}`, maxlength: "1", size: "2", autocomplete: "off", autocapitalize: "off", spellcheck: "false" }));
    input.value = remapped(letter).toUpperCase();
    input.addEventListener("change", () => { one("#hotkeys-refused").textContent = remap(letter, input.value.toLowerCase()) ?? ""; showLetters(); });
    return [el("dt", {}, el("label", { for: `hotkey-${letter}`, text: words })), el("dd", {}, input)];
  }));
}
showLetters();
for (const button of all("#hotkeys-reset")) button.addEventListener("click", () => { localStorage.removeItem("ocellus-hotkeys"); showLetters(); });
load().catch((failure) => refuse(failure.message));
