// Where the labels of a corner plot go, so that none lies on another, and the margins that they need.
import { enlarged, textWidth, typeSize } from "./frame.js";

const GAP = 5; // px between panels
const SMALLEST = 0.75; // of the usual type, to which a label is shrunk before it is turned
const TURNED = 40; // degrees

/**
 * @typedef {object} Places
 * @property {import("./frame.js").Margin} margin in pixels of usual type
 * @property {boolean} turned whether the labels below the panels are
 * @property {number} lying size of the type of labels beside the panels, along them; 0: they lie
 * @property {boolean} aside whether titles begin at the left side of their panels, since they are wider
 */

/**
 * Places of the labels.
 * @param {{label: string, title: string[]}[]} columns @param {number} width @param {number} height of the figure [px]
 * @returns {Places}
 */
export function placesOf(columns, width, height) {
  const by = enlarged(), type = typeSize(), n = columns.length;
  const widest = (texts) => Math.max(0, ...texts.map(textWidth));
  const label = widest(columns.map((c) => c.label)), title = widest(columns.flatMap((c) => c.title));
  const top = title ? 34 * by : 8 * by;
  const tallOf = (bottom) => (height - top - bottom) / n - GAP;
  let left = 52 * by, bottom = 46 * by;
  const share = Math.min(1, tallOf(bottom) / (label || 1)), lying = share >= SMALLEST ? share * type : 0;
  if (!lying) left = 38 * by + label;
  // The last title may need more room on its right than its panel has.
  const free = width - left, right = Math.max(8 * by, n > 1 ? ((title + 2) * n - free) / (n - 1) : 0);
  const wide = Math.min((free - right) / n, 1.35 * (tallOf(bottom) + GAP)), turned = label > wide - GAP;
  if (turned) bottom = 18 * by + Math.sin((TURNED * Math.PI) / 180) * label + type;
  return { margin: { top: top / by, right: right / by, bottom: bottom / by, left: left / by }, turned, lying, aside: title > wide };
}

/** Where a label below a panel is: its transform and its anchor. @param {Places} places @param {number} x the panel's middle @param {number} y its foot */
export function footOf({ turned }, x, y) {
  const type = typeSize();
  if (turned) return { transform: `translate(${x + 0.3 * type},${y + 12 + 1.1 * type}) rotate(${-TURNED})`, anchor: "end", size: type };
  return { transform: `translate(${x},${y + 19 + 1.2 * type})`, anchor: "middle", size: type };
}

/** The same of a label beside a panel. @param {Places} places @param {number} left the panel's left side @param {number} y its middle */
export function wallOf({ lying }, left, y) {
  const type = typeSize();
  if (lying) return { transform: `translate(${type},${y}) rotate(-90)`, anchor: "middle", size: lying };
  return { transform: `translate(${left - 32 * enlarged()},${y + 0.35 * type})`, anchor: "end", size: type };
}
