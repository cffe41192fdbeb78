// How well draws describe the data of a galaxy: as sedflow/model/likelihood.py and
// sedflow/sampling/misfit.py. A band that is absent has flux NaN.
import { interpolated } from "./quantiles.js";
import { chiSquareAbove, chiSquareTail } from "./special.js";

const UNLIKELY = 1e-3; // share of good galaxies whose noise alone exceeds the limit on chi-square
const UNDERSTATED = 5; // times too small may errors be, before the model is said to be ruled out
const ACCURACY = 0.001; // of the model [mag]

/** @typedef {{flux: ArrayLike<number>, sigma: ArrayLike<number>, bands?: string[]}} Photometry */

/** Number of bands that are there. @param {Photometry} galaxy */
export function bandCount(galaxy) {
  return Array.from(galaxy.flux).filter((f) => Number.isFinite(f)).length;
}

/**
 * Chance of new data with a chi-square at least as large, over the draws: the posterior predictive
 * p-value.
 * @param {ArrayLike<number>} chi2 (n)
 * @param {number} count of bands
 * @param {ArrayLike<number>} weights (n), sum 1
 */
export function pValue(chi2, count, weights) {
  let sum = 0;
  for (let k = 0; k < chi2.length; k += 1) sum += weights[k] * chiSquareTail(count, chi2[k]);
  return sum;
}

/**
 * The same, uniform where the model is true: by a table of simulated galaxies.
 * @param {number} raw
 * @param {Photometry} galaxy
 * @param {{snr: number[], levels: number[], quantiles: Record<string, number[][]>} | null} [table]
 * @returns {number} NaN without a table of so many bands
 */
export function calibrated(raw, galaxy, table) {
  const rows = table?.quantiles[String(bandCount(galaxy))];
  if (!table || !rows || Number.isNaN(raw)) return NaN;
  const ratio = medianRatio(galaxy);
  const above = table.snr.findIndex((edge) => edge > ratio);
  const row = rows[Math.max((above < 0 ? table.snr.length : above) - 1, 0)];
  const levels = [0, ...table.levels, 1];
  return interpolated(raw, [0, ...row, 1], (k) => levels[k]);
}

/** Median signal-to-noise ratio. @param {Photometry} galaxy */
function medianRatio(galaxy) {
  const ratios = Array.from(galaxy.flux, (f, k) => f / galaxy.sigma[k]).filter((r) => Number.isFinite(r));
  ratios.sort((a, b) => a - b);
  const half = ratios.length >> 1;
  return ratios.length % 2 ? ratios[half] : (ratios[half - 1] + ratios[half]) / 2;
}

/**
 * A sentence where no model describes the data, whatever their errors; else empty.
 * @param {number} best chi-square of the best draw
 * @param {number} n draws
 * @param {number} count of bands
 */
export function ruledOut(best, n, count) {
  const limit = chiSquareAbove(count, UNLIKELY);
  if (!(best > limit * UNDERSTATED ** 2)) return "";
  const nearest = best.toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  return (
    `No model describes these data: the best of ${n.toLocaleString("en")} draws has a chi-square of ` +
    `${nearest}, where ${count} good bands stay below ${general(limit, 3)}, and would exceed ` +
    `that even with errors ${UNDERSTATED} times larger; check fluxes, units, the order of ` +
    "the bands and the redshift, and inflate the errors if they are too small."
  );
}

/** A sentence where an error is below the model's own accuracy; else empty. @param {Photometry} galaxy */
export function tooPrecise(galaxy) {
  let worst = -1;
  let smallest = 1;
  const least = Array.from(galaxy.flux, (f) => (Math.abs(f) * ACCURACY * Math.LN10) / 2.5);
  least.forEach((limit, k) => {
    if (!(galaxy.sigma[k] < limit) || !(galaxy.sigma[k] / limit < smallest)) return;
    worst = k;
    smallest = galaxy.sigma[k] / limit;
  });
  if (worst < 0) return "";
  const name = galaxy.bands?.[worst] ?? `band ${worst + 1}`;
  return (
    `The error in ${name} (${general(galaxy.sigma[worst], 3)} nanomaggies) is below the accuracy of ` +
    `the model, ${ACCURACY} mag (${general(least[worst], 3)} nanomaggies at this flux), so no weights and ` +
    "no MCMC are exact; inflate the error to that at least."
  );
}

/** A number as Python's format "g" writes it. @param {number} value @param {number} digits */
export function general(value, digits) {
  if (!Number.isFinite(value) || value === 0) return value === 0 ? "0" : value === Infinity ? "inf" : String(value);
  const [mantissa, power] = value.toExponential(digits - 1).split("e");
  const exponent = Number(power);
  if (exponent >= -4 && exponent < digits) return String(Number(value.toPrecision(digits)));
  const sign = exponent < 0 ? "-" : "+";
  return `${Number(mantissa)}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
}
