// Python that reproduces what is on screen, with the package that the site was made from.
import { thetaOf } from "./model.js";

const number = (v) => (v === null || !Number.isFinite(v) ? "nan" : String(v));
const tuple = (list) => `(${list.map((b) => `"${b}"`).join(", ")}${list.length === 1 ? "," : ""})`;

/** The posterior of Explore. @param {any} site @param {any} state with galaxyShown @returns {string} */
export function pythonOf(site, state) {
  const { galaxyShown: galaxy, n, seed } = state, bands = site.network.bands.map((b) => b.name);
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

/** The model of Forward: its fluxes [nanomaggies], magnitudes and spectrum. @param {any} site @param {any} state @returns {string} */
export function pythonOfModel(site, state) {
  const theta = thetaOf(site, state), bands = site.network.bands.map((b) => b.name);
  const rows = site.parameters.map((p, k) => `    "${p.name}": ${number(theta[k])},`);
  return [
    "import sedflow", "", `model = sedflow.SEDModel("${site.grid.name}")`, "theta = {", ...rows, "}", `redshift = ${state.redshift}`,
    `flux = model.photometry(theta, redshift, ${tuple(bands)})`, "spectrum = model.spectrum(theta, redshift)", "print(flux)", "",
  ].join("\n");
}
