// The gallery of a test, and one image of it: truth solid, prediction dashed, heat map on M.
import { get } from "./api.js";
import { el, one, put, say } from "./dom.js";
import { boxOutcomes } from "./judging.js";
import { chip, drawBoxes, drawHeat, removeHeat, shot } from "./shots.js";

const STEP = 60;
const WORDS = { hit: "hit", alarm: "false alarm", miss: "missed" };
const percent = (/** @type {number} */ share) => `${(share * 100).toFixed(share >= 0.9995 || share === 0 ? 0 : 1)} %`;

/** @typedef {import("./judging.js").Case} Case */

export class Cases {
  /** @type {Case[]} */ list = [];
  /** @type {number[]} */ thresholds = [];
  /** @type {Map<string, HTMLElement>} */ tiles = new Map();
  count = STEP;
  at = 0;
  heat = false;

  /** @param {import("./judging.js").Results} results @param {number[]} colours of the labels @param {string} root @param {string} project @param {string} version */
  constructor(results, colours, root, project, version) {
    this.colours = colours;
    this.results = results;
    this.root = root;
    this.stage = `/ui/p/${encodeURIComponent(project)}/models/${encodeURIComponent(version)}/label/`;
    this.viewer = /** @type {HTMLDialogElement} */ (one("#viewer"));
    this.place = one("#cases");
    one("#more").addEventListener("click", () => { this.count += STEP; this.#fill(); });
    this.place.addEventListener("keydown", (event) => this.#keys(event));
    this.viewer.addEventListener("keydown", (event) => this.#viewerKeys(event));
    this.viewer.addEventListener("close", () => this.#focus(this.at));
    one("#viewer-heat").addEventListener("click", () => this.#toggleHeat());
    one("#viewer-previous").addEventListener("click", () => this.open(this.at - 1));
    one("#viewer-next").addEventListener("click", () => this.open(this.at + 1));
  }

  /** @param {Case[]} list @param {number[]} thresholds */
  show(list, thresholds) {
    this.list = list;
    this.thresholds = thresholds;
    this.count = STEP;
    this.at = 0;
    this.#fill();
  }

  #fill() {
    /** @type {Map<string, HTMLElement>} */ const kept = new Map();
    const tiles = this.list.slice(0, this.count).map((item, i) => {
      const key = `${item.image} ${item.label} ${item.outcome}`;
      const tile = this.tiles.get(key) ?? this.#tile(item);
      kept.set(key, tile);
      tile.dataset.at = String(i);
      tile.tabIndex = i === this.at ? 0 : -1;
      /** @type {HTMLElement} */ (tile.querySelector(".said")).textContent = item.score > 0 ? percent(item.score) : "";
      this.#mark(/** @type {HTMLElement} */ (tile.querySelector(".shot")), item.image);
      return tile;
    });
    this.tiles = kept;
    const now = [...this.place.children];
    if (now.length !== tiles.length || tiles.some((tile, i) => tile !== now[i])) this.place.replaceChildren(...tiles);
    one("#case-count").textContent = `${this.list.length.toLocaleString("en")} ${this.list.length === 1 ? "case" : "cases"}`;
    one("#more").hidden = this.list.length <= this.count;
    one("#no-cases").hidden = this.list.length > 0;
  }

  /** @param {Case} item */
  #tile(item) {
    const image = this.results.images[item.image], name = this.results.labels[item.label];
    const button = el("button", { type: "button", class: `case ${item.outcome}`, on: { click: () => this.open(Number(button.dataset.at)) } },
      el("span", { class: "case-shot" }, shot(this.address("thumb/256", item.image), image.name.split("/").at(-1) ?? "", true)),
      el("span", { class: "case-words" }, chip(name, this.colours[item.label]), el("span", { class: `verdict ${item.outcome}`, text: WORDS[item.outcome] }), el("span", { class: "said num" })));
    return button;
  }

  /** @param {string} kind @param {number} at */
  address(kind, at) {
    const { version } = this.results.images[at];
    return `${this.root}/${kind}/${at}${version && !kind.startsWith("heat") ? `?v=${version}` : ""}`;
  }

  /** @param {HTMLElement} frame @param {number} at */
  #mark(frame, at) {
    const image = this.results.images[at];
    if (!image.boxes) return;
    const marks = boxOutcomes(image, this.thresholds);
    drawBoxes(frame, [
      ...image.boxes.map((box, i) => ({ ...box, colour: this.colours[box.label], kind: marks.missed[i] ? "truth missed" : "truth" })),
      ...(image.found ?? []).flatMap((box, i) => (marks.found[i] ? [{ ...box, colour: this.colours[box.label], kind: marks.found[i] === "alarm" ? "said wrong" : "said" }] : [])),
    ]);
  }

  /** @param {number} at */
  #focus(at) {
    if (at < 0 || at >= this.place.children.length) return;
    /** @type {HTMLElement} */ (this.place.children[Math.min(this.at, this.place.children.length - 1)]).tabIndex = -1;
    this.at = at;
    const tile = /** @type {HTMLElement} */ (this.place.children[at]);
    tile.tabIndex = 0;
    tile.focus();
  }

  /** @param {KeyboardEvent} event */
  #keys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const tile = document.activeElement instanceof HTMLElement ? Number(document.activeElement.dataset.at ?? 0) : 0;
    const across = Math.max(1, [...this.place.children].findIndex((c, i, all) => i > 0 && /** @type {HTMLElement} */ (c).offsetTop !== /** @type {HTMLElement} */ (all[0]).offsetTop));
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
    if (step) this.#focus(Math.max(0, Math.min(this.place.children.length - 1, tile + step)));
    else if (event.key === "Home") this.#focus(0);
    else if (event.key === "End") this.#focus(this.place.children.length - 1);
    else if (event.key.toLowerCase() === "m") { this.heat = true; this.open(tile); } else return;
    event.preventDefault();
  }

  /** @param {KeyboardEvent} event */
  #viewerKeys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.toLowerCase() === "m") this.#toggleHeat();
    else if (event.key === "ArrowRight") this.open(this.at + 1);
    else if (event.key === "ArrowLeft") this.open(this.at - 1);
    else return;
    event.preventDefault();
  }

