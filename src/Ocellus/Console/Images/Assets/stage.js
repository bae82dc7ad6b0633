// The stage: one image, with boxes, by keys and pointer.
import { el, one, put, say } from "./dom.js";
import { inside } from "./geometry.js";
import { Canvas } from "./canvas.js";
import { chip, colourClass, ghost } from "./grid.js";
import { Images } from "./images.js";
import { FLAG, press } from "./labelstate.js";
import { pickLabel } from "./labelpicker.js";
import { People } from "./people.js";
import { listenToStage } from "./stagekeys.js";
import { showBoxes } from "./boxlist.js";
import { Ghosts } from "./ghosts.js";
import { Suggestions, above, suggestionBar } from "./suggestions.js";
import { Work, attempt, notice } from "./work.js";

/** @typedef {import("./labelstate.js").Box} Box */

const BOXES_MAX = 50, COUNTED_FROM = 40, AHEAD = 3, JOIN_MS = 700;
const main = one("#stage-page"), kind = main.dataset.kind ?? "one", project = /** @type {string} */ (main.dataset.project);
const images = new Images(project);
const picture = /** @type {HTMLImageElement} */ (one("#picture"));
let at = -1, label = localStorage.getItem(`ocellus-label-${project}`) ?? "", changedAt = 0;
/** @type {Box[]} */ let previous = [];
/** @type {Box[]} */ let copied = [];
/** @type {Map<string, HTMLImageElement>} */ const ahead = new Map();

const work = new Work(images, kind === "one", {
  changed: (keys) => { if (keys.includes("*")) attempt(load); else if (keys.includes(image()?.key ?? "")) show(); },
  goTo: (key) => { const to = images.places.get(key); if (to !== undefined && to !== at) go(to); },
});
const people = new People(images, work, { changed: (keys) => { if (keys.includes("*")) attempt(load); else show(); }, openImage: () => image()?.image ?? null, away: (away) => document.documentElement.classList.toggle("away", away) });
const canvas = new Canvas(one("#stage"), picture, /** @type {HTMLCanvasElement} */ (one("#canvas")), {
  draw: (rect) => add([{ label: current(), ...rect }]),
  change: (i, box) => replace(i, box, false),
  select: (i) => select(i),
  adopt: (i) => adopt(shownGhosts().slice(i, i + 1)),
  colour: (name) => { const probe = el("i", { class: colourClass(name, images) }); document.body.append(probe); const colour = getComputedStyle(probe).getPropertyValue("--label"); probe.remove(); return colour; },
});

const ghosts = new Ghosts(images, () => show()), suggestions = new Suggestions(images, () => show());
const ghostBar = suggestionBar(suggestions, { acceptAll, moved: () => show(), count: () => kind === "boxes" ? shownGhosts().filter(isSure).length : above(shownSuggestion(), suggestions.threshold).length });
/** A box as it was before it was tightened, and after. @type {{ key: string, before: Box, after: Box } | null} */ let tightened = null;

/** The suggested boxes of the image. @returns {import("./ghosts.js").Ghost[]} */
function shownGhosts() { const shown = image(); return kind === "boxes" && shown?.boxes ? ghosts.of(shown) : []; }
function shownSuggestion() { const shown = image(); return shown ? images.suggested(shown) : undefined; }
/** @param {{ score: number }} suggested */
function isSure(suggested) { return suggested.score >= suggestions.threshold; }

/** Stores suggested boxes, which a person looked at. @param {import("./ghosts.js").Ghost[]} some */
function adopt(some) { if (some.length > 0) add(some.map(({ score: _, ...box }) => ({ ...box, label: box.label || current() }))); }

/** Accepts what is sure enough, and goes on. */
function acceptAll() {
  const shown = image(), labels = above(shownSuggestion(), kind === "boxes" ? 101 : 1);
  adopt(shownGhosts().filter(isSure));
  if (shown && labels.length > 0) { work.change([shown], () => ({ labels })); say(`Accepted: ${labels.join(", ")}`); }
  suggestions.given(1);
  if (kind === "boxes") go(at + 1); else unlabelled(1);
}

