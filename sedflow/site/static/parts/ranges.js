// Selecting draws without a mouse: a quantity and its range.
import { chooser, el } from "./dom.js";
import { digitsFor } from "./format.js";
import { longLabel } from "./quantities.js";

/** @param {(name: string, low: number, high: number) => void} select */
export function rangeForm(select) {
  let all = [], name = "";
  const low = el("input", { type: "number", step: "any", "aria-label": "from" }), high = el("input", { type: "number", step: "any", "aria-label": "to" });
  const choose = chooser("quantity", [], (value) => { name = value; fill(); });
  const node = el("div", {}, el("form.row", { "aria-label": "Select draws by a range", onsubmit: (event) => {
    event.preventDefault();
    const ends = [Number(low.value), Number(high.value)].sort((a, b) => a - b);
    select(name, ends[0], ends[1]);
  } }, el("label.field", {}, "quantity", choose.node), el("label.field", {}, "from", low), el("label.field", {}, "to", high), el("button.button.first", { type: "submit" }, "Select")),
  el("p.quiet.small", {}, "Or drag a box in the corner plot or in a history: the selected draws appear in every figure."));
  function fill() {
    const q = all.find((one) => one.name === name);
    if (!q) return;
    const digits = digitsFor(q.quantiles[2] - q.quantiles[0]);
    low.value = q.quantiles[1].toFixed(digits);
    high.value = q.range[1].toFixed(digits);
  }
  return {
    node,
    update(quantities) {
      const first = !all.length;
      all = quantities;
      if (first) {
        choose.node.append(...all.map((q) => el("option", { value: q.name }, longLabel(q))));
        name = all[0].name;
      }
      fill();
    },
  };
}
