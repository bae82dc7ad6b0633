// What a person does to images, on the gallery and on the stage alike: noted for undo, kept in the journal, shown at once.
import { note, post } from "./api.js";
import { el, say } from "./dom.js";
import { keyOf } from "./images.js";
import { Journal, chosen } from "./journal.js";
import { flagsAfter, sameLabels } from "./labelstate.js";
import { Undo } from "./undo.js";

/**
 * @typedef {import("./images.js").Image} Image
 * @typedef {{ labels: string[], boxes: import("./labelstate.js").Box[] | null, flags: number, set: string }} State
 */

const bit = (/** @type {number} */ flags, /** @type {number} */ flag) => (flags & flag) > 0;

export class Work {
  /** @type {Undo<State>} */ undoing = new Undo();

  /**
   * @param {import("./images.js").Images} images @param {boolean} single an image has one label at most
   * @param {{ changed: (keys: string[]) => void, goTo: (key: string) => void }} page
   */
  constructor(images, single, page) {
    this.images = images; this.single = single; this.page = page;
    this.journal = new Journal(images.project, {
      stored: (state) => this.#stored(state),
      conflict: (state, entry) => this.#conflict(state, entry),
      refused: (state) => this.#refused(state),
      changed: (waiting, away) => this.#waiting(waiting, away), takenOver: () => page.changed(["*"]),
    });
  }

  /** @param {Image} image @returns {State} */
  stateOf(image) { return { labels: image.labels, boxes: image.boxes, flags: image.flags, set: image.set }; }

  /**
   * Changes images: `make` says what each becomes.
   * @param {Image[]} images @param {(image: Image, at: number) => { labels?: string[], boxes?: import("./labelstate.js").Box[], marks?: { unsure?: boolean, approved?: boolean, nothing?: boolean } }} make
   * @param {{ byEye?: boolean, join?: boolean }} [how] `join` adds it to the last step, as painting does
   */
  change(images, make, { byEye = true, join = false } = {}) {
    const items = images.map((image, at) => {
      const before = this.stateOf(image), change = make(image, at);
      const labels = { labels: change.labels ?? before.labels, boxes: change.boxes ?? before.boxes ?? [] };
      const after = { ...before, labels: labels.labels, boxes: before.boxes ? labels.boxes : null, flags: flagsAfter(before.flags, labels, change.marks) };
      return { key: image.key, before, after };
    }).filter((i) => !this.#same(i.before, i.after));
    if (join && this.undoing.last) this.undoing.last.items.push(...items);
    else this.undoing.add({ items, at: images[0]?.key });
    for (const { key, before, after } of items) this.#send(key, before, after, byEye);
    this.page.changed(items.map((i) => i.key));
    note("# console only: labels are sent in batches; `aws rekognition update-dataset-entries` does the same for whole lines");
  }

  /** @param {State} a @param {State} b */
  #same(a, b) { return a.flags === b.flags && a.set === b.set && sameLabels({ labels: a.labels, boxes: a.boxes ?? [] }, { labels: b.labels, boxes: b.boxes ?? [] }); }

  /** @param {string} key @param {State} before @param {State} after @param {boolean} byEye */
  #send(key, before, after, byEye) {
    const image = this.images.byKey.get(key);
    if (!image) return;
    Object.assign(image, { labels: after.labels, boxes: after.boxes, flags: after.flags });
    const labelled = !sameLabels({ labels: before.labels, boxes: before.boxes ?? [] }, { labels: after.labels, boxes: after.boxes ?? [] });
    // An image whose boxes have not been read has none that the page knows of: labels alone are sent.
    const sent = (/** @type {State} */ s) => /** @type {any} */ (s.boxes ? { labels: s.labels, boxes: s.boxes } : { labels: s.labels });
    this.journal.add({
      set: image.set, image: image.image, revision: image.revision, was: labelled ? sent(before) : null, now: labelled ? sent(after) : null,
      marks: { unsure: bit(after.flags, 4), approved: bit(after.flags, 8), nothing: bit(after.flags, 16) }, single: this.single, byEye,
    });
  }

