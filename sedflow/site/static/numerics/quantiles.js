// Quantiles under weights: linear in the cumulative weight at the middle of each draw, as
// sedflow.draws.weighted_quantile.

/**
 * Quantiles of values under weights that sum to 1.
 * @param {ArrayLike<number>} values (n)
 * @param {ArrayLike<number>} levels from 0 to 1
 * @param {ArrayLike<number>} [weights] (n); equal by default
 * @returns {Float64Array} one for each level; NaN where a value is NaN, or of no values
 */
export function quantiles(values, levels, weights) {
  const n = values.length;
  const out = new Float64Array(levels.length).fill(NaN);
  if (!n) return out;
  const order = Uint32Array.from({ length: n }, (_, k) => k).sort((a, b) => values[a] - values[b]);
  let sum = 0;
  const middle = new Float64Array(n);
  for (let k = 0; k < n; k += 1) {
    if (Number.isNaN(values[order[k]])) return out;
    const w = weights ? weights[order[k]] : 1 / n;
    middle[k] = sum + 0.5 * w;
    sum += w;
  }
  return out.map((_, i) => interpolated(levels[i], middle, (k) => values[order[k]]));
}

/**
 * Quantiles of each column of a table under the weights of its rows.
 * @param {ArrayLike<number>} table (n, columns), row by row
 * @param {number} columns
 * @param {ArrayLike<number>} levels
 * @param {ArrayLike<number>} [weights] (n)
 * @returns {Float64Array} (levels, columns), row by row
 */
export function columnQuantiles(table, columns, levels, weights) {
  const n = table.length / columns;
  const out = new Float64Array(levels.length * columns);
  const column = new Float64Array(n);
  for (let c = 0; c < columns; c += 1) {
    for (let k = 0; k < n; k += 1) column[k] = table[k * columns + c];
    quantiles(column, levels, weights).forEach((value, i) => {
      out[i * columns + c] = value;
    });
  }
  return out;
}

/**
 * Rows of equal weight that stand for weighted ones: systematic resampling, in the rows' order.
 * @param {ArrayLike<number>} weights (n), sum 1
 * @param {number} count
 * @param {number} [start] from 0 to 1: where in its step the first falls
 * @returns {Uint32Array} (count)
 */
export function systematic(weights, count, start = 0.5) {
  const out = new Uint32Array(count);
  let row = 0;
  let sum = weights[0];
  for (let k = 0; k < count; k += 1) {
    const at = (k + start) / count;
    while (sum < at && row < weights.length - 1) sum += weights[(row += 1)];
    out[k] = row;
  }
  return out;
}

/**
 * The value of a polygon at x; the first or last value outside of it.
 * @param {number} x
 * @param {ArrayLike<number>} at ascending
 * @param {(k: number) => number} value
 */
export function interpolated(x, at, value) {
  let low = 0;
  let high = at.length - 1;
  if (x <= at[low]) return value(low);
  if (x >= at[high]) return value(high);
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (at[middle] <= x) low = middle;
    else high = middle;
  }
  const part = (x - at[low]) / (at[high] - at[low]);
  return value(low) + part * (value(high) - value(low));
}
