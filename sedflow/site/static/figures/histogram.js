// The small histogram of one quantity in a row of the table of numbers.
/* global d3 */
import { singleDensity } from "./density.js";
import { colour, Frame } from "./frame.js";

/**
 * A histogram without axes, for a cell of a table.
 * @param {HTMLElement} host
 */
export function histogramFigure(host) {
  /** @type {{values: Float64Array, weights: Float64Array, mask: Uint8Array|null, range: [number, number], truth: number|null}|null} */
  let v = null;
  const frame = new Frame(host, { top: 1, right: 0, bottom: 1, left: 0 }, draw);
  function draw() {
    frame.clear();
    if (!v || !frame.width) return;
    const all = singleDensity(v.values, v.weights, null, v.range, 30);
    bars(all, v.mask ? colour("other") : colour("model"), v.mask ? 0.35 : 0.8, d3.max(all));
    if (v.mask) bars(singleDensity(v.values, v.weights, v.mask, v.range, 30), colour("selected"), 0.9, d3.max(all));
    if (v.truth !== null) mark((v.truth - v.range[0]) / (v.range[1] - v.range[0]));
  }
  function mark(share) {
    const { x0, x1, y0, y1 } = frame.box;
    frame.ctx.fillStyle = colour("truth");
    frame.ctx.fillRect(x0 + share * (x1 - x0) - 1, y1, 2, y0 - y1);
  }
  function bars(tall, fill, alpha, most) {
    const { x0, x1, y0, y1 } = frame.box, wide = (x1 - x0) / tall.length;
    frame.ctx.fillStyle = fill;
    frame.ctx.globalAlpha = alpha;
    tall.forEach((h, k) => frame.ctx.fillRect(x0 + k * wide, y0, wide, ((y1 - y0) * h) / (most || 1)));
    frame.ctx.globalAlpha = 1;
  }
  return {
    update(values) {
      v = values;
      draw();
    },
  };
}
