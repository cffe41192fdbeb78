// What every figure stands on: a canvas for marks, an SVG above it for axes and brushes.
/* global d3 */

/** @typedef {{top: number, right: number, bottom: number, left: number}} Margin sides in pixels, of figures whose type is as large as usual */

/** A colour of the style sheet. @param {string} name @returns {string} */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

const USUAL = 11; // pixels of type

/** Pixels of the figure's type. @returns {number} */
export function typeSize() {
  return parseFloat(colour("figure")) || USUAL;
}

/** How many times as large as usual the type is: in a presentation, above 1. */
export const enlarged = () => typeSize() / USUAL;

const ruler = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));

/** Pixels that a text takes in the figure's type. @param {string} text */
export function textWidth(text) {
  ruler.font = `${typeSize()}px ${colour("font")}`;
  return ruler.measureText(text).width;
}

/** A host with a canvas and an SVG that keep its size. */
export class Frame {
  /**
   * @param {HTMLElement} host
   * @param {Margin} margin
   * @param {() => void} redraw called when the size or the theme has changed
   */
  constructor(host, margin, redraw) {
    this.host = host;
    this.margin = margin;
    host.classList.add("figure");
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    this.svg = d3.create("svg").attr("aria-hidden", "true");
    host.append(this.canvas, this.svg.node());
    this.ctx = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    this.width = this.height = 0;
    let seen = false;
    const observer = new ResizeObserver(() => {
      if (host.isConnected) {
        seen = true;
        if (this.measure()) redraw();
      } else if (seen) { // a step of a lesson that was left: nothing holds its canvas any longer
        observer.disconnect();
        removeEventListener("sedflow-theme", redraw);
      }
    });
    observer.observe(host);
    addEventListener("sedflow-theme", redraw);
    this.measure();
  }

  /** Take the host's size. @returns {boolean} whether it changed */
  measure() {
    const { clientWidth: width, clientHeight: height } = this.host;
    const scale = devicePixelRatio || 1;
    if (width === this.width && height === this.height) return false;
    Object.assign(this, { width, height });
    this.canvas.width = width * scale;
    this.canvas.height = height * scale;
    this.ctx.setTransform(scale, 0, 0, scale, 0, 0);
    this.svg.attr("viewBox", `0 0 ${width} ${height}`);
    return true;
  }

  /** Edges of the axes' frame: x0, x1, and y0 at the bottom, y1 at the top [px]. */
  get box() {
    const by = enlarged(), { top, right, bottom, left } = this.margin, x0 = by * left, y1 = by * top;
    return { x0, x1: Math.max(this.width - by * right, x0 + 1), y0: Math.max(this.height - by * bottom, y1 + 1), y1 };
  }

  clear() {
    this.ctx.clearRect(0, 0, this.width, this.height);
  }

  /** Draw only inside the axes. @param {(ctx: CanvasRenderingContext2D) => void} draw */
  inside(draw) {
    const { x0, x1, y0, y1 } = this.box;
    this.ctx.save();
    this.ctx.beginPath();
    this.ctx.rect(x0, y1, x1 - x0, y0 - y1);
    this.ctx.clip();
    draw(this.ctx);
    this.ctx.restore();
  }

  /**
   * Axes with a light grid and one label each.
   * @param {{x: any, y: any, xLabel?: string, yLabel?: string, xTicks?: number, yTicks?: number, xText?: boolean,
   *   yValues?: number[], yFormat?: any, xFormat?: any}} spec
   */
  axes({ x, y, xLabel = "", yLabel = "", xTicks, yTicks, xText = true, yValues, yFormat, xFormat }) {
    const { x0, x1, y0, y1 } = this.box, by = enlarged();
    const below = d3.axisBottom(x).ticks(xTicks ?? Math.max(2, (x1 - x0) / (90 * by)), xFormat ?? "~r").tickSize(y1 - y0).tickPadding(6);
    const beside = d3.axisLeft(y).ticks(yTicks ?? Math.max(2, (y0 - y1) / (45 * by)), yFormat ?? "~r").tickSize(x0 - x1).tickPadding(5);
    if (yValues) beside.tickValues(yValues);
    if (!xText) below.tickFormat("");
    const place = (name) => this.svg.selectAll(`g.${name}`).data([0]).join("g").attr("class", name);
    place("x").attr("transform", `translate(0,${y0})`).call(below);
    place("y").attr("transform", `translate(${x0},0)`).call(beside);
    const across = fitted(xLabel, (x0 + x1) / 2, this.width), up = fitted(yLabel, (y0 + y1) / 2, this.height);
    this.svg.selectAll("text.label").data([{ ...across, at: [across.mid, this.height - 4], turn: 0 }, { ...up, at: [typeSize(), up.mid], turn: -90 }])
      .join("text").attr("class", "label").attr("text-anchor", "middle").text((d) => d.text).style("font-size", (d) => `${d.size}px`)
      .attr("transform", (d) => `translate(${d.at}) rotate(${d.turn})`);
  }
}

/** A label near the middle of its axis, where the figure has room for all of it; smaller where it has not. @param {string} text @param {number} middle @param {number} room */
function fitted(text, middle, room) {
  const wide = textWidth(text), share = Math.min(1, (room - 2) / (wide || 1)), half = 0.5 * share * wide + 1;
  return { text, size: share * typeSize(), mid: Math.min(Math.max(middle, half), room - half) };
}

/**
 * Fill between two curves.
 * @param {CanvasRenderingContext2D} ctx
 * @param {any} area of d3, with its own x, y0 and y1
 * @param {ArrayLike<number>} values whose index the accessors take
 * @param {string} fill @param {number} alpha
 */
export function band(ctx, area, values, fill, alpha) {
  ctx.save();
  ctx.globalAlpha = alpha;
  ctx.fillStyle = fill;
  ctx.beginPath();
  area.context(ctx)(values);
  ctx.fill();
  ctx.restore();
}

/**
 * Draw a curve.
 * @param {CanvasRenderingContext2D} ctx
 * @param {any} line of d3 @param {ArrayLike<number>} values
 * @param {string} stroke @param {number} [width] @param {number} [alpha] @param {number[]} [dash]
 */
export function curve(ctx, line, values, stroke, width = 1.5, alpha = 1, dash = []) {
  ctx.save();
  ctx.globalAlpha = alpha;
  ctx.strokeStyle = stroke;
  ctx.lineWidth = width;
  ctx.setLineDash(dash);
  ctx.beginPath();
  line.context(ctx)(values);
  ctx.stroke();
  ctx.restore();
}
