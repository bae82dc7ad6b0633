// The page that judges a model: thresholds move all figures, charts and images. What is chosen is in the address, so every view is a link.
import { get } from "./api.js";
import { Cases } from "./cases.js";
import { Charts } from "./charts.js";
import { all, copyText, el, one, put, say } from "./dom.js";
import { cases, confusion, figures, isDetector, means, rank } from "./judging.js";
import { chip, coloursOf } from "./shots.js";

const QUERY_MS = 250, LABELS_MAX = 250;
const page = one("#judge");
const root = `/ui/api/p/${encodeURIComponent(page.dataset.project ?? "")}/models/${encodeURIComponent(page.dataset.version ?? "")}`;
const percent = (/** @type {number} */ share) => `${Math.round(share * 1000) / 10} %`;
const score = (/** @type {number} */ value) => value.toFixed(3);

/** @type {import("./judging.js").Results} */ let results;
/** @type {import("./judging.js").Ranking[]} */ let rankings;
/** @type {number[]} */ let thresholds;
/** One threshold for all, in percent, or null while each label has its own. @type {number | null} */ let common = null;
let filter = { show: "", label: -1, as: -1 };
/** The label whose curve is shown. */ let curveOf = 0;
/** @type {number[]} */ let colours;
/** @type {Cases} */ let gallery;
/** @type {Charts} */ let charts;
/** @type {{ row: HTMLElement, slider: HTMLInputElement, output: HTMLElement, cells: HTMLElement[], buttons: HTMLElement[] }[]} */ let rows = [];
let isDue = false, isCut = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */ let queryTimer;

function readQuery() {
  const query = new URLSearchParams(location.search), indexOf = (/** @type {string | null} */ name) => (name === null ? -1 : results.labels.indexOf(name));
  thresholds = [...results.thresholds];
  const t = query.get("t");
  if (t !== null && Number(t) >= 0 && Number(t) <= 100) setAll(Number(t));
  for (const part of (query.get("each") ?? "").split(",")) {
    const [label, value] = part.split(":").map(Number);
    if (label >= 0 && label < thresholds.length && value >= 0 && value <= 100) thresholds[label] = value / 100;
  }
  filter = { show: ["hit", "alarm", "miss"].includes(query.get("show") ?? "") ? /** @type {string} */ (query.get("show")) : "", label: indexOf(query.get("label")), as: -1 };
  const as = query.get("as");
  if (as !== null && filter.label >= 0 && results.kind === "classification") filter.as = as === "" ? results.labels.length : indexOf(as);
  curveOf = Math.max(0, filter.label);
}

function writeQuery() {
  const query = new URLSearchParams();
  if (common !== null) query.set("t", String(common));
  const own = common === null ? thresholds.flatMap((t, l) => (t === results.thresholds[l] ? [] : [`${l}:${Math.round(t * 100)}`])) : [];
  if (own.length > 0) query.set("each", own.join(","));
  if (filter.show) query.set("show", filter.show);
  if (filter.label >= 0) query.set("label", results.labels[filter.label]);
  if (filter.as >= 0) query.set("as", results.labels[filter.as] ?? "");
  const text = query.toString();
  history.replaceState(null, "", text ? `?${text}` : location.pathname);
}

/** @param {number} value percent */
function setAll(value) {
  common = value;
  thresholds = results.labels.map(() => value / 100);
}

/** Everything that a threshold or a filter changes, once a frame. */
function changed() {
  if (!isDue) { isDue = true; requestAnimationFrame(update); }
  clearTimeout(queryTimer);
  queryTimer = setTimeout(writeQuery, QUERY_MS);
}

function update() {
  isDue = false;
  const now = rankings.map((ranking, label) => figures(label, ranking, thresholds[label])), mean = means(now);
  one("#f1").textContent = score(mean.f1);
  one("#precision").textContent = score(mean.precision);
  one("#recall").textContent = score(mean.recall);
  const slider = /** @type {HTMLInputElement} */ (one("#all"));
  if (common !== null) slider.value = String(common);
  one("#all-value").textContent = common === null ? "each label’s own" : `${common} %`;
  /** @type {HTMLButtonElement} */ (one("#copy")).disabled = common === null;
  /** @type {HTMLButtonElement} */ (one("#own")).disabled = thresholds.every((t, l) => t === results.thresholds[l]);
  one("#incomplete").hidden = results.complete || thresholds.every((t, l) => t >= results.thresholds[l]);
  now.forEach((f, label) => updateRow(rows[label], f));
  charts.curve(rankings[curveOf], results.labels[curveOf], thresholds[curveOf]);
  if (results.kind === "classification") charts.confusion(confusion(results, thresholds), filter);
  gallery.show(cases(results, thresholds, filter), thresholds);
  showFilter();
}

