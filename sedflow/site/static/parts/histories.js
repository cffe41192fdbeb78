// Values of the figures of histories.
import { selectedOf } from "./light.js";
import { spreads } from "./sample.js";

/** Histories that are shown, in order: name, label of the axis, whether the axis is logarithmic. @type {[string, string, boolean][]} */
export const HISTORIES = [["formed", "share formed", false], ["sfr", "SFR [M☉/yr]", true], ["metallicity", "metallicity Z", true]];

const SHARES = [0.025, 0.16, 0.5, 0.84, 0.975];

/** @returns {[number, number]} */
function rangeOf(which, high, low) {
  if (which === "formed") return [0, 1];
  const top = Math.max(...high.filter(Number.isFinite));
  if (which === "sfr") return [Math.max(top * 1e-5, 1e-6), top * 3 || 1];
  const floor = Math.min(...low.filter((v) => v > 0));
  return [Math.max(floor / 2, 1e-6), top * 2];
}

/** @param {any} state with shown, history, truth and brush @param {string} which @param {string} label @param {boolean} log */
export function historyValues(state, which, label, log) {
  const { history, shown, brush } = state, time = history.time, table = history[which], wide = table.length / shown.length;
  const rows = shown.map((_, k) => k);
  const q = ((history.spreadRows ??= {})[which] ??= spreads(table, wide, rows, SHARES));
  let selected = null;
  const some = selectedOf(state, "history");
  if (some) {
    const picked = some.rows ?? Array.from({ length: some.source[which].length / wide }, (_, k) => k);
    const [low, mid, high] = spreads(some.source[which], wide, picked, [0.16, 0.5, 0.84]);
    selected = { low, mid, high };
  }
  return {
    time, step: wide < time.length, log, label, range: rangeOf(which, q[4], q[0]), mid: q[2], selected,
    wide: { low: q[0], mid: q[2], high: q[4] }, narrow: { low: q[1], mid: q[2], high: q[3] }, truth: state.truth?.history[which] ?? null, box: brush?.place === which ? brush.rect : null,
  };
}

/** The same of one model. @param {any} history @param {string} which @param {string} label @param {boolean} log @param {any} before */
export function modelHistory(history, which, label, log, before) {
  const mid = history[which], all = before ? [...mid, ...before[which]] : mid;
  return { time: history.time, step: mid.length < history.time.length, log, label, mid, ghost: before?.[which] ?? null, range: rangeOf(which, all, all) };
}
