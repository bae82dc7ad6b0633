// Changes on their way to the server: each is on the disk at once, and sent in batches. It survives a reload, a crash, and a server that is away.
import { Refusal, Unreachable, post } from "./api.js";
import { both, sameLabels } from "./labelstate.js";

/** @typedef {import("./labelstate.js").Labels} Labels
 * @typedef {{ unsure?: boolean, approved?: boolean, nothing?: boolean }} Marks
 * @typedef {{ tab: string, project: string, set: string, image: string, revision: string, was: Labels | null, now: Labels | null, marks: Marks, single: boolean, byEye: boolean }} Entry
 */

const BATCH_MAX = 50, GATHER_MS = 150, RETRY_MS = [500, 1000, 2000, 5000];
const STORE = "entries";

/** @returns {Promise<IDBDatabase>} */
const open = () => new Promise((done, fail) => {
  const request = indexedDB.open("ocellus-journal", 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: ["tab", "image"] });
  request.onsuccess = () => done(request.result);
  request.onerror = () => fail(request.error);
});

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const asked = (request) => new Promise((done, fail) => { request.onsuccess = () => done(request.result); request.onerror = () => fail(request.error); });

export class Journal {
  /** Of this page; entries of pages that are gone are taken over. */
  tab = crypto.randomUUID();
  /** @type {Map<string, Entry>} */ #waiting = new Map();
  /** @type {Map<string, Entry>} */ #sent = new Map();
  /** @type {IDBDatabase | null} */ #db = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  #tries = 0;
  #sending = false;

  /**
   * @param {string} project @param {{ stored: (state: any, entry: Entry) => void, conflict: (state: any, entry: Entry) => void, refused: (state: any, entry: Entry) => void,
   * changed: (waiting: number, away: boolean) => void, takenOver: () => void }} listener `stored` is told what the server now has; `conflict` and `refused` too; `takenOver` that changes of a page that is gone are now this one's
   */
  constructor(project, listener) { this.project = project; this.listener = listener; }

