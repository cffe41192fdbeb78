// Units of the flux axis, as sedflow/figures/flux_axis.py has them, and magnitudes.

const LIGHT = 2.99792458e18; // speed of light [Å/s]
const NANOMAGGY = 3.631; // [µJy]
const FLUX_UNIT = 1e-17; // of F_lambda [erg/s/cm²/Å]
const TO_MICROJANSKY = (FLUX_UNIT * 1e29) / LIGHT; // times wavelength squared

/** Key of the address -> label of the axis. @type {Record<string, string>} */
export const UNITS = { flam: "F_λ [10⁻¹⁷ erg/s/cm²/Å]", fnu: "F_ν [µJy]", ab: "AB magnitude" };

/**
 * A flux density in a unit of the axis.
 * @param {number} flam [1e-17 erg/s/cm²/Å]
 * @param {number} wave observed wavelength [Å]
 * @param {string} unit key of UNITS
 * @returns {number} NaN for the magnitude of no light
 */
export function fromFlam(flam, wave, unit) {
  return unit === "flam" ? flam : fromMicrojansky(flam * wave * wave * TO_MICROJANSKY, unit);
}

/**
 * A flux in a band in a unit of the axis.
 * @param {number} flux [nanomaggies]
 * @param {number} wave pivot wavelength of the band [Å]
 * @param {string} unit key of UNITS
 */
export function fromNanomaggies(flux, wave, unit) {
  if (unit === "flam") return (flux * NANOMAGGY) / (wave * wave * TO_MICROJANSKY);
  return fromMicrojansky(flux * NANOMAGGY, unit);
}

/** @param {number} flux [µJy] @param {string} unit */
function fromMicrojansky(flux, unit) {
  if (unit === "fnu") return flux;
  if (unit !== "ab") throw new RangeError(`unit = '${unit}' is not one of ${Object.keys(UNITS).join(", ")}`);
  return flux > 0 ? 23.9 - 2.5 * Math.log10(flux) : NaN;
}

/**
 * Flux and its error of an AB magnitude and its error.
 * @param {number} magnitude
 * @param {number} error [mag]
 * @returns {[number, number]} [nanomaggies]
 */
export function fromMagnitude(magnitude, error) {
  const flux = 10 ** (0.4 * (22.5 - magnitude));
  return [flux, (flux * error * Math.LN10) / 2.5];
}
