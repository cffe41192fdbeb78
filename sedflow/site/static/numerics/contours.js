// Levels of a density that enclose given shares of the posterior, and a grid smoothed for them.

/**
 * Densities above which given shares of the mass lie.
 * @param {ArrayLike<number>} grid shares of cells, in any order
 * @param {number[]} masses such as [0.68, 0.95]
 * @returns {number[]} a level for each mass
 */
export function massLevels(grid, masses) {
  const sorted = Float64Array.from(grid).sort().reverse();
  const whole = sorted.reduce((a, b) => a + b, 0);
  return masses.map((mass) => {
    let sum = 0;
    for (const value of sorted) {
      sum += value;
      if (sum >= mass * whole) return value;
    }
    return 0;
  });
}

/**
 * A grid smoothed by a Gaussian, whose mass at the edges is kept inside (reflected).
 * @param {Float64Array} grid (rows, columns)
 * @param {number} columns
 * @param {number} width standard deviation, in cells
 */
export function smoothed(grid, columns, width) {
  const rows = grid.length / columns;
  const along = blurred(grid, rows, columns, columns, 1, width);
  return blurred(along, columns, rows, 1, columns, width);
}

/**
 * @param {Float64Array} grid
 * @param {number} lines
 * @param {number} length of a line
 * @param {number} stride from line to line
 * @param {number} step along a line
 * @param {number} width
 */
function blurred(grid, lines, length, stride, step, width) {
  const reach = Math.min(Math.ceil(3 * width), length - 1);
  if (!(reach > 0)) return Float64Array.from(grid);
  const kernel = Float64Array.from({ length: 2 * reach + 1 }, (_, k) => Math.exp(-0.5 * ((k - reach) / width) ** 2));
  const whole = kernel.reduce((a, b) => a + b, 0);
  const out = new Float64Array(grid.length);
  for (let line = 0; line < lines; line += 1) {
    for (let at = 0; at < length; at += 1) {
      const value = grid[line * stride + at * step] / whole;
      if (value === 0) continue;
      for (let k = -reach; k <= reach; k += 1) {
        let to = at + k;
        if (to < 0) to = -1 - to;
        if (to >= length) to = 2 * length - 1 - to;
        out[line * stride + to * step] += value * kernel[k + reach];
      }
    }
  }
  return out;
}
