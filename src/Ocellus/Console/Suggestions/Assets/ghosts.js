// Suggested boxes of the open image, fetched ahead for the next ones.
import { Refusal, post } from "./api.js";
import { overlap } from "./overlap.js";

/**
 * @typedef {import("./labelstate.js").Box} Box
 * @typedef {Box & { score: number }} Ghost `score` in percent; without a label only the place is suggested
 */

/** Of a ghost that overlaps a drawn box so much, nobody needs to be reminded. */
const SAME = 0.5;

/** Overlap from which on a proposal is taken for the box that is tightened. */
const NEAR = 0.25;

export class Ghosts {
  /** @type {Map<string, Ghost[]>} by key */ #found = new Map();
  /** @type {Map<string, Ghost[]>} rejected, by key */ #rejected = new Map();
  /** @type {Set<string>} */ #asked = new Set();
  words = "";

  /** @param {import("./images.js").Images} images @param {() => void} changed */
  constructor(images, changed) { this.images = images; this.changed = changed; }

  /** Asks for the boxes of images that were not asked for, one question an image: the first is not to wait for the others. @param {import("./images.js").Image[]} images */
  async ask(images) {
    for (const image of images) {
      if (this.#asked.has(image.key)) continue;
      this.#asked.add(image.key);
      try {
        const answer = await post(`${this.images.root}/suggest`, { set: image.set, ordinals: [image.ordinal] });
        this.words = answer.words;
        for (const found of answer.images) this.#found.set(image.key, found.boxes);
        this.changed();
      } catch (failure) {
        if (failure instanceof Refusal && failure.type === "AccessDeniedException") return;
        this.#asked.delete(image.key);
        return;
      }
    }
  }

  /** The ghosts of an image that no drawn box stands for. @param {import("./images.js").Image} image @returns {Ghost[]} */
  of(image) {
    const boxes = image.boxes ?? [], rejected = this.#rejected.get(image.key) ?? [];
    return (this.#found.get(image.key) ?? []).filter((g) => !rejected.includes(g) && !boxes.some((b) => overlap(b, g) >= SAME));
  }

  /** @param {import("./images.js").Image} image @param {Ghost[]} ghosts */
  reject(image, ghosts) { this.#rejected.set(image.key, [...this.#rejected.get(image.key) ?? [], ...ghosts]); }

  /** The proposal that a box is meant to be; null if none is near. @param {import("./images.js").Image} image @param {Box} box @returns {Ghost | null} */
  nearest(image, box) {
    const best = (this.#found.get(image.key) ?? []).map((g) => ({ g, by: overlap(box, g) })).sort((a, b) => b.by - a.by)[0];
    return best && best.by >= NEAR && best.by < 1 ? best.g : null;
  }
}
