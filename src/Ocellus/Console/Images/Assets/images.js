// The images of a project as a page knows them: the index in columns becomes a list, with filters, counts and orders.
import { get, post } from "./api.js";
import { FLAG, flagsAfter } from "./labelstate.js";
import { bySureness } from "./suggestions.js";

/**
 * @typedef {import("./labelstate.js").Box} Box
 * @typedef {{ key: string, set: string, ordinal: number, image: string, name: string, aspect: number, labels: string[], boxes: Box[] | null, flags: number, revision: string,
 *   version: string, width: number, height: number }} Image `labels` has those of boxes too while `boxes` is null
 * @typedef {{ set: string, label: string, show: string, name: string, order: string }} Filter
 */

/** What can be shown: the word, and which images. @type {Record<string, { words: string, has: (image: Image) => boolean }>} */
export const SHOWS = {
  unlabelled: { words: "Unlabelled", has: (i) => !(i.flags & (FLAG.labelled | FLAG.nothing)) },
  labelled: { words: "Labelled", has: (i) => (i.flags & FLAG.labelled) > 0 },
  nothing: { words: "Nothing here", has: (i) => (i.flags & FLAG.nothing) > 0 },
  unsure: { words: "Unsure", has: (i) => (i.flags & FLAG.unsure) > 0 },
  review: { words: "To review", has: (i) => (i.flags & FLAG.review) > 0 && !(i.flags & FLAG.approved) },
  errors: { words: "Errors", has: (i) => (i.flags & FLAG.errors) > 0 },
};

/** Shown beside these where the page has suggestions. */
const SUGGESTED = "suggested";

export const keyOf = (/** @type {string} */ set, /** @type {string} */ image) => `${set} ${image}`;

export class Images {
  /** @type {Image[]} */ all = [];
  /** @type {Map<string, Image>} */ byKey = new Map();
  /** The images that the filter lets through, in order. @type {Image[]} */ view = [];
  /** @type {Filter} */ filter = { set: "", label: "", show: "", name: "", order: "" };
  /** @type {{ name: string, colour: number, key: string, train: number, test: number }[]} */ labels = [];

  /** @type {import("./suggestions.js").Suggestions | null} */ suggestions = null;

  /** What is suggested for an image. @param {Image} image */
  suggested(image) { return this.suggestions?.of(image); }

  /** @param {string} show @param {Image} image */
  #shows(show, image) { return show === SUGGESTED ? this.suggested(image) !== undefined : SHOWS[show]?.has(image) ?? false; }

  /** @param {string} project */
  constructor(project) { this.project = project; this.root = `/ui/api/p/${encodeURIComponent(project)}/images`; }

  /** Reads the index; `part` is called when something new can be shown. @param {() => void} part */
  async load(part) {
    /** @type {Image[]} */
    const read = [];
    const labels = get(`${this.root}/labels`);
    labels.catch(() => {});
    for (const set of ["train", "test"]) {
      for (let after = 0, first = true; first || after > 0; first = false) {
        const chunk = await get(`${this.root}/index?set=${set}&after=${after}&count=${after === 0 && set === "train" ? 500 : 5000}`);
        chunk.ordinals.forEach((/** @type {number} */ ordinal, /** @type {number} */ i) => read.push({
          key: keyOf(set, chunk.prefix + chunk.names[i]), set, ordinal, image: chunk.prefix + chunk.names[i], name: chunk.names[i].split("/").pop(),
          aspect: chunk.aspects[i], labels: chunk.labels[i].map((/** @type {number} */ l) => chunk.labelNames[l]), boxes: null, flags: chunk.flags[i],
          revision: chunk.revisions[i], version: chunk.versions[i], width: 0, height: 0,
        }));
        after = chunk.next ?? 0;
        if (this.all.length < read.length && after > 0) this.#become([...read], part);
      }
    }
    this.labels = (await labels).labels;
    this.#become(read, part);
  }

