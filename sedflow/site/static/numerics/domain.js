// In which way a galaxy lies outside of what the network was trained on: the ranges of
// sedflow/network/domain.py in its words, and its check of the best draw, which here leaves open
// which band is to blame.
import { bandCount, general, tooPrecise } from "./fit.js";
import { interpolated } from "./quantiles.js";
import { chiSquareAbove } from "./special.js";
import { beyondUsual } from "./usual.js";

const N_SIGMA = 4;
const MIN_RATIO = 3; // signal-to-noise below which a band has no colour to speak of
const UNLIKELY = 1e-3; // share of good galaxies whose chi-square is larger
const FLOOR_SHARE = 0.4; // of the recommended floor, below which an error is not believed

/** @typedef {{flux: ArrayLike<number>, sigma: ArrayLike<number>, redshift: number, bands: string[]}} Galaxy */

/**
 * @typedef {object} Domain of the manifest
 * @property {number[]} redshift
 * @property {Record<string, number[]>} colors
 * @property {Record<string, number[]>} magnitudes absolute
 * @property {Record<string, number>} floors recommended errors, as shares of the flux
 * @property {number} max_redshift where the model ends
 * @property {{redshift: number[], above_log: number[]}} modulus distance modulus less 5 log10 of the redshift
 */

/**
 * Sentences on what is wrong; none inside.
 * @param {Galaxy} galaxy
 * @param {{domain: Domain | null, noise: import("./usual.js").Noise}} site
 * @param {ArrayLike<number>} chi2 of the network's draws
 * @returns {string[]}
 */
export function outside(galaxy, { domain, noise }, chi2) {
  if (!domain) return [];
  const out = ranges(galaxy, domain, noise);
  const best = Float64Array.from(chi2).reduce((a, b) => Math.min(a, b), Infinity);
  const limit = chiSquareAbove(bandCount(galaxy), UNLIKELY);
  if (best > limit) out.push(`the best draw has a chi-square of ${general(best, 3)}, where good data stay below ${general(limit, 3)}`);
  return out;
}

/**
 * The same without draws.
 * @param {Galaxy} galaxy @param {Domain} domain @param {import("./usual.js").Noise} noise
 */
export function ranges(galaxy, domain, noise) {
  return [
    ...redshiftOf(galaxy, domain), ...errorsOf(galaxy, domain, noise), ...negativeOf(galaxy),
    ...colorsOf(galaxy, domain), ...magnitudesOf(galaxy, domain),
  ];
}

/** @param {Galaxy} galaxy @param {Domain} domain */
function redshiftOf({ redshift }, { redshift: [low, high], max_redshift: end }) {
  if (redshift >= low && redshift <= high) return [];
  let remedy = `use MCMC (sedflow.MCMCSampler()), which goes on to ${general(end, 6)}; the grids of FSPS cover u to 0.311 only, ` +
    "so leave out u beyond, or use MCMCSampler(model=sedflow.SEDModel('bc03'))";
  if (redshift < low) remedy = "use MCMC, and a distance of your own: redshifts that low do not give one";
  else if (redshift > end) remedy = `the model itself ends at ${general(end, 6)}`;
  return [`redshift ${redshift.toFixed(4)} is outside the ${general(low, 6)} to ${general(high, 6)} of training; ${remedy}`];
}

/** Errors smaller than any of training, then those below what photometry is good to. @param {Galaxy} galaxy @param {Domain} domain @param {import("./usual.js").Noise} noise */
function errorsOf(galaxy, { floors }, noise) {
  const { flux, sigma, bands } = galaxy;
  const least = noise.broad[0];
  /** @type {string[]} */
  const small = [];
  /** @type {string[]} */
  const doubtful = [];
  bands.forEach((band, k) => {
    const off = beyondUsual(sigma[k], flux[k], noise, k);
    if (off < least) {
      small.push(`the error in ${band} (${general(sigma[k], 2)} nanomaggies) is smaller than any in training at that flux ` +
        `(${general(sigma[k] * 10 ** (least - off), 2)}); inflate it to that${tooPrecise(galaxy) ? "" : ", or use MCMC"}`);
    } else if (sigma[k] < FLOOR_SHARE * (floors[band] ?? 0) * flux[k]) {
      doubtful.push(`${band} ${general((100 * sigma[k]) / flux[k], 2)} (${general(100 * floors[band], 6)})`);
    }
  });
  if (!doubtful.length) return small;
  return [...small, "errors in percent of the flux are far below what photometry is good to between bands (in brackets): " +
    `${doubtful.join(", ")}; add a floor (floor = 'recommended' of a mapping, or sigma = hypot(sigma, share * flux))`];
}

/** @param {Galaxy} galaxy */
function negativeOf({ flux, sigma, bands }) {
  return bands.flatMap((band, k) => (flux[k] < -N_SIGMA * sigma[k]
    ? [`the flux in ${band} (${general(flux[k], 3)} +- ${general(sigma[k], 2)} nanomaggies) is below zero by over ${N_SIGMA} ` +
      "sigma, which no light is; check it, or leave out the band"] : []));
}

/** @param {Galaxy} galaxy @param {Domain} domain */
function colorsOf({ flux, sigma, bands }, { colors }) {
  return Object.entries(colors).flatMap(([name, [low, high]]) => {
    const [a, b] = name.split("-").map((band) => bands.indexOf(band));
    if (!seen(flux[a], sigma[a]) || !seen(flux[b], sigma[b])) return [];
    const color = magnitude(flux[a]) - magnitude(flux[b]);
    const margin = N_SIGMA * Math.hypot(magnitudeError(flux[a], sigma[a]), magnitudeError(flux[b], sigma[b]));
    const side = color < low - margin ? "bluer" : color > high + margin ? "redder" : "";
    return side ? [`${name} = ${color.toFixed(2)} is ${side} than the models reach (${low.toFixed(2)} to ${high.toFixed(2)}) by ` +
      `over ${N_SIGMA} sigma; leave out a band or check its flux`] : [];
  });
}

/** @param {Galaxy} galaxy @param {Domain} domain */
function magnitudesOf({ flux, sigma, redshift, bands }, { magnitudes, modulus }) {
  const above = interpolated(redshift, modulus.redshift, (k) => modulus.above_log[k]);
  const distance = above + 5 * Math.log10(redshift);
  return Object.entries(magnitudes).flatMap(([name, [low, high]]) => {
    const k = bands.indexOf(name);
    if (!seen(flux[k], sigma[k])) return [];
    const absolute = magnitude(flux[k]) - distance;
    const margin = N_SIGMA * magnitudeError(flux[k], sigma[k]);
    return absolute < low - margin || absolute > high + margin
      ? [`the absolute magnitude ${absolute.toFixed(1)} in ${name} is outside ${low.toFixed(1)} to ${high.toFixed(1)}, all that ` +
        "the models reach; check flux and redshift"] : [];
  });
}

/** @param {number} flux @param {number} sigma */
function seen(flux, sigma) {
  return flux > MIN_RATIO * sigma;
}

/** @param {number} flux */
function magnitude(flux) {
  return 22.5 - 2.5 * Math.log10(flux);
}

/** @param {number} flux @param {number} sigma */
function magnitudeError(flux, sigma) {
  return (2.5 * sigma) / (flux * Math.LN10);
}
