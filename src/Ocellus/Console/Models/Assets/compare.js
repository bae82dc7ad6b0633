// Two versions on the same test images: fixed, broken, both wrong, both right.
import { get } from "./api.js";
import { el, one, put } from "./dom.js";
import { answer, boxOutcomes, compare } from "./judging.js";
import { coloursOf, drawBoxes, shot } from "./shots.js";

const STEP = 60;
const page = one("#compare"), { project = "", version = "", with: other = "" } = page.dataset;
const rootOf = (/** @type {string} */ name) => `/ui/api/p/${encodeURIComponent(project)}/models/${encodeURIComponent(name)}`;
/** @typedef {import("./judging.js").Results} Results @typedef {import("./judging.js").TestedImage} TestedImage */
/** @type {Results} */ let before;
/** @type {Results} */ let after;
/** @type {ReturnType<typeof compare>} */ let sorted;
/** @type {number[]} */ let colours = [];
let side = new URLSearchParams(location.search).get("show") ?? "broken", count = STEP;
const SIDES = /** @type {const} */ ([["fixed", "Fixed"], ["broken", "Broken"], ["wrong", "Both wrong"], ["right", "Both right"]]);

/** What a model says of an image. @param {Results} results @param {TestedImage} image */
function words(results, image) {
  if (image.boxes) {
    const marks = boxOutcomes(image, results.thresholds), hits = marks.missed.filter((m) => !m).length, alarms = marks.found.filter((f) => f === "alarm").length;
    return `${hits} of ${image.boxes.length} found${alarms > 0 ? `, ${alarms} false` : ""}`;
  }
  if (results.kind === "classification") return results.labels[answer(image, results.thresholds)] ?? "nothing";
  return results.labels.filter((_, l) => /** @type {number[]} */ (image.scores)[l] >= results.thresholds[l]).join(", ") || "nothing";
}

/** @param {number} at */
function tile(at) {
  const image = after.images[at], was = before.images[/** @type {number} */ (sorted.places.get(image.name))];
  const frame = shot(`${rootOf(version)}/thumb/256/${at}${image.version ? `?v=${image.version}` : ""}`, image.name.split("/").at(-1) ?? "", true);
  if (image.boxes) {
    const marks = boxOutcomes(image, after.thresholds);
    drawBoxes(frame, [...image.boxes.map((b, i) => ({ ...b, colour: colours[b.label], kind: marks.missed[i] ? "truth missed" : "truth" })),
      ...(image.found ?? []).flatMap((b, i) => (marks.found[i] ? [{ ...b, colour: colours[b.label], kind: marks.found[i] === "alarm" ? "said wrong" : "said" }] : []))]);
  }
  const truth = image.boxes ? null : (image.truth ?? []).map((l) => after.labels[l]).join(", ");
  return el("a", { class: "case", href: `/ui/p/${encodeURIComponent(project)}/models/${encodeURIComponent(version)}/label/${at}` }, el("span", { class: "case-shot" }, frame),
    el("span", { class: "case-words stacked" }, truth === null ? null : el("b", { text: truth }), el("span", { text: `${other}: ${words(before, was)}` }), el("span", { text: `${version}: ${words(after, image)}` })));
}

function show() {
  put(one("#sides"), ...SIDES.map(([name, title]) => el("button", { type: "button", class: `side-button ${name}`, "aria-pressed": String(side === name), on: { click: () => choose(name) } },
    el("b", { class: "num", text: sorted[name].length }), title)));
  const list = sorted[/** @type {"fixed" | "broken" | "wrong" | "right"} */ (side)] ?? [];
  put(one("#cases"), ...list.slice(0, count).map(tile));
  one("#no-cases").hidden = list.length > 0;
  one("#more").hidden = list.length <= count;
}

/** @param {string} name */
function choose(name) {
  side = name;
  count = STEP;
  history.replaceState(null, "", `?with=${encodeURIComponent(other)}&show=${name}`);
  show();
}

function tellDifferences() {
  const parts = [];
  if (sorted.onlyBefore + sorted.onlyAfter > 0) {
    parts.push(`The test sets differ: ${sorted.common} images are in both and compared here, ${sorted.onlyBefore} are in that of ${other} only, ${sorted.onlyAfter} in that of ${version} only. So the F1 scores of the two cannot be compared.`);
  }
  if (before.kind !== after.kind) parts.push("The models do different things: one finds boxes or gives several labels where the other does not.");
  const lost = before.labels.filter((l) => !after.labels.includes(l)), made = after.labels.filter((l) => !before.labels.includes(l));
  if (lost.length + made.length > 0) parts.push(`The labels differ: ${[...lost.map((l) => `${l} is in ${other} only`), ...made.map((l) => `${l} is in ${version} only`)].slice(0, 6).join(", ")}.`);
  one("#differ").textContent = parts.join(" ");
  one("#differ").hidden = parts.length === 0;
}

async function start() {
  [before, after] = await Promise.all([get(`${rootOf(other)}/scores`), get(`${rootOf(version)}/scores`)]);
  sorted = compare(before, before.thresholds, after, after.thresholds);
  colours = await coloursOf(project, after.labels);
  page.classList.remove("loading");
  tellDifferences();
  show();
}

one("#more").addEventListener("click", () => { count += STEP; show(); });
start().catch((failure) => {
  page.classList.remove("loading");
  page.classList.add("failed");
  one("#refused").textContent = failure.message;
});
