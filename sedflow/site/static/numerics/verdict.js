// The verdict on a posterior, in the words of sedflow/sampling: only the first rung of the ladder,
// the network's weighted draws, is in the browser.
import { bandCount, calibrated, general, pValue, ruledOut, tooPrecise } from "./fit.js";

export const EXACT = "exact (weights)";
export const APPROXIMATE = "approximate";
export const MISFIT = "misfit";
export const FAILED = "failed";

const K_HAT_MAX = 0.7;
const MIN_ESS = 400;
const TELLING = 50; // effective draws, below which quantiles of weighted draws would be of a handful
const JUDGED_ON = 1000;
const MISFIT_BELOW = 1e-3;
const LEAST_P = 1e-300;

/**
 * @typedef {object} Verdict
 * @property {string} kind
 * @property {string} reason a sentence
 * @property {string} warning a sentence where the model does not describe the data, else empty
 * @property {boolean} misfit whether no model describes the data, however exact its posterior is
 * @property {number} pValue posterior predictive
 * @property {number} pCalibrated the same, uniform where the model is true; NaN if unknown
 */

/**
 * Limit on the k-hat of n draws: less than 0.7 for fewer than 1,000 (Vehtari et al. 2024).
 * @param {number} n
 */
export function kHatMax(n) {
  return n < JUDGED_ON ? Math.min(K_HAT_MAX, 1 - 1 / Math.log10(Math.max(n, 2))) : K_HAT_MAX;
}

/**
 * Whether weights can be used.
 * @param {{kHat: number, ess: number}} figures
 * @param {number} n
 */
export function passes(figures, n) {
  return figures.kHat < kHatMax(n) && figures.ess >= MIN_ESS;
}

/**
 * Whether weights that do not pass are left aside: quantiles are then those of the draws without them.
 * @param {{kHat: number, ess: number}} figures @param {number} n
 */
export function leftAside(figures, n) {
  return !passes(figures, n) && figures.ess <= TELLING;
}

/**
 * The verdict on the weighted draws of one galaxy.
 * @param {object} found
 * @param {import("./fit.js").Photometry} found.galaxy
 * @param {import("./psis.js").Weights} found.figures
 * @param {ArrayLike<number>} found.chi2 (n)
 * @param {number} found.bestLogLikelihood
 * @param {any} [found.table] of p-values
 * @param {string} [found.outside] why the galaxy is outside the training domain; empty inside
 * @returns {Verdict}
 */
export function judge({ galaxy, figures, chi2, bestLogLikelihood, table, outside = "" }) {
  const n = chi2.length;
  const count = bandCount(galaxy);
  const p = pValue(chi2, count, figures.weights);
  const pCalibrated = calibrated(p, galaxy, table);
  const told = (/** @type {string} */ kind, /** @type {string} */ reason, warning = "") => ({
    kind, reason, warning, misfit: kind === MISFIT || (kind === EXACT && warning !== ""), pValue: p, pCalibrated });
  const precise = tooPrecise(galaxy);
  const bare = "The quantiles are those of the draws without weights";
  if (precise) return told(FAILED, `${precise.replace(/\.$/, "")}. ${bare}.`);
  if (figures.ess === 0) {
    return told(FAILED, `No weights can be computed: log likelihoods of ${general(bestLogLikelihood, 2)} at best differ by less ` +
      `than their rounding; check fluxes, errors, units and redshift. ${bare}.`);
  }
  const effective = `${Math.round(figures.ess).toLocaleString("en")} of ${n.toLocaleString("en")} draws effective`;
  const warning = leftAside(figures, n) ? "" : misfitWarning(p, pCalibrated);  // not by a handful of draws
  const best = Float64Array.from(chi2).reduce((a, b) => Math.min(a, b), Infinity);
  const impossible = ruledOut(best, n, count);
  const judged = (/** @type {string} */ kind, /** @type {string} */ reason) =>
    impossible ? told(MISFIT, `${impossible} (${reason})`) : told(kind, reason, warning);
  if (!passes(figures, n)) {
    const kHat = Number.isFinite(figures.kHat) ? figures.kHat.toFixed(2) : "inf";
    const limit = general(kHatMax(n), 2);
    const needed = figures.ess < MIN_ESS ? `, where ${MIN_ESS} are needed` : "";
    const what = leftAside(figures, n) ? `${bare}, and approximate` : "The quantiles are approximate";
    return judged(APPROXIMATE, `The importance weights do not pass: k-hat ${kHat} (limit ${limit}), ${effective}${needed}. ${what}; ` +
      "trust='auto' goes on to adaptive importance sampling and MCMC.");
  }
  let reason = `The weights of the network's draws pass: k-hat ${figures.kHat.toFixed(2)} (limit ${K_HAT_MAX}), ${effective}.`;
  if (outside) reason += ` The galaxy is outside the training domain: ${outside}.`;
  return judged(EXACT, reason);
}

/**
 * A verdict with one more warning; what is no posterior of the model needs none.
 * @param {Verdict} verdict @param {string} text empty where there is none
 * @returns {Verdict}
 */
export function warned(verdict, text) {
  if (!text || verdict.kind === FAILED || verdict.kind === MISFIT) return verdict;
  return { ...verdict, warning: [verdict.warning, text].filter(Boolean).join(" ") };
}

/** @param {number} raw @param {number} uniform */
function misfitWarning(raw, uniform) {
  const shown = Number.isNaN(uniform) ? raw : uniform;
  if (!(shown < MISFIT_BELOW)) return "";
  const p = shown < LEAST_P ? `< ${LEAST_P}` : `= ${general(shown, 1)}`;
  return `But no model describes these data well (p ${p}): the posterior is that of a model which is wrong ` +
    "here; check the photometry.";
}
