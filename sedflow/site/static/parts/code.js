// Python that reproduces what is on screen, with the package that the site was made from.

const number = (v) => (v === null || !Number.isFinite(v) ? "nan" : String(v));

/** @param {any} site @param {any} state with galaxyShown @returns {string} */
export function pythonOf(site, state) {
  const { galaxyShown: galaxy, n, seed } = state, bands = site.network.bands.map((b) => b.name);
  const tuple = (list) => `(${list.map((b) => `"${b}"`).join(", ")}${list.length === 1 ? "," : ""})`;
  const lines = ["import sedflow", "", `posterior = sedflow.load_posterior("${site.network.name}")`];
  if (galaxy.id) lines.push(`galaxy = sedflow.load_nsa().photometry(${galaxy.id}, posterior.bands)`);
  else {
    const list = (rows) => `[${Array.from(rows, number).join(", ")}]`;
    if (Array.from(galaxy.flux, number).includes("nan")) lines.unshift("from math import nan");
    lines.push("galaxy = sedflow.Photometry(", `    flux=${list(galaxy.flux)},`, `    sigma=${list(galaxy.sigma)},`, `    redshift=${galaxy.redshift},`, `    bands=${tuple(bands)},`, ")");
  }
  const used = bands.filter((b, k) => galaxy.used[k]);
  if (used.length < bands.length) lines.push(`galaxy = galaxy.in_bands(${tuple(used)}).in_bands(posterior.bands)`);
  lines.push(`fit = sedflow.fit(galaxy, posterior, n=${n}, seed=${seed}, trust=None)`, "exact = sedflow.reweight(fit)", "print(exact.summary())");
  return `${lines.join("\n")}\n`;
}
