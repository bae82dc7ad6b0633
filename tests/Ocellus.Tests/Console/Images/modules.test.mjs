// The pure parts of the console's modules, run by node where it is there.
import assert from "node:assert/strict";
import { test } from "node:test";
import { between, fit, handleAt, inside, move, resize, snap, toImage, toScreen, under, zoomAt } from "./geometry.js";
import { FLAG, both, flagsAfter, labelOf, press, sameLabels } from "./labelstate.js";
import { chosen } from "./journal.js";
import { Undo } from "./undo.js";
import { above, bySureness } from "./suggestions.js";
import { letterOf, remap, switchLetters } from "./hotkeys.js";
import { overlap } from "./overlap.js";

const image = { width: 400, height: 300 };
const box = (label, left, top, width = 10, height = 10) => ({ label, left, top, width, height });

test("a box between two points is in whole pixels, inside the image, and has at least one", () => {
  assert.deepEqual(between({ x: -20, y: 10.4 }, { x: 30.6, y: 500 }, image), { left: 0, top: 10, width: 31, height: 290 });
  assert.deepEqual(between({ x: 400, y: 300 }, { x: 400, y: 300 }, image), { left: 399, top: 299, width: 1, height: 1 });
});
test("a moved box stays whole and inside", () => {
  assert.deepEqual(move(box("a", 380, 5, 20, 20), 50, -50, image), box("a", 380, 0, 20, 20));
});
test("a box that is drawn through itself turns over", () => {
  assert.deepEqual(resize(box("a", 100, 100, 50, 50), "e", { x: 60, y: 0 }, image), box("a", 60, 100, 40, 50));
  assert.deepEqual(resize(box("a", 100, 100, 50, 50), "nw", { x: 90, y: 95 }, image), box("a", 90, 95, 60, 55));
});
test("typed numbers are kept inside", () => {
  assert.deepEqual(inside(box("a", 390, -5, 50, 0), image), box("a", 390, 0, 10, 1));
});
test("snapping draws to the border from 6 pixels of the screen, to other edges from 4", () => {
  assert.equal(snap(5, 400, [], 1), 0);
  assert.equal(snap(395, 400, [], 1), 400);
  assert.equal(snap(5, 400, [], 2), 5);
  assert.equal(snap(100, 400, [103, 98], 1), 98);
  assert.equal(snap(100, 400, [105], 1), 100);
});
test("the handle at a point, the smallest box under one", () => {
  const r = { left: 10, top: 10, width: 100, height: 50 };
  assert.equal(handleAt(r, { x: 12, y: 8 }, 6), "nw");
  assert.equal(handleAt(r, { x: 60, y: 61 }, 6), "s");
  assert.equal(handleAt(r, { x: 60, y: 30 }, 6), null);
  assert.deepEqual(under([box("a", 0, 0, 100, 100), box("b", 10, 10, 20, 20), box("c", 200, 200)], { x: 15, y: 15 }), [1, 0]);
});
test("zooming keeps the point under the pointer", () => {
  const view = fit(image, { width: 832, height: 632 }), at = { x: 300, y: 200 }, there = toImage(view, at);
  const near = zoomAt(view, at, 3, 0.1);
  assert.ok(Math.abs(toImage(near, at).x - there.x) < 1e-9);
  assert.deepEqual(toScreen({ scale: 2, x: 10, y: 20 }, box("a", 5, 5, 10, 10)), { left: 20, top: 30, width: 20, height: 20 });
});
test("one label replaces; several toggle, and all selected end up alike", () => {
  assert.deepEqual(press([["a"], []], "b", true), [["b"], ["b"]]);
  assert.deepEqual(press([["a"], ["b"]], "b", false), [["a", "b"], ["b"]]);
  assert.deepEqual(press([["a", "b"], ["b"]], "b", false), [["a"], []]);
});
test("labels are the same in any order, and each box counts as often as it is there", () => {
  assert.ok(sameLabels({ labels: ["a", "b"], boxes: [] }, { labels: ["b", "a"], boxes: [] }));
  assert.ok(!sameLabels({ labels: [], boxes: [box("a", 0, 0), box("a", 0, 0)] }, { labels: [], boxes: [box("a", 0, 0), box("b", 0, 0)] }));
});
test("keeping both keeps what either has, once", () => {
  const mine = { labels: ["a"], boxes: [box("x", 1, 1)] }, theirs = { labels: ["a", "b"], boxes: [box("y", 2, 2)] };
  assert.deepEqual(both(mine, theirs), { labels: ["a", "b"], boxes: [box("y", 2, 2), box("x", 1, 1)] });
  assert.equal(chosen("theirs", mine, theirs), null);
  assert.deepEqual(chosen("mine", mine, theirs), mine);
});
test("an image with labels is not one with nothing to label", () => {
  assert.equal(flagsAfter(FLAG.nothing, { labels: ["a"], boxes: [] }), FLAG.labelled);
  assert.equal(flagsAfter(FLAG.labelled, { labels: [], boxes: [] }, { nothing: true, unsure: true }), FLAG.nothing | FLAG.unsure);
});
test("a dropped file's label is its folder", () => {
  assert.equal(labelOf("flowers/rose/1.jpg"), "rose");
  assert.equal(labelOf("1.jpg"), null);
});
test("undo and redo go step by step; a new step ends redoing", () => {
  const undo = new Undo();
  undo.add({ items: [] });
  assert.equal(undo.undo(), null);
  undo.add({ items: [{ key: "a", before: 1, after: 2 }], at: "a" });
  undo.add({ items: [{ key: "b", before: 1, after: 2 }, { key: "b", before: 2, after: 3 }] });
  assert.deepEqual(undo.undo().items.map((i) => [i.key, i.state, i.was]), [["b", 2, 3], ["b", 1, 2]]);
  assert.deepEqual(undo.redo().items.map((i) => i.state), [2, 3]);
  undo.undo();
  assert.equal(undo.undo().at, "a");
  undo.add({ items: [{ key: "c", before: 1, after: 2 }] });
  assert.equal(undo.redo(), null);
});

