// The gallery: all images of a project, labelled by keys and by painting.
import { el, one, put, say } from "./dom.js";
import { filters } from "./filters.js";
import { Grid, SIZES, chip } from "./grid.js";
import { Images } from "./images.js";
import { listenToKeys } from "./gallerykeys.js";
import { FLAG, press } from "./labelstate.js";
import { pickLabel } from "./labelpicker.js";
import { People } from "./people.js";
import { Suggestions, above, suggestionBar } from "./suggestions.js";
import { Imports } from "./imports.js";
import { Uploads } from "./uploads.js";
import { Work, attempt, notice } from "./work.js";

/** @typedef {import("./images.js").Image} Image */

const main = one("#gallery");
const kind = main.dataset.kind ?? "one", project = /** @type {string} */ (main.dataset.project);
const images = new Images(project);
/** @type {{ ordinal: number, timer: any }} */ const reading = { ordinal: 0, timer: 0 };

const grid = new Grid(one("#tiles"), images, {
  who: (image) => people.open.get(image.image),
  seen: (seen) => complete(seen),
  moved: () => showFocus(),
});
const work = new Work(images, kind === "one", { changed, goTo: (key) => { const at = images.places.get(key); if (at !== undefined) grid.moveTo(at); } });
const people = new People(images, work, { changed, openImage: () => focused()?.image ?? null, away: (away) => document.documentElement.classList.toggle("away", away) });
const suggestions = new Suggestions(images, () => {
  const key = focused()?.key, ordered = images.filter.order === "least" || images.filter.order === "most" || images.filter.show === "suggested";
  // Whoever has not begun yet begins with the first of the new order.
  if (ordered) { images.choose(); grid.layout(); grid.moveTo(work.undoing.last ? images.places.get(key ?? "") ?? grid.focus : 0); } else grid.update(grid.onScreen().map((i) => i.key));
  showAll();
});
const bar = suggestionBar(suggestions, { acceptAll, moved: () => {}, count: () => accepted().length });
const view = filters(images, () => { grid.selected.clear(); grid.layout(); grid.moveTo(0); showAll(); });

/** @returns {Image | undefined} */
function focused() { return images.view[grid.focus]; }

/** The selection, or the focused image. @returns {Image[]} */
function chosen() {
  const some = images.view.filter((i) => grid.selected.has(i.key));
  return some.length > 0 ? some : focused() ? [/** @type {Image} */ (focused())] : [];
}

/** Boxes of what is in view, read once it stands still. @param {Image[]} seen */
function complete(seen) {
  clearTimeout(reading.timer);
  const some = seen.filter((i) => i.boxes === null && i.flags & FLAG.boxes);
  if (some.length > 0) reading.timer = setTimeout(() => attempt(async () => { await images.complete(some); grid.update(some.map((i) => i.key)); }), 120);
}

/** @param {string[]} keys `*` if the index is to be read again */
function changed(keys) {
  if (keys.includes("*")) { load(); return; }
  grid.update(keys);
  if (keys.length === 0) { images.choose(); grid.layout(); grid.moveTo(grid.focus); }
  showAll();
}

let loading = false, again = false;
/** Reads the index; one read at a time. */
async function load() {
  if (loading) { again = true; return; }
  loading = true;
  await attempt(async () => {
    const key = focused()?.key;
    await images.load(() => {
      for (const image of images.all) { const p = work.journal.pending(image.image); if (p?.now) images.become(image, { labels: p.now.labels ?? image.labels, boxes: p.now.boxes ?? [] }, p.marks); }
      main.classList.remove("loading");
      grid.layout();
      grid.moveTo(images.places.get(key ?? "") ?? grid.focus);
      showAll();
    });
  });
  loading = false;
  main.dataset.loaded = String(images.all.length);
  if (again) { again = false; load(); }
}

let drawing = 0;
function showAll() {
  cancelAnimationFrame(drawing);
  drawing = requestAnimationFrame(() => { view.show(); showFocus(); showBar(); bar.show(); });
}

