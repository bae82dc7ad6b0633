// The picture with its boxes: the picture is moved by one transform, the boxes are painted over it in pixels of the screen, once a frame and only when changed.
import { between, fit, handleAt, move, resize, snap, toImage, toScreen, under, zoomAt, zoomTo } from "./geometry.js";

/**
 * @typedef {import("./labelstate.js").Box} Box
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {{ kind: "draw", from: Point, to: Point, click: boolean } | { kind: "move", at: number, start: Point, box: Box, moved: boolean, hits: number[] }
 *   | { kind: "resize", at: number, handle: import("./geometry.js").Handle, box: Box } | { kind: "pan", start: Point, x: number, y: number }} Act
 */

const REACH = 6, CLICK = 3, LOUPE = 128, LOUPE_SCALE = 8;

export class Canvas {
  view = { scale: 1, x: 0, y: 0 };
  /** @type {Box[]} */ boxes = [];
  /** Suggested boxes, painted dashed beneath. @type {(Box & { score: number })[]} */ ghosts = [];
  selected = -1;
  locked = false; hidden = false; panning = false; fitted = true;
  size = { width: 1, height: 1 };
  /** @type {Act | null} */ #act = null;
  /** @type {Point | null} */ #pointer = null;
  /** @type {Map<number, Point>} */ #fingers = new Map();
  #alt = false; #frame = 0; #colours = /** @type {Map<string, string>} */ (new Map());

