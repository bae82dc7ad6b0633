// What every page needs: colours, "Show as CLI", dialogs, the live state of models, and forms that call operations:
// <form data-call="StartProjectVersion" data-then="refresh">. Field names are members of the request; a dot leads inside.
import { call, note, notes, send } from "./api.js";
import { all, copyText, el, put, say } from "./dom.js";
import { follow, refresh } from "./live.js";

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
  const copy = el("button", { type: "button", class: "quiet", text: "Copy", on: { click: () => copyText(line) } });
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
  await copyText(document.getElementById(/** @type {string} */ (button.dataset.copy))?.textContent ?? "");
  const words = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = words; }, 1500);
}

/**
 * The request that a form stands for. Empty fields are left out; `data-number` makes a number, `data-flag` a truth value.
 * @param {HTMLFormElement} form
 */
function requestOf(form) {
  /** @type {Record<string, any>} */
  const request = {};
  for (const field of form.elements) {
    if (!(field instanceof HTMLInputElement || field instanceof HTMLSelectElement || field instanceof HTMLTextAreaElement)) continue;
    if (!field.name || field.disabled || field.value === "" || (field instanceof HTMLInputElement && field.type === "radio" && !field.checked)) continue;
    const path = field.name.split(".");
    const last = /** @type {string} */ (path.pop());
    let target = request;
    for (const name of path) target = target[name] ??= {};
    target[last] = "number" in field.dataset ? Number(field.value) : "flag" in field.dataset ? field.value === "true" : field.value;
  }
  return request;
}

/** @param {HTMLFormElement} form @param {string} message */
function complain(form, message) {
  const place = form.querySelector("[role=alert]");
  if (place) place.textContent = message;
  else say(message);
}

/** @param {string} address with {Member} of the request @param {Record<string, any>} request */
const fill = (address, request) => address.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(request[name]));

/** @param {HTMLFormElement} form */
async function submit(form) {
  const button = form.querySelector("button[type=submit], button:not([type])");
  if (button?.getAttribute("aria-busy") === "true") return;
  button?.setAttribute("aria-busy", "true");
  complain(form, "");
  try {
    const request = requestOf(form);
    if (form.dataset.call) {
      await call(form.dataset.call, request);
    } else {
      await send(form.dataset.method ?? "POST", fill(/** @type {string} */ (form.dataset.send), request), request);
      note(`# console only: ${form.dataset.note ?? form.dataset.send}`);
    }
    form.closest("dialog")?.close();
    if (form.dataset.said) say(form.dataset.said);
    if (form.dataset.then && form.dataset.then !== "refresh") location.assign(fill(form.dataset.then, request));
    else await refresh();
  } catch (failure) {
    complain(form, /** @type {Error} */ (failure).message);
  } finally {
    button?.removeAttribute("aria-busy");
  }
}

/** What cannot be undone asks to type its name: the button waits for it. @param {Event} event */
function awaitName(event) {
  const field = event.target;
  if (!(field instanceof HTMLInputElement) || field.dataset.confirm === undefined || !field.form) return;
  const button = /** @type {HTMLButtonElement} */ (field.form.querySelector("button.danger"));
  button.disabled = field.value !== field.dataset.confirm;
}

document.addEventListener("change", chooseTheme);
document.addEventListener("ocellus:noted", showNotes);
document.addEventListener("click", openDialogs);
document.addEventListener("click", copy);
showNotes();
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !(form.dataset.call || form.dataset.send)) return;
  event.preventDefault();
  submit(form);
});
document.addEventListener("input", awaitName);
if (document.querySelector('meta[name="ocellus-token"]')) follow();
for (const opener of all("dialog[data-open]")) /** @type {HTMLDialogElement} */ (opener).showModal();
