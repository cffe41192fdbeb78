// Values of the figures of light: spectra, photometry and residuals in the unit that is shown.
import { fromFlam, fromNanomaggies, UNITS } from "../numerics/units.js";
import { columnOf, spreads } from "./sample.js";
import { quantilesOf } from "./quantities.js";

const SHARES = [0.025, 0.16, 0.5, 0.84, 0.975];
const FEW = 12; // spectra of a selection below which others are asked for

/** @param {any} brush @param {number[]} shown @returns {number[]} places, among those shown, of the selected draws */
export function selectedRows(brush, shown) {
  return shown.map((row, k) => (brush.mask[row] ? k : -1)).filter((k) => k >= 0);
}

/** Whether a selection has too few of the spectra that are there. */
export const needsMore = (brush, shown) => brush.n > 0 && selectedRows(brush, shown).length < FEW;

/** Rows and table of a selection's spectra or histories; null if there are none. */
export function selectedOf(state, which) {
  const { brush, shown } = state;
  if (!brush) return null;
  if (brush[which]) return { source: brush[which], rows: null };
  const rows = selectedRows(brush, shown);
  return rows.length ? { source: state[which], rows } : null;
}

/** Wavelengths between which the bands lie. @param {any} site @param {number} [stretch] of observed ones @returns {[number, number]} */
export function waveRange(site, stretch = 1) {
  return [(0.8 * Math.min(...site.network.bands.map((b) => b.low_a))) / stretch, (1.06 * Math.max(...site.network.bands.map((b) => b.high_a))) / stretch];
}

/** Numbers of an axis in the shown unit. @param {any} state @param {number} redshift */
function axis(state, redshift) {
  const stretch = state.rest ? 1 + redshift : 1;
  const down = state.unit === "ab";
  return {
    stretch, down, log: state.log && !down,
    label: UNITS[state.unit], xLabel: state.rest ? "rest-frame wavelength [Å]" : "observed wavelength [Å]",
  };
}

/** The strips of the bands: as wide on either side of the pivot as on the nearer one, for u leaks far into the red. */
function strips(site, stretch) {
  return site.network.bands.map((b) => {
    const half = Math.min(b.wave_a - b.low_a, b.high_a - b.wave_a);
    return { name: b.name, low: (b.wave_a - half) / stretch, high: (b.wave_a + half) / stretch };
  });
}

const inUnit = (rows, wave, unit) => Float64Array.from(rows, (v, k) => fromFlam(v, wave[k], unit));

/**
 * Values of the figure of the spectrum.
 * @param {any} site @param {any} state with answer, galaxyShown, shown and light
 */
export function spectrumValues(site, state) {
  const { answer, galaxyShown: galaxy, light } = state, z = galaxy.redshift, a = axis(state, z);
  const wave = light.wave, wide = wave.length, all = state.shown.map((_, k) => k);
  const q = (light.spreadRows ??= spreads(light.flux, wide, all, SHARES));
  const [l2, l1, mid, h1, h2] = q.map((rows) => inUnit(rows, wave, state.unit));
  const range = waveRange(site, a.stretch);
  const points = site.network.bands.flatMap((b, k) => pointsOf(b, k, galaxy, answer, state.unit, a.stretch));
  let selected = null;
  const some = selectedOf(state, "light");
  if (some) {
    const rows = some.rows ?? Array.from({ length: some.source.flux.length / wide }, (_, k) => k);
    const [low, m, high] = spreads(some.source.flux, wide, rows, [0.16, 0.5, 0.84]).map((r) => inUnit(r, wave, state.unit));
    selected = { low, mid: m, high };
  }
  return {
    wave: wave.map((w) => w / a.stretch), wide: { low: l2, mid, high: h2 }, narrow: { low: l1, mid, high: h1 }, mid, selected, points, range,
    bands: strips(site, a.stretch),
    label: a.label, log: a.log, down: a.down, xLabel: "",
  };
}

function pointsOf(b, k, galaxy, answer, unit, stretch) {
  const out = [], to = (v) => fromNanomaggies(v, b.wave_a, unit), x = b.wave_a / stretch;
  const [low, mid, high] = predicted(answer, k);
  out.push({ name: b.name, x, y: to(mid), low: to(low), high: to(high), kind: "predicted" });
  const f = galaxy.flux[k], s = galaxy.sigma[k];
  if (f !== null && Number.isFinite(f)) out.push({ name: b.name, x, y: to(f), low: to(f - s), high: to(f + s), kind: galaxy.used[k] ? "data" : "left out" });
  return out;
}

const kept = new WeakMap();

function predicted(answer, k) {
  const all = kept.get(answer) ?? [];
  kept.set(answer, all);
  return (all[k] ??= quantilesOf(modelOf(answer, k), answer.weights, null));
}

const modelOf = (answer, k) => columnOf(answer.modelFlux, answer.modelFlux.length / answer.n, k);

/** Values of the figure of residuals. @param {any} site @param {any} state */
export function residualValues(site, state) {
  const { answer, galaxyShown: galaxy, brush } = state, a = axis(state, galaxy.redshift);
  const there = site.network.bands.map((b, k) => k).filter((k) => galaxy.flux[k] !== null && Number.isFinite(galaxy.flux[k]));
  const points = there.map((k) => {
    const [low, mid, high] = predicted(answer, k), s = galaxy.sigma[k];
    return { x: site.network.bands[k].wave_a / a.stretch, y: (galaxy.flux[k] - mid) / s, low: (low - mid) / s, high: (high - mid) / s, used: galaxy.used[k] };
  });
  const selected = brush && brush.n ? there.map((k) => (quantilesOf(modelOf(answer, k), answer.weights, brush.mask, [0.5])[0] - predicted(answer, k)[1]) / galaxy.sigma[k]) : null;
  return { range: waveRange(site, a.stretch), xLabel: a.xLabel, points, selected };
}

/**
 * Values of the same figure for one model of the forward page.
 * @param {any} site @param {any} state @param {{wave: any, flux: any, modelFlux: any}} light @param {number} redshift @param {any} before
 */
export function modelValues(site, state, light, redshift, before) {
  const a = axis(state, redshift), wave = light.wave;
  const y = (k) => fromNanomaggies(light.modelFlux[k], site.network.bands[k].wave_a, state.unit);
  return {
    wave: wave.map((w) => w / a.stretch), mid: inUnit(light.flux, wave, state.unit), ghost: before ? inUnit(before.flux, before.wave, state.unit) : null,
    points: site.network.bands.map((b, k) => ({ name: b.name, x: b.wave_a / a.stretch, y: y(k), low: y(k), high: y(k), kind: "predicted" })),
    bands: strips(site, a.stretch),
    range: waveRange(site, a.stretch), label: a.label, log: a.log, down: a.down, xLabel: a.xLabel,
  };
}