  /**
   * @param {HTMLElement} stage @param {HTMLImageElement} picture @param {HTMLCanvasElement} canvas
   * @param {{ draw: (rect: import("./geometry.js").Rect) => void, change: (at: number, box: Box) => void, select: (at: number) => void, adopt: (ghost: number) => void, colour: (label: string) => string }} page
   */
  constructor(stage, picture, canvas, page) {
    this.stage = stage; this.picture = picture; this.canvas = canvas; this.page = page;
    this.paper = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    new ResizeObserver(() => { if (this.fitted) this.fit(); this.paint(); }).observe(stage);
    canvas.addEventListener("pointerdown", (e) => this.#down(e));
    canvas.addEventListener("pointermove", (e) => this.#move(e));
    canvas.addEventListener("pointerup", (e) => this.#up(e));
    canvas.addEventListener("pointercancel", (e) => { this.#fingers.delete(e.pointerId); this.cancel(); });
    canvas.addEventListener("pointerleave", () => { this.#pointer = null; this.paint(); });
    stage.addEventListener("wheel", (e) => { e.preventDefault(); this.zoom(this.#at(e), Math.exp(-e.deltaY / (e.ctrlKey ? 100 : 400))); }, { passive: false });
  }

  get box() { return { width: this.stage.clientWidth, height: this.stage.clientHeight }; }

  /** Shows the picture of a size. It keeps the view if the last one was as large and had been zoomed. @param {{ width: number, height: number }} size */
  show(size) {
    const same = size.width === this.size.width && size.height === this.size.height;
    this.size = size;
    this.selected = -1;
    this.#act = null;
    if (!same || this.fitted) this.fit(); else this.paint();
  }

  fit() { this.view = fit(this.size, this.box); this.fitted = true; this.paint(); }

  /** @param {number} at */
  zoomToBox(at) { if (this.boxes[at]) { this.view = zoomTo(this.boxes[at], this.box); this.fitted = false; this.paint(); } }

  /** @param {Point} at of the screen @param {number} factor */
  zoom(at, factor) { this.view = zoomAt(this.view, at, factor, Math.min(fit(this.size, this.box).scale, 1) / 2); this.fitted = false; this.paint(); }

  /** The suggested box under the pointer, the smallest of several; negative if there is none. */
  get ghostAt() { return this.#pointer ? under(this.ghosts, toImage(this.view, this.#pointer))[0] ?? -1 : -1; }

  /** Ends what is being drawn or moved, without a change. @returns {boolean} whether there was something */
  cancel() { const had = this.#act !== null; this.#act = null; this.paint(); return had; }

  /** @param {MouseEvent} event @returns {Point} */
  #at(event) { const r = this.canvas.getBoundingClientRect(); return { x: event.clientX - r.left, y: event.clientY - r.top }; }

  /** A point of the image, drawn to edges unless Alt is held. @param {Point} p of the screen @param {number} [but] a box that does not count @returns {Point} */
  #point(p, but = -1) {
    const at = toImage(this.view, p);
    if (this.#alt) return at;
    const others = this.boxes.filter((_, i) => i !== but);
    return {
      x: snap(at.x, this.size.width, others.flatMap((b) => [b.left, b.left + b.width]), this.view.scale),
      y: snap(at.y, this.size.height, others.flatMap((b) => [b.top, b.top + b.height]), this.view.scale),
    };
  }

  /** @param {PointerEvent} event */
  #down(event) {
    this.stage.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    const at = this.#at(event), touch = event.pointerType === "touch";
    this.#fingers.set(event.pointerId, at);
    this.#alt = event.altKey;
    if (this.#fingers.size > 1) { this.#act = null; return; }
    if (event.button === 1 || this.panning || (touch && !this.locked && !this.#handle(at))) {
      this.#act = { kind: "pan", start: at, x: this.view.x, y: this.view.y };
      event.preventDefault();
      return;
    }
    if (event.button !== 0) return;
    if (this.#act?.kind === "draw") { this.#finish(at); return; }
    const handle = this.#handle(at), p = toImage(this.view, at), hits = this.locked ? [] : under(this.boxes, p);
    if (handle) this.#act = { kind: "resize", at: this.selected, handle, box: this.boxes[this.selected] };
    else if (hits.includes(this.selected)) this.#act = { kind: "move", at: this.selected, start: p, box: this.boxes[this.selected], moved: false, hits };
    else this.#act = { kind: "draw", from: this.#point(at), to: this.#point(at), click: false };
  }

  /** @param {Point} at */
  #handle(at) { const box = this.boxes[this.selected]; return box && !this.locked ? handleAt(toScreen(this.view, box), at, REACH) : null; }

  /** @param {PointerEvent} event */
  #move(event) {
    const at = this.#at(event), before = this.#fingers.get(event.pointerId);
    this.#alt = event.altKey;
    if (before && this.#fingers.size === 2) { this.#pinch(event.pointerId, before, at); return; }
    if (before) this.#fingers.set(event.pointerId, at);
    this.#pointer = event.pointerType === "touch" ? null : at;
    const act = this.#act;
    if (act?.kind === "pan") { this.view = { ...this.view, x: act.x + at.x - act.start.x, y: act.y + at.y - act.start.y }; this.fitted = false; }
    if (act?.kind === "draw") act.to = this.#point(at);
    if (act?.kind === "resize") this.boxes[act.at] = resize(act.box, act.handle, this.#point(at, act.at), this.size);
    if (act?.kind === "move") {
      const p = toImage(this.view, at), dx = p.x - act.start.x, dy = p.y - act.start.y;
      act.moved ||= Math.hypot(dx, dy) * this.view.scale > CLICK;
      if (act.moved) this.boxes[act.at] = this.#snapped(move(act.box, dx, dy, this.size), act.at);
    }
    this.paint();
  }

  /** @param {Box} box @param {number} at @returns {Box} */
  #snapped(box, at) {
    if (this.#alt) return box;
    const others = this.boxes.filter((_, i) => i !== at);
    const by = (/** @type {number} */ low, /** @type {number} */ length, /** @type {number} */ side, /** @type {number[]} */ edges) => {
      const a = snap(low, side, edges, this.view.scale) - low, b = snap(low + length, side, edges, this.view.scale) - low - length;
      return a !== 0 && (b === 0 || Math.abs(a) <= Math.abs(b)) ? a : b;
    };
    return move(box, by(box.left, box.width, this.size.width, others.flatMap((b) => [b.left, b.left + b.width])),
      by(box.top, box.height, this.size.height, others.flatMap((b) => [b.top, b.top + b.height])), this.size);
  }

  /** @param {number} id @param {Point} before @param {Point} now */
  #pinch(id, before, now) {
    const other = /** @type {Point} */ ([...this.#fingers].find(([i]) => i !== id)?.[1]);
    const far = (/** @type {Point} */ p) => Math.hypot(p.x - other.x, p.y - other.y);
    this.#fingers.set(id, now);
    this.view = { ...this.view, x: this.view.x + (now.x - before.x) / 2, y: this.view.y + (now.y - before.y) / 2 };
    this.zoom({ x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 }, far(now) / Math.max(1, far(before)));
  }

  /** @param {PointerEvent} event */
  #up(event) {
    this.#fingers.delete(event.pointerId);
    const act = this.#act, at = this.#at(event);
    if (!act || event.button === 1) { this.#act = act?.kind === "pan" ? null : act; return; }
    if (act.kind === "draw") {
      const from = toScreen(this.view, { left: act.from.x, top: act.from.y, width: 0, height: 0 });
      if (Math.hypot(at.x - from.left, at.y - from.top) > CLICK + REACH) { this.#finish(at); return; }
      const hits = this.locked ? [] : under(this.boxes, toImage(this.view, at));
      // A click on a box selects it; elsewhere it is the first corner of a new one.
      const ghost = act.click || this.hidden ? undefined : under(this.ghosts, toImage(this.view, at))[0];
      if (hits.length > 0 && !act.click) { this.#act = null; this.page.select(hits[0]); } else if (ghost !== undefined) { this.#act = null; this.page.adopt(ghost); } else act.click = true;
    } else {
      this.#act = null;
      if (act.kind === "resize") this.page.change(act.at, this.boxes[act.at]);
      if (act.kind === "move" && act.moved) this.page.change(act.at, this.boxes[act.at]);
      else if (act.kind === "move") this.page.select(act.hits[(act.hits.indexOf(act.at) + 1) % act.hits.length]);
    }
    this.paint();
  }

  /** @param {Point} at */
  #finish(at) {
    const act = this.#act;
    if (act?.kind !== "draw") return;
    this.#act = null;
    this.page.draw(between(act.from, this.#point(at), this.size));
    this.paint();
  }

  /** Paints before the next frame. */
  paint() {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => { this.#frame = 0; this.#paint(); });
  }

  /** @param {string} label */
  #colour(label) {
    if (!this.#colours.has(label)) this.#colours.set(label, this.page.colour(label));
    return /** @type {string} */ (this.#colours.get(label));
  }

  #paint() {
    const { width, height } = this.box, ratio = devicePixelRatio, paper = this.paper, act = this.#act;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    this.picture.style.transform = `translate(${this.view.x}px, ${this.view.y}px) scale(${this.view.scale * this.size.width / (this.picture.naturalWidth || this.size.width)})`;
    this.picture.classList.toggle("near", this.view.scale >= 4);
    paper.setTransform(ratio, 0, 0, ratio, 0, 0);
    paper.clearRect(0, 0, width, height);
    if (!this.hidden) {
      for (const ghost of this.ghosts) this.#ghost(toScreen(this.view, ghost), ghost);
      this.boxes.forEach((box, i) => {
        const r = toScreen(this.view, box);
        if (i !== this.selected && r.left < width && r.top < height && r.left + r.width > 0 && r.top + r.height > 0) this.#box(r, box, false);
      });
      const box = this.boxes[this.selected];
      if (box) this.#box(toScreen(this.view, box), box, true);
    }
    if (act?.kind === "draw") this.#box(toScreen(this.view, between(act.from, act.to, this.size)), { label: "", left: 0, top: 0, width: 0, height: 0 }, false);
    if (this.#pointer && (act === null || act.kind === "draw")) this.#cross(this.#pointer, width, height);
    if (act?.kind === "resize" && this.#pointer) this.#loupe(this.#pointer, width);
  }

  /** A suggested box: dashed, with its label and percentage. @param {import("./geometry.js").Rect} r on the screen @param {Box & { score: number }} ghost */
  #ghost(r, ghost) {
    const paper = this.paper;
    for (const [line, style, dash] of /** @type {const} */ ([[4, "rgb(0 0 0 / 55%)", []], [2, ghost.label ? this.#colour(ghost.label) : "#ffffff", [6, 5]]])) {
      paper.lineWidth = line;
      paper.strokeStyle = style;
      paper.setLineDash(dash);
      paper.strokeRect(r.left, r.top, r.width, r.height);
    }
    paper.setLineDash([]);
    const text = `${ghost.label.length > 24 ? `${ghost.label.slice(0, 23)}…` : ghost.label} ${ghost.score} %`.trim();
    paper.font = "12px system-ui, sans-serif";
    const wide = paper.measureText(text).width + 8;
    if (wide > r.width + 24) return;
    paper.fillStyle = "rgb(12 16 20 / 70%)";
    paper.fillRect(r.left, r.top, wide, 17);
    paper.fillStyle = "#fff";
    paper.fillText(text, r.left + 4, r.top + 13);
  }

  /** @param {import("./geometry.js").Rect} r on the screen @param {Box} box @param {boolean} selected */
  #box(r, box, selected) {
    const paper = this.paper, colour = box.label ? this.#colour(box.label) : "#ffffff";
    for (const [line, style] of /** @type {const} */ ([[4, "rgb(0 0 0 / 70%)"], [2, colour]])) {
      paper.lineWidth = line;
      paper.strokeStyle = style;
      paper.strokeRect(r.left, r.top, r.width, r.height);
    }
    if (!selected) return;
    paper.font = "600 12px system-ui, sans-serif";
    const text = box.label.length > 40 ? `${box.label.slice(0, 39)}…` : box.label, wide = paper.measureText(text).width + 12;
    const top = r.top >= 22 ? r.top - 22 : Math.max(0, r.top), left = Math.max(0, r.left - 2);
    paper.fillStyle = "rgb(12 16 20 / 85%)";
    paper.fillRect(left, top, wide, 20);
    paper.fillStyle = "#fff";
    paper.fillText(text, left + 6, top + 14);
    for (const x of [r.left, r.left + r.width / 2, r.left + r.width]) for (const y of [r.top, r.top + r.height / 2, r.top + r.height]) {
      if (x === r.left + r.width / 2 && y === r.top + r.height / 2) continue;
      paper.fillStyle = "#fff";
      paper.strokeStyle = "#0c1014";
      paper.lineWidth = 1;
      paper.fillRect(x - 4, y - 4, 8, 8);
      paper.strokeRect(x - 4, y - 4, 8, 8);
    }
  }

  /** Lines over the whole stage, with the pixel they cross at. @param {Point} p @param {number} width @param {number} height */
  #cross(p, width, height) {
    const paper = this.paper, at = toImage(this.view, p);
    paper.lineWidth = 1;
    for (const [shift, style] of /** @type {const} */ ([[0.5, "rgb(0 0 0 / 55%)"], [-0.5, "rgb(255 255 255 / 70%)"]])) {
      paper.strokeStyle = style;
      paper.beginPath();
      paper.moveTo(0, p.y + shift); paper.lineTo(width, p.y + shift);
      paper.moveTo(p.x + shift, 0); paper.lineTo(p.x + shift, height);
      paper.stroke();
    }
    const text = `${Math.round(at.x)}, ${Math.round(at.y)}`;
    paper.font = "12px system-ui, sans-serif";
    const wide = paper.measureText(text).width + 10, left = p.x + 12 + wide > width ? p.x - 12 - wide : p.x + 12, top = p.y + 36 > height ? p.y - 30 : p.y + 12;
    paper.fillStyle = "rgb(12 16 20 / 80%)";
    paper.fillRect(left, top, wide, 18);
    paper.fillStyle = "#fff";
    paper.fillText(text, left + 5, top + 13);
  }

  /** Eight times as large what is around the handle. @param {Point} p @param {number} width */
  #loupe(p, width) {
    const paper = this.paper, at = toImage(this.view, p), side = LOUPE / LOUPE_SCALE, scale = (this.picture.naturalWidth || this.size.width) / this.size.width;
    const left = p.x < width / 2 ? width - LOUPE - 12 : 12, top = 12;
    paper.fillStyle = "#000";
    paper.fillRect(left, top, LOUPE, LOUPE);
    paper.imageSmoothingEnabled = false;
    if (this.picture.complete) paper.drawImage(this.picture, (at.x - side / 2) * scale, (at.y - side / 2) * scale, side * scale, side * scale, left, top, LOUPE, LOUPE);
    paper.strokeStyle = "#fff";
    paper.lineWidth = 1;
    paper.strokeRect(left + 0.5, top + 0.5, LOUPE, LOUPE);
    paper.beginPath();
    paper.moveTo(left + LOUPE / 2, top); paper.lineTo(left + LOUPE / 2, top + LOUPE);
    paper.moveTo(left, top + LOUPE / 2); paper.lineTo(left + LOUPE, top + LOUPE / 2);
    paper.stroke();
  }
}
