// The state of models and datasets while a page is open. One event stream a tab, closed while it is hidden: browsers have six connections to a server.
import { all, say } from "./dom.js";

/** Time for several changes to come together. */
const GATHER_MS = 120;

/** @type {EventSource | null} */
let stream = null;
let again = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/**
 * Gets the page again and replaces what may have changed: the elements with `data-live`, by their ids. The rest of the page, with what was typed there, stays.
 * @returns {Promise<void>}
 */
export function refresh() {
  return new Promise((done) => {
    // Not fetch: text that becomes HTML would need a trusted type. A document read this way runs no scripts.
    const request = new XMLHttpRequest();
    request.open("GET", location.href);
    request.responseType = "document";
    request.onload = () => {
      const read = request.response;
      if (request.status === 200 && request.responseURL.split("?")[0].endsWith("/ui/sign-in")) signedOut();
      else if (request.status === 200 && read) replace(read);
      else if (request.status === 404) location.assign("/ui/");
      done();
    };
    request.onerror = () => { stale("No connection to the server. What you see may be old."); done(); };
    request.send();
  });
}

/** @param {Document} read */
function replace(read) {
  const focused = document.activeElement?.id;
  for (const place of all("[data-live]")) {
    const now = read.getElementById(place.id);
    if (!now || place.querySelector("dialog[open]") || now.isEqualNode(place)) continue;
    place.replaceWith(document.adoptNode(now));
  }
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus();
}

/** @param {MessageEvent} event */
function changed(event) {
  const item = JSON.parse(event.data);
  document.dispatchEvent(new CustomEvent("ocellus:item", { detail: item }));
  const before = document.querySelector(`[data-arn="${CSS.escape(item.arn)}"]`);
  if (before instanceof HTMLElement && before.dataset.status && before.dataset.status !== item.status) say(`${before.dataset.name ?? "Model"}: ${words(item.status)}`);
  clearTimeout(timer);
  timer = setTimeout(refresh, GATHER_MS);
}

/** @param {string} status */
const words = (status) => status.toLowerCase().replaceAll("_", " ");

/** @param {string} text empty when all is well again */
export function stale(text) {
  const bar = /** @type {HTMLElement} */ (document.querySelector(".stale"));
  bar.hidden = text === "";
  if (bar.textContent !== text) bar.textContent = text;
}

function signedOut() {
  stream?.close();
  stream = null;
  stale("The session has ended. Load the page to sign in again.");
}

function open() {
  if (stream) return;
  const mark = /** @type {HTMLMetaElement} */ (document.querySelector('meta[name="ocellus-mark"]')).content;
  stream = new EventSource(`/ui/api/events?since=${mark}`);
  stream.addEventListener("hello", (event) => {
    stale("");
    // What happened before the stream was open was not heard.
    if (again || JSON.parse(event.data).missed) refresh();
    again = true;
    document.documentElement.dataset.connected = "";
  });
  stream.addEventListener("item", changed);
  stream.addEventListener("signed-out", signedOut);
  stream.onerror = () => {
    delete document.documentElement.dataset.connected;
    stale("No connection to the server. What you see may be old.");
    // A refusal ends the stream for good; a lost connection is tried again by the browser itself.
    if (stream?.readyState === EventSource.CLOSED) { stream = null; setTimeout(watch, 3000); }
  };
}

function watch() {
  if (document.hidden) { stream?.close(); stream = null; } else open();
}

export function follow() {
  document.addEventListener("visibilitychange", watch);
  document.addEventListener("ocellus:signed-out", signedOut);
  // A page that the browser keeps for "back" must not hold a connection.
  addEventListener("pagehide", () => { stream?.close(); stream = null; });
  addEventListener("pageshow", (event) => { if (event.persisted) watch(); });
  watch();
}
