// What was done, to take it back: across images, and the same on gallery and stage. Pure: no page, no server.

/** Steps that can be taken back. */
export const STEPS_MAX = 500;

/**
 * @template T
 * @typedef {{ items: { key: string, before: T, after: T }[], at?: string }} Step what changed of each image; `at` is where the person was
 */

/** @template T */
export class Undo {
  /** @type {Step<T>[]} */ #done = [];
  /** @type {Step<T>[]} */ #undone = [];

  /** Notes a step; what was taken back before can then not be done again. @param {Step<T>} step */
  add(step) {
    if (step.items.length === 0) return;
    this.#done.push(step);
    if (this.#done.length > STEPS_MAX) this.#done.shift();
    this.#undone = [];
  }

  /** The last step, if it was not taken back. @returns {Step<T> | undefined} */
  get last() { return this.#done.at(-1); }

  /** Takes the last step back: returns what each image becomes, or null. @returns {{ items: { key: string, state: T, was: T }[], at?: string } | null} */
  undo() {
    const step = this.#done.pop();
    if (!step) return null;
    this.#undone.push(step);
    return { at: step.at, items: step.items.map((i) => ({ key: i.key, state: i.before, was: i.after })).toReversed() };
  }

  /** Does again what was taken back last. @returns {{ items: { key: string, state: T, was: T }[], at?: string } | null} */
  redo() {
    const step = this.#undone.pop();
    if (!step) return null;
    this.#done.push(step);
    return { at: step.at, items: step.items.map((i) => ({ key: i.key, state: i.after, was: i.before })) };
  }

  /** Forgets a step that the server refused. @param {(step: Step<T>) => boolean} which */
  drop(which) {
    this.#done = this.#done.filter((s) => !which(s));
    this.#undone = this.#undone.filter((s) => !which(s));
  }
}
