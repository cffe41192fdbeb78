// Corner plot: each quantity's histogram on the diagonal, each pair's contours below it, and brushes in all of them.
/* global d3 */
import { massLevels } from "../numerics/contours.js";
import { pairDensity, singleDensity } from "./density.js";
import { footOf, placesOf, wallOf } from "./corner_labels.js";
import { colour, Frame, typeSize } from "./frame.js";
import { apart, inner } from "./ticks.js";

/**
 * @typedef {{label: string, values: Float64Array, range: [number, number], title: string[], quantiles: number[],
 *   prior: Float64Array|null, truth: number|null}} Column  prior: densities at equal steps over the range
 * @typedef {{columns: Column[], weights: Float64Array, mask: Uint8Array|null,
 *   box: {x: string, y: string|null, rect: number[][]}|null}} CornerValues
 * @typedef {{x: number, y: number|null, rect: [number, number][]}} Box  columns by number; [[x0, x1], [y0, y1]]
 */

/** Shares of the posterior that the contours hold. */
const HOLD = [0.86, 0.39];

/**
 * A corner plot.
 * @param {HTMLElement} host
 * @param {(box: Box|null) => void} onBrush
 */
export function cornerFigure(host, onBrush) {
  /** @type {CornerValues|null} */
  let v = null;
  let dragging = false;
  let drawn = null; // of the posterior: what the lower canvas has
  let places = placesOf([], 0, 0);
  const lower = new Frame(host, { top: 34, right: 8, bottom: 46, left: 52 }, () => { drawn = null; draw(); });
  const top = document.createElement("canvas");
  top.setAttribute("aria-hidden", "true");
  lower.canvas.after(top);
  const ctx = /** @type {CanvasRenderingContext2D} */ (top.getContext("2d"));

  function cells(k) {
    const { x0, x1, y0, y1 } = lower.box;
    const step = Math.max(20, Math.min((x1 - x0) / k, (y0 - y1) / k));
    const wide = Math.max(20, Math.min((x1 - x0) / k, step * 1.35));
    return { wide, tall: Math.max(20, (y0 - y1) / k), x0, y1, gap: 5 };
  }

  function scales(values) {
    const c = cells(values.columns.length);
    return values.columns.map((column, k) => ({
      x: d3.scaleLinear(column.range, [c.x0 + k * c.wide, c.x0 + (k + 1) * c.wide - c.gap]),
      y: d3.scaleLinear(column.range, [c.y1 + (k + 1) * c.tall, c.y1 + k * c.tall + c.gap]),
    }));
  }

  function draw() {
    if (!v || lower.width < 80) return;
    const values = v, same = drawn && drawn.columns === values.columns && drawn.weights === values.weights;
    if (!same) {
      places = placesOf(values.columns, lower.width, lower.height);
      lower.margin = places.margin;
    }
    const s = scales(values);
    if (!same) {
      lower.clear();
      layer(lower.ctx, values, s, null, colour("model"), true);
      values.columns.forEach((column, k) => beside(lower.ctx, column, s[k]));
      frame(values, s);
      drawn = { columns: values.columns, weights: values.weights };
    }
    lower.canvas.style.opacity = values.mask ? "0.35" : "1";
    lower.canvas.style.filter = values.mask ? "grayscale(1)" : "";
    const scale = devicePixelRatio || 1;
    if (top.width !== lower.canvas.width || top.height !== lower.canvas.height) {
      top.width = lower.canvas.width;
      top.height = lower.canvas.height;
    }
    ctx.setTransform(scale, 0, 0, scale, 0, 0);
    ctx.clearRect(0, 0, lower.width, lower.height);
    if (values.mask) layer(ctx, values, s, values.mask, colour("selected"), false);
    truths(ctx, values, s);
    if (!dragging) outline(values, s);
  }

  function layer(on, values, s, mask, stroke, main) {
    const { columns, weights } = values;
    on.strokeStyle = on.fillStyle = stroke;
    on.lineWidth = 1.3;
    columns.forEach((a, i) => {
      const tall = singleDensity(a.values, weights, mask, a.range);
      const most = main ? d3.max(tall) : values.peaks[i];
      if (main) (values.peaks ??= [])[i] = most;
      steps(on, tall, s[i], Math.max(most, d3.max(tall)));
      for (let j = i + 1; j < columns.length; j++) {
        const b = columns[j];
        const density = pairDensity(a.values, b.values, weights, mask, a.range, b.range);
        if (!density) {
          dots(on, a, b, mask, s[i].x, s[j].y);
          continue;
        }
        contours(on, density, s[i].x, s[j].y, main);
      }
    });
  }

  function steps(on, tall, s, most) {
    const [x0, x1] = s.x.range(), [y0, y1] = s.y.range();
    const wide = (x1 - x0) / tall.length;
    on.beginPath();
    on.moveTo(x0, y0);
    tall.forEach((h, k) => {
      const y = y0 + ((y1 - y0) * 0.94 * h) / (most || 1);
      on.lineTo(x0 + k * wide, y);
      on.lineTo(x0 + (k + 1) * wide, y);
    });
    on.lineTo(x1, y0);
    on.stroke();
    on.globalAlpha = 0.12;
    on.fill();
    on.globalAlpha = 1;
  }

  /** On a histogram: its median and 68 %, and the prior where it is asked for. */
  function beside(on, { quantiles, prior }, { x, y }) {
    const [x0, x1] = x.range(), [y0, y1] = y.range();
    on.save();
    on.lineWidth = 1;
    on.setLineDash([4, 3]);
    on.strokeStyle = colour("other");
    on.beginPath();
    for (const at of quantiles.map(x).filter((px) => px >= x0 && px <= x1)) {
      on.moveTo(at, y0);
      on.lineTo(at, y1);
    }
    on.stroke();
    const most = prior ? d3.max(prior) : 0;
    if (prior && most > 0) {
      on.setLineDash([]);
      on.lineWidth = 1.5;
      on.strokeStyle = colour("prior");
      on.beginPath();
      d3.line((h, k) => x0 + (k / (prior.length - 1)) * (x1 - x0), (h) => y0 + (y1 - y0) * 0.94 * (h / most)).context(on)(prior);
      on.stroke();
    }
    on.restore();
  }

  /** True values of a mock, across every panel of their quantity. */
  function truths(on, values, s) {
    on.strokeStyle = colour("truth");
    on.lineWidth = 1.4;
    on.beginPath();
    values.columns.forEach(({ truth, range }, k) => {
      if (truth === null || truth < Math.min(...range) || truth > Math.max(...range)) return;
      const { x, y } = s[k];
      on.moveTo(x(truth), s[s.length - 1].y.range()[0]);
      on.lineTo(x(truth), y.range()[1]);
      if (!k) return;
      on.moveTo(s[0].x.range()[0], y(truth));
      on.lineTo(s[k - 1].x.range()[1], y(truth));
    });
    on.stroke();
  }

  function contours(on, { grid, n }, x, y, main) {
    const [x0, x1] = x.range(), [y0, y1] = y.range();
    const shape = d3.contours().size([n, n]);
    const project = d3.geoTransform({ point(px, py) { this.stream.point(x0 + (px / n) * (x1 - x0), y0 + (py / n) * (y1 - y0)); } });
    massLevels(grid, HOLD).forEach((level, k) => {
      on.beginPath();
      d3.geoPath(project, on)(shape.contour(grid, level));
      on.globalAlpha = k ? 0.3 : main ? 0.14 : 0.1;
      on.fill();
      on.globalAlpha = 1;
      on.stroke();
    });
  }

  function dots(on, a, b, mask, x, y) {
    for (let k = 0; k < a.values.length; k++) {
      if (mask && !mask[k]) continue;
      on.fillRect(x(a.values[k]) - 1, y(b.values[k]) - 1, 2.5, 2.5);
    }
  }

  function frame(values, s) {
    const k = values.columns.length, type = typeSize();
    const pairs = d3.cross(d3.range(k), d3.range(k)).filter(([i, j]) => j >= i);
    const svg = lower.svg;
    svg.selectAll("rect.cell").data(pairs).join("rect").attr("class", "cell domain")
      .attr("x", ([i]) => s[i].x.range()[0]).attr("y", ([, j]) => s[j].y.range()[1])
      .attr("width", ([i]) => s[i].x.range()[1] - s[i].x.range()[0]).attr("height", ([, j]) => s[j].y.range()[0] - s[j].y.range()[1]);
    const c = cells(k), last = c.y1 + k * c.tall;
    const feet = apart(values.columns.map((d, i) => s[i].x), type);
    const axis = (d, i, nodes) => d3.select(nodes[i]).call(d3.axisBottom(s[i].x).tickValues(feet[i]).tickFormat(d3.format("~r")).tickSize(3).tickSizeOuter(0));
    const wall = (d, i, nodes) => d3.select(nodes[i]).call(d3.axisLeft(s[i + 1].y).tickValues(inner(s[i + 1].y, 3, 1.2 * type)).tickFormat(d3.format("~r")).tickSize(3).tickSizeOuter(0));
    svg.selectAll("g.foot").data(values.columns).join("g").attr("class", "foot").attr("transform", `translate(0,${last})`).each(axis);
    svg.selectAll("g.wall").data(values.columns.slice(1)).join("g").attr("class", "wall").attr("transform", `translate(${c.x0},0)`).each(wall);
    const mid = (scale) => (scale.range()[0] + scale.range()[1]) / 2;
    label("foot", values.columns, (d, i) => footOf(places, mid(s[i].x), last));
    label("wall", values.columns.slice(1), (d, i) => wallOf(places, c.x0, mid(s[i + 1].y)));
    const titles = values.columns.flatMap((column, i) => column.title.map((text, line) => ({ text, line, i })));
    svg.selectAll("text.title").data(titles).join("text").attr("class", "title ink").attr("text-anchor", places.aside ? "start" : "middle")
      .attr("x", (d) => (places.aside ? s[d.i].x.range()[0] : mid(s[d.i].x))).attr("y", (d) => s[d.i].y.range()[1] - 5 - (1 - d.line) * 1.2 * type).text((d) => d.text);
    brushes(values, s, pairs);
  }

  function label(name, columns, placeOf) {
    lower.svg.selectAll(`text.${name}`).data(columns.map((d, i) => ({ ...placeOf(d, i), text: d.label }))).join("text").attr("class", `${name} ink`)
      .attr("text-anchor", (d) => d.anchor).attr("transform", (d) => d.transform).style("font-size", (d) => `${d.size}px`).text((d) => d.text);
  }

  function brushes(values, s, pairs) {
    lower.svg.selectAll("g.brush").data(pairs, ([i, j]) => `${i} ${j}`).join("g").attr("class", "brush").each(function ([i, j]) {
      const brush = i === j ? d3.brushX() : d3.brush();
      const [x0, x1] = s[i].x.range(), [y0, y1] = s[j].y.range();
      brush.extent([[x0, y1], [x1, y0]]).on("start brush end", (event) => {
        if (!event.sourceEvent) return;
        dragging = event.type !== "end";
        const e = event.selection;
        if (!e) return onBrush(null);
        if (i === j) return e[1] - e[0] > 1 ? onBrush({ x: i, y: null, rect: [e.map(s[i].x.invert)] }) : undefined;
        if (e[1][0] - e[0][0] < 2) return undefined;
        return onBrush({ x: i, y: j, rect: [[s[i].x.invert(e[0][0]), s[i].x.invert(e[1][0])], [s[j].y.invert(e[1][1]), s[j].y.invert(e[0][1])]] });
      });
      this.sfBrush = brush;
      d3.select(this).call(brush).select(".selection").attr("fill-opacity", 0);
    });
  }

  function outline(values, s) {
    const name = (k) => values.columns[k].label;
    lower.svg.selectAll("g.brush").each(function ([i, j]) {
      const box = values.box;
      const mine = box && box.x === name(i) && (i === j ? box.y === null : box.y === name(j));
      const [a, b] = mine ? box.rect : [];
      const px = mine && a.map(s[i].x), py = mine && b && b.map(s[j].y);
      const to = !mine ? null : i === j ? px : [[px[0], py[1]], [px[1], py[0]]];
      d3.select(this).call(this.sfBrush.move, to);
    });
  }

  return {
    /** @param {CornerValues} values */
    update(values) {
      v = values;
      draw();
    },
  };
}
