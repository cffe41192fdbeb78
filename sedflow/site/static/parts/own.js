// A galaxy of the visitor's own: magnitudes or fluxes typed in.
import { fromMagnitude } from "../numerics/units.js";
import { chooser, el } from "./dom.js";

/** Nanomaggies of what a visitor types. */
const UNITS = {
  mag: { text: "AB magnitudes", read: fromMagnitude },
  nmgy: { text: "nanomaggies", read: (f, e) => [f, e] },
  ujy: { text: "µJy", read: (f, e) => [f / 3.631, e / 3.631] },
};

/**
 * Photometry of what was typed, or a sentence that says what is wrong.
 * @param {string[]} bands @param {Record<string, [string, string]>} typed @param {string} redshift @param {string} unit @param {[number, number]} limits
 * @returns {{flux: number[], sigma: number[], redshift: number}}
 */
export function readTyped(bands, typed, redshift, unit, limits) {
  const z = redshift.trim() === "" ? NaN : Number(redshift.replace("−", "-"));
  if (!(z >= limits[0] && z <= limits[1])) throw new Error(`Redshift ${redshift || "(none)"} is outside ${limits[0]} to ${limits[1]}, where the network was trained; type one inside.`);
  const flux = [], sigma = [];
  for (const band of bands) {
    const [value, error] = typed[band].map((t) => (t.trim() === "" ? null : Number(t.replace("−", "-"))));
    if (value === null) {
      flux.push(NaN);
      sigma.push(NaN);
      continue;
    }
    if (!Number.isFinite(value)) throw new Error(`${band} = ${typed[band][0]} is not a number; type one, or clear the band.`);
    if (error === null || !(error > 0)) throw new Error(`Band ${band} has no error above 0; type one, or clear the band.`);
    const [f, s] = UNITS[unit].read(value, error);
    flux.push(f);
    sigma.push(s);
  }
  if (flux.every(Number.isNaN)) throw new Error("No band has a value; type the flux or magnitude of at least one band.");
  return { flux, sigma, redshift: z };
}

/** A form for one galaxy. @param {any} site @param {(own: any) => void} choose */
export function ownForm(site, choose) {
  const bands = site.network.bands.map((b) => b.name), limits = site.network.redshift;
  let unit = "mag";
  const units = chooser("unit", Object.entries(UNITS).map(([key, u]) => [key, u.text]), (value) => { unit = value; });
  const input = (label, value = "") => el("input", { "aria-label": label, value, inputmode: "decimal", style: "width:74px" });
  const fields = Object.fromEntries(bands.map((b) => [b, [input(`${b}`), input(`${b} error`)]]));
  const z = input("redshift", "0.05"), error = el("p", { role: "alert", class: "small" });
  const name = el("input", { "aria-label": "name", value: "my galaxy", maxlength: 40, style: "width:110px" });
  const go = () => {
    try {
      const typed = Object.fromEntries(bands.map((b) => [b, fields[b].map((f) => f.value)]));
      const own = readTyped(bands, typed, z.value, unit, limits);
      error.textContent = "";
      choose({ name: name.value || "my galaxy", ...own, truth: null });
    } catch (problem) {
      error.textContent = /** @type {Error} */ (problem).message;
    }
  };
  const field = (text, node) => el("label.field", {}, text, node);
  const form = el("form", { class: "own", "aria-label": "A galaxy of your own", onsubmit: (event) => { event.preventDefault(); go(); } },
    el("div.row", {}, field("name", name), field("redshift", z), field("unit", units.node)),
    el("div.row", {}, ...bands.map((b) => el("div", {}, field(b, fields[b][0]), field(`${b} error`, fields[b][1])))),
    el("div.row", {}, el("button.button.first", { type: "submit" }, "Infer this galaxy")), error);
  return form;
}