function showFocus() {
  const image = focused(), n = images.view.length;
  one("#empty").hidden = n > 0 || main.classList.contains("loading");
  one("#empty-all").hidden = images.all.length > 0;
  one("#empty-filter").hidden = images.all.length === 0;
  one("#tiles").hidden = n === 0;
  put(one("#focus"), image ? el("span", { class: "ellipsis", text: `${image.name}${image.width ? ` · ${image.width}×${image.height}` : ""}` }) : null,
    n > 0 ? el("span", { class: "muted", text: `${grid.focus + 1} of ${n}${grid.selected.size > 0 ? ` · ${grid.selected.size} selected` : ""}` }) : null);
}

/** The labels with their keys: those that a person gave, then the first ones. @returns {(string | undefined)[]} at 1 to 9 */
function keyed() {
  /** @type {(string | undefined)[]} */ const keys = [];
  const rest = [];
  for (const label of images.labels) if (label.key) keys[Number(label.key)] = label.name; else rest.push(label.name);
  for (let k = 1; k <= 9; k++) keys[k] ??= rest.shift();
  return keys;
}

function showBar() {
  const keys = keyed(), names = images.labels.map((l) => l.name);
  put(one("#bar"), ...names.slice(0, 60).map((name) => {
    const key = keys.indexOf(name);
    return el("button", { type: "button", class: "label", title: key > 0 ? `Key ${key}` : name, on: { click: () => label(name) } }, key > 0 ? el("kbd", { text: key }) : null, chip(name, images));
  }), el("button", { type: "button", class: "quiet", text: names.length ? "Other… (L)" : "New label (L)", on: { click: () => pick() } }));
}

/** Labels the selection or the focused image, and goes on. @param {string} name */
function label(name, goOn = true) {
  const some = chosen();
  if (some.length === 0) return;
  if (kind === "boxes") { notice("Labels of this project are boxes: open the image with O or Enter, and draw them."); return; }
  if (!images.labels.some((l) => l.name === name)) images.labels.push({ name, colour: -1, key: "", train: 0, test: 0 });
  const now = press(some.map((i) => i.labels), name, kind === "one");
  work.change(some, (_, at) => ({ labels: now[at] }));
  suggestions.given(some.length);
  const count = images.all.filter((i) => i.labels.includes(name)).length;
  say(`${name}, ${count} of ${images.all.length}`);
  if (goOn) next();
}

/** Accepts what is suggested for the selection, or the focused image, which a person looked at. @returns {boolean} whether anything was suggested */
function accept() {
  const some = chosen().filter((i) => images.suggested(i));
  if (some.length === 0) return false;
  const labels = some.map((i) => (images.suggested(i)?.ghosts ?? []).map((g) => g.label));
  work.change(some, (_, at) => ({ labels: labels[at] }));
  suggestions.given(some.length);
  say(`Accepted: ${labels[0].join(", ")}`);
  next();
  return true;
}

/** Images in view whose suggestions are sure enough to accept all of them at once. */
function accepted() { return grid.onScreen().filter((i) => above(images.suggested(i), suggestions.threshold).length > 0); }

/** Accepts the whole screen. Nobody looked at each image: the labels are to be reviewed. */
function acceptAll() {
  const some = accepted(), labels = some.map((i) => above(images.suggested(i), suggestions.threshold));
  if (some.length === 0) { say("Nothing on screen is sure enough"); return; }
  work.change(some, (_, at) => ({ labels: labels[at] }), { byEye: false });
  say(`Accepted ${some.length}, to review`);
  if (images.filter.show === "suggested" || images.filter.show === "unlabelled") { images.choose(); grid.layout(); grid.moveTo(grid.focus); } else next();
}

function reject() {
  const some = chosen().filter((i) => suggestions.reject(i));
  if (some.length === 0) return;
  grid.update(some.map((i) => i.key));
  say("Rejected");
  next();
}

