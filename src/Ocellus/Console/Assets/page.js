// What every page needs: colours, "Show as CLI", forms that call operations, dialogs, and the live state of models.
import { notes } from "./api.js";
import { all, el, put } from "./dom.js";
import { listenToForms } from "./forms.js";
import { follow } from "./live.js";

const YEAR_SECONDS = 31_536_000;

/** The choice goes to the server with each request, so a page never appears in the wrong colours first. @param {Event} event */
function chooseTheme(event) {
  const { name, value } = /** @type {HTMLInputElement} */ (event.target);
  if (name !== "theme") return;
  document.cookie = `ocellus-theme=${value}; path=/ui; samesite=strict; max-age=${value ? YEAR_SECONDS : 0}`;
  if (value) document.documentElement.dataset.theme = value;
  else delete document.documentElement.dataset.theme;
}

/** @param {string} line */
function noteItem(line) {
  const code = el("code", { text: line });
  const copy = el("button", { type: "button", class: "quiet", text: "Copy", on: { click: () => navigator.clipboard.writeText(line) } });
  return line.startsWith("#") ? el("li", {}, code) : el("li", {}, code, copy);
}

function showNotes() {
  const list = document.querySelector(".cli-lines");
  if (!list) return;
  const lines = notes();
  put(list, ...lines.toReversed().map(noteItem));
  /** @type {HTMLElement} */ (document.querySelector(".cli-none")).hidden = lines.length > 0;
}

/** Buttons that open a dialog name it; those inside one close it. @param {MouseEvent} event */
function openDialogs(event) {
  const button = /** @type {Element} */ (event.target).closest("[data-dialog], [data-close]");
  if (!(button instanceof HTMLElement)) return;
  if (button.dataset.dialog) /** @type {HTMLDialogElement} */ (document.getElementById(button.dataset.dialog)).showModal();
  else button.closest("dialog")?.close();
}

/** Copies the text of the element that a button names. @param {MouseEvent} event */
async function copy(event) {
  const button = /** @type {Element} */ (event.target).closest("[data-copy]");
  if (!(button instanceof HTMLElement)) return;
  await navigator.clipboard.writeText(document.getElementById(/** @type {string} */ (button.dataset.copy))?.textContent ?? "");
  const words = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = words; }, 1500);
}

document.addEventListener("change", chooseTheme);
document.addEventListener("ocellus:noted", showNotes);
document.addEventListener("click", openDialogs);
document.addEventListener("click", copy);
showNotes();
listenToForms();
if (document.querySelector('meta[name="ocellus-token"]')) follow();
for (const opener of all("dialog[data-open]")) /** @type {HTMLDialogElement} */ (opener).showModal();
