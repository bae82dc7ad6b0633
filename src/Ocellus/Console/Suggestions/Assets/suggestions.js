// Suggested labels: asked for while the page is open, shown as ghosts, and never stored until a person accepts them.
import { Refusal, get } from "./api.js";
import { el, one, put } from "./dom.js";
import { SHOWS } from "./images.js";

/**
 * @typedef {import("./images.js").Image} Image
 * @typedef {{ label: string, score: number }} Ghost `score` in percent
 * @typedef {{ ghosts: Ghost[], sure: number }} Suggestion
 */

const SLOW_MS = 8000, QUICK_MS = 1500, SOON_MS = 250, THRESHOLD = 80;

/** Labels that a person has given since the last question, from which on the next one does not wait. */
const ASK_AFTER = 10;

/** The ghosts at or above a threshold. @param {Suggestion | undefined} suggestion @param {number} least percent @returns {string[]} */
export const above = (suggestion, least) => (suggestion?.ghosts ?? []).filter((g) => g.score >= least).map((g) => g.label);

/** Sorts images: open ones with a suggestion first, by how sure it is; all others keep their order. @param {Image[]} view @param {(image: Image) => Suggestion | undefined} of @param {boolean} most the surest first */
export function bySureness(view, of, most) {
  const sure = new Map(view.map((i) => [i.key, of(i)?.sure ?? -1])), at = (/** @type {Image} */ i) => /** @type {number} */ (sure.get(i.key));
  return view.sort((a, b) => at(a) < 0 || at(b) < 0 ? Number(at(a) < 0) - Number(at(b) < 0) : most ? at(b) - at(a) : at(a) - at(b));
}

export class Suggestions {
  /** @type {Map<string, Suggestion>} by key */ #found = new Map();
  /** @type {Map<string, Set<string>>} rejected labels by key */ #rejected = new Map();
  #revision = -1; #timer = /** @type {any} */ (0); #busy = false; #given = 0;
  source = "none"; words = ""; ready = 0; total = 0;

  /** @param {import("./images.js").Images} images @param {() => void} changed when there are other suggestions */
  constructor(images, changed) {
    this.images = images; this.changed = changed;
    images.suggestions = this;
    const kept = Number(localStorage.getItem("ocellus-threshold"));
    this.threshold = kept >= 1 && kept <= 100 ? kept : THRESHOLD;
  }

  start() {
    this.#ask();
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.#soon(0); });
  }

  /** What is suggested for an image that nobody has labelled. @param {Image} image @returns {Suggestion | undefined} */
  of(image) {
    if (!SHOWS.unlabelled.has(image)) return undefined;
    const found = this.#found.get(image.key), rejected = this.#rejected.get(image.key);
    if (!found || !rejected) return found?.ghosts.length ? found : undefined;
    const ghosts = found.ghosts.filter((g) => !rejected.has(g.label));
    return ghosts.length ? { ghosts, sure: found.sure } : undefined;
  }

  /** Takes suggestions away until the page is loaded again. @param {Image} image @returns {boolean} whether there were any */
  reject(image) {
    const found = this.of(image);
    if (!found) return false;
    this.#rejected.set(image.key, new Set([...this.#rejected.get(image.key) ?? [], ...found.ghosts.map((g) => g.label)]));
    return true;
  }

  /** A person gave labels: after ten there are better suggestions. @param {number} count */
  given(count) {
    this.#given += count;
    if (this.#given >= ASK_AFTER || this.source === "none") this.#soon(SOON_MS);
  }

  /** @param {number} threshold percent */
  set least(threshold) { this.threshold = threshold; localStorage.setItem("ocellus-threshold", String(threshold)); }

  /** @param {number} ms */
  #soon(ms) { clearTimeout(this.#timer); this.#timer = setTimeout(() => this.#ask(), ms); }

  async #ask() {
    if (this.#busy || document.hidden) { this.#soon(QUICK_MS); return; }
    this.#busy = true;
    this.#given = 0;
    try {
      const answer = await get(`${this.images.root}/suggest?have=${Math.max(0, this.#revision)}`);
      const same = answer.sets === undefined && this.words === answer.words && this.ready === answer.ready;
      Object.assign(this, { source: answer.source, words: answer.words, ready: answer.ready, total: answer.total });
      if (answer.sets) { this.#revision = answer.revision; this.#take(answer); }
      if (!same) this.changed();
    } catch (failure) {
      // Without the right to it there are no suggestions; a server that is away is told of elsewhere.
      if (failure instanceof Refusal && failure.type === "AccessDeniedException") return;
    } finally { this.#busy = false; }
    this.#soon(this.ready < this.total ? QUICK_MS : SLOW_MS);
  }

  /** @param {any} answer */
  #take(answer) {
    const places = new Map(this.images.all.map((i) => [`${i.set} ${i.ordinal}`, i.key]));
    for (const [set, columns] of Object.entries(answer.sets)) {
      columns.ordinals.forEach((/** @type {number} */ ordinal, /** @type {number} */ i) => {
        const key = places.get(`${set} ${ordinal}`);
        if (key) this.#found.set(key, { sure: columns.sure[i], ghosts: columns.labels[i].map((/** @type {number} */ l, /** @type {number} */ n) => ({ label: answer.labels[l], score: columns.scores[i][n] })) });
      });
    }
  }
}

/**
 * The line above the images: where suggestions come from, and from which percentage on a whole screen of them is accepted.
 * @param {Suggestions} suggestions @param {{ acceptAll: () => void, moved: () => void, count: () => number }} page @returns {{ show: () => void }}
 */
export function suggestionBar(suggestions, page) {
  const bar = one("#suggestions"), words = el("span", { class: "muted ellipsis", id: "suggestion-words" });
  const slider = /** @type {HTMLInputElement} */ (el("input", { type: "range", min: "1", max: "100", id: "threshold", "aria-label": "Accept a whole screen from this percentage on" }));
  const value = el("output", { for: "threshold", class: "num" });
  const accept = el("button", { type: "button", class: "quiet", id: "accept-all", title: "Shift+Enter", on: { click: () => page.acceptAll() } });
  slider.value = String(suggestions.threshold);
  slider.addEventListener("input", () => { suggestions.least = Number(slider.value); show(); page.moved(); });
  put(bar, words, el("span", { class: "grow" }), el("span", { class: "row threshold" }, slider, value), accept);
  function show() {
    bar.hidden = suggestions.words === "" || suggestions.total === 0;
    words.textContent = suggestions.words + (suggestions.ready < suggestions.total ? ` · ${suggestions.ready} of ${suggestions.total} images looked at` : "");
    value.textContent = `${suggestions.threshold} %`;
    const count = page.count();
    accept.textContent = `Accept ${count} on screen`;
    /** @type {HTMLButtonElement} */ (accept).disabled = count === 0;
    bar.dataset.source = suggestions.source;
    bar.dataset.ready = String(suggestions.ready);
  }
  return { show };
}