/** Goes to the next image without a label. */
function next(step = 1) {
  if (grid.selected.size > 0) { grid.selected.clear(); grid.update(images.view.map((i) => i.key)); }
  const at = images.nextUnlabelled(grid.focus, people.taken, step);
  if (at >= 0) grid.moveTo(at); else say("All images here have a label");
  const image = focused();
  if (at < 0 || !image || people.open.size === 0) return;
  // Two people get different ones. Whoever goes on before the answer stays where they are.
  /** @type {Image[]} */
  const candidates = [];
  for (let i = grid.focus; i < images.view.length && candidates.length < 20; i++) if (!(images.view[i].flags & FLAG.labelled)) candidates.push(images.view[i]);
  attempt(async () => {
    const mine = await people.lease(candidates);
    if (mine && focused() === image && mine !== image.image) grid.moveTo(images.view.findIndex((i) => i.image === mine));
  });
}

/** @param {"unsure" | "approved" | "nothing"} mark @param {number} flag */
function mark(mark, flag) {
  const some = chosen(), on = !some.every((i) => i.flags & flag);
  work.change(some, (i) => ({ ...(mark === "nothing" && on ? { labels: [], boxes: i.boxes ? [] : undefined } : {}), marks: { [mark]: on } }));
  say(`${{ unsure: "Unsure", approved: "Approved", nothing: "Nothing here" }[mark]}: ${on ? "yes" : "no"}`);
  if (mark === "nothing" && on) next();
}

function pick() { pickLabel(images, (name) => { label(name); one("#tiles").focus(); }); }

/** @returns {string} where the focused image is on the stage, within the same filter */
function stage() {
  const image = focused();
  return `/ui/p/${encodeURIComponent(project)}/label/${image?.set}-${image?.ordinal}${location.search}`;
}

/** @param {number} step */
function resize(step) {
  const at = Math.max(0, Math.min(SIZES.length - 1, SIZES.indexOf(grid.size) + step)), key = focused()?.key;
  grid.size = SIZES[at];
  localStorage.setItem("ocellus-tile", String(SIZES[at]));
  /** @type {HTMLInputElement} */ (one("#size")).value = String(at);
  if (key) grid.moveTo(images.places.get(key) ?? 0);
}

listenToKeys(grid, images, {
  keyed, label, next, pick, mark, resize, chosen, undo: () => work.undo(), redo: () => work.redo(),
  clear: () => work.change(chosen(), () => ({ labels: [], marks: { nothing: false } })),
  open: () => { if (focused()) attempt(async () => { await work.journal.flush(); location.assign(stage()); }); },
  remove: () => attempt(() => work.remove(chosen())), move: () => attempt(() => work.move(chosen())),
  paint: (image, name, join) => { if (kind !== "boxes") work.change([image], () => ({ labels: kind === "one" ? [name] : [...new Set([...image.labels, name])] }), { join }); },
  unpaint: () => work.undo(), selection: () => showFocus(), accept, acceptAll, reject,
});

const checked = (/** @type {string} */ selector) => /** @type {HTMLInputElement} */ (one(selector)).checked;
const imports = new Imports(images.root, {
  set: () => /** @type {HTMLSelectElement} */ (one("#import-set")).value, replace: () => checked("#replace"), added: () => load(),
});
const uploads = new Uploads(images, imports, {
  set: () => images.filter.set || "train", added: () => load(), foldersAreLabels: () => kind !== "boxes" && checked("#folders"),
});
uploads.listen();
const size = Number(localStorage.getItem("ocellus-tile"));
grid.size = SIZES.includes(size) ? size : innerWidth < 720 ? 96 : 176;
const slider = /** @type {HTMLInputElement} */ (one("#size"));
slider.value = String(SIZES.indexOf(grid.size));
slider.addEventListener("input", () => resize(Number(slider.value) - SIZES.indexOf(grid.size)));
one("#undo").addEventListener("click", () => work.undo());
one("#redo").addEventListener("click", () => work.redo());
await attempt(() => work.journal.open());
await load();
people.start();
suggestions.start();
one("#tiles").addEventListener("scroll", () => bar.show(), { passive: true });
const wanted = new URLSearchParams(location.search).get("at");
if (wanted) grid.moveTo(images.view.findIndex((i) => `${i.set}-${i.ordinal}` === wanted));
main.dataset.ready = "yes";
