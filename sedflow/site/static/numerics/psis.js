// Pareto-smoothed importance weights (Vehtari et al. 2024, JMLR 25, 72): the largest weights are
// replaced by the quantiles of a generalised Pareto distribution fitted to them (Zhang & Stephens
// 2009, Technometrics 51, 316). Conventions as in sedflow/sampling/importance.py.

const LEAST = Math.log(2.2250738585072014e-308); // of the weights that are in a tail
const REACH = 700; // of log weights below the largest, as far as exp goes
const FEWEST = 5; // weights in a tail to which something can be fitted
const ROUNDING = 0.01; // in a log weight, beyond which the weights say nothing

/**
 * @typedef {object} Weights
 * @property {Float64Array} weights (n), sum 1
 * @property {number} ess effective number of draws, 1 / sum of squared weights
 * @property {number} kHat shape of the tail; below 0.7 the weights can be trusted
 * @property {number} logZ natural log of the evidence
 * @property {number} logZError its standard error
 */

/**
 * Smoothed weights of draws, and their figures.
 * @param {ArrayLike<number>} logWeights (n) natural logs of prior x likelihood / density; -inf or NaN
 *   is a draw without weight
 * @param {ArrayLike<number>} [terms] (n) what the log weight is the difference of, for its rounding
 * @returns {Weights}
 */
export function smooth(logWeights, terms) {
  const n = logWeights.length;
  const raw = Float64Array.from(logWeights, (v) => (Number.isNaN(v) ? -Infinity : v));
  let best = 0;
  for (let k = 1; k < n; k += 1) if (raw[k] > raw[best]) best = k;
  const top = n ? raw[best] : -Infinity;
  const size = Math.max(Math.abs(top), terms ? Math.abs(terms[best]) : 0);
  // No draw has any weight, or the last digit of the weight's terms decides which one has.
  if (!Number.isFinite(top) || !(size * 2 ** -52 < ROUNDING)) {
    return { weights: new Float64Array(n).fill(1 / n), ess: 0, kHat: Infinity, logZ: -Infinity, logZError: Infinity };
  }
  const log = raw.map((v) => Math.max(v - top, -REACH));
  const least = log.reduce((a, b) => Math.min(a, b), 0);
  let kHat = 0;
  if (n === 1) kHat = Infinity;
  else if (least > -1e-9) log.fill(0);
  else kHat = smoothTail(log);
  const weights = log.map(Math.exp);
  const sum = weights.reduce((a, b) => a + b, 0);
  let squares = 0;
  for (let k = 0; k < n; k += 1) {
    weights[k] /= sum;
    squares += weights[k] ** 2;
  }
  const logZ = top + Math.log(sum / n);
  return { weights, ess: 1 / squares, kHat, logZ, logZError: Math.sqrt(Math.max(squares - 1 / n, 0)) };
}

/**
 * Replace the tail of log weights, of which the largest is 0, and return its shape.
 * @param {Float64Array} log changed in place
 */
function smoothTail(log) {
  const n = log.length;
  const order = Array.from(log.keys()).sort((a, b) => log[a] - log[b]);
  const size = Math.ceil(Math.min(n / 5, 3 * Math.sqrt(n)));
  const cut = Math.max(log[order[Math.max(n - size - 1, 0)]], LEAST);
  const tail = order.filter((k) => log[k] > cut);
  if (tail.length < FEWEST) return Infinity;
  const edge = Math.exp(cut);
  const { shape, scale } = fitPareto(Float64Array.from(tail, (k) => Math.exp(log[k]) - edge));
  if (!Number.isFinite(shape)) return shape;
  tail.forEach((k, rank) => {
    const excess = scale * paretoQuantile((rank + 0.5) / tail.length, shape);
    log[k] = Math.min(Math.log(excess + edge), 0);
  });
  return shape;
}

/**
 * Shape and scale of a generalised Pareto distribution: an empirical Bayes estimate. Its parameter
 * b = -shape / scale is averaged over a grid by profile likelihood; the shape is then drawn towards
 * 0.5 as if by ten more points.
 * @param {Float64Array} x ascending, above zero
 */
export function fitPareto(x) {
  const n = x.length;
  const points = 30 + Math.floor(Math.sqrt(n));
  const quarter = x[Math.floor(n / 4 + 0.5) - 1];
  const shapeAt = (/** @type {number} */ b) => x.reduce((sum, v) => sum + Math.log1p(-b * v), 0) / n;
  const grid = Float64Array.from({ length: points }, (_, k) =>
    1 / x[n - 1] + (1 - Math.sqrt(points / (k + 0.5))) / (3 * quarter));
  const likely = grid.map((b) => {
    const k = shapeAt(b);
    return n * (Math.log(-b / k) - k - 1);
  });
  const most = likely.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = likely.reduce((sum, v) => sum + Math.exp(v - most), 0);
  let share = 0;
  let b = 0;
  likely.forEach((v, k) => {
    const w = Math.exp(v - most) / total;
    if (!(w >= 10 * 2 ** -52)) return;
    share += w;
    b += w * grid[k];
  });
  b /= share;
  const raw = shapeAt(b);
  return { shape: (n * raw + 10 * 0.5) / (n + 10), scale: -raw / b };
}

/** Of a generalised Pareto distribution of scale 1. @param {number} p @param {number} shape */
function paretoQuantile(p, shape) {
  const log = -Math.log1p(-p);
  return Math.abs(shape) < 2 ** -52 ? log : Math.expm1(shape * log) / shape;
}
