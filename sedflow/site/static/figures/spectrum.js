// Spectrum of the posterior with the photometry, and the residuals below it.
/* global d3 */
import { Frame, band, colour, curve, enlarged } from "./frame.js";

/**
 * @typedef {{low: ArrayLike<number>, mid: ArrayLike<number>, high: ArrayLike<number>}} Spread
 * @typedef {{name: string, x: number, y: number, low: number, high: number, kind: "data"|"left out"|"predicted"}} Point
 * @typedef {{wave: ArrayLike<number>, wide?: Spread|null, narrow?: Spread|null, mid: ArrayLike<number>, ghost?: ArrayLike<number>|null,
 *   selected?: Spread|null, points: Point[], bands: {name: string, low: number, high: number}[], label: string,
 *   log: boolean, down: boolean, xLabel: string, range: [number, number]}} SpectrumValues
 */

/** What a band's own colour is called in the style sheet. @param {string} name */
const bandColour = (name) => colour(name) || colour("other");

/** Lowest and highest of what has to be seen. @param {SpectrumValues} v @returns {[number, number]} */
function reach(v) {
  const seen = v.points.filter((p) => p.kind !== "left out").flatMap((p) => [p.low, p.high, p.y]);
  for (let k = 0; k < v.wave.length; k++) {
    if (v.wave[k] >= v.range[0] && v.wave[k] <= v.range[1]) seen.push(v.narrow ? v.narrow.high[k] : v.mid[k], v.mid[k]);
  }
  const good = seen.filter((y) => Number.isFinite(y) && (!v.log || y > 0));
  const [low, high] = d3.extent(good.length ? good : [1, 2]);
  if (v.down) return [high + 0.4, low - 0.3];
  if (v.log) return [low / 1.5, high * 1.3];
  const top = high * 1.1 || 1; // below 0 there are no spectra, but points that noise has brought there
  const least = Math.min(0, ...v.points.filter((p) => p.kind !== "left out" && Number.isFinite(p.y)).map((p) => p.y));
  return [least < 0 ? least - 0.1 * (top - least) : 0, top];
}

/** A figure of spectrum and photometry. @param {HTMLElement} host */
export function spectrumFigure(host) {
  /** @type {SpectrumValues|null} */
  let v = null;
  const frame = new Frame(host, { top: 18, right: 10, bottom: 22, left: 58 }, draw);
  const key = document.createElement("div");
  key.className = "key";
  host.append(key);

  function draw() {
    frame.clear();
    if (!v || frame.width < 80) return;
    const values = v;
    frame.margin.bottom = values.xLabel ? 36 : 22;
    const { x0, x1, y0, y1 } = frame.box;
    const x = d3.scaleLinear(values.range, [x0, x1]);
    const y = (values.log ? d3.scaleLog() : d3.scaleLinear()).domain(reach(values)).range([y0, y1]);
    frame.axes({ x, y, xText: values.xLabel !== "", xLabel: values.xLabel, yLabel: values.label, yFormat: values.log ? "~g" : undefined });
    const index = d3.range(values.wave.length);
    const at = (rows) => (k) => y(values.log ? Math.max(rows[k], 1e-12) : rows[k]);
    const line = (rows) => d3.line().x((k) => x(values.wave[k])).y(at(rows)).defined((k) => Number.isFinite(rows[k]));
    const area = (s) => d3.area().x((k) => x(values.wave[k])).y0(at(s.low)).y1(at(s.high)).defined((k) => Number.isFinite(s.mid[k]));
    frame.inside((ctx) => {
      for (const b of values.bands) strip(ctx, x(b.low), x(b.high), y0, b.name);
      const main = values.selected ? colour("other") : colour("model");
      if (values.ghost) curve(ctx, line(values.ghost), index, colour("other"), 1.2, 0.7);
      if (values.wide) band(ctx, area(values.wide), index, main, 0.14);
      if (values.narrow) band(ctx, area(values.narrow), index, main, 0.26);
      curve(ctx, line(values.mid), index, main, 1.3, values.selected ? 0.35 : 1);
      if (values.selected) {
        band(ctx, area(values.selected), index, colour("selected"), 0.12);
        curve(ctx, line(values.selected.mid), index, colour("selected"), 1.5);
      }
      for (const p of values.points) point(ctx, x(p.x), p, y);
    });
    legend(values);
  }

  function strip(ctx, left, right, floor, name) {
    ctx.fillStyle = bandColour(name);
    ctx.globalAlpha = 0.3;
    const tall = 14 * enlarged();
    ctx.fillRect(left, floor - tall, right - left, tall);
    ctx.globalAlpha = 1;
    ctx.fillStyle = colour("ink");
    ctx.font = `${colour("figure")} ${colour("font")}`;
    ctx.textAlign = "center";
    ctx.fillText(name, (left + right) / 2, floor - 0.2 * tall);
  }

  function legend(values) {
    const parts = [];
    const kinds = new Set(values.points.map((p) => p.kind));
    if (values.wide) parts.push(["model", "median, 68, 95 %"]);
    else parts.push(["model", "model"]);
    if (values.ghost) parts.push(["other", "before"]);
    if (values.selected) parts.push(["selected", "selected"]);
    if (kinds.has("predicted")) parts.push(["predicted", "predicted"]);
    if (kinds.has("data")) parts.push(["ink", "data"]);
    if (kinds.has("left out")) parts.push(["quiet", "left out"]);
    const text = parts.map((p) => p[1]).join();
    if (key.dataset.text === text) return;
    key.dataset.text = text;
    key.replaceChildren(...parts.map(([name, word]) => {
      const one = document.createElement("span");
      const mark = document.createElement("i");
      mark.style.background = `var(--${name})`;
      one.append(mark, word);
      return one;
    }));
  }

  return {
    /** @param {SpectrumValues} values */
    update(values) {
      v = values;
      draw();
    },
  };
}

