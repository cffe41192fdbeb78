// Histograms of weighted draws in one and two dimensions.

/**
 * Share of the weight in each of equal bins, per unit of x.
 * @param {ArrayLike<number>} values (n)
 * @param {ArrayLike<number> | null} weights (n); equal where null
 * @param {number} low of the first bin
 * @param {number} high of the last
 * @param {number} bins
 * @returns {Float64Array} (bins) density; draws outside count in no bin, but in the whole
 */
export function histogram(values, weights, low, high, bins) {
  const out = new Float64Array(bins);
  const n = values.length;
  let whole = 0;
  for (let k = 0; k < n; k += 1) {
    const w = weights ? weights[k] : 1;
    whole += w;
    const bin = binOf(values[k], low, high, bins);
    if (bin >= 0) out[bin] += w;
  }
  const scale = whole > 0 ? bins / (whole * (high - low)) : 0;
  return out.map((v) => v * scale);
}

/**
 * Share of the weight in each cell of a grid.
 * @param {ArrayLike<number>} x (n)
 * @param {ArrayLike<number>} y (n)
 * @param {ArrayLike<number> | null} weights (n)
 * @param {{x: [number, number], y: [number, number], columns: number, rows: number}} grid
 * @returns {Float64Array} (rows, columns), row by row from the lowest y
 */
export function grid2d(x, y, weights, grid) {
  const out = new Float64Array(grid.rows * grid.columns);
  let whole = 0;
  for (let k = 0; k < x.length; k += 1) {
    const w = weights ? weights[k] : 1;
    whole += w;
    const column = binOf(x[k], grid.x[0], grid.x[1], grid.columns);
    const row = binOf(y[k], grid.y[0], grid.y[1], grid.rows);
    if (column >= 0 && row >= 0) out[row * grid.columns + column] += w;
  }
  return whole > 0 ? out.map((v) => v / whole) : out;
}

/** @param {number} value @param {number} low @param {number} high @param {number} bins */
function binOf(value, low, high, bins) {
  if (!(value >= low && value <= high)) return -1;
  return Math.min(Math.floor(((value - low) / (high - low)) * bins), bins - 1);
}
