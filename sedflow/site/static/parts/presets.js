// Galaxies to start from: the app's, which the manifest brings.

/** Parameters of a preset; the redshift stays. @param {any} site @param {string} key @returns {Record<string, number>} */
export function starts(site, key) {
  const first = Object.fromEntries(site.parameters.map((/** @type {any} */ p) => [p.name, p.default]));
  return { ...first, ...site.presets[key] };
}
