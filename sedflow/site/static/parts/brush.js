// Selections of draws: which draws a box holds, in words, and what share of the posterior that is.
import { brushed, within } from "../state/brush.js";
import { fixed, digitsFor } from "./format.js";

/** @param {any} answer @param {(k: number) => boolean} inside */
function selection(answer, inside, words, where) {
  return { ...brushed(answer.weights, inside), words, ...where };
}

/** @param {number[]} ends */
const ends = ([low, high]) => `${fixed(low, digitsFor((high - low) / 2))} to ${fixed(high, digitsFor((high - low) / 2))}`;

/**
 * Draws with quantities inside ranges.
 * @param {any} answer @param {{q: any, range: [number, number]}[]} ranges one or two quantities
 */
export function brushQuantities(answer, ranges) {
  const inside = within(ranges.map(({ q, range }) => ({ values: q.values, range })));
  const words = ranges.map(({ q, range }) => `${q.label} ${ends(range)}`).join(", ");
  return selection(answer, inside, words, { place: "corner", x: ranges[0].q.name, y: ranges[1]?.q.name ?? null, rect: ranges.map((r) => r.range) });
}

/**
 * Draws whose history passes through a box. Only those whose histories are shown are asked; `rows` are their numbers.
 * @param {any} answer @param {number[]} rows @param {any} history @param {string} which @param {{x: number[], y: number[]}} box
 */
export function brushHistory(answer, rows, history, which, box) {
  const table = history[which], wide = table.length / rows.length, time = history.time, step = wide < time.length;
  const through = new Set();
  rows.forEach((row, k) => {
    for (let j = 0; j < wide; j++) {
      const near = step ? time[j + 1] >= box.x[0] && time[j] <= box.x[1] : time[j] >= box.x[0] && time[j] <= box.x[1];
      const value = table[k * wide + j];
      if (near && value >= box.y[0] && value <= box.y[1]) through.add(row);
    }
  });
  const label = { sfr: "SFR", metallicity: "Z", formed: "share formed" }[which];
  const number = (v) => fixed(v, Math.max(0, 1 - Math.floor(Math.log10(Math.abs(v) || 1))));
  const words = `${label} ${number(box.y[0])} to ${number(box.y[1])} at ${box.x.map((v) => Math.max(v, 0).toFixed(1)).join(" to ")} Gyr ago`;
  const found = selection(answer, (k) => through.has(k), words, { place: which, rect: [box.x, box.y] });
  // The shown draws have equal weights: the share is that of the shown, not of all.
  found.share = rows.filter((row) => through.has(row)).length / rows.length;
  return found;
}
