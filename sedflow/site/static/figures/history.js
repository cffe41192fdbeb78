// One history of the posterior: share formed, star-formation rate or metallicity against look-back time.
/* global d3 */
import { Frame, band, colour, curve, enlarged } from "./frame.js";

/**
 * @typedef {import("./spectrum.js").Spread} Spread
 * @typedef {{time: ArrayLike<number>, step: boolean, log: boolean, range: [number, number], label: string, wide?: Spread|null,
 *   narrow?: Spread|null, mid: ArrayLike<number>, truth?: ArrayLike<number>|null, ghost?: ArrayLike<number>|null, selected?: Spread|null,
 *   box?: number[][]|null}} HistoryValues
 */

/**
 * A figure of one history.
 * @param {HTMLElement} host
 * @param {((box: {x: [number, number], y: [number, number]}|null) => void)|null} onBrush
 */
export function historyFigure(host, onBrush = null) {
  /** @type {HistoryValues|null} */
  let v = null;
  let x, y;
  const frame = new Frame(host, { top: 6, right: 6, bottom: 34, left: 52 }, draw);
  let dragging = false; // while the visitor draws a box, the box is not drawn for them
  const brush = onBrush && d3.brush().on("start brush end", (event) => {
    if (!event.sourceEvent) return;
    dragging = event.type !== "end";
    const s = event.selection;
    onBrush(s && s[1][0] > s[0][0] ? { x: [x.invert(s[0][0]), x.invert(s[1][0])], y: [y.invert(s[1][1]), y.invert(s[0][1])] } : null);
  });
  function draw() {
    frame.clear();
    if (!v || frame.width < 60) return;
    const values = v;
    const { x0, x1, y0, y1 } = frame.box;
    x = d3.scaleLinear([0, values.time[values.time.length - 1]], [x0, x1]);
    y = (values.log ? d3.scaleLog() : d3.scaleLinear()).domain(values.range).range([y0, y1]).clamp(true);
    frame.axes({ x, y, xLabel: "look-back time [Gyr]", yLabel: values.label, yTicks: 5, xTicks: Math.max(3, (x1 - x0) / (40 * enlarged())),
      yValues: values.log ? decadesOf(values.range) : undefined, yFormat: values.log ? power : undefined });
    // A rate is constant between two edges: one value fewer than edges, and the last one stays to the end.
    const n = values.mid.length, index = d3.range(values.time.length);
    const value = (rows, k) => rows[Math.min(k, n - 1)];
    const shape = values.step ? d3.curveStepAfter : d3.curveLinear;
    const line = (rows) => d3.line().curve(shape).x((k) => x(values.time[k])).y((k) => y(value(rows, k)));
    const area = (s) => d3.area().curve(shape).x((k) => x(values.time[k])).y0((k) => y(value(s.low, k))).y1((k) => y(value(s.high, k)));
    frame.inside((ctx) => {
      const main = values.selected ? colour("other") : colour("model");
      if (values.ghost) curve(ctx, line(values.ghost), index, colour("other"), 1.2, 0.7);
      if (values.wide) band(ctx, area(values.wide), index, main, 0.14);
      if (values.narrow) band(ctx, area(values.narrow), index, main, 0.26);
      curve(ctx, line(values.mid), index, main, 1.8, values.selected ? 0.35 : 1);
      if (values.selected) {
        band(ctx, area(values.selected), index, colour("selected"), 0.12);
        curve(ctx, line(values.selected.mid), index, colour("selected"), 1.8);
      }
      if (values.truth) curve(ctx, line(values.truth), index, colour("truth"), 1.6, 1, [5, 4]);
    });
    if (!brush || dragging) return;
    brush.extent([[x0, y1], [x1, y0]]);
    const layer = frame.svg.selectAll("g.brush").data([0]).join("g").attr("class", "brush").call(brush);
    layer.call(brush.move, values.box ? [[x(values.box[0][0]), y(values.box[1][1])], [x(values.box[0][1]), y(values.box[1][0])]] : null);
    layer.select(".selection").attr("fill-opacity", 0);
  }
  return {
    /** @param {HistoryValues} values */
    update(values) {
      v = values;
      draw();
    },
  };
}

/** Powers of ten inside a range, every other one where they are many. @param {[number, number]} range */
function decadesOf([low, high]) {
  const all = d3.range(Math.ceil(Math.log10(low)), Math.floor(Math.log10(high)) + 1), step = Math.ceil(all.length / 6);
  return all.filter((k) => k % step === 0).map((k) => 10 ** k);
}

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** 0.01 as 10⁻²; other numbers of a logarithmic axis have no text. @param {number} value */
export function power(value) {
  const k = Math.log10(value);
  if (Math.abs(k - Math.round(k)) > 1e-6) return "";
  const digits = [...String(Math.abs(Math.round(k)))].map((d) => RAISED[Number(d)]).join("");
  return `10${k < -0.5 ? "⁻" : ""}${digits}`;
}
