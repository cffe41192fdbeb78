// The usual error of a flux, as sedflow/model/noise.py has it: what the network was trained around.
import { interpolated } from "./quantiles.js";

/** @typedef {{broad: number[], log_flux: number[][], median: number[][]}} Noise of the manifest, by band */

/**
 * How far an error is from the usual at its flux.
 * @param {number} sigma [nanomaggies]
 * @param {number} flux [nanomaggies]
 * @param {Noise} noise
 * @param {number} band its number
 * @returns {number} log10 of the error over the usual one [dex]; NaN where absent
 */
export function beyondUsual(sigma, flux, noise, band) {
  const nodes = noise.log_flux[band], values = noise.median[band];
  const faint = 10 ** nodes[0]; // below, the sky sets the error, not the galaxy
  const x = 0.5 * Math.log10(flux ** 2 + (0.1 * faint) ** 2);
  const last = nodes[nodes.length - 1];
  const slope = Math.min(Math.max((values[2] - values[0]) / (nodes[2] - nodes[0]), 0), 1);
  const inside = interpolated(x, nodes, (k) => values[k]);
  return Math.log10(sigma) - (inside + Math.max(x - last, 0) + slope * Math.min(x - nodes[0], 0));
}
