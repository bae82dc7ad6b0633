// An image with what is true and what a model says: boxes, and the heat map of a classifier.
import { get } from "./api.js";
import { el, svg } from "./dom.js";

/** An image with a layer over it that has exactly its size. @param {string} source @param {string} words @param {boolean} [isLazy] */
export function shot(source, words, isLazy = false) {
  const image = el("img", { src: source, alt: words, draggable: "false", loading: isLazy ? "lazy" : "eager" });
  const frame = el("span", { class: "shot" }, image);
  image.addEventListener("error", () => frame.classList.add("broken"));
  return frame;
}

/**
 * Draws rectangles over an image: truth solid, predictions dashed. @param {HTMLElement} frame
 * @param {{ left: number, top: number, width: number, height: number, kind: string, colour: number, text?: string }[]} boxes shares of the image's sides
 */
export function drawBoxes(frame, boxes) {
  frame.querySelector("svg")?.remove();
  if (boxes.length === 0) return;
  const layer = svg("svg", { class: "marks", viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" });
  for (const b of boxes) {
    const at = { x: b.left, y: b.top, width: b.width, height: b.height };
    layer.append(svg("rect", { class: "edge", ...at }), svg("rect", { class: `mark ${b.kind} c${b.colour}`, ...at }));
  }
  frame.append(layer);
}

/** Lays a heat map over an image. @param {HTMLElement} frame @param {{ rows: number, columns: number, values: number[] }} heat */
export function drawHeat(frame, heat) {
  removeHeat(frame);
  const small = new OffscreenCanvas(heat.columns, heat.rows), context = /** @type {OffscreenCanvasRenderingContext2D} */ (small.getContext("2d"));
  const pixels = context.createImageData(heat.columns, heat.rows);
  heat.values.forEach((value, i) => pixels.data.set([255, Math.round(200 * value), 0, Math.round(200 * value)], i * 4));
  context.putImageData(pixels, 0, 0);
  const canvas = /** @type {HTMLCanvasElement} */ (el("canvas", { class: "heat", width: heat.columns * 8, height: heat.rows * 8, "aria-hidden": "true" }));
  const target = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  target.imageSmoothingQuality = "high";
  target.drawImage(small, 0, 0, canvas.width, canvas.height);
  frame.append(canvas);
}

/** @param {HTMLElement} frame */
export const removeHeat = (frame) => frame.querySelector(".heat")?.remove();

/**
 * The colour of each label, 0 to 11, as the gallery of the project shows it. Whoever may not list the labels sees others.
 * @param {string} project @param {string[]} labels of a model @returns {Promise<number[]>}
 */
export async function coloursOf(project, labels) {
  /** @type {{ name: string, colour: number }[]} */
  const book = await get(`/ui/api/p/${encodeURIComponent(project)}/images/labels`).then((answer) => answer.labels, () => []);
  return labels.map((label, at) => {
    const place = book.findIndex((l) => l.name === label), chosen = book[place]?.colour ?? -1;
    return chosen >= 0 ? chosen : (place >= 0 ? place : at) % 12;
  });
}

/** A label with its colour; the colour never says it alone. @param {string} name @param {number} colour */
export const chip = (name, colour) => el("span", { class: `chip c${colour}` }, el("i", { "aria-hidden": "true" }), name);
