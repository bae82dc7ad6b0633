// Forms that call an operation: <form data-call="StartProjectVersion" data-then="refresh">. Field names are members of the request; a dot leads inside.
import { call, note, send } from "./api.js";
import { say } from "./dom.js";
import { refresh } from "./live.js";

/**
 * The request that a form stands for. Empty fields are left out; `data-number` makes a number, `data-flag` a truth value.
 * @param {HTMLFormElement} form
 */
export function requestOf(form) {
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

export function listenToForms() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !(form.dataset.call || form.dataset.send)) return;
    event.preventDefault();
    submit(form);
  });
  document.addEventListener("input", awaitName);
}