/** A point of data, or of the model where it has an open square. */
function point(ctx, px, p, y) {
  const open = p.kind !== "data";
  ctx.strokeStyle = p.kind === "predicted" ? colour("predicted") : p.kind === "data" ? colour("ink") : colour("quiet");
  ctx.lineWidth = 1.5;
  const py = y(p.y);
  ctx.beginPath();
  ctx.moveTo(px, y(p.low));
  ctx.lineTo(px, y(p.high));
  ctx.stroke();
  ctx.beginPath();
  if (p.kind === "predicted") ctx.rect(px - 5, py - 5, 10, 10);
  else ctx.arc(px, py, 4, 0, 2 * Math.PI);
  if (open) return ctx.stroke();
  ctx.fillStyle = colour("ink");
  ctx.fill();
  ctx.strokeStyle = colour("ground");
  ctx.lineWidth = 1;
  return ctx.stroke();
}

/**
 * A figure of residuals: data less the posterior predictive median, in sigma.
 * @param {HTMLElement} host
 */
export function residualFigure(host) {
  /** @type {{range: [number, number], xLabel: string, points: {x: number, y: number, low: number, high: number, used: boolean}[], selected?: number[]|null}|null} */
  let v = null;
  const frame = new Frame(host, { top: 4, right: 10, bottom: 34, left: 58 }, draw);
  function draw() {
    frame.clear();
    if (!v || frame.width < 80) return;
    const values = v;
    const { x0, x1, y0, y1 } = frame.box;
    const most = Math.max(2.5, ...values.points.filter((p) => Number.isFinite(p.y)).map((p) => 1.1 * Math.abs(p.y)));
    const x = d3.scaleLinear(values.range, [x0, x1]);
    const y = d3.scaleLinear([-most, most], [y0, y1]);
    frame.axes({ x, y, xLabel: values.xLabel, yLabel: "resid. [σ]", yTicks: 3 });
    frame.inside((ctx) => {
      ctx.strokeStyle = colour("quiet");
      ctx.beginPath();
      ctx.moveTo(x0, y(0));
      ctx.lineTo(x1, y(0));
      ctx.stroke();
      values.points.forEach((p, k) => {
        ctx.strokeStyle = values.selected ? colour("other") : colour("model");
        ctx.lineWidth = 4;
        ctx.beginPath();
        ctx.moveTo(x(p.x), y(p.low));
        ctx.lineTo(x(p.x), y(p.high));
        ctx.stroke();
        if (values.selected) {
          ctx.fillStyle = colour("selected");
          ctx.fillRect(x(p.x) - 6, y(values.selected[k]) - 1.5, 12, 3);
        }
        point(ctx, x(p.x), { ...p, kind: p.used ? "data" : "left out", low: p.y, high: p.y }, y);
      });
    });
  }
  return {
    update(values) {
      v = values;
      draw();
    },
  };
}
