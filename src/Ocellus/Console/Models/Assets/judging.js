// The figures of a model's test at any threshold. Pure: no page, no server.

/**
 * @typedef {{ label: number, left: number, top: number, width: number, height: number }} ShownBox
 * @typedef {ShownBox & { score: number, truth?: number }} FoundBox
 * @typedef {{ name: string, version: string, aspect: number, truth?: number[], scores?: number[], boxes?: ShownBox[], found?: FoundBox[] }} TestedImage
 * @typedef {{ kind: string, labels: string[], thresholds: number[], complete: boolean, images: TestedImage[] }} Results
 * @typedef {{ label: number, threshold: number, positives: number, hits: number, alarms: number, misses: number, precision: number, recall: number, f1: number }} Figures
 * @typedef {"hit" | "alarm" | "miss"} Outcome
 */

/** @param {Results} results */
export const isDetector = (results) => results.kind === "localization";

/**
 * A label's candidates: their scores, falling, how many of the first i are right (exact where the score changes), and how many true ones there are.
 * @typedef {{ scores: Float64Array, hits: Uint32Array, positives: number }} Ranking
 */

/**
 * Sorts once, so that a moved threshold costs one search a label.
 * @param {Results} results @returns {Ranking[]}
 */
export function rank(results) {
  const scores = results.labels.map(() => /** @type {number[]} */ ([])), right = results.labels.map(() => /** @type {number[]} */ ([]));
  const positives = results.labels.map(() => 0);
  for (const image of results.images) {
    for (const label of image.truth ?? []) {
      positives[label]++;
      right[label].push(/** @type {number[]} */ (image.scores)[label]);
    }
    image.scores?.forEach((score, label) => scores[label].push(score));
    for (const box of image.boxes ?? []) positives[box.label]++;
    for (const box of image.found ?? []) {
      scores[box.label].push(box.score);
      if (box.truth !== undefined) right[box.label].push(box.score);
    }
  }
  return results.labels.map((_, label) => {
    const sorted = Float64Array.from(scores[label]).sort().reverse(), good = Float64Array.from(right[label]).sort().reverse();
    const hits = new Uint32Array(sorted.length + 1);
    for (let i = 0, n = 0; i < sorted.length; i++) {
      while (n < good.length && good[n] >= sorted[i]) n++;
      hits[i + 1] = n;
    }
    return { scores: sorted, hits, positives: positives[label] };
  });
}

/** How many candidates are at or above a threshold. @param {ArrayLike<number>} scores falling @param {number} threshold */
export function above(scores, threshold) {
  let low = 0, high = scores.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (scores[middle] >= threshold) low = middle + 1; else high = middle;
  }
  return low;
}

/** @param {number} label @param {Ranking} ranking @param {number} threshold @returns {Figures} */
export function figures(label, ranking, threshold) {
  const taken = above(ranking.scores, threshold), hits = ranking.hits[taken], { positives } = ranking;
  return {
    label, threshold, positives, hits, alarms: taken - hits, misses: positives - hits,
    precision: taken === 0 ? 0 : hits / taken, recall: positives === 0 ? 0 : hits / positives,
    f1: taken + positives === 0 ? 0 : (2 * hits) / (taken + positives),
  };
}

/** Unweighted means over the labels that were tested, as the evaluation has them. @param {Figures[]} labels */
export function means(labels) {
  const tested = labels.filter((l) => l.positives > 0), n = Math.max(1, tested.length);
  const mean = (/** @type {(f: Figures) => number} */ of) => tested.reduce((sum, l) => sum + of(l), 0) / n;
  return { f1: mean((l) => l.f1), precision: mean((l) => l.precision), recall: mean((l) => l.recall) };
}

/** One point for each distinct score: from the strictest threshold to the loosest. @param {Ranking} ranking @returns {{ threshold: number, precision: number, recall: number }[]} */
export function curve(ranking) {
  /** @type {{ threshold: number, precision: number, recall: number }[]} */
  const points = [];
  if (ranking.positives === 0) return points;
  for (let i = 1; i <= ranking.scores.length; i++) {
    if (i < ranking.scores.length && ranking.scores[i] === ranking.scores[i - 1]) continue;
    points.push({ threshold: ranking.scores[i - 1], precision: ranking.hits[i] / i, recall: ranking.hits[i] / ranking.positives });
  }
  return points;
}

/**
 * What a model that gives one label says of an image: the best of the labels that reach their thresholds; -1 for none.
 * @param {TestedImage} image @param {number[]} thresholds
 */
export function answer(image, thresholds) {
  const scores = /** @type {number[]} */ (image.scores);
  let best = -1;
  for (let label = 0; label < scores.length; label++) if (scores[label] >= thresholds[label] && (best < 0 || scores[label] > scores[best])) best = label;
  return best;
}

/**
 * True labels by answers; the last column is "none of them". Only for models that give one label.
 * @param {Results} results @param {number[]} thresholds @returns {number[][]}
 */
export function confusion(results, thresholds) {
  const n = results.labels.length, cells = results.labels.map(() => new Array(n + 1).fill(0));
  for (const image of results.images) {
    const said = answer(image, thresholds);
    for (const label of image.truth ?? []) cells[label][said < 0 ? n : said]++;
  }
  return cells;
}

/** @typedef {{ image: number, label: number, outcome: Outcome, score: number }} Case a hit, a false alarm or a miss of a label on an image */

