// The address of the page holds its state, in the format of the app (sedflow/dashboard/address.py):
// encoded, decoded, and clamped with a notice.

/** @typedef {{type: "whole" | "number", default: number, low: number, high: number}} NumberKey */
/** @typedef {{type: "choice", default: string, options: string[]}} ChoiceKey */
/** @typedef {{type: "text", default: string} | {type: "flag", default: boolean} | {type: "list", default: string[]}} OtherKey */
/** @typedef {Record<string, NumberKey | ChoiceKey | OtherKey>} Keys */
/** @typedef {{name: string, flux: number[], sigma: number[], redshift: number, truth: number[] | null}} Own */

export const VIEWS = ["explore", "forward", "learn", "about"];
const MOST = 64; // characters of a value that a notice quotes
const LONGEST = 200; // characters of a text

/**
 * Keys of the address: of the galaxy and its light, and of the forward model.
 * @param {any} site the manifest
 * @returns {Keys}
 */
export function keysOf(site) {
  const [low, high] = site.network.redshift;
  /** @type {Keys} */
  const keys = {
    view: { type: "choice", default: "explore", options: VIEWS },
    galaxy: { type: "text", default: "" },
    n: { type: "whole", default: 1000, low: 100, high: 10000 },
    seed: { type: "whole", default: 1, low: 0, high: 2 ** 31 - 1 },
    weights: { type: "choice", default: site.network.name, options: [site.network.name] },
    bands: { type: "list", default: [] },
    unit: { type: "choice", default: "flam", options: ["flam", "fnu", "ab"] },
    log: { type: "flag", default: false },
    rest: { type: "flag", default: false },
    redshift: { type: "number", default: Math.min(Math.max(0.05, low), high), low, high },
  };
  for (const p of site.parameters) keys[p.name] = { type: "number", default: p.default, low: p.low, high: p.high };
  return keys;
}

/**
 * Text for the address, of those values that are not what the page begins with.
 * @param {Record<string, any>} values
 * @param {Keys} keys
 * @returns {string} a query without "?"
 */
export function encode(values, keys) {
  const out = new URLSearchParams();
  for (const [name, key] of Object.entries(keys)) {
    const value = values[name];
    if (value === undefined || value === null || String(value) === String(key.default)) continue;
    if (key.type === "flag") out.set(name, value ? "1" : "0");
    else if (key.type === "number") out.set(name, short(value));
    else if (String(value) !== "") out.set(name, String(value));
  }
  return readable(out);
}

/**
 * Values that an address means, inside their limits, and a sentence for each that was changed.
 * @param {string} query
 * @param {Keys} keys
 * @returns {{values: Record<string, any>, notices: string[]}}
 */
export function decode(query, keys) {
  const given = new URLSearchParams(query);
  /** @type {Record<string, any>} */
  const values = {};
  /** @type {string[]} */
  const notices = [];
  for (const [name, key] of Object.entries(keys)) {
    const text = given.get(name);
    const value = text === null ? undefined : valueOf(name, text, key, notices);
    if (value !== undefined) values[name] = value;
  }
  return { values, notices };
}

/** @param {string} name @param {string} text @param {Keys[string]} key @param {string[]} notices */
function valueOf(name, text, key, notices) {
  if (key.type === "flag") return ["1", "true", "yes", "on"].includes(text.trim().toLowerCase());
  if (key.type === "text") return text.slice(0, LONGEST);
  if (key.type === "list") return text.split(",").filter((part) => /^[\p{L}\p{N}]+$/u.test(part)).slice(0, 16);
  if (key.type === "choice") {
    if (key.options.includes(text)) return text;
    notices.push(`${name} = ${quoted(text)} is not one of ${key.options.join(", ")}; using ${key.default}`);
    return undefined;
  }
  const value = text.trim() === "" ? NaN : Number(text);
  if (!Number.isFinite(value)) {
    notices.push(`${name} = ${quoted(text)} is not a number; using ${key.default}`);
    return undefined;
  }
  const clamped = Math.min(Math.max(value, key.low), key.high);
  const inside = key.type === "whole" ? Math.round(clamped) : clamped;
  if (inside !== value) notices.push(`${name} = ${short(value)} was changed to ${short(inside)}; it may be ${short(key.low)} to ${short(key.high)}`);
  return inside;
}

/**
 * A galaxy that is not the atlas', for the address.
 * @param {Own} own
 * @param {string[]} bands
 */
export function encodeOwn(own, bands) {
  const parts = bands.flatMap((b, k) => (Number.isFinite(own.flux[k]) ? [`${b}:${short(own.flux[k])}:${short(own.sigma[k])}`] : []));
  const out = new URLSearchParams({ flux: parts.join(","), z: short(own.redshift) });
  if (own.truth) out.set("truth", own.truth.map((v) => String(Number(v.toPrecision(9)))).join(","));
  return readable(out);
}

/**
 * The galaxy that an address carries; null if it carries none.
 * @param {string} query
 * @param {string[]} bands of the network; others are left out
 * @returns {Own | null}
 * @throws {RangeError} what the address holds is not photometry
 */
export function decodeOwn(query, bands) {
  const given = new URLSearchParams(query);
  const text = given.get("flux");
  if (text === null) return null;
  const redshift = Number(given.get("z") || NaN);
  const rows = text.split(",").map((item) => item.split(":"));
  const known = rows.filter((row) => bands.includes(row[0]));
  const good = rows.every((row) => row.length === 3 && Number.isFinite(Number(row[1] || NaN)) && Number(row[2]) > 0);
  const truth = given.get("truth")?.split(",").map(Number) ?? null;
  if (!good || !known.length || !(redshift > 0) || (truth && !(truth.length === 12 && truth.every(Number.isFinite)))) {
    throw new RangeError(`flux=${quoted(text)} in the address is not a galaxy; write flux=u:1.2:0.1,g:3.4:0.1 (nanomaggies and ` +
      "their errors) and z=0.05");
  }
  const column = (/** @type {number} */ at) => bands.map((b) => Number(known.find((row) => row[0] === b)?.[at] ?? NaN));
  return { name: "my galaxy", flux: column(1), sigma: column(2), redshift, truth };
}

/** As Python's format ".6g", without an exponent where it is short. @param {number} value */
function short(value) {
  return String(Number(value.toPrecision(6)));
}

/** A query with the commas and colons that addresses may have. @param {URLSearchParams} query */
function readable(query) {
  return query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
}

/** @param {string} text */
function quoted(text) {
  return `'${text.length <= MOST ? text : `${text.slice(0, MOST)}…`}'`;
}
