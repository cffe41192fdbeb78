// The quantities of a posterior by name: parameters, then what follows from them.
import { quantiles } from "../numerics/quantiles.js";
import { columnOf } from "./sample.js";

/** A label that fits beside a panel. @param {any} site @param {any} q @returns {string} */
export const shortLabel = (site, q) => site.short_labels[q.name] ?? q.label;
/** @param {any} q @returns {string} */
export const longLabel = (q) => (q.unit ? `${q.label} [${q.unit}]` : q.label);

const kept = new WeakMap();

/**
 * Every quantity of an answer with its draws and its weighted quantiles.
 * @param {any} site @param {any} answer
 * @returns {{name: string, label: string, unit: string, help: string, values: Float64Array, quantiles: number[], range: [number, number]}[]}
 */
export function quantitiesOf(site, answer) {
  if (kept.has(answer)) return kept.get(answer);
  const { n, theta, values, weights } = answer, out = [];
  const add = (list, table) => list.forEach((q, k) => {
    if (out.some((other) => other.name === q.name)) return;
    const column = columnOf(table, table.length / n, k);
    out.push({ ...q, values: column, quantiles: quantilesOf(column, weights, null), range: rangeOf(column, weights) });
  });
  add(site.parameters, theta);
  add(site.quantities.filter((q) => q), values);
  kept.set(answer, out);
  return out;
}

const SHARES = [0.16, 0.5, 0.84];

/** Weighted 16, 50 and 84 % of draws. @param {Float64Array} x @param {Float64Array} weights @param {Uint8Array|null} mask @param {number[]} [shares] */
export function quantilesOf(x, weights, mask, shares = SHARES) {
  const some = [], share = [];
  let total = 0;
  for (let k = 0; k < x.length; k++) {
    if ((mask && !mask[k]) || !weights[k] || Number.isNaN(x[k])) continue;
    some.push(x[k]);
    share.push(weights[k]);
    total += weights[k];
  }
  return Array.from(quantiles(some, shares, share.map((w) => w / total)));
}

function rangeOf(x, weights) {
  const [low, high] = quantilesOf(x, weights, null, [0.004, 0.996]);
  const pad = 0.08 * (high - low) || 0.5;
  return [low - pad, high + pad];
}
