// The table of numbers: each quantity with its histogram, median and 68 %.
import { histogramFigure } from "../figures/histogram.js";
import { el } from "./dom.js";
import { spreadText } from "./format.js";
import { longLabel, quantilesOf, quantitiesOf } from "./quantities.js";

/** A table of all quantities. @param {any} site */
export function numbersTable(site) {
  const body = el("tbody");
  const node = el("div.numbers", {}, el("table", {}, el("thead", {}, el("tr", {}, ...["quantity", "median, 68 %", "draws", "selected"].map((t) => el("th", { scope: "col" }, t)))), body));
  const rows = new Map();
  function rowOf(q) {
    if (rows.has(q.name)) return rows.get(q.name);
    const cell = el("div"), all = el("td"), some = el("td");
    body.append(el("tr", { title: q.help || "" }, el("th", { scope: "row", style: "position:static;color:inherit" }, longLabel(q)), all, el("td", {}, cell), some));
    const row = { all, some, figure: histogramFigure(cell) };
    rows.set(q.name, row);
    return row;
  }
  const text = (q) => spreadText(q[0], q[1], q[2]).join(" ");
  return {
    node,
    /** @param {any} state */
    update(state) {
      const { answer, brush } = state;
      if (!answer) return;
      const mask = brush?.n ? brush.mask : null;
      node.classList.toggle("picked", Boolean(mask));
      for (const q of quantitiesOf(site, answer)) {
        const row = rowOf(q);
        row.all.textContent = text(q.quantiles);
        row.some.textContent = mask ? text(quantilesOf(q.values, answer.weights, mask)) : "";
        row.figure.update({ values: q.values, weights: answer.weights, mask, range: q.range });
      }
    },
  };
}
