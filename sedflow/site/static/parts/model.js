// The model galaxy of the page Forward, as numbers.

/** A value of the state, or what the page begins with. @param {any} site @param {any} state @param {string} name */
const valueOf = (site, state, name) => state[name] ?? site.parameters.find((p) => p.name === name).default;

/**
 * Parameters of the sliders; the four shares are divided by their sum.
 * @param {any} site @param {any} state
 * @returns {Float64Array} (12)
 */
export function thetaOf(site, state) {
  const theta = Float64Array.from(site.parameters, (p) => valueOf(site, state, p.name));
  const betas = site.parameters.map((p, k) => (p.name.startsWith("beta") ? k : -1)).filter((k) => k >= 0);
  const sum = betas.reduce((total, k) => total + theta[k], 0);
  for (const k of betas) theta[k] = sum > 0 ? theta[k] / sum : 1 / betas.length;
  return theta;
}