/** The one suggested box that is meant: under the pointer, or the surest. */
function oneGhost() { const all = shownGhosts(), at = canvas.ghostAt; return all.slice(Math.max(0, at), Math.max(0, at) + 1); }

function reject() {
  const shown = image();
  if (!shown) return;
  if (kind === "boxes") { ghosts.reject(shown, oneGhost()); show(); return; }
  if (suggestions.reject(shown)) unlabelled(1);
}

/** Puts the selected box where something is; again puts it back. */
function tighten() {
  const shown = image(), box = shown?.boxes?.[canvas.selected];
  if (!shown || !box) return;
  if (tightened && tightened.key === shown.key && sameRect(tightened.after, box)) { const { before } = tightened; tightened = null; replace(canvas.selected, { ...before, label: box.label }, false); return; }
  const near = ghosts.nearest(shown, box);
  if (!near) { say("Nothing to tighten to"); return; }
  tightened = { key: shown.key, before: box, after: { ...box, left: near.left, top: near.top, width: near.width, height: near.height } };
  replace(canvas.selected, tightened.after, false);
  say("Tightened");
}
/** @param {Box} a @param {Box} b */
function sameRect(a, b) { return a.left === b.left && a.top === b.top && a.width === b.width && a.height === b.height; }

/** @returns {import("./images.js").Image | undefined} */
function image() { return images.view[at]; }

/** The label of the next box. */
function current() { return label || images.labels[0]?.name || "object"; }

/** @param {Box[]} boxes @param {boolean} join with the step before, as repeated arrow keys do */
function setBoxes(boxes, join = false) {
  const shown = image();
  if (!shown?.boxes) return;
  if (boxes.length > BOXES_MAX) { notice(`An image has at most ${BOXES_MAX} boxes.`); show(); return; }
  for (const box of boxes) if (!images.labels.some((l) => l.name === box.label)) images.labels.push({ name: box.label, colour: -1, key: "", train: 0, test: 0 });
  const now = performance.now();
  work.change([shown], () => ({ boxes }), { join: join && now - changedAt < JOIN_MS });
  changedAt = now;
  show();
}

/** @param {Box[]} boxes */
function add(boxes) {
  const before = image()?.boxes ?? [];
  canvas.selected = before.length + boxes.length - 1;
  setBoxes([...before, ...boxes]);
  say(`${boxes.length === 1 ? boxes[0].label : `${boxes.length} boxes`}, ${image()?.boxes?.length ?? 0} boxes`);
}

/** @param {number} i @param {Box} box @param {boolean} join */
function replace(i, box, join) { setBoxes((image()?.boxes ?? []).map((b, n) => n === i ? box : b), join); }

/** @param {number} i */
function select(i) {
  const boxes = image()?.boxes ?? [];
  canvas.selected = i >= 0 && i < boxes.length ? i : -1;
  if (boxes[canvas.selected]) say(`${boxes[canvas.selected].label}, box ${canvas.selected + 1} of ${boxes.length}`);
  show();
}

/** @param {string} name */
function choose(name) {
  const shown = image();
  if (!shown) return;
  if (kind !== "boxes" && (shown.boxes ?? []).length === 0) {
    if (!images.labels.some((l) => l.name === name)) images.labels.push({ name, colour: -1, key: "", train: 0, test: 0 });
    work.change([shown], () => ({ labels: press([shown.labels], name, kind === "one")[0] }));
    suggestions.given(1);
    say(`${name}, ${shown.name}`);
    if (kind === "one") unlabelled(1); else show();
    return;
  }
  label = name;
  localStorage.setItem(`ocellus-label-${project}`, name);
  const box = shown.boxes?.[canvas.selected];
  if (box) replace(canvas.selected, { ...box, label: name }, false); else { say(`Next box: ${name}`); show(); }
}

/** @param {number} step */
function unlabelled(step) {
  const to = images.nextUnlabelled(at, people.taken, step);
  if (to >= 0) go(to); else { say("All images here have a label"); show(); }
}

/** Goes to another image. @param {number} to */
function go(to) {
  if (to < 0 || to >= images.view.length) { say(to < 0 ? "The first image" : "The last image"); return; }
  if (image()?.boxes?.length) previous = image()?.boxes ?? [];
  at = to;
  attempt(open);
}

