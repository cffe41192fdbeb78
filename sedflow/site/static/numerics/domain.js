// In which way a galaxy lies outside of what the network was trained on: a part of
// sedflow/network/domain.py, its checks of redshift, negative flux, colours and the best draw.
import { bandCount, general } from "./fit.js";
import { chiSquareAbove } from "./special.js";

const N_SIGMA = 4;
const MIN_RATIO = 3; // signal-to-noise below which a band has no colour to speak of
const UNLIKELY = 1e-3; // share of good galaxies whose chi-square is larger

/**
 * Sentences on what is wrong; none inside.
 * @param {{flux: ArrayLike<number>, sigma: ArrayLike<number>, redshift: number, bands: string[]}} galaxy
 * @param {{redshift: number[], colors: Record<string, number[]>} | null | undefined} domain
 * @param {ArrayLike<number>} chi2 of the draws
 * @returns {string[]}
 */
export function outside(galaxy, domain, chi2) {
  if (!domain) return [];
  const { flux, sigma, bands, redshift } = galaxy;
  const out = [];
  const [low, high] = domain.redshift;
  if (redshift < low || redshift > high) out.push(`redshift ${redshift.toFixed(4)} is outside the ${low} to ${high} of training`);
  bands.forEach((band, k) => {
    if (!(flux[k] < -N_SIGMA * sigma[k])) return;
    out.push(`the flux in ${band} (${general(flux[k], 3)} +- ${general(sigma[k], 2)} nanomaggies) is below zero by over ${N_SIGMA} ` +
      "sigma, which no light is; check it, or leave out the band");
  });
  for (const [name, range] of Object.entries(domain.colors)) {
    const [a, b] = name.split("-").map((band) => bands.indexOf(band));
    if (!(flux[a] > MIN_RATIO * sigma[a] && flux[b] > MIN_RATIO * sigma[b])) continue;
    const color = -2.5 * Math.log10(flux[a] / flux[b]);
    const margin = (N_SIGMA * 2.5 * Math.hypot(sigma[a] / flux[a], sigma[b] / flux[b])) / Math.LN10;
    const side = color < range[0] - margin ? "bluer" : color > range[1] + margin ? "redder" : "";
    if (!side) continue;
    out.push(`${name} = ${color.toFixed(2)} is ${side} than the models reach (${range[0].toFixed(2)} to ${range[1].toFixed(2)}) by over ` +
      `${N_SIGMA} sigma; leave out a band or check its flux`);
  }
  const best = Float64Array.from(chi2).reduce((a, b) => Math.min(a, b), Infinity);
  const limit = chiSquareAbove(bandCount(galaxy), UNLIKELY);
  if (best > limit) out.push(`the best draw has a chi-square of ${general(best, 3)}, where good data stay below ${general(limit, 3)}`);
  return out;
}
