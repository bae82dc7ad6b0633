// Files of labels, and archives with them, go to the server as they are; it tells how far the import is, and what it found.
import { Unreachable, note, refusalOf, token } from "./api.js";
import { el, one, put, say } from "./dom.js";
import { zip } from "./zip.js";

const DOCUMENTS = /\.(json|jsonl|ndjson|manifest|csv|tsv|xml|ya?ml)$/i, ARCHIVE = /\.zip$/i, IMAGE = /\.(jpe?g|jpe|jfif|png|bmp|gif|tiff?|webp|heic|avif)$/i;

/**
 * @typedef {{ path: string, file: File }} Found a dropped file, and where it lay
 * @typedef {{ name: string, file: Blob }} Source what is imported at once
 * @typedef {{ done: number, total?: number, summary?: Summary, failure?: string }} News
 * @typedef {{ format: string, images: number, added: number, labelled: number, known: number, differing: number, refused: number,
 *   findings: { severity: string, count: number, first: string[], remedy: string }[] }} Summary
 */

/**
 * Which of the dropped files are archives, which may be labels, and which are neither. Texts are labels only beside images of the same name, or with a list of
 * classes: a licence is none.
 * @param {Found[]} found @returns {{ archives: Found[], documents: Found[], others: Found[] }}
 */
