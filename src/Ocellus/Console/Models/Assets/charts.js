// Charts of a test: precision over recall of a label, and the confusion matrix.
import { el, one, put, svg } from "./dom.js";
import { curve } from "./judging.js";

const SIDE = 200, LABELS_MAX = 40;
const place = (/** @type {{ precision: number, recall: number }} */ p) => [4 + p.recall * (SIDE - 8), 4 + (1 - p.precision) * (SIDE - 8)];

export class Charts {
  /** @param {import("./judging.js").Results} results @param {{ point: (threshold: number) => void, cell: (label: number, as: number) => void }} on */
  constructor(results, on) {
    this.results = results;
    this.on = on;
    /** @type {import("./judging.js").Ranking | null} */ this.shown = null;
    /** @type {ReturnType<typeof curve>} */ this.points = [];
    this.line = svg("polyline", { class: "line" });
    this.dot = svg("circle", { class: "dot", r: 5 });
    const chart = svg("svg", { viewBox: `0 0 ${SIDE} ${SIDE}`, role: "img", "aria-labelledby": "curve-title" }, svg("path", { class: "axes", d: `M4 4V${SIDE - 4}H${SIDE - 4}` }),
      ...[0.25, 0.5, 0.75].map((s) => svg("path", { class: "rule", d: `M${4 + s * (SIDE - 8)} 4V${SIDE - 4}M4 ${4 + s * (SIDE - 8)}H${SIDE - 4}` })), this.line, this.dot);
    chart.addEventListener("click", (event) => this.#pick(/** @type {MouseEvent} */ (event), chart));
    put(one("#curve"), chart);
  }

  /** @param {import("./judging.js").Ranking} ranking @param {string} name @param {number} threshold */
  curve(ranking, name, threshold) {
    if (this.shown !== ranking) {
      this.shown = ranking;
      this.points = curve(ranking);
      this.line.setAttribute("points", this.points.map((p) => place(p).map((n) => n.toFixed(1)).join(",")).join(" "));
    }
    const at = this.points.findLast((p) => p.threshold >= threshold);
    one("#curve-title").textContent = this.points.length === 0 ? `${name}: not in the test` : `${name}: precision over recall`;
    one("#curve-words").textContent = at ? `Precision ${at.precision.toFixed(3)}, recall ${at.recall.toFixed(3)} at ${Math.round(threshold * 100)} %. Click the curve to set the threshold there.`
      : "Nothing reaches this threshold.";
    this.dot.toggleAttribute("hidden", !at);
    if (at) { const [x, y] = place(at); this.dot.setAttribute("cx", x.toFixed(1)); this.dot.setAttribute("cy", y.toFixed(1)); }
  }

  /** @param {MouseEvent} event @param {SVGElement} chart */
  #pick(event, chart) {
    const frame = chart.getBoundingClientRect();
    const x = ((event.clientX - frame.left) / frame.width) * SIDE, y = ((event.clientY - frame.top) / frame.height) * SIDE;
    let best = null, near = Infinity;
    for (const point of this.points) {
      const [px, py] = place(point), far = (px - x) ** 2 + (py - y) ** 2;
      if (far < near) [best, near] = [point, far];
    }
    if (best) this.on.point(best.threshold);
  }

  /** @param {number[][]} cells true label × answer, the last answer is none @param {{ label: number, as: number }} filter */
  confusion(cells, filter) {
    const { labels } = this.results;
    if (labels.length > LABELS_MAX) { this.#pairs(cells); return; }
    const table = one("#confusion");
    if (!table.querySelector("tbody")) this.#build(table);
    cells.forEach((row, label) => {
      const total = Math.max(1, row.reduce((sum, n) => sum + n, 0));
      row.forEach((count, as) => {
        const button = /** @type {HTMLButtonElement} */ (this.cells[label][as]);
        button.textContent = count === 0 ? "" : String(count);
        button.disabled = count === 0;
        button.className = `heat-cell ${label === as ? "good" : "bad"} h${count === 0 ? 0 : Math.max(1, Math.round((count / total) * 5))}`;
        button.setAttribute("aria-label", `${count} of ${labels[label]} answered with ${labels[as] ?? "nothing"}`);
        button.setAttribute("aria-pressed", String(filter.label === label && filter.as === as));
      });
    });
  }

  /** @type {HTMLElement[][]} */ cells = [];

  /** @param {HTMLElement} table */
  #build(table) {
    const { labels } = this.results, answers = [...labels, "nothing"];
    this.cells = labels.map((_, label) => answers.map((__, as) => el("button", { type: "button", on: { click: () => this.on.cell(label, as) } })));
    put(table, el("caption", { text: "Rows: what the image is. Columns: what the model says." }),
      el("thead", {}, el("tr", {}, el("td"), ...answers.map((name) => el("th", { scope: "col", title: name }, el("span", { text: name }))))),
      el("tbody", {}, ...labels.map((name, label) => el("tr", {}, el("th", { scope: "row", title: name, text: name }), ...this.cells[label].map((button) => el("td", {}, button))))));
  }

  /** A matrix of so many labels cannot be read: the pairs that are mixed up most often. @param {number[][]} cells */
  #pairs(cells) {
    const { labels } = this.results;
    const pairs = cells.flatMap((row, label) => row.flatMap((count, as) => (count > 0 && label !== as ? [{ count, label, as }] : []))).sort((a, b) => b.count - a.count).slice(0, 20);
    put(one("#confusion"), el("caption", { text: "What is mixed up most often." }), el("tbody", {}, ...pairs.map((p) => el("tr", {}, el("td", {},
      el("button", { type: "button", class: "quiet", text: `${labels[p.label]} answered with ${labels[p.as] ?? "nothing"}: ${p.count}`, on: { click: () => this.on.cell(p.label, p.as) } }))))));
  }
}
