// Selections of draws: a mask, and the share of the posterior in it.

/**
 * @typedef {object} Brush
 * @property {Uint8Array} mask (n) 1 where a draw is selected
 * @property {number} n draws selected
 * @property {number} share posterior mass of the selection
 */

/**
 * The draws that a test takes.
 * @param {ArrayLike<number>} weights (n), sum 1
 * @param {(row: number) => boolean} inside
 * @returns {Brush}
 */
export function brushed(weights, inside) {
  const mask = new Uint8Array(weights.length);
  let n = 0;
  let share = 0;
  for (let k = 0; k < weights.length; k += 1) {
    if (!inside(k)) continue;
    mask[k] = 1;
    n += 1;
    share += weights[k];
  }
  return { mask, n, share };
}

/**
 * A test: whether all of some columns are inside their ranges, in either order of the ends.
 * @param {{values: ArrayLike<number>, range: [number, number]}[]} ranges
 * @returns {(row: number) => boolean}
 */
export function within(ranges) {
  const sides = ranges.map(({ values, range: [a, b] }) => ({ values, low: Math.min(a, b), high: Math.max(a, b) }));
  return (row) => sides.every(({ values, low, high }) => values[row] >= low && values[row] <= high);
}

/**
 * Weights of a selection alone, which sum to 1; null where it has no mass.
 * @param {Brush} brush
 * @param {ArrayLike<number>} weights (n)
 */
export function selectedWeights(brush, weights) {
  if (!(brush.share > 0)) return null;
  return Float64Array.from(weights, (w, k) => (brush.mask[k] ? w / brush.share : 0));
}