/** Shows the image; its boxes and its neighbours are fetched. */
async function open() {
  const shown = image();
  if (!shown) return;
  history.replaceState(null, "", `/ui/p/${encodeURIComponent(project)}/label/${shown.set}-${shown.ordinal}${location.search}`);
  canvas.boxes = [];
  canvas.selected = -1;
  if (shown.width) canvas.show({ width: shown.width, height: shown.height });
  const ready = ahead.get(shown.key);
  picture.alt = shown.name;
  picture.src = ready?.src ?? images.picture(shown);
  main.classList.add("loading");
  main.dataset.shows = "";
  const waits = [shown, ...images.view.slice(at + 1, at + 1 + AHEAD)];
  await images.complete(waits);
  await picture.decode().catch(() => { main.classList.add("broken"); });
  if (image() !== shown) return;
  main.classList.toggle("broken", picture.naturalWidth === 0);
  main.classList.remove("loading");
  // An image that nobody has read before has told its size only now.
  if (!shown.width && picture.naturalWidth) Object.assign(shown, { width: picture.naturalWidth, height: picture.naturalHeight });
  canvas.show({ width: shown.width || 1, height: shown.height || 1 });
  show();
  main.dataset.shows = `${shown.set}-${shown.ordinal}`;
  for (const next of waits.slice(1)) prefetch(next);
  if (kind === "boxes") ghosts.ask(waits);
  people.pulse();
}

/** @param {import("./images.js").Image} next */
function prefetch(next) {
  if (ahead.has(next.key)) return;
  const fetched = new Image();
  fetched.src = images.picture(next);
  fetched.decode().catch(() => {});
  ahead.set(next.key, fetched);
  if (ahead.size > 8) ahead.delete(/** @type {string} */ (ahead.keys().next().value));
}

function keyed() {
  /** @type {(string | undefined)[]} */ const keys = [];
  const rest = [];
  for (const l of images.labels) if (l.key) keys[Number(l.key)] = l.name; else rest.push(l.name);
  for (let k = 1; k <= 9; k++) keys[k] ??= rest.shift();
  return keys;
}

function show() {
  const shown = image(), boxes = shown?.boxes ?? [], keys = keyed();
  canvas.boxes = boxes.map((b) => ({ ...b }));
  if (canvas.selected >= boxes.length) canvas.selected = -1;
  canvas.ghosts = shownGhosts();
  main.dataset.ghosts = String(canvas.ghosts.length);
  if (kind === "boxes") Object.assign(suggestions, { words: ghosts.words, ready: canvas.ghosts.length, total: canvas.ghosts.length });
  ghostBar.show();
  canvas.paint();
  const marks = [[FLAG.unsure, "unsure"], [FLAG.approved, "approved"], [FLAG.nothing, "nothing here"], [FLAG.errors, "errors"]].filter(([flag]) => (shown?.flags ?? 0) & Number(flag)).map(([, word]) => word);
  put(one("#where"), el("b", { class: "ellipsis", text: shown?.name ?? "" }), el("span", { class: "muted", text: shown ? ` ${at + 1} of ${images.view.length} · ${shown.width}×${shown.height}${marks.length ? ` · ${marks.join(", ")}` : ""}` : "" }));
  put(one("#image-labels"), ...(shown?.boxes ? shown.labels : []).map((l) => chip(l, images)), ...(shownSuggestion()?.ghosts ?? []).map((g) => ghost(g, images)));
  showBoxes(one("#boxes"), boxes, canvas.selected, canvas.size, images, {
    select, change: (i, box) => replace(i, box, false), remove, relabel: (i) => { select(i); pick(); },
  });
  one("#count").textContent = boxes.length >= COUNTED_FROM ? `${boxes.length} of ${BOXES_MAX}` : `${boxes.length}`;
  const who = shown && people.open.get(shown.image);
  one("#who").textContent = who ? `${who.name} has this image open` : "";
  const active = kind === "boxes" ? boxes[canvas.selected]?.label ?? current() : "";
  put(one("#bar"), ...images.labels.slice(0, 60).map(({ name }) => el("button", {
    type: "button", class: "label", "aria-pressed": String(kind === "boxes" ? name === active : shown?.labels.includes(name) ?? false), on: { click: () => { choose(name); canvas.stage.focus(); } },
  }, keys.indexOf(name) > 0 ? el("kbd", { text: keys.indexOf(name) }) : null, chip(name, images))), el("button", { type: "button", class: "quiet", text: images.labels.length ? "Other… (L)" : "New label (L)", on: { click: pick } }));
  one("#lock").setAttribute("aria-pressed", String(canvas.locked));
}

