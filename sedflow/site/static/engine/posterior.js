// The posterior of one galaxy: the network's draws, weighted to be exact, and the verdict on them.
import { smooth } from "../numerics/psis.js";
import { systematic } from "../numerics/quantiles.js";
import { basePoints, noiseOf } from "../numerics/noise.js";
import { FAILED, judge, leftAside, passes, warned } from "../numerics/verdict.js";
import { outside } from "../numerics/domain.js";
import { leaning } from "../numerics/edges.js";

/** @typedef {import("./graphs.js").Graphs} Graphs */
/** @typedef {{flux: Float64Array, sigma: Float64Array, redshift: number}} Galaxy */
/** @typedef {{points: Float32Array, mass: Float32Array}} Base */
/** @typedef {Record<"theta" | "modelFlux" | "chi2" | "logLikelihood" | "target" | "logWeight", Float64Array>} Columns */
/** @typedef {Columns & {n: number, figures: import("../numerics/psis.js").Weights}} Weighed */

const MORE = 5; // times as many draws, where the first are too few
const HOPEFUL = 1; // k-hat below which more draws may help
const CHUNK = 250; // draws that the graphs are given at once
export const MOST = 10000; // draws

/**
 * What is known of a galaxy's parameters.
 * @param {Graphs} graphs
 * @param {any} asked flux, sigma [nanomaggies; NaN or null where a band is absent], redshift, n, seed,
 *   and base, points to start from instead of those of the seed
 */
export async function answered(graphs, asked) {
  const begun = performance.now();
  const { site } = graphs;
  const galaxy = checkedGalaxy(asked, site);
  const n = checkedWhole("n", asked.n ?? 1000, 1, MOST);
  const seed = checkedWhole("seed", asked.seed ?? 0, 0, 2 ** 31 - 1);
  const made = Math.max(n, site.limits.judged_on ?? 1000);
  const { context } = await graphs.run("features", photometry(galaxy));
  const width = site.graphs.draw.inputs.noise.shape[1];
  const base = (/** @type {number} */ count) =>
    basePoints(noiseOf(seed, galaxy.flux, galaxy.sigma, [galaxy.redshift]), count, width);
  const first = await weighed(graphs, galaxy, context, asked.base ?? base(made));
  let found = first;
  if (!asked.base && !passes(first.figures, first.n) && first.figures.kHat < HOPEFUL) {
    found = await weighed(graphs, galaxy, context, base(Math.min(MORE * made, 5 * MOST)), first);
  }
  const { figures, chi2 } = found;
  const named = { ...galaxy, bands: site.network.bands.map((/** @type {any} */ band) => band.name) };
  const verdict = judge({
    galaxy: named, figures, chi2, table: site.p_values,
    bestLogLikelihood: found.logLikelihood.reduce((a, b) => Math.max(a, b), -Infinity),
    outside: outside(named, site, first.chi2).join("; "),
  });
  const few = leftAside(figures, found.n);
  const alike = verdict.kind === FAILED || few;
  const shares = alike ? new Float64Array(found.n).fill(1 / found.n) : figures.weights;
  const kept = asked.base || found.n === n ? null : systematic(shares, n);
  const rows = (/** @type {Float64Array} */ table) => (kept ? taken(table, found.n, kept) : table);
  const theta = rows(found.theta);
  const weights = kept ? new Float64Array(n).fill(1 / n) : shares;
  const names = site.parameters.map((/** @type {any} */ one) => one.name);
  return {
    n: kept ? n : found.n, theta, modelFlux: rows(found.modelFlux), chi2: rows(chi2), weights,
    values: await quantitiesOf(graphs, theta, galaxy.redshift),
    kHat: figures.kHat, ess: figures.ess, logZ: figures.logZ, logZError: figures.logZError, made: found.n,
    verdict: few ? verdict : warned(verdict, leaning(theta, names, weights, site.limits.edges)),
    milliseconds: performance.now() - begun,
  };
}

/**
 * Draws of base points, and their weights.
 * @param {Graphs} graphs @param {Galaxy} galaxy @param {any} context @param {Base} base
 * @param {Weighed | null} [before] what was found of the first of these points
 * @returns {Promise<Weighed>}
 */
async function weighed(graphs, galaxy, context, base, before = null) {
  const n = base.mass.length;
  const table = (/** @type {keyof Weighed} */ name, width = 1) => {
    const out = new Float64Array(n * width);
    if (before) out.set(/** @type {Float64Array} */ (before[name]));
    return out;
  };
  const columns = {
    theta: table("theta", graphs.site.parameters.length), modelFlux: table("modelFlux", galaxy.flux.length),
    chi2: table("chi2"), logLikelihood: table("logLikelihood"), target: table("target"), logWeight: table("logWeight"),
  };
  for (let at = before?.n ?? 0; at < n; at += CHUNK) {
    await fill(graphs, galaxy, context, base, [at, Math.min(at + CHUNK, n)], columns);
  }
  return { n, ...columns, figures: smooth(columns.logWeight, columns.target) };
}

/**
 * The rows of some base points. Few at a time: what the graphs hold then stays small and near.
 * @param {Graphs} graphs @param {Galaxy} galaxy @param {any} context @param {Base} base
 * @param {[number, number]} rows first, and the one after the last
 * @param {Columns} columns
 */
async function fill(graphs, galaxy, context, { points, mass }, [from, to], columns) {
  const width = points.length / mass.length;
  const noise = { data: points.subarray(from * width, to * width), shape: [to - from, width] };
  const { x, log_density: density } = await graphs.run("draw", { noise, context });
  const u = { data: mass.subarray(from, to), shape: [to - from] };
  const out = await graphs.run("weigh", { x, u, ...photometry(galaxy) });
  columns.theta.set(out.theta.data, from * out.theta.shape[1]);
  columns.modelFlux.set(out.model_flux.data, from * galaxy.flux.length);
  columns.chi2.set(out.chi2.data, from);
  columns.logLikelihood.set(out.log_likelihood.data, from);
  for (let k = from; k < to; k += 1) {
    columns.target[k] = columns.logLikelihood[k] + out.log_prior.data[k - from];
    columns.logWeight[k] = columns.target[k] - density.data[k - from];
  }
}

/**
 * Derived quantities of models, row by row.
 * @param {Graphs} graphs @param {ArrayLike<number>} theta (m, 12), row by row @param {number} redshift
 */
export async function quantitiesOf(graphs, theta, redshift) {
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
