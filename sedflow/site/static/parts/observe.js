// A noisy observation of a model: what a mock is.
import { noiseOf } from "../numerics/noise.js";

/**
 * Fluxes with normal noise of one signal-to-noise ratio.
 * @param {ArrayLike<number>} flux [nanomaggies] @param {number} ratio @param {number} seed
 * @returns {{flux: number[], sigma: number[]}}
 */
export function observe(flux, ratio, seed) {
  if (!(ratio >= 1 && ratio <= 1000)) throw new Error(`A signal-to-noise of ${ratio} is outside 1 to 1000; type one inside.`);
  const noise = noiseOf(seed, flux), sigma = Array.from(flux, (f) => f / ratio);
  return { flux: Array.from(flux, (f, k) => f + noise.normal() * sigma[k]), sigma };
}
