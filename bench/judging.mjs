// How long the page of judgement computes in the browser: once for a test, and each time a threshold moves. Node 20 or later:
//   node bench/judging.mjs
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const MOVES = 60;
const folder = await mkdtemp(join(tmpdir(), "ocellus-judging-"));
await writeFile(join(folder, "package.json"), '{"type":"module"}');
await copyFile(fileURLToPath(new URL("../src/Ocellus/Console/Models/Assets/judging.js", import.meta.url)), join(folder, "judging.js"));
const { cases, confusion, figures, means, rank } = await import(pathToFileURL(join(folder, "judging.js")).href);

/** A test in which nine of ten images have a high score for their own label. */
function results(count, labels) {
  const images = Array.from({ length: count }, (_, i) => {
    const scores = Array.from({ length: labels }, () => Math.random());
    scores[i % 10 === 0 ? (i + 1) % labels : i % labels] += 3 * labels;
    const sum = scores.reduce((a, b) => a + b);
    return { name: String(i), version: "", aspect: 1, truth: [i % labels], scores: scores.map((s) => s / sum) };
  });
  return { kind: "classification", labels: Array.from({ length: labels }, (_, l) => `l${l}`), thresholds: Array(labels).fill(0.5), complete: true, images };
}

for (const [count, labels] of [[1_000, 5], [10_000, 20], [10_000, 100]]) {
  const test = results(count, labels);
  let from = performance.now();
  const rankings = rank(test), once = performance.now() - from, times = [];
  for (let move = 0; move < MOVES; move++) {
    const thresholds = Array(labels).fill(0.2 + move / (2 * MOVES));
    from = performance.now();
    means(rankings.map((ranking, label) => figures(label, ranking, thresholds[label])));
    confusion(test, thresholds);
    cases(test, thresholds, { show: "", label: -1, as: -1 });
    times.push(performance.now() - from);
  }
  times.sort((a, b) => a - b);
  console.log(`${count} images, ${labels} labels: once ${once.toFixed(0)} ms; a move, median ${times[MOVES / 2].toFixed(1)} ms, p95 ${times[Math.floor(MOVES * 0.95)].toFixed(1)} ms`);
}
await rm(folder, { recursive: true });
