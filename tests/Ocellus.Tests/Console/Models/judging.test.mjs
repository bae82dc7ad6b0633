// The figures of a test, worked out by hand; run by node where it is there.
import assert from "node:assert/strict";
import { test } from "node:test";
import { above, answer, boxOutcomes, cases, compare, confusion, curve, figures, means, rank } from "./judging.js";

const classes = {
  kind: "classification", labels: ["a", "b"], thresholds: [0.5, 0.5], complete: true,
  images: [
    { name: "1", version: "", aspect: 1, truth: [0], scores: [0.9, 0.1] },
    { name: "2", version: "", aspect: 1, truth: [0], scores: [0.4, 0.6] },
    { name: "3", version: "", aspect: 1, truth: [1], scores: [0.3, 0.7] },
    { name: "4", version: "", aspect: 1, truth: [1], scores: [0.6, 0.4] },
  ],
};
const box = (label, score, truth) => ({ label, score, left: 0, top: 0, width: 1, height: 1, ...(truth === undefined ? {} : { truth }) });
const detector = {
  kind: "localization", labels: ["a", "b"], thresholds: [0.5, 0.5], complete: true,
  images: [
    { name: "1", version: "", aspect: 1, boxes: [box(0), box(0), box(1)], found: [box(0, 0.9, 0), box(0, 0.4, 1), box(0, 0.3), box(1, 0.8)] },
    { name: "2", version: "", aspect: 1, boxes: [box(1)], found: [box(1, 0.7, 0)] },
  ],
};

test("figures of a label at a threshold", () => {
  const [a, b] = rank(classes).map((r, label) => figures(label, r, 0.5));
  // a: 0.9 right, 0.6 wrong; one of two found.
  assert.deepEqual([a.hits, a.alarms, a.misses, a.precision, a.recall, a.f1], [1, 1, 1, 0.5, 0.5, 0.5]);
  assert.deepEqual([b.hits, b.alarms, b.misses], [1, 1, 1]);
  assert.deepEqual(means([a, { ...b, f1: 1, precision: 1, recall: 1 }]), { f1: 0.75, precision: 0.75, recall: 0.75 });
});
test("a score at the threshold counts, and nothing above all is no division by zero", () => {
  assert.equal(above([0.9, 0.5, 0.1], 0.5), 2);
  assert.equal(above([], 0.5), 0);
  const f = figures(0, rank(classes)[0], 1);
  assert.deepEqual([f.hits, f.precision, f.recall, f.f1], [0, 0, 0, 0]);
});
test("a label without true images does not pull down the means", () => {
  const none = { label: 2, threshold: 0.5, positives: 0, hits: 0, alarms: 0, misses: 0, precision: 0, recall: 0, f1: 0 };
  assert.equal(means([{ ...none, positives: 1, f1: 0.8 }, none]).f1, 0.8);
});
test("the curve has a point for each distinct score", () => {
  assert.deepEqual(curve(rank(classes)[0]).map((p) => [p.threshold, p.precision, p.recall]), [[0.9, 1, 0.5], [0.6, 0.5, 0.5], [0.4, 2 / 3, 1], [0.3, 0.5, 1]]);
});
test("the confusion matrix has a column for images without an answer", () => {
  assert.deepEqual(confusion(classes, [0.5, 0.5]), [[1, 1, 0], [1, 1, 0]]);
  assert.deepEqual(confusion(classes, [0.8, 0.8]), [[1, 0, 1], [0, 0, 2]]);
  assert.equal(answer(classes.images[0], [0.95, 0.05]), 1);
});
test("boxes: a match below its threshold is missed, an unmatched one above it a false alarm", () => {
  const [a, b] = rank(detector).map((r, label) => figures(label, r, 0.5));
  assert.deepEqual([a.positives, a.hits, a.alarms, a.misses], [2, 1, 0, 1]);
  assert.deepEqual([b.positives, b.hits, b.alarms, b.misses], [2, 1, 1, 1]);
  const low = figures(0, rank(detector)[0], 0.3);
  assert.deepEqual([low.hits, low.alarms, low.misses], [2, 1, 0]);
  assert.deepEqual(boxOutcomes(detector.images[0], [0.5, 0.5]), { found: ["hit", null, null, "alarm"], missed: [false, true, true] });
});
test("the gallery shows the surest false alarms first, then the worst misses, then narrow hits", () => {
  const any = { show: "", label: -1, as: -1 };
  assert.deepEqual(cases(classes, [0.5, 0.5], any).map((c) => [c.outcome, c.image, c.label]), [["alarm", 1, 1], ["alarm", 3, 0], ["miss", 1, 0], ["miss", 3, 1], ["hit", 2, 1], ["hit", 0, 0]]);
  assert.deepEqual(cases(classes, [0.5, 0.5], { show: "miss", label: 0, as: -1 }).map((c) => c.image), [1]);
  assert.deepEqual(cases(classes, [0.5, 0.5], { show: "", label: 0, as: 1 }).map((c) => c.image), [1]);
  assert.deepEqual(cases(classes, [0.8, 0.8], { show: "", label: 1, as: 2 }).map((c) => c.image), [3, 2]);
  assert.deepEqual(cases(detector, [0.5, 0.5], any).map((c) => [c.outcome, c.image, c.label]), [["alarm", 0, 1], ["miss", 0, 0], ["miss", 0, 1], ["hit", 1, 1], ["hit", 0, 0]]);
});
test("two models: fixed, broken, both wrong, and images of one test only", () => {
  const after = { ...classes, images: [
    { ...classes.images[0], scores: [0.1, 0.9] }, { ...classes.images[1], scores: [0.8, 0.2] }, classes.images[3], { ...classes.images[2], name: "5" },
  ] };
  const sorted = compare(classes, [0.5, 0.5], after, [0.5, 0.5]);
  assert.deepEqual([sorted.fixed, sorted.broken, sorted.wrong, sorted.right], [[1], [0], [2], []]);
  assert.deepEqual([sorted.common, sorted.onlyBefore, sorted.onlyAfter], [3, 1, 1]);
});