  /** Changes that the server does not have yet. */
  get waiting() { return this.#waiting.size + [...this.#sent.keys()].filter((k) => !this.#waiting.has(k)).length; }

  /** What is to become of an image, if a change of it is under way. @param {string} image @returns {Entry | undefined} */
  pending(image) { return this.#waiting.get(image) ?? this.#sent.get(image); }

  /** Opens the journal, and takes over what pages that are gone have left. */
  async open() {
    // Held as long as the page lives: tells other pages that its entries are taken care of.
    navigator.locks.request(`ocellus-journal-${this.tab}`, () => new Promise(() => {}));
    this.#db = await open();
    const left = /** @type {Entry[]} */ (await asked(this.#store("readonly").getAll()));
    for (const tab of new Set(left.filter((e) => e.project === this.project).map((e) => e.tab))) {
      // Granted when that page is gone: at once, or while this one is open.
      navigator.locks.request(`ocellus-journal-${tab}`, () => this.#takeOver(tab));
    }
    addEventListener("online", () => this.#soon(0));
    addEventListener("pagehide", () => this.#send(true));
    this.#soon(0);
  }

  /** @param {string} tab of a page that is gone */
  async #takeOver(tab) {
    const store = this.#store("readwrite");
    const left = /** @type {Entry[]} */ (await asked(store.getAll(IDBKeyRange.bound([tab, ""], [tab, "\uffff"]))));
    for (const entry of left) {
      store.delete([tab, entry.image]);
      // What this page changed meanwhile is newer.
      if (!this.pending(entry.image)) { store.put({ ...entry, tab: this.tab }); this.#waiting.set(entry.image, { ...entry, tab: this.tab }); }
    }
    if (left.length === 0) return;
    this.#tell();
    this.listener.takenOver();
    this.#soon(0);
  }

  /**
   * Notes a change. Several changes of an image that were not sent yet are one.
   * @param {Omit<Entry, "tab" | "project" | "marks"> & { marks?: Marks }} change
   */
  add(change) {
    const before = this.#waiting.get(change.image);
    const sent = this.#sent.get(change.image);
    const entry = { ...change, tab: this.tab, project: this.project, marks: change.marks ?? {} };
    if (before) Object.assign(entry, { revision: before.revision, was: before.was ?? change.was, now: change.now ?? before.now, marks: { ...before.marks, ...entry.marks } });
    // What was sent is what this change builds on.
    else if (sent) Object.assign(entry, { revision: sent.revision, was: sent.now ?? change.was });
    this.#keep(entry);
    this.#soon(GATHER_MS);
  }

  /** Sends at once what waits. @returns {Promise<void>} */
  flush() { clearTimeout(this.#timer); return this.#send(false); }

  /** @param {IDBTransactionMode} mode */
  #store(mode) { return /** @type {IDBDatabase} */ (this.#db).transaction(STORE, mode).objectStore(STORE); }

  /** @param {Entry} entry */
  #keep(entry) {
    this.#waiting.set(entry.image, entry);
    if (this.#db) this.#store("readwrite").put(entry);
    this.#tell();
  }

  #tell() { this.listener.changed(this.waiting, this.#tries > 0); }

  /** @param {number} ms */
  #soon(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#send(false), ms);
  }

  /** @param {boolean} leaving the page goes: the answer will not be heard, and the next page sends again */
  async #send(leaving) {
    if (this.#waiting.size === 0 || (this.#sending && !leaving)) return;
    this.#sending = true;
    const batch = [...this.#waiting.values()].slice(0, this.#tries > 0 && this.#lone ? 1 : BATCH_MAX);
    for (const entry of batch) { this.#waiting.delete(entry.image); this.#sent.set(entry.image, entry); }
    try {
      const edits = batch.map(({ set, image, revision, was, now, marks, single, byEye }) => ({ set, image, revision, was, now, marks, single, byEye }));
      const answer = await post(`/ui/api/p/${this.project}/images/edits`, { edits }, { keepalive: leaving });
      this.#tries = 0;
      this.#lone = false;
      batch.forEach((entry, i) => this.#answered(entry, answer.images[i]));
    } catch (failure) {
      this.#failed(batch, failure);
    } finally {
      this.#sending = false;
      this.#tell();
    }
    if (this.#waiting.size > 0 && this.#tries === 0) this.#soon(0);
  }

  /** A batch was refused as a whole: each goes alone, to find the one that is meant. */
  #lone = false;

  /** @param {Entry[]} batch @param {unknown} failure */
  #failed(batch, failure) {
    for (const entry of batch) {
      this.#sent.delete(entry.image);
      const newer = this.#waiting.get(entry.image);
      this.#waiting.set(entry.image, newer ? { ...newer, revision: entry.revision, was: entry.was, marks: { ...entry.marks, ...newer.marks } } : entry);
    }
    const again = failure instanceof Unreachable || (failure instanceof Refusal
      && (failure.status >= 500 || failure.status === 401 || failure.status === 429 || ["ResourceInUseException", "WrongToken"].includes(failure.type)));
    if (!again && failure instanceof Refusal) {
      if (batch.length === 1) {
        this.#waiting.delete(batch[0].image);
        this.#forget(batch[0]);
        this.listener.refused({ outcome: "refused", reason: failure.message, image: batch[0].image, set: batch[0].set }, batch[0]);
      } else this.#lone = true;
      this.#tries = Math.max(1, this.#tries);
      this.#soon(0);
      return;
    }
    this.#tries++;
    this.#soon(RETRY_MS[Math.min(this.#tries, RETRY_MS.length) - 1]);
    if (!again) throw failure;
  }

  /** @param {Entry} entry @param {any} state */
  #answered(entry, state) {
    this.#sent.delete(entry.image);
    const newer = this.#waiting.get(entry.image);
    if (newer && state.outcome !== "gone") {
      // The person went on meanwhile: from what is stored now.
      const base = { labels: state.labels, boxes: state.boxes };
      this.#keep({ ...newer, revision: state.revision, was: newer.now && state.outcome !== "conflict" ? base : newer.was });
    } else this.#forget(entry);
    if (state.outcome === "conflict") {
      this.#waiting.delete(entry.image);
      this.#forget(entry);
      this.listener.conflict(state, newer ?? entry);
    } else if (state.outcome === "kept" || state.outcome === "merged") this.listener.stored(state, entry);
    else this.listener.refused(state, entry);
  }

  /** @param {Entry} entry */
  #forget(entry) { if (!this.#waiting.has(entry.image) && this.#db) this.#store("readwrite").delete([this.tab, entry.image]); }
}

/** What a person chose where two changed the same. @param {"mine" | "theirs" | "both"} choice @param {Labels} mine @param {Labels} theirs @returns {Labels | null} null if nothing is to change */
export function chosen(choice, mine, theirs) {
  const now = choice === "mine" ? mine : choice === "theirs" ? theirs : both(mine, theirs);
  return sameLabels(now, theirs) ? null : now;
}
