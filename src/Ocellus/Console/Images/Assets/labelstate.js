// What an image's labels are, and what a person's key makes of them. Pure: no page, no server.

/**
 * @typedef {{ label: string, left: number, top: number, width: number, height: number }} Box in whole pixels of the upright image
 * @typedef {{ labels: string[], boxes: Box[] }} Labels
 */

/** Bits that say more of an image; as in ImageFlags of the server. */
export const FLAG = { labelled: 1, errors: 2, unsure: 4, approved: 8, nothing: 16, boxes: 32, review: 64 };

/** @param {Box} a @param {Box} b */
export const sameBox = (a, b) => a.label === b.label && a.left === b.left && a.top === b.top && a.width === b.width && a.height === b.height;

/** The items of a list less those of another, each as often as it occurs there. @template T @param {T[]} items @param {T[]} less @param {(a: T, b: T) => boolean} same */
function without(items, less, same) {
  const left = [...less];
  return items.filter((item) => {
    const at = left.findIndex((other) => same(item, other));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** @type {(a: string, b: string) => boolean} */
const sameText = (a, b) => a === b;

/** Whether both have the same labels and boxes, in any order. @param {Labels} a @param {Labels} b */
export const sameLabels = (a, b) => a.labels.length === b.labels.length && a.boxes.length === b.boxes.length
  && without(a.labels, b.labels, sameText).length === 0 && without(a.boxes, b.boxes, sameBox).length === 0;

/** Both people's labels and boxes: what "keep both" means. @param {Labels} mine @param {Labels} theirs @returns {Labels} */
export const both = (mine, theirs) => ({
  labels: [...theirs.labels, ...without(mine.labels, theirs.labels, sameText)],
  boxes: [...theirs.boxes, ...without(mine.boxes, theirs.boxes, sameBox)],
});

/**
 * What a label's key makes of the selected images' labels: one label replaces; several toggle, and all selected images end up alike.
 * @param {string[][]} before the labels of each image @param {string} label @param {boolean} single whether an image has one label at most @returns {string[][]}
 */
export function press(before, label, single) {
  if (single) return before.map(() => [label]);
  const all = before.every((labels) => labels.includes(label));
  return before.map((labels) => all ? labels.filter((l) => l !== label) : labels.includes(label) ? labels : [...labels, label]);
}

/** Flags after a change of labels and marks. @param {number} flags @param {Labels} labels @param {{ unsure?: boolean, approved?: boolean, nothing?: boolean }} [marks] */
export function flagsAfter(flags, labels, marks = {}) {
  const set = (/** @type {number} */ bit, /** @type {boolean | undefined} */ on) => { if (on !== undefined) flags = on ? flags | bit : flags & ~bit; };
  const empty = labels.labels.length === 0 && labels.boxes.length === 0;
  set(FLAG.unsure, marks.unsure);
  set(FLAG.approved, marks.approved);
  set(FLAG.nothing, marks.nothing);
  if (!empty) set(FLAG.nothing, false);
  set(FLAG.labelled, !empty);
  set(FLAG.boxes, labels.boxes.length > 0);
  return flags;
}

/** The label of a dropped file: its folder's name. @param {string} path with slashes @returns {string | null} */
export function labelOf(path) {
  const folder = path.split("/").slice(-2, -1)[0]?.trim();
  return folder ? folder.slice(0, 256) : null;
}
