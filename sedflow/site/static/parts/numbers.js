// The table of numbers: each quantity with its median and 68 %, its truth if it is known, and its histogram.
import { histogramFigure } from "../figures/histogram.js";
import { el } from "./dom.js";
import { digitsFor, fixed, spreadText } from "./format.js";
import { longLabel, quantilesOf, quantitiesOf } from "./quantities.js";
import { reaching } from "./truth.js";

const HEADS = ["quantity", "median, 68 %", "truth", "draws", "selected"];

/** A table of all quantities. @param {any} site */
export function numbersTable(site) {
  const body = el("tbody");
  const node = el("div.numbers", {}, el("table", {}, el("thead", {}, el("tr", {}, ...HEADS.map((t) => el("th", { scope: "col" }, t)))), body));
  const rows = new Map();
  function rowOf(q) {
    if (rows.has(q.name)) return rows.get(q.name);
    const cell = el("div"), all = el("td"), known = el("td"), some = el("td");
    body.append(el("tr", { title: q.help || "" }, el("th", { scope: "row", style: "position:static;color:inherit" }, longLabel(q)), all, known, el("td", {}, cell), some));
    const row = { all, known, some, figure: histogramFigure(cell) };
    rows.set(q.name, row);
    return row;
  }
  const text = (q) => spreadText(q[0], q[1], q[2]).join(" ");
  return {
    node,
    /** @param {any} state */
    update(state) {
      const { answer, brush, truth } = state;
      if (!answer) return;
      const mask = brush?.n ? brush.mask : null;
      node.classList.toggle("picked", Boolean(mask));
      node.classList.toggle("mock", Boolean(truth));
      for (const q of quantitiesOf(site, answer)) {
        const row = rowOf(q), known = truth?.of[q.name] ?? null;
        row.all.textContent = text(q.quantiles);
        row.known.textContent = known === null ? "" : fixed(known, digitsFor(0.5 * (q.quantiles[2] - q.quantiles[0])));
        row.some.textContent = mask ? text(quantilesOf(q.values, answer.weights, mask)) : "";
        row.figure.update({ values: q.values, weights: answer.weights, mask, range: reaching(q.range, known), truth: known });
      }
    },
  };
}
