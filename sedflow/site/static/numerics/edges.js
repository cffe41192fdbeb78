// Posteriors that lean on an edge of the prior, in the words of sedflow/sampling/edges.py. Which
// edges are looked at, and what the prior has near them, the manifest of the site says.
import { general } from "./fit.js";

const SHARE = 0.2; // of the posterior near an edge, and
const TIMES = 5; // times what the prior has there, which together are worth a note

/**
 * @typedef {object} Edge
 * @property {string} name of the parameter
 * @property {boolean} upper whether it is the upper edge
 * @property {number} value
 * @property {number} within distance from it that counts as near
 * @property {number} prior_share of the prior that is as near as that
 */

/**
 * Sentences on the edges on which draws lean, one after the other; empty where there are none.
 * @param {ArrayLike<number>} theta (n, parameters), row by row
 * @param {string[]} names of the parameters
 * @param {ArrayLike<number>} weights (n), sum 1
 * @param {Edge[]} edges that are looked at
 */
export function leaning(theta, names, weights, edges) {
  const told = [];
  for (const edge of edges) {
    const column = names.indexOf(edge.name);
    let share = 0;
    for (let k = 0; k < weights.length; k += 1) {
      const off = theta[k * names.length + column] - edge.value;
      if ((edge.upper ? -off : off) <= edge.within) share += weights[k];
    }
    if (share > SHARE && share > TIMES * edge.prior_share) told.push(inWords(edge, share));
  }
  return told.join(" ");
}

/** @param {Edge} edge @param {number} share */
function inWords({ name, upper, value, within, prior_share: expected }, share) {
  return `${(100 * share).toFixed(0)} % of the posterior of ${name} lies within ${general(within, 2)} of the ` +
    `${upper ? "upper" : "lower"} edge of the prior, ${general(value, 4)} (of the prior, ${general(100 * expected, 2)} %): ` +
    "the galaxy may lie beyond the edge.";
}
