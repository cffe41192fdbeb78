// Weighted densities of draws on a grid.
import { smoothed } from "../numerics/contours.js";

const BINS = 26;
const FEW = 40; // draws below which contours would draw noise
const WIDTH = 1; // of the smoothing [bins]

/** Share of the weight in each bin. @param {ArrayLike<number>} x @param {ArrayLike<number>} weights @param {ArrayLike<number>|null} mask @param {[number, number]} range */
export function singleDensity(x, weights, mask, [low, high], n = BINS) {
  const out = new Float64Array(n), wide = (high - low) / n;
  for (let k = 0; k < x.length; k++) {
    if (mask && !mask[k]) continue;
    const bin = Math.floor((x[k] - low) / wide);
    if (bin >= 0 && bin < n) out[bin] += weights[k];
  }
  return out;
}

/**
 * Smoothed share of the weight on a grid of two quantities; null of too few draws.
 * @param {ArrayLike<number>} x @param {ArrayLike<number>} y @param {ArrayLike<number>} weights @param {ArrayLike<number>|null} mask
 * @param {[number, number]} xr @param {[number, number]} yr
 */
export function pairDensity(x, y, weights, mask, xr, yr, n = BINS) {
  const grid = new Float64Array(n * n);
  const dx = n / (xr[1] - xr[0]), dy = n / (yr[1] - yr[0]);
  let count = 0;
  for (let k = 0; k < x.length; k++) {
    if (mask && !mask[k]) continue;
    const i = Math.floor((x[k] - xr[0]) * dx), j = Math.floor((y[k] - yr[0]) * dy);
    if (i < 0 || i >= n || j < 0 || j >= n) continue;
    grid[j * n + i] += weights[k];
    count++;
  }
  if (count < FEW) return null;
  return { grid: smoothed(grid, n, WIDTH), n };
}