/**
 * What to show: the worst first. False alarms by how sure the model was, misses by how far from the threshold, hits by how narrow.
 * @param {Results} results @param {number[]} thresholds @param {{ show: string, label: number, as: number }} filter `label` and `as` -1 for any; `as` is the answer that
 * a confusion cell stands for, the number of labels for "none"
 * @returns {Case[]}
 */
export function cases(results, thresholds, filter) {
  /** @type {Record<Outcome, Case[]>} */ const sorted = { alarm: [], miss: [], hit: [] };
  const wants = (/** @type {number} */ label, /** @type {Outcome} */ outcome) => (filter.label < 0 || filter.label === label) && (filter.show === "" || filter.show === outcome);
  for (let at = 0; at < results.images.length; at++) {
    const image = results.images[at], { truth, scores } = image;
    if (!truth || !scores) {
      for (const item of boxCases(image, at, thresholds, wants)) sorted[item.outcome].push(item);
    } else if (filter.as >= 0) {
      const said = answer(image, thresholds), column = said < 0 ? results.labels.length : said;
      if (has(truth, filter.label) && column === filter.as) {
        const outcome = said === filter.label ? "hit" : "miss";
        sorted[outcome].push({ image: at, label: filter.label, outcome, score: scores[said < 0 ? filter.label : said] });
      }
    } else {
      for (let label = 0; label < scores.length; label++) {
        const is = has(truth, label), says = scores[label] >= thresholds[label];
        if (!is && !says) continue;
        const outcome = outcomeOf(is, says);
        if (wants(label, outcome)) sorted[outcome].push({ image: at, label, outcome, score: scores[label] });
      }
    }
  }
  const rising = (/** @type {Case} */ a, /** @type {Case} */ b) => a.score - b.score;
  return [...sorted.alarm.sort((a, b) => b.score - a.score), ...sorted.miss.sort(rising), ...sorted.hit.sort(rising)];
}

/** Most images have one label. @param {number[]} truth @param {number} label */
const has = (truth, label) => (truth.length === 1 ? truth[0] === label : truth.includes(label));

/** An image once for each label and outcome, however many boxes. @param {TestedImage} image @param {number} at @param {number[]} thresholds @param {(label: number, outcome: Outcome) => boolean} wants @returns {Iterable<Case>} */
function boxCases(image, at, thresholds, wants) {
  /** @type {Map<string, Case>} */ const seen = new Map();
  const note = (/** @type {number} */ label, /** @type {Outcome} */ outcome, /** @type {number} */ score) => {
    const key = `${label} ${outcome}`, before = seen.get(key);
    if (wants(label, outcome) && (!before || score > before.score)) seen.set(key, { image: at, label, outcome, score });
  };
  const marks = boxOutcomes(image, thresholds);
  marks.found.forEach((outcome, i) => { const box = /** @type {FoundBox[]} */ (image.found)[i]; if (outcome) note(box.label, outcome, box.score); });
  marks.missed.forEach((missed, i) => { if (missed) note(/** @type {ShownBox[]} */ (image.boxes)[i].label, "miss", 0); });
  return seen.values();
}

/**
 * For each found box "hit", "alarm" or null (below its threshold), and for each true box whether it is missed.
 * @param {TestedImage} image @param {number[]} thresholds @returns {{ found: (Outcome | null)[], missed: boolean[] }}
 */
export function boxOutcomes(image, thresholds) {
  const missed = (image.boxes ?? []).map(() => true);
  const found = (image.found ?? []).map((box) => {
    if (box.score < thresholds[box.label]) return null;
    if (box.truth === undefined) return /** @type {Outcome} */ ("alarm");
    missed[box.truth] = false;
    return /** @type {Outcome} */ ("hit");
  });
  return { found, missed };
}

/** @param {boolean} is @param {boolean} says @returns {Outcome} */
const outcomeOf = (is, says) => (is && says ? "hit" : says ? "alarm" : "miss");

/**
 * The same images judged by two models: which are right in one only. An image is right if all that the model says of it is, at its thresholds.
 * @param {Results} before @param {number[]} beforeThresholds @param {Results} after @param {number[]} afterThresholds
 */
export function compare(before, beforeThresholds, after, afterThresholds) {
  const places = new Map(before.images.map((image, at) => [image.name, at]));
  /** @type {{ fixed: number[], broken: number[], wrong: number[], right: number[] }} indexes of images of `after` */
  const sorted = { fixed: [], broken: [], wrong: [], right: [] };
  let common = 0;
  after.images.forEach((image, at) => {
    const place = places.get(image.name);
    if (place === undefined) return;
    common++;
    const was = isRight(before.images[place], beforeThresholds, before), is = isRight(image, afterThresholds, after);
    sorted[is ? (was ? "right" : "fixed") : was ? "broken" : "wrong"].push(at);
  });
  return { ...sorted, common, onlyBefore: before.images.length - common, onlyAfter: after.images.length - common, places };
}

/** @param {TestedImage} image @param {number[]} thresholds @param {Results} results */
export function isRight(image, thresholds, results) {
  if (image.boxes) {
    const marks = boxOutcomes(image, thresholds);
    return !marks.missed.includes(true) && !marks.found.includes("alarm");
  }
  if (results.kind === "classification") return image.truth?.includes(answer(image, thresholds)) ?? false;
  return /** @type {number[]} */ (image.scores).every((score, label) => (score >= thresholds[label]) === image.truth?.includes(label));
}
