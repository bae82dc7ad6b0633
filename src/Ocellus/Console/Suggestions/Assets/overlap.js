// Overlap of boxes. Pure.

/** @typedef {import("./geometry.js").Rect} Rect */

/** Intersection over union, 0 to 1. @param {Rect} a @param {Rect} b */
export function overlap(a, b) {
  const width = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left), height = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  return width * height / (a.width * a.height + b.width * b.height - width * height);
}
