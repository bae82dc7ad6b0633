// Who else is here: initials on what others have open, what they changed, and another next image for each.
import { Refusal, post } from "./api.js";
import { keyOf } from "./images.js";

const PULSE_MS = 4000;

export class People {
  tab = crypto.randomUUID();
  /** @type {Map<string, { initials: string, name: string }>} by image */ open = new Map();
  #seq = 0;
  #busy = false;

  /**
   * @param {import("./images.js").Images} images @param {import("./work.js").Work} work
   * @param {{ changed: (keys: string[]) => void, openImage: () => string | null, away: (away: boolean) => void }} page
   */
  constructor(images, work, page) { this.images = images; this.work = work; this.page = page; }

  start() {
    this.pulse();
    setInterval(() => { if (!document.hidden) this.pulse(); }, PULSE_MS);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.pulse(); });
    // Else the next page would be told that its own person has the image open.
    addEventListener("pagehide", () => post(`${this.images.root}/pulse`, { tab: this.tab, after: this.#seq, open: null }, { keepalive: true }).catch(() => {}));
    addEventListener("pageshow", (event) => { if (event.persisted) this.pulse(); });
  }

  /** Others' images: not to be taken as the next one. */
  get taken() { return new Set(this.open.keys()); }

  async pulse() {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const first = this.#seq === 0;
      const answer = await post(`${this.images.root}/pulse`, { tab: this.tab, after: this.#seq, open: this.page.openImage() });
      this.#seq = answer.seq;
      const before = [...this.open.keys()];
      this.open = new Map(answer.others.map((/** @type {any} */ o) => [o.image, o]));
      if (first) { /* The index was read a moment ago. */ } else if (!answer.changed) this.page.changed(["*"]);
      else await this.#hear(answer.changed);
      const touched = new Set([...before, ...this.open.keys()]);
      if (touched.size > 0) this.page.changed(["train", "test"].flatMap((set) => [...touched].map((image) => keyOf(set, image))));
      this.page.away(false);
    } catch (failure) {
      if (failure instanceof Refusal && failure.status !== 401) this.page.away(false);
      else this.page.away(true);
    } finally { this.#busy = false; }
  }

  /** @param {{ set: string, image: string }[]} changed */
  async #hear(changed) {
    if (changed.some((c) => !this.images.byKey.has(keyOf(c.set, c.image)))) { this.page.changed(["*"]); return; }
    for (const set of ["train", "test"]) {
      const images = changed.filter((c) => c.set === set && !this.work.journal.pending(c.image)).map((c) => /** @type {import("./images.js").Image} */ (this.images.byKey.get(keyOf(set, c.image))));
      for (let i = 0; i < images.length; i += 200) {
        const asked = images.slice(i, i + 200), answer = await post(`${this.images.root}/lines`, { set, ordinals: asked.map((a) => a.ordinal) });
        if (answer.images.length < asked.length) this.page.changed(["*"]);
        for (const state of answer.images) if (!this.work.journal.pending(state.image)) this.images.apply(state);
        this.page.changed(asked.map((a) => a.key));
      }
    }
  }

  /** Asks for the first of some images that nobody else works on. Alone there is nothing to ask. @param {import("./images.js").Image[]} candidates @returns {Promise<string | null>} */
  async lease(candidates) {
    if (this.open.size === 0 || candidates.length === 0) return null;
    return (await post(`${this.images.root}/lease`, { tab: this.tab, candidates: candidates.map((c) => c.image) })).image ?? null;
  }
}
