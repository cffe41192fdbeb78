// The posterior of one galaxy: the network's draws, weighted to be exact, and the verdict on them.
import { smooth } from "../numerics/psis.js";
import { systematic } from "../numerics/quantiles.js";
import { basePoints, noiseOf } from "../numerics/noise.js";
import { judge, passes } from "../numerics/verdict.js";
import { outside } from "../numerics/domain.js";

/** @typedef {import("./graphs.js").Graphs} Graphs */
/** @typedef {{flux: Float64Array, sigma: Float64Array, redshift: number}} Galaxy */
/** @typedef {{points: Float32Array, mass: Float32Array}} Base */

const MORE = 5; // times as many draws, where the first are too few
const HOPEFUL = 1; // k-hat below which more draws may help
export const MOST = 10000; // draws

/**
 * What is known of a galaxy's parameters.
 * @param {Graphs} graphs
 * @param {any} asked flux, sigma [nanomaggies; NaN or null where a band is absent], redshift, n, seed,
 *   and base, points to start from instead of those of the seed
 */
export async function answered(graphs, asked) {
  const begun = performance.now();
  const galaxy = checkedGalaxy(asked, graphs.site);
  const n = checkedWhole("n", asked.n ?? 1000, 1, MOST);
  const seed = checkedWhole("seed", asked.seed ?? 0, 0, 2 ** 31 - 1);
  const judgedOn = graphs.site.limits.judged_on ?? 1000;
  const made = Math.max(n, judgedOn);
  const context = await contextOf(graphs, galaxy);
  const width = graphs.site.graphs.draw.inputs.noise.shape[1];
  const base = (/** @type {number} */ count) =>
    basePoints(noiseOf(seed, galaxy.flux, galaxy.sigma, [galaxy.redshift]), count, width);
  let found = await weighed(graphs, galaxy, context, asked.base ?? base(made));
  const first = found.figures;
  if (!asked.base && !passes(first, found.n) && first.kHat < HOPEFUL) {
    const more = await weighed(graphs, galaxy, context, base(Math.min(MORE * made, 5 * MOST)));
    if (passes(more.figures, more.n)) found = more;
  }
  const { figures, theta, modelFlux, chi2 } = found;
  const bands = graphs.site.network.bands.map((/** @type {any} */ band) => band.name);
  const verdict = judge({
    galaxy: { ...galaxy, bands }, figures, chi2, table: graphs.site.p_values,
    bestLogLikelihood: found.logLikelihood.reduce((a, b) => Math.max(a, b), -Infinity),
    outside: outside({ ...galaxy, bands }, graphs.site.domain, chi2).join("; "),
  });
  const kept = asked.base || found.n === n ? null : systematic(figures.weights, n);
  const rows = (/** @type {Float64Array} */ table) => (kept ? taken(table, found.n, kept) : table);
  const shown = rows(theta);
  return {
    n: kept ? n : found.n, theta: shown, modelFlux: rows(modelFlux), chi2: rows(chi2),
    weights: kept ? new Float64Array(n).fill(1 / n) : figures.weights,
    values: await quantitiesOf(graphs, shown, galaxy.redshift),
    kHat: figures.kHat, ess: figures.ess, logZ: figures.logZ, logZError: figures.logZError, made: found.n,
    verdict, milliseconds: performance.now() - begun,
  };
}

/** @param {Graphs} graphs @param {Galaxy} galaxy */
async function contextOf(graphs, galaxy) {
  const { context } = await graphs.run("features", photometry(galaxy));
  return context;
}

