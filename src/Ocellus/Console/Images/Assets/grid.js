// The gallery's tiles: only the rows in view are in the page, however many images there are. A grid for screen readers, with one tab stop.
import { el, put, svg } from "./dom.js";
import { FLAG } from "./labelstate.js";

/** @typedef {import("./images.js").Image} Image */

/** Tiles in the page at most. */
export const TILES_MAX = 200;

export const SIZES = [96, 128, 176, 240, 320];

const GAP = 8, CAPTION = 26;

export class Grid {
  columns = 1;
  width = 0;
  focus = 0;
  /** @type {Set<string>} keys */ selected = new Set();
  /** @type {Map<number, { row: HTMLElement, tiles: HTMLElement[] }>} */ #rows = new Map();
  #scheduled = false;
  #size = 176;

  /**
   * @param {HTMLElement} box scrolls @param {import("./images.js").Images} images
   * @param {{ who: (image: Image) => { initials: string, name: string } | undefined, seen: (images: Image[]) => void, moved: () => void }} page
   */
  constructor(box, images, page) {
    this.box = box; this.images = images; this.page = page;
    this.inner = el("div", { class: "rows", role: "presentation" });
    put(box, this.inner);
    box.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.layout()).observe(box);
  }

  get size() { return this.#size; }

  set size(size) { this.#size = size; this.layout(); }

  get rowHeight() { return this.#size + CAPTION + GAP; }

  /** Lays the tiles out anew, keeping the focus in view. */
  layout() {
    const width = this.box.clientWidth - GAP;
    if (width <= 0) return;
    this.columns = Math.max(1, Math.round(width / (this.#size + GAP)));
    // Wider than asked, rather than an empty strip at the side.
    this.width = Math.floor(width / this.columns) - GAP;
    this.inner.style.height = `${Math.ceil(this.images.view.length / this.columns) * this.rowHeight + GAP}px`;
    this.box.setAttribute("aria-rowcount", String(Math.ceil(this.images.view.length / this.columns)));
    this.box.setAttribute("aria-colcount", String(this.columns));
    for (const { row } of this.#rows.values()) row.remove();
    this.#rows.clear();
    this.#paint();
  }

  /** Draws before the next frame what is in view. */
  draw() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => { this.#scheduled = false; this.#paint(); });
  }

  #paint() {
    const height = this.rowHeight, last = Math.ceil(this.images.view.length / this.columns) - 1;
    const ahead = Math.max(0, Math.min(2, Math.floor((TILES_MAX / this.columns - this.box.clientHeight / height - 1) / 2)));
    const from = Math.max(0, Math.floor(this.box.scrollTop / height) - ahead);
    const room = Math.floor(TILES_MAX / this.columns);
    const to = Math.min(last, from + room - 1, Math.floor((this.box.scrollTop + this.box.clientHeight) / height) + ahead);
    for (const [n, { row }] of this.#rows) if (n < from || n > to) { row.remove(); this.#rows.delete(n); }
    const seen = [];
    for (let n = from; n <= to; n++) {
      if (!this.#rows.has(n)) this.#addRow(n);
      seen.push(...this.images.view.slice(n * this.columns, (n + 1) * this.columns));
    }
    this.page.seen(seen);
    // What is scrolled away is not in the page, and cannot be named.
    if (this.tile(this.focus)) this.box.setAttribute("aria-activedescendant", `tile-${this.focus}`);
    else this.box.removeAttribute("aria-activedescendant");
    this.box.dataset.tiles = String([...this.#rows.values()].reduce((sum, r) => sum + r.tiles.length, 0));
  }

  /** @param {number} n */
  #addRow(n) {
    const tiles = this.images.view.slice(n * this.columns, (n + 1) * this.columns).map((image, c) => this.#tile(image, n * this.columns + c, c));
    const row = el("div", { class: "tile-row", role: "row", "aria-rowindex": n + 1 }, ...tiles);
    row.style.transform = `translateY(${n * this.rowHeight + GAP}px)`;
    this.#rows.set(n, { row, tiles });
    this.inner.append(row);
  }

  /** @param {Image} image @param {number} at @param {number} column */
  #tile(image, at, column) {
    const tile = el("div", { class: "tile", role: "gridcell", id: `tile-${at}`, "aria-colindex": column + 1, data: { at, key: image.key } });
    tile.style.width = `${this.width}px`;
    tile.style.height = `${this.#size + CAPTION}px`;
    const picture = /** @type {HTMLImageElement} */ (el("img", { alt: "", draggable: "false", decoding: "async" }));
    picture.addEventListener("error", () => tile.classList.add("broken"));
    picture.addEventListener("load", () => tile.classList.add("loaded"));
    picture.src = this.images.thumb(image, this.#size * devicePixelRatio > 256 ? 512 : 256);
    const frame = el("div", { class: "frame" }, picture);
    frame.style.height = `${this.#size}px`;
    tile.append(frame, el("div", { class: "caption" }));
    this.#fill(tile, image, at);
    return tile;
  }

  /** Everything of a tile but its picture. @param {HTMLElement} tile @param {Image} image @param {number} at */
  #fill(tile, image, at) {
    const names = this.images.names(image), who = this.page.who(image), ghosts = names.length ? [] : this.images.suggested(image)?.ghosts ?? [];
    const marks = [[FLAG.unsure, "?", "unsure"], [FLAG.approved, "✓", "approved"], [FLAG.nothing, "∅", "nothing here"], [FLAG.errors, "!", "errors"]]
      .filter(([flag]) => image.flags & /** @type {number} */ (flag));
    tile.setAttribute("aria-label", [image.name, names.join(", ") || (ghosts.length ? `suggested: ${ghosts.map((g) => `${g.label} ${g.score} %`).join(" ")}` : "no label"), ...marks.map((m) => m[2]), who ? `open by ${who.name}` : ""].filter(Boolean).join("; "));
    tile.setAttribute("aria-selected", String(this.selected.has(image.key)));
    tile.classList.toggle("focused", at === this.focus);
    put(/** @type {Element} */ (tile.lastChild), ...(names.length ? names.map((n) => chip(n, this.images)) : ghosts.length ? ghosts.map((g) => ghost(g, this.images)) : [el("span", { class: "name", text: image.name })]));
    tile.classList.toggle("suggested", ghosts.length > 0);
    const frame = /** @type {Element} */ (tile.firstChild);
    for (const old of frame.querySelectorAll(".over")) old.remove();
    if (marks.length) frame.append(el("span", { class: "over marks", "aria-hidden": "true" }, ...marks.map((m) => el("b", { class: String(m[2]).split(" ")[0], text: m[1], title: m[2] }))));
    if (image.set === "test" && this.images.filter.set === "") frame.append(el("span", { class: "over set", "aria-hidden": "true", text: "test" }));
    if (who) frame.append(el("span", { class: "over who", title: `${who.name} has it open`, text: who.initials }));
    if (image.boxes?.length && image.width) frame.append(drawn(image, this.images));
  }

  /** Shows again what changed. @param {Iterable<string>} keys */
  update(keys) {
    for (const key of keys) {
      const at = this.images.places.get(key);
      if (at === undefined) continue;
      const tile = this.#rows.get(Math.floor(at / this.columns))?.tiles[at % this.columns];
      if (tile && tile.dataset.key === key) this.#fill(tile, this.images.view[at], at);
    }
  }

  /** The images that are wholly in view. @returns {Image[]} */
  onScreen() {
    const from = Math.ceil((this.box.scrollTop - GAP) / this.rowHeight), to = Math.floor((this.box.scrollTop + this.box.clientHeight + CAPTION) / this.rowHeight);
    return this.images.view.slice(from * this.columns, Math.max(from + 1, to) * this.columns);
  }

  /** @param {number} at @returns {HTMLElement | undefined} */
  tile(at) { return this.#rows.get(Math.floor(at / this.columns))?.tiles[at % this.columns]; }

  /** Moves the focus, and what is in view with it. @param {number} at */
  moveTo(at) {
    const before = this.focus, n = this.images.view.length;
    this.focus = Math.max(0, Math.min(n - 1, at));
    const top = Math.floor(this.focus / this.columns) * this.rowHeight;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + this.rowHeight + GAP > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = top + this.rowHeight + GAP - this.box.clientHeight;
    this.#paint();
    this.update([before, this.focus].map((i) => this.images.view[i]?.key).filter(Boolean));
    this.page.moved();
  }
}

/** A label with its colour; the colour never says it alone. @param {string} name @param {import("./images.js").Images} images */
export function chip(name, images) {
  return el("span", { class: `chip ${colourClass(name, images)}` }, el("i", { "aria-hidden": "true" }), name);
}

/** A suggested label: dashed, with its percentage; spaces keep its words apart where they are read aloud. @param {{ label: string, score: number }} suggested @param {import("./images.js").Images} images */
export function ghost(suggested, images) {
  return el("span", { class: `chip ghost ${colourClass(suggested.label, images)}` }, el("i", { "aria-hidden": "true" }), `${suggested.label} `, el("small", { text: `${suggested.score} %` }), " ");
}

/** @param {string} name @param {import("./images.js").Images} images */
export function colourClass(name, images) {
  const at = images.labels.findIndex((l) => l.name === name), chosen = images.labels[at]?.colour ?? -1;
  return `c${chosen >= 0 ? chosen : Math.max(0, at) % 12}`;
}

/** The boxes of an image over its thumbnail. @param {Image} image @param {import("./images.js").Images} images */
function drawn(image, images) {
  return svg("svg", { class: "over boxes", viewBox: `0 0 ${image.width} ${image.height}`, "aria-hidden": "true" },
    ...(image.boxes ?? []).map((b) => svg("rect", { x: b.left, y: b.top, width: b.width, height: b.height, class: colourClass(b.label, images) })));
}