test("open images are ordered by how sure their suggestions are, and the others come after them", () => {
  const sure = { a: 90, b: undefined, c: 40, d: undefined, e: 70 };
  const of = (i) => sure[i.key] === undefined ? undefined : { ghosts: [], sure: sure[i.key] };
  const view = () => [..."abcde"].map((key) => ({ key }));
  assert.equal(bySureness(view(), of, false).map((i) => i.key).join(""), "ceabd");
  assert.equal(bySureness(view(), of, true).map((i) => i.key).join(""), "aecbd");
});

test("a threshold takes the suggestions that reach it", () => {
  const suggestion = { sure: 60, ghosts: [{ label: "rose", score: 80 }, { label: "tulip", score: 79 }] };
  assert.deepEqual(above(suggestion, 80), ["rose"]);
  assert.deepEqual(above(undefined, 1), []);
});

test("overlap is intersection over union", () => {
  const box = (left, top, width, height) => ({ left, top, width, height });
  assert.equal(overlap(box(0, 0, 10, 10), box(0, 0, 10, 10)), 1);
  assert.equal(overlap(box(0, 0, 10, 10), box(5, 0, 10, 10)), 50 / 150);
  assert.equal(overlap(box(0, 0, 10, 10), box(10, 0, 10, 10)), 0);
});

test("letters can be others, and two that swap stay two", () => {
  const kept = new Map();
  globalThis.localStorage = { getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => kept.set(k, v), removeItem: (k) => kept.delete(k) };
  assert.equal(letterOf("U"), "u");
  assert.equal(remap("u", "n"), null);
  assert.equal(letterOf("n"), "u");
  assert.equal(letterOf("u"), "n");
  assert.equal(remap("u", "5"), "A key is one letter.");
  switchLetters(false);
  assert.equal(letterOf("n"), "");
  assert.equal(letterOf("Enter"), "");
});