  /** @param {Image[]} images @param {() => void} part */
  #become(images, part) {
    // What has been read in full stays so.
    for (const image of images) {
      const before = this.byKey.get(image.key);
      if (before?.boxes && before.revision === image.revision) Object.assign(image, { boxes: before.boxes, labels: before.labels, width: before.width, height: before.height });
    }
    this.all = images;
    this.byKey = new Map(images.map((i) => [i.key, i]));
    this.choose();
    part();
  }

  /** Chooses anew what the filter lets through. */
  choose() {
    const { set, label, show, name, order } = this.filter, part = name.toLowerCase();
    this.view = this.all.filter((i) => (!set || i.set === set) && (!label || this.names(i).includes(label)) && (!show || this.#shows(show, i))
      && (!part || i.image.toLowerCase().includes(part)));
    if (order === "name") this.view.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
    if (order === "least" || order === "most") bySureness(this.view, (i) => this.suggested(i), order === "most");
    this.places = new Map(this.view.map((i, n) => [i.key, n]));
  }

  /** @type {Map<string, number>} */ places = new Map();

  /** All labels of an image, those of boxes too. @param {Image} image @returns {string[]} */
  names(image) { return image.boxes ? [...new Set([...image.labels, ...image.boxes.map((b) => b.label)])] : image.labels; }

  /** How many images each filter would show, within the chosen set. */
  counts() {
    /** @type {Record<string, number>} */ const shows = {}, /** @type {Record<string, number>} */ sets = { train: 0, test: 0 };
    /** @type {Map<string, number>} */ const labels = new Map(this.labels.map((l) => [l.name, 0]));
    for (const key of [...Object.keys(SHOWS), SUGGESTED]) shows[key] = 0;
    for (const image of this.all) {
      sets[image.set]++;
      if (this.filter.set && image.set !== this.filter.set) continue;
      for (const [key, show] of Object.entries(SHOWS)) if (show.has(image)) shows[key]++;
      if (this.suggested(image)) shows[SUGGESTED]++;
      for (const label of this.names(image)) labels.set(label, (labels.get(label) ?? 0) + 1);
    }
    return { sets, shows, labels, all: this.all.length };
  }

  /** Reads all of some images: their boxes, and which labels are on those. @param {Image[]} images @returns {Promise<void>} */
  async complete(images) {
    for (const set of ["train", "test"]) {
      const wanted = images.filter((i) => i.set === set && i.boxes === null).slice(0, 200);
      if (wanted.length === 0) continue;
      for (const state of (await post(`${this.root}/lines`, { set, ordinals: wanted.map((i) => i.ordinal) })).images) this.apply(state);
    }
  }

  /** Notes what the server has. @param {any} state @returns {Image | undefined} */
  apply(state) {
    const image = this.byKey.get(keyOf(state.set, state.image));
    if (!image) return undefined;
    Object.assign(image, {
      labels: state.labels, boxes: state.boxes, flags: state.flags, revision: state.revision, ordinal: state.ordinal,
      ...(state.version ? { version: state.version, width: state.width, height: state.height, aspect: state.width / state.height } : {}),
    });
    return image;
  }

  /** Notes what a person made of an image, before the server has it. @param {Image} image @param {import("./labelstate.js").Labels} labels @param {{ unsure?: boolean, approved?: boolean, nothing?: boolean }} marks */
  become(image, labels, marks) {
    image.labels = labels.labels;
    if (image.boxes) image.boxes = labels.boxes;
    image.flags = flagsAfter(image.flags, labels, marks);
  }

  /** @param {Image} image @param {256 | 512} side */
  thumb(image, side) { return `${this.root}/thumb/${side}/${image.set}/${image.ordinal}${image.version ? `?v=${image.version}` : ""}`; }

  /** @param {Image} image */
  picture(image) { return `${this.root}/picture/${image.set}/${image.ordinal}${image.version ? `?v=${image.version}` : ""}`; }

  /** The next image after a place that has no label and nobody else has open; from the start again at the end. @param {number} from @param {Set<string>} taken @returns {number} */
  nextUnlabelled(from, taken, step = 1) {
    const n = this.view.length;
    for (let i = 1; i <= n; i++) {
      const at = (from + step * i + n * 2) % n;
      if (SHOWS.unlabelled.has(this.view[at]) && !taken.has(this.view[at].image)) return at;
    }
    return -1;
  }
}
