// Dropped files and folders become images: four at a time, whatever their number. What the server refused is listed with its reason; dropping again resumes.
import { Refusal, Unreachable, send } from "./api.js";
import { el, one, put, say } from "./dom.js";
import { sorted } from "./imports.js";
import { labelOf } from "./labelstate.js";

const AT_ONCE = 4, RETRY_MS = [500, 1000, 2000, 5000], LISTED_MAX = 200;

/** @typedef {{ file: File, path: string, label: string | null, set: string, tries: number }} Dropped */

export class Uploads {
  /** @type {Dropped[]} */ #waiting = [];
  #total = 0; #added = 0; #same = 0; #active = 0; #away = false; #stopped = false;
  /** @type {{ path: string, reason: string }[]} */ #refused = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #later;

  /** @type {(() => void)[]} */ #ended = [];

  /**
   * @param {import("./images.js").Images} images @param {import("./imports.js").Imports} imports
   * @param {{ set: () => string, added: () => void, foldersAreLabels: () => boolean }} page
   */
  constructor(images, imports, page) { this.images = images; this.imports = imports; this.page = page; this.panel = one("#uploads"); }

  /** Takes drops anywhere on the page, and the two buttons. */
  listen() {
    addEventListener("dragover", (e) => { if (e.dataTransfer?.types.includes("Files")) { e.preventDefault(); document.body.classList.add("dropping"); } });
    addEventListener("dragleave", (e) => { if (e.relatedTarget === null) document.body.classList.remove("dropping"); });
    addEventListener("drop", async (e) => {
      if (!e.dataTransfer?.types.includes("Files")) return;
      e.preventDefault();
      document.body.classList.remove("dropping");
      // All at once: the list is empty after the first wait.
      const entries = [...e.dataTransfer.items].map((i) => i.webkitGetAsEntry()).filter((i) => i !== null);
      /** @type {import("./imports.js").Found[]} */
      const found = [];
      for (const entry of entries) await this.#walk(entry, "", found);
      await this.take(found);
    });
    for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("input[type=file]"))) {
      input.addEventListener("change", () => {
        const found = [...(input.files ?? [])].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
        input.value = "";
        this.take(found);
      });
    }
    addEventListener("beforeunload", (e) => { if (this.#waiting.length + this.#active > 0) e.preventDefault(); });
  }

  /** @param {FileSystemEntry} entry @param {string} folder @param {import("./imports.js").Found[]} found */
  async #walk(entry, folder, found) {
    if (entry.isFile) {
      const file = await new Promise((done, fail) => /** @type {FileSystemFileEntry} */ (entry).file(done, fail)).catch(() => null);
      if (file && !entry.name.startsWith(".")) found.push({ file, path: folder + entry.name });
      return;
    }
    const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
    for (let part = []; (part = await new Promise((done) => reader.readEntries(done, () => done([])))).length > 0;) {
      for (const inner of part) await this.#walk(inner, `${folder}${entry.name}/`, found);
    }
  }

  /** Images are uploaded; archives, and files of labels in a format that the server knows, are imported afterwards. @param {import("./imports.js").Found[]} found */
  async take(found) {
    const { archives, documents, others } = sorted(found);
    const labels = await this.imports.recognize(documents);
    // Nobody knows what those files are. Images alone would come with their folders as labels.
    if (labels === undefined) return;
    // Where files have the labels, folders are only places. What is of no format is refused like any file that is no image.
    const files = labels ? others : [...others, ...documents];
    if (files.length > 0) await this.add(files, labels === null && this.page.foldersAreLabels());
    await this.imports.run([...archives.map((a) => ({ name: a.path, file: a.file })), ...(labels ? [labels] : [])]);
  }

  /** Uploads files; returns when none is left. @param {import("./imports.js").Found[]} files @param {boolean} labels folder names become labels */
  add(files, labels) {
    this.#stopped = false;
    const set = this.page.set();
    for (const { file, path } of files) this.#waiting.push({ file, path, set, label: labels ? labelOf(path) : null, tries: 0 });
    this.#total += files.length;
    this.#pump();
    this.#show();
    return new Promise((/** @type {(value?: undefined) => void} */ done) => this.#ended.push(done));
  }

  #pump() {
    while (this.#active < AT_ONCE && this.#waiting.length > 0 && !this.#stopped) this.#one(/** @type {Dropped} */ (this.#waiting.shift()));
  }

  /** @param {Dropped} item */
  async #one(item) {
    this.#active++;
    try {
      const query = new URLSearchParams({ set: item.set, name: item.path, ...(item.label ? { label: item.label } : {}) });
      const answer = await (await send("PUT", `${this.images.root}/upload?${query}`, item.file)).json();
      if (answer.outcome === "added") this.#added++;
      else this.#same++;
      this.#away = false;
    } catch (failure) {
      const again = failure instanceof Unreachable || (failure instanceof Refusal && (failure.status === 401 || failure.status === 507 || failure.type === "ResourceInUseException"));
      const retry = again && !(await this.#gone(item.file));
      // Once a person has stopped, nothing is tried again: it would wait for ever.
      if (retry && this.#stopped) this.#total--;
      else if (retry) {
        this.#away = true;
        this.#waiting.unshift({ ...item, tries: item.tries + 1 });
        await new Promise((done) => setTimeout(done, RETRY_MS[Math.min(item.tries, RETRY_MS.length - 1)]));
      } else this.#refused.push({ path: item.path, reason: failure instanceof Error ? failure.message : String(failure) });
    }
    this.#active--;
    this.#pump();
    this.#show();
    clearTimeout(this.#later);
    // The gallery is read again now and then while files come, and at the end.
    if (this.#active + this.#waiting.length === 0) {
      this.page.added();
      say(this.#words());
      for (const ended of this.#ended.splice(0)) ended();
    }
    else this.#later = setTimeout(() => this.page.added(), 1500);
  }

  /** A file that was moved or changed after it was dropped cannot be read, which looks like a server that is away. @param {File} file */
  async #gone(file) { return file.slice(0, 1).arrayBuffer().then(() => false, () => true); }

  #words() {
    const part = (/** @type {number} */ n, /** @type {string} */ words) => n > 0 ? `${n} ${words}` : "";
    return [part(this.#added, "added"), part(this.#same, "there already"), part(this.#refused.length, "refused")].filter(Boolean).join(", ") || "Nothing added";
  }

  #show() {
    const left = this.#active + this.#waiting.length, done = this.#total - left;
    this.panel.hidden = false;
    this.panel.dataset.left = String(left);
    put(this.panel,
      el("div", { class: "row between" },
        el("b", { text: left > 0 ? `${done} of ${this.#total} files` : this.#words() }),
        left > 0 ? el("button", { type: "button", class: "quiet", text: "Stop", on: { click: () => this.#stop() } })
          : el("button", { type: "button", class: "quiet", text: "Close", on: { click: () => { this.panel.hidden = true; this.#total = this.#added = this.#same = 0; this.#refused = []; } } })),
      left > 0 ? el("progress", { max: this.#total, value: done, "aria-label": "Upload" }) : null,
      this.#away && left > 0 ? el("p", { class: "msg", text: "The server does not take files now; trying again." }) : null,
      left > 0 && done > 0 ? el("p", { class: "msg", text: this.#words() }) : null,
      this.#refused.length ? el("ul", { class: "refused", tabindex: "0", "aria-label": "Refused files" }, ...this.#refused.slice(0, LISTED_MAX)
        .map((r) => el("li", {}, el("b", { text: r.path }), " ", r.reason))) : null);
  }

  #stop() {
    this.#stopped = true;
    this.#total -= this.#waiting.length;
    this.#waiting = [];
    this.#show();
  }
}