export function sorted(found) {
  const stem = (/** @type {string} */ path) => path.replace(/^.*\//, "").replace(/\.[^.]*$/, "");
  const images = new Set(found.filter((f) => IMAGE.test(f.path)).map((f) => stem(f.path)));
  const yolo = found.some((f) => /(^|\/)(data\.ya?ml|classes\.txt|obj\.names)$/i.test(f.path));
  const isDocument = (/** @type {Found} */ f) => DOCUMENTS.test(f.path) || /(^|\/)(classes\.txt|obj\.names)$/i.test(f.path)
    || (/\.txt$/i.test(f.path) && (images.has(stem(f.path)) || (yolo && /(^|\/)labels\//.test(f.path))));
  return {
    archives: found.filter((f) => ARCHIVE.test(f.path)), documents: found.filter(isDocument), others: found.filter((f) => !ARCHIVE.test(f.path) && !isDocument(f)),
  };
}

export class Imports {
  #busy = false;
  /** Imports that have begun or wait: a project takes one at a time. @type {Promise<void>} */ #last = Promise.resolve();
  /** How those ended that a person has not closed. @type {HTMLElement[]} */ #told = [];

  /** @param {string} root address of the project's images @param {{ set: () => string, replace: () => boolean, added: () => void }} page */
  constructor(root, page) {
    this.root = root; this.page = page; this.panel = one("#imports");
    addEventListener("beforeunload", (e) => { if (this.#busy) e.preventDefault(); });
  }

  /**
   * Files of labels as one source; null if there are none or they are of no format that the server knows, undefined if it cannot be told, which the page says.
   * @param {Found[]} documents @returns {Promise<Source | null | undefined>}
   */
  async recognize(documents) {
    if (documents.length === 0) return null;
    try {
      const source = documents.length === 1 ? { name: documents[0].path, file: documents[0].file } : { name: "labels.zip", file: await zip(documents) };
      const answer = await this.#send(`${this.root}/import/look?${new URLSearchParams({ name: source.name })}`, source.file, () => {}, () => {});
      return JSON.parse(answer).format ? source : null;
    } catch (failure) {
      this.#fail(documents[0].path, failure, "Nothing of what was chosen with it was added; choose it again.");
      return undefined;
    }
  }

  /** Imports one source after the other, and after those that are under way. @param {Source[]} sources */
  run(sources) {
    const next = () => this.#all(sources);
    this.#last = this.#last.then(next, next);
    return this.#last;
  }

  /** @param {Source[]} sources */
  async #all(sources) {
    for (const source of sources) {
      this.#busy = true;
      try {
        await this.#one(source);
      } catch (failure) {
        this.#fail(source.name, failure);
      } finally {
        this.#busy = false;
        this.page.added();
      }
    }
  }

  /** @param {Source} source */
  async #one(source) {
    const query = new URLSearchParams({ name: source.name, ...(this.page.set() ? { set: this.page.set() } : {}), ...(this.page.replace() ? { replace: "yes" } : {}) });
    /** @type {News | null} */
    let last = null;
    let read = 0, shown = 0;
    this.#show(source.name, "Sending", 0, 1);
    const text = await this.#send(`${this.root}/import?${query}`, source.file, (sent, all) => this.#show(source.name, "Sending", sent, all), (/** @type {string} */ so) => {
      for (let end = so.indexOf("\n", read); end >= 0; end = so.indexOf("\n", read)) {
        last = JSON.parse(so.slice(read, end));
        read = end + 1;
        if (last && !last.summary && !last.failure) this.#show(source.name, `${last.done}${last.total ? ` of ${last.total}` : ""} images`, last.done, last.total ?? null);
      }
      // The gallery is read again now and then while images come.
      if (Date.now() - shown > 3000) { shown = Date.now(); this.page.added(); }
    });
    last ??= JSON.parse(text.trim().split("\n").at(-1) ?? "null");
    note(`# console only: ${source.name} was imported; ./ocellus import does the same from a terminal`);
    this.#end(source.name, /** @type {News} */ (/** @type {unknown} */ (last)));
  }

  /**
   * Sends a file; fetch would not tell how much of it has gone.
   * @param {string} path @param {Blob} file @param {(sent: number, all: number) => void} sent @param {(text: string) => void} heard all of the answer that has come
   * @returns {Promise<string>}
   */
  #send(path, file, sent, heard) {
    return new Promise((done, fail) => {
      const request = new XMLHttpRequest();
      request.open("PUT", path);
      request.setRequestHeader("X-Ocellus-Token", token());
      request.upload.onprogress = (e) => sent(e.loaded, e.total);
      request.onprogress = () => { if (request.status === 200) heard(request.responseText); };
      request.onerror = () => fail(new Unreachable());
      request.onload = () => {
        if (request.status === 200) { heard(request.responseText); done(request.responseText); return; }
        fail(refusalOf(request.status, request.responseText));
      };
      request.send(file);
    });
  }

  /** @param {string} name @param {string} words @param {number} done @param {number | null} total */
  #show(name, words, done, total) {
    this.panel.hidden = false;
    this.panel.dataset.busy = "yes";
    put(this.panel, el("div", { class: "row between" }, el("b", { text: name }), el("span", { class: "num", text: words })),
      el("progress", { "aria-label": `Import of ${name}`, ...(total ? { max: total, value: done } : {}) }), ...this.#told);
  }

  /** @param {string} name @param {News} news */
  #end(name, news) {
    const sum = news.summary, failure = news.failure;
    const part = (/** @type {number} */ n, /** @type {string} */ words) => n > 0 ? `${n} ${words}` : "";
    const words = sum ? [part(sum.added, "added"), part(sum.labelled, "labelled"), part(sum.known, "labelled so before"), part(sum.differing, "keep their own labels"),
      part(sum.refused, "left out")].filter(Boolean).join(", ") || "Nothing to import" : "";
    this.#panel(el("b", { text: name }), sum ? el("p", { class: "msg", text: `${sum.format}: ${words}.` }) : null,
      sum && sum.differing > 0 ? el("p", { class: "msg", text: "To replace those labels, choose so under Add images, and import again." }) : null,
      failure ? el("p", { class: "msg", role: "alert", text: failure }) : null,
      sum?.findings.length ? el("ul", { class: "refused", tabindex: "0", "aria-label": "Findings" }, ...sum.findings.map((f) => el("li", {},
        ...f.first.flatMap((line) => [line, el("br", {})]), f.count > f.first.length ? `and ${f.count - f.first.length} more. ` : "", el("i", { text: f.remedy })))) : null);
    say(failure ?? words);
  }

  /** @param {string} name @param {unknown} failure @param {string} [remedy] */
  #fail(name, failure, remedy) {
    const words = failure instanceof Error ? failure.message : String(failure);
    this.#panel(el("b", { text: name }), el("p", { class: "msg", role: "alert", text: remedy ? `${words} ${remedy}` : words }));
  }

  /** The newest first; those before stay until they are closed. @param {Node} title @param {...(Node | null)} rest */
  #panel(title, ...rest) {
    /** @type {HTMLElement} */
    const end = el("div", {}, el("div", { class: "row between" }, title, el("button", { type: "button", class: "quiet", text: "Close", on: { click: () => {
      this.#told = this.#told.filter((t) => t !== end);
      end.remove();
      this.panel.hidden = this.#told.length === 0 && !this.#busy;
    } } })), ...rest);
    this.#told.unshift(end);
    this.panel.hidden = false;
    delete this.panel.dataset.busy;
    put(this.panel, ...this.#told);
  }
}
