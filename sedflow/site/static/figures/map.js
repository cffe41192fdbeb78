// The atlas as points: colour against magnitude, or positions on the sky.
/* global d3 */
import { colour, Frame } from "./frame.js";

/**
 * A map of galaxies to click.
 * @param {HTMLElement} host
 * @param {(index: number) => void} onPick
 */
export function mapFigure(host, onPick) {
  /** @type {{x: number[], y: number[], shown: number[], chosen: number, xLabel: string, yLabel: string, xDown: boolean}|null} */
  let v = null;
  let x, y;
  const frame = new Frame(host, { top: 4, right: 6, bottom: 34, left: 44 }, draw);
  host.addEventListener("click", (event) => {
    if (!v || !x) return;
    const box = host.getBoundingClientRect(), px = event.clientX - box.left, py = event.clientY - box.top;
    let best = -1, least = 24 ** 2;
    for (const k of v.shown) {
      const d = (x(v.x[k]) - px) ** 2 + (y(v.y[k]) - py) ** 2;
      if (d < least) [best, least] = [k, d];
    }
    if (best >= 0) onPick(best);
  });
  function draw() {
    frame.clear();
    if (!v || frame.width < 60) return;
    const { x0, x1, y0, y1 } = frame.box, sorted = (rows) => Float64Array.from(rows.filter(Number.isFinite)).sort();
    const ends = (rows, pad) => {
      const all = sorted(rows), low = d3.quantileSorted(all, 0.001), high = d3.quantileSorted(all, 0.999);
      return [low - pad * (high - low), high + pad * (high - low)];
    };
    const xs = ends(v.x, 0.02);
    x = d3.scaleLinear(v.xDown ? xs.reverse() : xs, [x0, x1]);
    y = d3.scaleLinear(ends(v.y, 0.05), [y0, y1]);
    frame.axes({ x, y, xLabel: v.xLabel, yLabel: v.yLabel, xTicks: 4, yTicks: 5 });
    const values = v;
    frame.inside((ctx) => {
      ctx.fillStyle = colour("model");
      ctx.globalAlpha = 0.35;
      for (const k of values.shown) ctx.fillRect(x(values.x[k]) - 1, y(values.y[k]) - 1, 2, 2);
      ctx.globalAlpha = 1;
      if (values.chosen < 0) return;
      ctx.strokeStyle = colour("selected");
      ctx.lineWidth = 2.5;
      ctx.beginPath();
      ctx.arc(x(values.x[values.chosen]), y(values.y[values.chosen]), 6, 0, 2 * Math.PI);
      ctx.stroke();
    });
  }
  return {
    update(values) {
      v = values;
      draw();
    },
  };
}
