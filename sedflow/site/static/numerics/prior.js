// Densities of the prior in one dimension, to draw beside a posterior's.
import { interpolated } from "./quantiles.js";

const SHARES = /^beta[1-4]$/;

/**
 * Density of the flat prior of one parameter: (1, 3) beta for the shares of the mass, of which four
 * make one, and uniform for all others.
 * @param {string} name
 * @param {number} low
 * @param {number} high
 * @param {number} x
 * @returns {number} 0 outside
 */
export function priorDensity(name, low, high, x) {
  if (!(x >= low && x <= high)) return 0;
  return SHARES.test(name) ? 3 * (1 - x) ** 2 : 1 / (high - low);
}

/**
 * Density of a quantity that has a table, linear between its points.
 * @param {{x: number[], density: number[]}} table x ascending
 * @param {number} x
 * @returns {number} 0 outside
 */
export function tabulated(table, x) {
  const last = table.x.length - 1;
  if (!(x >= table.x[0] && x <= table.x[last])) return 0;
  return interpolated(x, table.x, (k) => table.density[k]);
}
