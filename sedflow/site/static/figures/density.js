// Weighted densities of draws on a grid, and the levels at which contours hold a share of them.

const BINS = 26;
const FEW = 40; // draws below which contours would draw noise
const KERNEL = [0.06, 0.24, 0.4, 0.24, 0.06];

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
  return { grid: smooth(smooth(grid, n, 1), n, n), n };
}

function smooth(grid, n, step) {
  const out = new Float64Array(grid.length), other = step === 1 ? n : 1;
  for (let a = 0; a < n; a++) {
    for (let b = 0; b < n; b++) {
      const value = grid[a * other + b * step];
      if (!value) continue;
      for (let k = -2; k <= 2; k++) {
        // What would leave the range is put back at its edge, so that no share is lost.
        const to = Math.min(Math.max(b + k, 0), n - 1);
        out[a * other + to * step] += value * KERNEL[k + 2];
      }
    }
  }
  return out;
}

/** Densities above which the grid holds these shares of its sum. @param {Float64Array} grid @param {number[]} shares */
export function levels(grid, shares) {
  const sorted = Float64Array.from(grid).sort().reverse();
  let total = 0;
  for (const value of sorted) total += value;
  return shares.map((share) => {
    let sum = 0;
    for (const value of sorted) {
      sum += value;
      if (sum >= share * total) return value;
    }
    return sorted[0];
  });
}
