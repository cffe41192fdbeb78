// The address of the page holds its state, in the format of the app (sedflow/dashboard/address.py):
// encoded, decoded, and clamped with a notice.

/** @typedef {{type: "whole" | "number", default: number, low: number, high: number}} NumberKey */
/** @typedef {{type: "choice", default: string, options: string[]}} ChoiceKey */
/** @typedef {{type: "text", default: string} | {type: "flag", default: boolean} | {type: "list", default: string[], options: string[]}} OtherKey */
/** @typedef {Record<string, NumberKey | ChoiceKey | OtherKey>} Keys */
/** @typedef {{name: string, flux: number[], sigma: number[], redshift: number, truth: number[] | null}} Own */

export const VIEWS = ["explore", "forward", "learn", "about"];
const MOST = 64; // characters of a value that a notice quotes
const LONGEST = 200; // characters of a text
/** Keys of the app's addresses that ask for what this page has not. */
const IN_APP = ["prior", "whatif", "pins", "pinned", "walk", "present", "class"];

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
    bands: { type: "list", default: [], options: bandsOf(site) },
    unit: { type: "choice", default: "flam", options: ["flam", "fnu", "ab"] },
    log: { type: "flag", default: false },
    rest: { type: "flag", default: false },
    lesson: { type: "text", default: "" },
    step: { type: "whole", default: 1, low: 1, high: 99 },
    redshift: { type: "number", default: Math.min(Math.max(0.05, low), high), low, high },
  };
  for (const p of site.parameters) keys[p.name] = { type: "number", default: p.default, low: p.low, high: p.high };
  return keys;
}

/**
 * The query of the address, of those values that are not what the page begins with.
 * @param {Record<string, any>} state with `own`, a galaxy of the visitor's or null
 * @param {any} site the manifest
 * @returns {string} with its "?"; empty where all is as at the beginning
 */
export function encode(state, site) {
  const out = new URLSearchParams();
  for (const [name, key] of Object.entries(keysOf(site))) {
    const value = state[name];
    if (value === undefined || value === null || String(value) === String(key.default)) continue;
    if (key.type === "flag") out.set(name, value ? "1" : "0");
    else if (key.type === "number") out.set(name, short(value));
    else if (String(value) !== "") out.set(name, String(value));
  }
  if (state.own) {
    if (!out.has("galaxy") || out.get("galaxy") === state.own.name) {
      out.delete("galaxy");
      for (const [name, text] of Object.entries(encodeOwn(state.own, bandsOf(site)))) out.set(name, text);
    }
  }
  const text = out.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return text && `?${text}`;
}

/**
 * Values that an address means, inside their limits, and a sentence for each that was changed.
 * @param {string} query
 * @param {any} site the manifest
 * @returns {{state: Record<string, any>, notices: string[]}}
 */
export function decode(query, site) {
  const given = new URLSearchParams(query);
  /** @type {Record<string, any>} */
  const state = {};
  /** @type {string[]} */
  const notices = [];
  for (const [name, key] of Object.entries(keysOf(site))) {
    const text = given.get(name);
    const value = text === null ? undefined : valueOf(name, text, key, notices);
    if (value !== undefined) state[name] = value;
  }
  for (const name of IN_APP) {
    const text = given.get(name);
    if (text && !(name === "prior" && text === "flat")) notices.push(`${name} = ${quoted(text)} is left out: only the app has it`);
  }
  try {
    const own = decodeOwn(given, site, notices);
    if (own) Object.assign(state, { own, galaxy: own.name });
  } catch (error) {
    notices.push(/** @type {Error} */ (error).message);
  }
  return { state, notices };
}

/** @param {any} site @returns {string[]} */
function bandsOf(site) {
  return site.network.bands.map((/** @type {any} */ band) => band.name);
}

/** @param {string} name @param {string} text @param {Keys[string]} key @param {string[]} notices */
function valueOf(name, text, key, notices) {
  if (key.type === "flag") return ["1", "true", "yes", "on"].includes(text.trim().toLowerCase());
  if (key.type === "text") return text.slice(0, LONGEST);
  if (key.type === "list") {
    const parts = text.split(",").filter((part) => part !== ""), known = key.options.filter((one) => parts.includes(one));
    if (!parts.every((part) => known.includes(part))) {
      notices.push(`${name} = ${quoted(text)} has names that are not among ${key.options.join(", ")}; ${known.length ? "the others" : "all bands"} are used`);
    }
    return known;
  }
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
 * @returns {Record<string, string>}
 */
function encodeOwn(own, bands) {
  const there = bands.map((_, k) => k).filter((k) => Number.isFinite(own.flux[k]) && own.flux[k] !== null);
  /** @type {Record<string, string>} */
  const out = { flux: there.map((k) => `${bands[k]}:${short(own.flux[k])}:${short(own.sigma[k])}`).join(","), z: short(own.redshift) };
  if (own.truth) out.truth = Array.from(own.truth, (v) => String(Number(v.toPrecision(9)))).join(",");
  return out;
}

/**
 * The galaxy that an address carries; null if it carries none.
 * @param {URLSearchParams} given
 * @param {any} site whose network says the bands; others are left out, with a notice
 * @param {string[]} notices
 * @returns {Own | null}
 * @throws {RangeError} what the address holds is not photometry
 */
function decodeOwn(given, site, notices) {
  const bands = bandsOf(site);
  const text = given.get("flux");
  if (text === null) return null;
  const redshift = Number(given.get("z") || NaN);
  const rows = text.split(",").map((item) => item.split(":")).map(([name, ...more]) => [nameOf(name, site), ...more]);
  const known = rows.filter((row) => bands.includes(row[0]));
  const once = new Set(rows.map((row) => row[0])).size === rows.length;
  const good = once && rows.every((row) => row.length === 3 && Number.isFinite(numeral(row[1])) && numeral(row[2]) > 0);
  if (!good || !known.length || !(redshift > 0)) {
    throw new RangeError(`flux=${quoted(text)} in the address is not a galaxy; write flux=u:1.2:0.1,g:3.4:0.1 (nanomaggies and ` +
      "their errors) and z=0.05");
  }
  const told = given.get("truth"), truth = told?.split(",").map(numeral) ?? null;
  if (truth && !(truth.length === 12 && truth.every(Number.isFinite))) {
    throw new RangeError(`truth=${quoted(told ?? "")} in the address is not the 12 parameters of a model; correct it, or leave truth out`);
  }
  const others = rows.map((row) => row[0]).filter((name) => !bands.includes(name));
  if (others.length) notices.push(`${quoted(others.join(", "))} of flux in the address: not among ${bands.join(", ")}, which the network takes, and left out`);
  const column = (/** @type {number} */ at) => bands.map((b) => Number(known.find((row) => row[0] === b)?.[at] ?? NaN));
  return { name: "my galaxy", flux: column(1), sigma: column(2), redshift, truth };
}

/** A band's name as the network has it, of all that its curve has. @param {string} name @param {any} site @returns {string} */
function nameOf(name, site) {
  return site.network.bands.find((/** @type {any} */ band) => band.also?.includes(name))?.name ?? name;
}

/** The number that a text writes in decimals; NaN of "0x10" and of nothing. @param {string} text */
function numeral(text) {
  return /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(text) ? Number(text) : NaN;
}

/** As Python's format ".6g", without an exponent where it is short. @param {number} value */
function short(value) {
  return String(Number(value.toPrecision(6)));
}

/** @param {string} text */
function quoted(text) {
  return `'${text.length <= MOST ? text : `${text.slice(0, MOST)}…`}'`;
}
