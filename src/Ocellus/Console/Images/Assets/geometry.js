// Boxes and views. Pure: no page, no server. Boxes are in whole pixels of the upright image, points in pixels of the image or of the screen as named.

/**
 * @typedef {{ left: number, top: number, width: number, height: number }} Rect
 * @typedef {{ x: number, y: number }} Point
 * @typedef {{ scale: number, x: number, y: number }} View screen = image * scale + (x, y)
 * @typedef {"n" | "s" | "e" | "w" | "ne" | "nw" | "se" | "sw"} Handle
 */

export const SCALE_MAX = 32;

/** @param {number} value @param {number} low @param {number} high */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));

/** @param {View} view @param {Point} p @returns {Point} */
export const toImage = (view, p) => ({ x: (p.x - view.x) / view.scale, y: (p.y - view.y) / view.scale });

/** @param {View} view @param {Rect} r @returns {Rect} */
export const toScreen = (view, r) => ({ left: r.left * view.scale + view.x, top: r.top * view.scale + view.y, width: r.width * view.scale, height: r.height * view.scale });

/** The whole image, centred, with a margin. @param {{ width: number, height: number }} image @param {{ width: number, height: number }} stage @returns {View} */
export function fit(image, stage, margin = 16) {
  const scale = Math.min((stage.width - 2 * margin) / image.width, (stage.height - 2 * margin) / image.height, 8);
  return { scale, x: (stage.width - image.width * scale) / 2, y: (stage.height - image.height * scale) / 2 };
}

/** A box in the middle, four times as much around it as it is large. @param {Rect} box @param {{ width: number, height: number }} stage @returns {View} */
export function zoomTo(box, stage) {
  const scale = clamp(Math.min(stage.width / (box.width * 2), stage.height / (box.height * 2)), 0.02, SCALE_MAX);
  return { scale, x: stage.width / 2 - (box.left + box.width / 2) * scale, y: stage.height / 2 - (box.top + box.height / 2) * scale };
}

/** Zooms at a point of the screen, which stays where it is. @param {View} view @param {Point} at @param {number} factor @param {number} least @returns {View} */
export function zoomAt(view, at, factor, least) {
  const scale = clamp(view.scale * factor, least, SCALE_MAX);
  const real = scale / view.scale;
  return { scale, x: at.x - (at.x - view.x) * real, y: at.y - (at.y - view.y) * real };
}

/** The box between two points, in whole pixels inside the image, at least one pixel. @param {Point} a @param {Point} b @param {{ width: number, height: number }} image @returns {Rect} */
export function between(a, b, image) {
  const left = Math.round(clamp(Math.min(a.x, b.x), 0, image.width - 1)), top = Math.round(clamp(Math.min(a.y, b.y), 0, image.height - 1));
  const right = Math.round(clamp(Math.max(a.x, b.x), left + 1, image.width)), bottom = Math.round(clamp(Math.max(a.y, b.y), top + 1, image.height));
  return { left, top, width: right - left, height: bottom - top };
}

/** A box elsewhere, whole inside the image. @template {Rect} T @param {T} box @param {number} dx @param {number} dy @param {{ width: number, height: number }} image @returns {T} */
export const move = (box, dx, dy, image) => ({
  ...box, left: Math.round(clamp(box.left + dx, 0, image.width - box.width)), top: Math.round(clamp(box.top + dy, 0, image.height - box.height)),
});

/** A box with one edge or corner at a point. It turns over when it is drawn through itself. @template {Rect} T @param {T} box @param {Handle} handle @param {Point} p @param {{ width: number, height: number }} image @returns {T} */
export function resize(box, handle, p, image) {
  const right = box.left + box.width, bottom = box.top + box.height;
  const a = { x: handle.includes("w") ? p.x : box.left, y: handle.includes("n") ? p.y : box.top };
  const b = { x: handle.includes("e") ? p.x : right, y: handle.includes("s") ? p.y : bottom };
  return { ...box, ...between(a, b, image) };
}

/** The numbers a person typed, inside the image. @template {Rect} T @param {T} box @param {{ width: number, height: number }} image @returns {T} */
export function inside(box, image) {
  const left = clamp(Math.round(box.left), 0, image.width - 1), top = clamp(Math.round(box.top), 0, image.height - 1);
  return { ...box, left, top, width: clamp(Math.round(box.width), 1, image.width - left), height: clamp(Math.round(box.height), 1, image.height - top) };
}

/** The handle of a box at a point of the screen. @param {Rect} r on the screen @param {Point} p @param {number} reach @returns {Handle | null} */
export function handleAt(r, p, reach) {
  const near = (/** @type {number} */ a, /** @type {number} */ b) => Math.abs(a - b) <= reach;
  const inX = p.x >= r.left - reach && p.x <= r.left + r.width + reach, inY = p.y >= r.top - reach && p.y <= r.top + r.height + reach;
  if (!inX || !inY) return null;
  const v = near(p.y, r.top) ? "n" : near(p.y, r.top + r.height) ? "s" : "";
  const h = near(p.x, r.left) ? "w" : near(p.x, r.left + r.width) ? "e" : "";
  return /** @type {Handle | null} */ (v + h || null);
}

/** The boxes under a point of the image, the smallest first. @param {Rect[]} boxes @param {Point} p @returns {number[]} */
export const under = (boxes, p) => boxes.map((b, i) => ({ b, i }))
  .filter(({ b }) => p.x >= b.left && p.y >= b.top && p.x <= b.left + b.width && p.y <= b.top + b.height)
  .sort((l, r) => l.b.width * l.b.height - r.b.width * r.b.height).map(({ i }) => i);

/**
 * A coordinate drawn to the image's border or to other boxes' edges.
 * @param {number} value of the image @param {number} border the image's side @param {number[]} edges of other boxes @param {number} scale pixels of the screen for each of the image
 */
export function snap(value, border, edges, scale) {
  const reach = (/** @type {number} */ pixels) => pixels / scale;
  for (const edge of [0, border]) if (Math.abs(value - edge) <= reach(6)) return edge;
  let best = value, distance = reach(4);
  for (const edge of edges) if (Math.abs(value - edge) <= distance) { best = edge; distance = Math.abs(value - edge); }
  return best;
}
