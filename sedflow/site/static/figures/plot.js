// A figure of a lesson: curves, points, areas, bars and words on axes, as the values name them.
/* global d3 */
import { band, colour, curve, enlarged, Frame } from "./frame.js";
import { power } from "./history.js";

/**
 * @typedef {{label: string, range?: [number, number], log?: boolean, factors?: string[]}} Axis
 * @typedef {{kind: "line"|"dots"|"area"|"bars"|"text", label?: string, colour: string, alpha?: number, width?: number, dash?: number[]|string,
 *   size?: number, fill?: boolean, marker?: string, x: any[], y?: any[], low?: number[], high?: number[], bottom?: number[],
 *   top?: number[], text?: string[]}} Mark
 * A colour may be "ink", that of the page.
 * @typedef {{title: string, x: Axis, y: Axis, marks: Mark[]}} PlotValues
 */

const MARKERS = { circle: "symbolCircle", square: "symbolSquare2", triangle: "symbolTriangle2", cross: "symbolPlus", x: "symbolTimes" };

/** A figure of marks. @param {HTMLElement} host */
export function plotFigure(host) {
  /** @type {PlotValues|null} */
  let v = null;
  const frame = new Frame(host, { top: 6, right: 18, bottom: 36, left: 58 }, draw);

  function draw() {
    frame.clear();
    if (!v || frame.width < 80) return;
    const values = v, turned = values.x.factors && (frame.width - 68) / values.x.factors.length < 50 * enlarged();
    frame.margin.bottom = turned ? 64 : 36;
    const { x0, x1, y0, y1 } = frame.box;
    const x = scaleOf(values.x, [x0, x1]), y = scaleOf(values.y, [y0, y1]);
    frame.axes({ x, y, xLabel: values.x.label, yLabel: values.y.label, yFormat: values.y.log ? power : undefined, xFormat: values.x.log ? power : undefined });
    if (values.x.factors) frame.svg.selectAll("g.x line").remove();
    frame.svg.selectAll("g.x text").attr("transform", turned ? "rotate(-40)" : null).attr("text-anchor", turned ? "end" : "middle");
    const across = (value) => (x.bandwidth ? x(value) + x.bandwidth() / 2 : x(value));
    frame.inside((ctx) => { for (const mark of values.marks) PAINT[mark.kind](ctx, { ...mark, colour: mark.colour === "ink" ? colour("ink") : mark.colour }, across, y, x); });
  }
  return {
    /** @param {PlotValues} values */
    update(values) {
      v = values;
      draw();
    },
  };
}

function scaleOf(axis, ends) {
  if (axis.factors) return d3.scaleBand(axis.factors, ends).padding(0.2);
  return (axis.log ? d3.scaleLog() : d3.scaleLinear()).domain(axis.range).range(ends);
}

const there = (...columns) => (k) => columns.every((column) => column[k] !== null && column[k] !== undefined);

const PAINT = {
  line(ctx, m, x, y) {
    const line = d3.line().x((k) => x(m.x[k])).y((k) => y(m.y[k])).defined(there(m.x, m.y));
    const dash = Array.isArray(m.dash) ? m.dash : [];
    curve(ctx, line, d3.range(m.x.length), m.colour, m.width ?? 1.5, m.alpha ?? 1, dash);
  },
  area(ctx, m, x, y) {
    const area = d3.area().x((k) => x(m.x[k])).y0((k) => y(m.low[k])).y1((k) => y(m.high[k])).defined(there(m.x, m.low, m.high));
    band(ctx, area, d3.range(m.x.length), m.colour, m.alpha ?? 0.3);
  },
  bars(ctx, m, x, y, scale) {
    const wide = scale.bandwidth ? m.width * scale.bandwidth() : Math.abs(scale(m.width) - scale(0));
    ctx.save();
    ctx.fillStyle = m.colour;
    ctx.globalAlpha = m.alpha ?? 1;
    m.x.forEach((at, k) => ctx.fillRect(x(at) - wide / 2, y(m.top[k]), wide, y(m.bottom[k]) - y(m.top[k])));
    ctx.restore();
  },
  dots(ctx, m, x, y) {
    const shape = d3.symbol(d3[MARKERS[m.marker] ?? "symbolCircle"], 0.75 * (m.size ?? 6) ** 2).context(ctx);
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = m.colour;
    ctx.globalAlpha = m.alpha ?? 1;
    ctx.lineWidth = m.size > 12 ? 3 : 1.6;
    m.x.forEach((at, k) => {
      if (!there(m.x, m.y)(k)) return;
      ctx.save();
      ctx.translate(x(at), y(m.y[k]));
      ctx.beginPath();
      shape();
      if (m.fill) ctx.fill();
      else ctx.stroke();
      ctx.restore();
    });
    ctx.restore();
  },
  text(ctx, m, x, y) {
    ctx.fillStyle = m.colour;
    ctx.textAlign = "center";
    ctx.font = `${colour("figure")} ${colour("font")}`;
    m.x.forEach((at, k) => ctx.fillText(m.text[k], x(at), y(m.y[k])));
  },
};
