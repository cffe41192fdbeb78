// The prior of a quantity alone, over the range of its panel: curves that Python computed.
import { tabulated } from "../numerics/prior.js";

const POINTS = 160;

/**
 * Densities at equal steps over a range; null of a quantity without a curve.
 * @param {any} site @param {string} name @param {number} redshift @param {[number, number]} range
 * @returns {Float64Array|null}
 */
export function priorOver(site, name, redshift, [low, high]) {
  const density = densityOf(site.prior, name, redshift);
  return density && Float64Array.from({ length: POINTS + 1 }, (_, k) => density(low + (k / POINTS) * (high - low)));
}

/** @param {any} prior @param {string} name @param {number} redshift @returns {((x: number) => number)|null} */
function densityOf(prior, name, redshift) {
  const exact = prior.parameters[name], table = prior.derived[name], z = prior.redshift;
  if (exact) return (x) => tabulated(exact, x);
  if (!table) return null;
  let k = 0;
  while (k < z.length - 2 && z[k + 1] < redshift) k++;
  const share = Math.min(Math.max((redshift - z[k]) / (z[k + 1] - z[k]), 0), 1);
  const [near, far] = [k, k + 1].map((row) => ({ x: table.x, density: table.density[row] }));
  return (x) => (1 - share) * tabulated(near, x) + share * tabulated(far, x);
}
