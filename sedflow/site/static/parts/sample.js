// Draws of equal weight, and pointwise spreads over them.
import { systematic } from "../numerics/quantiles.js";

/**
 * Systematic resampling: draw k appears in proportion to its weight.
 * @param {Float64Array} weights of sum 1 @param {number} m draws wanted @param {Uint8Array|null} [mask] that may be taken
 * @returns {number[]}
 */
export function resample(weights, m, mask = null) {
  if (!mask) return Array.from(systematic(weights, m));
  const some = weights.map((w, k) => (mask[k] ? w : 0)), total = some.reduce((a, b) => a + b, 0);
  return Array.from(systematic(some.map((w) => w / total), m));
}

/** Rows of a flat table. @param {Float64Array} table @param {number} wide @param {number[]} rows */
export function take(table, wide, rows) {
  const out = new Float64Array(rows.length * wide);
  rows.forEach((row, k) => out.set(table.subarray(row * wide, (row + 1) * wide), k * wide));
  return out;
}

/** One column of a flat table. @param {ArrayLike<number>} table @param {number} wide @param {number} column */
export function columnOf(table, wide, column) {
  const n = table.length / wide, out = new Float64Array(n);
  for (let k = 0; k < n; k++) out[k] = table[k * wide + column];
  return out;
}

/**
 * Quantiles of each column over some rows of equal weight.
 * @param {ArrayLike<number>} table (m, wide) @param {number} wide @param {number[]} rows @param {number[]} shares
 * @returns {Float64Array[]} one of length wide for each share
 */
export function spreads(table, wide, rows, shares) {
  const out = shares.map(() => new Float64Array(wide)), m = rows.length;
  const one = new Float64Array(m);
  for (let j = 0; j < wide; j++) {
    for (let k = 0; k < m; k++) one[k] = table[rows[k] * wide + j];
    one.sort();
    shares.forEach((share, s) => {
      const at = share * (m - 1), k = Math.floor(at);
      out[s][j] = one[k] + (at - k) * (one[Math.min(k + 1, m - 1)] - one[k]);
    });
  }
  return out;
}