/** @param {Graphs} graphs @param {Galaxy} galaxy @param {any} context @param {Base} base */
async function weighed(graphs, galaxy, context, base) {
  const n = base.mass.length;
  const noise = { data: base.points, shape: [n, base.points.length / n] };
  const { x, log_density: density } = await graphs.run("draw", { noise, context });
  const out = await graphs.run("weigh", { x, u: { data: base.mass, shape: [n] }, ...photometry(galaxy) });
  const likelihood = out.log_likelihood.data;
  const target = Float64Array.from(likelihood, (v, k) => v + out.log_prior.data[k]);
  const figures = smooth(target.map((v, k) => v - density.data[k]), target);
  return {
    n, figures, theta: /** @type {Float64Array} */ (out.theta.data), modelFlux: /** @type {Float64Array} */ (out.model_flux.data),
    chi2: /** @type {Float64Array} */ (out.chi2.data), logLikelihood: /** @type {Float64Array} */ (likelihood),
  };
}

/** @param {Graphs} graphs @param {Float64Array} theta @param {number} redshift */
async function quantitiesOf(graphs, theta, redshift) {
  if (!graphs.has("quantities")) return new Float64Array(0);
  const { values } = await graphs.run("quantities", atRedshift(graphs, theta, redshift));
  return Float64Array.from(values.data);
}

/** @param {Galaxy} galaxy */
function photometry({ flux, sigma, redshift }) {
  const shape = [1, flux.length];
  return { flux: { data: flux, shape }, sigma: { data: sigma, shape }, redshift: { data: [redshift], shape: [1] } };
}

/**
 * Inputs of a graph that takes parameters.
 * @param {Graphs} graphs
 * @param {ArrayLike<number>} theta (m, 12), row by row
 * @param {number} redshift
 */
export function atRedshift(graphs, theta, redshift) {
  const width = graphs.site.parameters.length;
  const rows = theta.length / width;
  if (!Number.isInteger(rows) || rows === 0) throw new RangeError(`theta has ${theta.length} numbers; give ${width} for each model`);
  checkedRedshift(redshift, graphs.site);
  return { theta: { data: theta, shape: [rows, width] }, redshift: { data: [redshift], shape: [1] } };
}

/** @param {Float64Array} table @param {number} n @param {Uint32Array} rows */
function taken(table, n, rows) {
  const width = table.length / n;
  const out = new Float64Array(rows.length * width);
  rows.forEach((row, k) => out.set(table.subarray(row * width, (row + 1) * width), k * width));
  return out;
}

/** @param {any} asked @param {any} site @returns {Galaxy} */
function checkedGalaxy(asked, site) {
  const count = site.network.bands.length;
  const column = (/** @type {any} */ values) => Float64Array.from(values, (/** @type {any} */ v) => (v === null ? NaN : Number(v)));
  const flux = column(asked.flux);
  const sigma = column(asked.sigma);
  if (flux.length !== count || sigma.length !== count) {
    throw new RangeError(`There are ${flux.length} fluxes and ${sigma.length} errors; give ${count} of each, NaN where a band is absent`);
  }
  flux.forEach((f, k) => {
    const there = Number.isFinite(f);
    const name = site.network.bands[k].name;
    if (there && !(sigma[k] > 0 && sigma[k] < Infinity)) throw new RangeError(`The error in ${name} is ${sigma[k]}; it must be above 0, and finite`);
    if (Math.abs(f) === Infinity) throw new RangeError(`The flux in ${name} is ${f}; give a number, or leave out the band`);
    if (!there) flux[k] = sigma[k] = NaN;
  });
  if (flux.every(Number.isNaN)) throw new RangeError("No band has a flux; give one at least");
  return { flux, sigma, redshift: checkedRedshift(asked.redshift, site) };
}

/** @param {any} redshift @param {any} site */
function checkedRedshift(redshift, site) {
  const most = site.grid.max_redshift ?? site.network.redshift[1];
  if (typeof redshift === "number" && redshift > 0 && redshift <= most) return redshift;
  throw new RangeError(`redshift = ${redshift}; give a number above 0, up to ${most}, where the model ends`);
}

/** @param {string} name @param {any} value @param {number} low @param {number} high */
function checkedWhole(name, value, low, high) {
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new RangeError(`${name} = ${value}; give a whole number from ${low} to ${high}`);
}