function pick() { pickLabel(images, (name) => { choose(name); canvas.stage.focus(); }); }

/** @param {number} i */
function remove(i) {
  if (i < 0) return;
  setBoxes((image()?.boxes ?? []).filter((_, n) => n !== i));
  select(-1);
}

/** @param {Box[]} boxes */
const paste = (boxes) => { if (boxes.length) add(boxes.map((b) => inside(b, canvas.size))); };

listenToStage(canvas, {
  keyed, choose, pick, select, remove, go: (step) => go(at + step), unlabelled, undo: () => work.undo(), redo: () => work.redo(),
  nudge: (make) => { const box = image()?.boxes?.[canvas.selected]; if (box) replace(canvas.selected, make(box, canvas.size), true); },
  repeat: () => paste(previous), copy: () => { const b = image()?.boxes ?? []; copied = canvas.selected >= 0 ? [b[canvas.selected]] : b; say(`${copied.length} copied`); }, paste: () => paste(copied),
  duplicate: () => { const b = image()?.boxes?.[canvas.selected]; if (b) paste([{ ...b, left: b.left + 10, top: b.top + 10 }]); },
  mark: (mark, flag) => {
    const shown = image();
    if (!shown) return;
    const on = !(shown.flags & flag);
    work.change([shown], () => ({ ...(mark === "nothing" && on ? { labels: [], boxes: [] } : {}), marks: { [mark]: on } }));
    if (mark === "nothing" && on) unlabelled(1); else show();
  },
  back: () => attempt(async () => {
    await work.journal.flush();
    const query = new URLSearchParams(location.search), shown = image();
    if (shown) query.set("at", `${shown.set}-${shown.ordinal}`);
    location.assign(`/ui/p/${encodeURIComponent(project)}/images?${query}`);
  }),
  lock: () => { canvas.locked = !canvas.locked; say(canvas.locked ? "Drawing only" : "Drawing and selecting"); show(); },
  acceptAll, accept: () => { if (kind === "boxes") adopt(oneGhost()); else acceptAll(); }, reject, tighten,
});
for (const [id, act] of /** @type {const} */ ([["#previous", () => go(at - 1)], ["#next", () => go(at + 1)], ["#undo", () => work.undo()], ["#fit", () => canvas.fit()]])) one(id).addEventListener("click", act);
one("#lock").addEventListener("click", () => { canvas.locked = !canvas.locked; show(); canvas.stage.focus(); });

/** Reads the index, and finds the image again. */
async function load() {
  const key = image()?.key, wanted = main.dataset.at;
  await images.load(() => {});
  for (const item of images.all) { const p = work.journal.pending(item.image); if (p?.now) images.become(item, { labels: p.now.labels ?? item.labels, boxes: p.now.boxes ?? [] }, p.marks); }
  at = key ? images.places.get(key) ?? Math.min(at, images.view.length - 1) : images.view.findIndex((i) => `${i.set}-${i.ordinal}` === wanted);
  // The filter of the address does not let the image through: it was asked for all the same.
  if (at < 0 && images.all.length > 0) {
    Object.assign(images.filter, { set: "", label: "", show: "", name: "" });
    images.choose();
    at = Math.max(0, images.view.findIndex((i) => `${i.set}-${i.ordinal}` === wanted));
  }
  await open();
}

const address = new URLSearchParams(location.search);
for (const name of /** @type {const} */ (["set", "label", "show", "name", "order"])) images.filter[name] = address.get(name) ?? "";
await attempt(() => work.journal.open());
await attempt(load);
people.start();
if (kind !== "boxes") suggestions.start();
canvas.stage.focus();
main.dataset.ready = "yes";