  undo() { this.#back(this.undoing.undo(), "Undone"); }

  redo() { this.#back(this.undoing.redo(), "Done again"); }

  /** @param {{ items: { key: string, state: State, was: State }[], at?: string } | null} step @param {string} words */
  #back(step, words) {
    if (!step) { say("Nothing to undo"); return; }
    for (const { key, state, was } of step.items) this.#send(key, was, state, true);
    this.page.changed(step.items.map((i) => i.key));
    if (step.at) this.page.goTo(step.at);
    say(`${words}: ${step.items.length === 1 ? "1 image" : `${step.items.length} images`}`);
  }

  /** Removes images; a notice offers to put them back for ten seconds. @param {Image[]} images */
  async remove(images) {
    await this.journal.flush();
    /** @type {any[]} */ let removed = [];
    for (const set of new Set(images.map((i) => i.set))) {
      removed = removed.concat((await post(`${this.images.root}/remove`, { set, images: images.filter((i) => i.set === set).map((i) => i.image) })).removed);
    }
    this.#without(images);
    notice(`${removed.length === 1 ? "1 image" : `${removed.length} images`} removed.`, "Undo", async () => {
      await post(`${this.images.root}/restore`, { lines: removed });
      this.page.changed(["*"]);
    });
  }

  /** Moves images to the other set. @param {Image[]} images */
  async move(images) {
    await this.journal.flush();
    /** @type {string[]} */
    const keys = [];
    for (const set of new Set(images.map((i) => i.set))) {
      const some = images.filter((i) => i.set === set), to = set === "train" ? "test" : "train";
      await post(`${this.images.root}/move`, { set, to, images: some.map((i) => i.image) });
      keys.push(...some.map((i) => keyOf(to, i.image)));
    }
    this.page.changed(["*"]);
    notice(`${images.length === 1 ? "1 image" : `${images.length} images`} moved to the other set.`, "Undo", async () => {
      await this.move(keys.map((k) => this.images.byKey.get(k)).filter((i) => i !== undefined));
    });
  }

  /** @param {Image[]} images */
  #without(images) {
    const gone = new Set(images);
    this.images.all = this.images.all.filter((i) => !gone.has(i));
    for (const image of images) this.images.byKey.delete(image.key);
    this.page.changed([]);
  }

  /** @param {any} state */
  #stored(state) {
    const image = this.images.byKey.get(keyOf(state.set, state.image));
    if (!image) return;
    if (this.journal.pending(state.image)) image.revision = state.revision;
    else this.images.apply(state);
    this.page.changed([image.key]);
  }

  /** @param {any} state */
  #refused(state) {
    if (state.outcome === "gone") { this.page.changed(["*"]); return; }
    if (state.labels) this.images.apply(state);
    this.page.changed([keyOf(state.set, state.image), ...(state.labels ? [] : ["*"])]);
    notice(`${state.image.split("/").pop()}: ${state.reason}`);
  }

  /** Two people changed the same: a person chooses. @param {any} state @param {import("./journal.js").Entry} entry */
  #conflict(state, entry) {
    const image = this.images.apply(state), theirs = { labels: state.labels, boxes: state.boxes };
    const mine = { labels: entry.now?.labels ?? theirs.labels, boxes: entry.now?.boxes ?? theirs.boxes };
    const words = (/** @type {{ labels: string[], boxes: unknown[] }} */ l) => [l.labels.join(", "), l.boxes.length ? `${l.boxes.length} boxes` : ""].filter(Boolean).join("; ") || "no label";
    const dialog = /** @type {HTMLDialogElement} */ (el("dialog", { class: "conflict", "aria-labelledby": "conflict-title" },
      el("h2", { id: "conflict-title", text: "Two changes of the same image" }),
      el("p", { text: `${state.image.split("/").pop()} was changed by someone else while you changed it.` }),
      el("dl", {}, el("dt", { text: "Yours" }), el("dd", { text: words(mine) }), el("dt", { text: "Theirs" }), el("dd", { text: words(theirs) })),
      el("div", { class: "row" }, ...(/** @type {const} */ (["theirs", "both", "mine"])).map((choice) => el("button", {
        type: "button", class: choice === "mine" ? "main-action" : "", text: `Keep ${choice}`,
        on: { click: () => {
          const now = chosen(choice, mine, theirs);
          if (image && now) this.change([image], () => now);
          dialog.close();
        } },
      })))));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    if (image) this.page.changed([image.key]);
  }

  /** @param {number} waiting @param {boolean} away */
  #waiting(waiting, away) {
    document.documentElement.dataset.waiting = String(waiting);
    const place = document.getElementById("kept");
    if (place) place.textContent = waiting === 0 ? "All saved" : away ? `No connection: ${waiting === 1 ? "1 change is" : `${waiting} changes are`} kept` : `Saving ${waiting}`;
  }
}

/** @type {ReturnType<typeof setTimeout> | undefined} */ let noticeTimer;

/** Says something below, for ten seconds, with something to do about it. @param {string} text @param {string} [action] @param {() => Promise<void>} [act] */
export function notice(text, action, act) {
  let place = document.getElementById("notice");
  if (!place) document.body.append(place = el("div", { id: "notice", role: "status" }));
  clearTimeout(noticeTimer);
  place.replaceChildren(el("span", { text }));
  if (action && act) place.append(el("button", { type: "button", text: action, on: { click: () => { place.hidden = true; attempt(act); } } }));
  place.hidden = false;
  noticeTimer = setTimeout(() => { place.hidden = true; }, 10_000);
}

/** Does something whose failure the person is to read. @param {() => Promise<void>} act */
export async function attempt(act) {
  try { await act(); } catch (failure) {
    if (!(failure instanceof Error)) throw failure;
    notice(failure.message);
  }
}