  /** @param {number} at place in the list */
  open(at) {
    const item = this.list[at];
    if (!item) return;
    this.at = at;
    const image = this.results.images[item.image], frame = shot(this.address("picture", item.image), image.name);
    const photo = /** @type {HTMLImageElement} */ (frame.querySelector("img"));
    photo.addEventListener("load", () => {
      const aspect = photo.naturalWidth / photo.naturalHeight;
      frame.style.aspectRatio = String(aspect);
      frame.style.width = `min(100%, calc(58vh * ${aspect}))`;
    });
    put(one("#viewer-shot"), frame);
    this.#mark(frame, item.image);
    one("#viewer-title").textContent = image.name.split("/").at(-1) ?? "";
    one("#viewer-place").textContent = `${at + 1} of ${this.list.length}`;
    /** @type {HTMLAnchorElement} */ (one("#wrong")).href = this.stage + item.image;
    put(one("#viewer-words"), ...this.#words(item));
    one("#viewer-heat").hidden = Boolean(image.boxes);
    one("#viewer-note").textContent = "";
    if (!this.viewer.open) this.viewer.showModal();
    say(`${this.results.labels[item.label]}, ${WORDS[item.outcome]}, ${at + 1} of ${this.list.length}`);
    this.#showHeat();
  }

  /** @param {Case} item */
  #words(item) {
    const image = this.results.images[item.image], { labels } = this.results;
    if (image.boxes) {
      const marks = boxOutcomes(image, this.thresholds);
      return [
        ...(image.found ?? []).flatMap((box, i) => (marks.found[i] ? [line(labels[box.label], this.colours[box.label], /** @type {"hit" | "alarm"} */ (marks.found[i]), percent(box.score))] : [])),
        ...image.boxes.flatMap((box, i) => (marks.missed[i] ? [line(labels[box.label], this.colours[box.label], "miss", "")] : [])),
      ];
    }
    const order = labels.map((_, l) => l).sort((a, b) => /** @type {number[]} */ (image.scores)[b] - /** @type {number[]} */ (image.scores)[a]).slice(0, 8);
    return order.map((l) => {
      const score = /** @type {number[]} */ (image.scores)[l], is = /** @type {number[]} */ (image.truth).includes(l), says = score >= this.thresholds[l];
      return line(labels[l], this.colours[l], is && says ? "hit" : says ? "alarm" : is ? "miss" : null, percent(score));
    });
  }

  #toggleHeat() {
    this.heat = !this.heat;
    this.#showHeat();
  }

  async #showHeat() {
    const button = one("#viewer-heat"), frame = one(".shot", this.viewer), item = this.list[this.at];
    button.setAttribute("aria-pressed", String(this.heat));
    if (!this.heat || button.hidden) { removeHeat(frame); return; }
    button.setAttribute("aria-busy", "true");
    try {
      const heat = await get(`${this.address("heat", item.image)}?label=${encodeURIComponent(this.results.labels[item.label])}`);
      if (frame.isConnected && this.heat) drawHeat(frame, heat);
      one("#viewer-note").textContent = heat.values.length > 0 ? `Orange: what speaks for ${heat.label}.` : `What speaks for ${heat.label} is the same everywhere.`;
    } catch (failure) {
      one("#viewer-note").textContent = /** @type {Error} */ (failure).message;
    } finally {
      button.removeAttribute("aria-busy");
    }
  }
}

/** @param {string} name @param {number} colour @param {"hit" | "alarm" | "miss" | null} outcome @param {string} score */
const line = (name, colour, outcome, score) => el("li", {}, chip(name, colour), el("span", { class: `verdict ${outcome ?? ""}`, text: outcome ? WORDS[outcome] : "" }), el("span", { class: "num", text: score }));
