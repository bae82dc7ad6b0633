// What a look at the pictures themselves finds, on the health page: labels that may be wrong, and pictures that are there twice. Mended where they are shown.
import { get, note, post } from "./api.js";
import { el, one, put } from "./dom.js";

/** @typedef {{ set: string, ordinal: number, image: string, version: string }} Place */

const place = document.getElementById("findings"), project = encodeURIComponent(place?.dataset.project ?? ""), root = `/ui/api/p/${project}/images`;
const ASK_MS = 1500;

/** @param {Place} image @param {...(Node | string)} words */
const picture = (image, ...words) => el("a", { href: `/ui/p/${project}/label/${image.set}-${image.ordinal}` },
  el("img", { src: `${root}/thumb/256/${image.set}/${image.ordinal}${image.version ? `?v=${image.version}` : ""}`, alt: "", loading: "lazy" }),
  el("span", {}, `${image.image.split("/").pop()} (${image.set === "test" ? "test" : "training"})`, ...words));

/** A button whose group goes away when it has done its work. @param {string} text @param {string} what for "Show as CLI" @param {() => Promise<any>} act */
function button(text, what, act) {
  const made = el("button", { type: "button", text, on: { click: async () => {
    made.setAttribute("aria-busy", "true");
    try {
      await act();
      note(`# console only: ${what}`);
      const group = made.closest(".group"), next = group?.nextElementSibling ?? group?.previousElementSibling;
      group?.remove();
      /** @type {HTMLElement | null | undefined} */ (next?.querySelector("button"))?.focus();
    } catch (failure) {
      one("#refused").textContent = failure instanceof Error ? failure.message : String(failure);
    } finally { made.removeAttribute("aria-busy"); }
  } } });
  return made;
}

/** @param {any} suspect @param {object} change */
async function edit(suspect, change) {
  const { image: { set, image }, revision, labels } = suspect;
  const [state] = (await post(`${root}/edits`, { edits: [{ set, image, revision, was: { labels }, ...change }] })).images;
  if (state.outcome !== "kept" && state.outcome !== "merged") throw new Error(state.reason ?? "The image has changed; load the page again.");
}

/** Where images have several labels, one may be unlikely and no other likelier. @param {any} s */
const suspectGroup = (s) => {
  const words = ["Labelled ", el("b", { text: s.label }), ` (${s.score} %)`, ...s.likelierScore > s.score ? [", looks like ", el("b", { text: s.likelier }), ` (${s.likelierScore} %)`] : [", which looks unlikely"]];
  const right = button(`${s.label} is right`, "an image that a person approved", () => edit(s, { marks: { approved: true } }));
  return el("div", { class: "group row" }, el("div", { class: "thumbs" }, picture(s.image)), el("div", { class: "stack" }, el("p", {}, ...words), el("div", { class: "row" },
    ...s.likelierScore > s.score ? [button(`It is ${s.likelier}`, "a label that was wrong",
      () => edit(s, { now: { labels: [...new Set(s.labels.map((/** @type {string} */ l) => l === s.label ? s.likelier : l))] } }))] : [], right)));
};

/** @param {any} pair @param {Node} action */
const pairGroup = (pair, action) => el("div", { class: "group" }, el("div", { class: "thumbs" }, picture(pair.first), picture(pair.second)),
  el("div", { class: "row" }, action, el("span", { class: "muted", text: `${pair.mirrored ? "mirrored, " : ""}${pair.similarity} % alike` })));

/** @param {string} id @param {string} title @param {string} words @param {string} none @param {Node[]} groups */
const section = (id, title, words, none, groups) => el("section", { class: "panel", id }, el("h2", { text: title }), el("p", { class: groups.length ? "" : "muted", text: groups.length ? words : none }), ...groups);

/** @param {any} found */
function show(found) {
  if (!place) return;
  if (found.ready < found.total) {
    put(place, el("section", { class: "panel" }, el("h2", { text: "Suspects" }), el("p", { class: "muted", role: "status", text: `Looking at the pictures: ${found.ready} of ${found.total}` }),
      el("progress", { max: found.total, value: found.ready, "aria-label": "Pictures looked at" })));
    return;
  }
  put(place,
    section("suspects", "Suspects", "What the other images have learned finds these labels unlikely. Not all of them are wrong.", "No label looks wrong.", found.suspects.map(suspectGroup)),
    section("like-leaks", "Nearly the same in both sets", "A test shows a model what it has learned by heart.", "No test image looks like a training image.", found.leaks.map((/** @type {any} */ pair) => {
      const test = pair.first.set === "test" ? pair.first : pair.second;
      return pairGroup(pair, button("Move both to train", "an image moved to the other set", () => post(`${root}/move`, { set: "test", to: "train", images: [test.image] })));
    })),
    section("like", "Nearly the same", "The same picture scaled, compressed, cropped or mirrored.", "No picture is there twice in other files.", found.duplicates.map((/** @type {any} */ pair) =>
      pairGroup(pair, button("Keep the first alone", "an image removed", () => post(`${root}/remove`, { set: pair.second.set, images: [pair.second.image] }))))));
}

async function ask() {
  const found = await get(`${root}/findings`);
  show(found);
  if (place) place.dataset.ready = found.ready < found.total ? "" : "yes";
  if (found.ready < found.total) setTimeout(ask, ASK_MS);
}
if (place) ask().catch((failure) => { one("#refused").textContent = failure.message; });