/** @param {typeof rows[number] | undefined} row @param {import("./judging.js").Figures} f */
function updateRow(row, f) {
  if (!row) return;
  if (document.activeElement !== row.slider) row.slider.value = String(Math.round(f.threshold * 100));
  row.output.textContent = percent(f.threshold);
  [f.precision, f.recall, f.f1].forEach((value, i) => { row.cells[i].textContent = f.positives === 0 ? "–" : score(value); });
  [f.hits, f.alarms, f.misses].forEach((count, i) => {
    const button = row.buttons[i], outcome = OUTCOMES[i];
    button.textContent = String(count);
    button.setAttribute("aria-label", `${count} ${outcome.words} of ${results.labels[f.label]}`);
    button.setAttribute("aria-pressed", String(filter.as < 0 && filter.label === f.label && filter.show === outcome.name));
  });
}

const OUTCOMES = [{ name: "hit", words: "hits" }, { name: "alarm", words: "false alarms" }, { name: "miss", words: "missed" }];

/** @param {Partial<typeof filter>} next */
function choose(next) {
  filter = { show: "", label: -1, as: -1, ...next };
  if (filter.label >= 0) curveOf = filter.label;
  changed();
}

function buildRows() {
  isCut = results.labels.length > LABELS_MAX;
  rows = results.labels.slice(0, LABELS_MAX).map((name, label) => {
    const slider = /** @type {HTMLInputElement} */ (el("input", { type: "range", min: 0, max: 100, step: 1, "aria-label": `Threshold of ${name}, percent` }));
    slider.addEventListener("input", () => { common = null; thresholds[label] = Number(slider.value) / 100; curveOf = label; changed(); });
    const output = el("span", { class: "num small" });
    const buttons = OUTCOMES.map((o) => el("button", { type: "button", class: "quiet count-button", on: { click: () => choose({ label, show: o.name }) } }));
    const cells = [0, 1, 2].map(() => el("span"));
    const title = el("button", { type: "button", class: "quiet name-button", "aria-label": `Images and curve of ${name}`, on: { click: () => choose({ label }) } }, chip(name, colours[label]));
    const cell = (/** @type {string} */ head, /** @type {Node[]} */ ...inside) => el("td", { class: "num", data: { label: head } }, ...inside);
    const row = el("tr", {}, el("td", { data: { label: "Label" } }, title), el("td", { class: "threshold", data: { label: "Threshold" } }, el("div", { class: "slide" }, slider, output)),
      cell("Hits", buttons[0]), cell("False alarms", buttons[1]), cell("Missed", buttons[2]), cell("Precision", cells[0]), cell("Recall", cells[1]), cell("F1", cells[2]));
    return { row, slider, output, cells, buttons };
  });
  put(one("#labels tbody"), ...rows.map((r) => r.row));
  one("#labels-cut").hidden = !isCut;
}

function showFilter() {
  for (const button of all("#shows button")) button.setAttribute("aria-pressed", String(filter.as < 0 && (button.dataset.show ?? "") === filter.show));
  const label = results.labels[filter.label];
  one("#filter-words").textContent = filter.as >= 0 ? `${label}, answered ${results.labels[filter.as] ? `with ${results.labels[filter.as]}` : "with nothing"}` : label === undefined ? "" : label;
  one("#clear").hidden = filter.label < 0 && filter.show === "";
}

async function start() {
  results = await get(`${root}/scores`);
  rankings = rank(results);
  colours = await coloursOf(page.dataset.project ?? "", results.labels);
  readQuery();
  charts = new Charts(results, { point: (threshold) => { common = null; thresholds[curveOf] = threshold; choose({ label: curveOf, show: "" }); }, cell: (label, as) => choose({ label, as }) });
  gallery = new Cases(results, colours, root, page.dataset.project ?? "", page.dataset.version ?? "");
  buildRows();
  one("#tested").textContent = `${results.images.length.toLocaleString("en")} test images`;
  one("#matrix").hidden = results.kind !== "classification";
  one("#detector-hint").hidden = !isDetector(results);
  page.classList.remove("loading");
  update();
}

one("#all").addEventListener("input", (event) => { setAll(Number(/** @type {HTMLInputElement} */ (event.target).value)); changed(); });
one("#own").addEventListener("click", () => { common = null; thresholds = [...results.thresholds]; changed(); });
one("#copy").addEventListener("click", async () => { await copyText(String(common)); say(`MinConfidence ${common} copied`); one("#copy").textContent = `Copied ${common}`; setTimeout(() => { one("#copy").textContent = "Copy as MinConfidence"; }, 1500); });
one("#clear").addEventListener("click", () => choose({}));
for (const button of all("#shows button")) button.addEventListener("click", () => choose({ label: filter.label, show: button.dataset.show ?? "" }));
start().catch((failure) => {
  page.classList.remove("loading");
  page.classList.add("failed");
  one("#refused").textContent = failure.message;
});
