// Files of the site: fetched, held to their hashes, and unpacked.

/** @typedef {{bytes: number, sha256: string}} Known */

/** The manifest: what it holds, the format that this version reads, and its own hash in its first bytes. */
export const MANIFEST = "data/site.json";
export const FORMAT = 2;
const SEAL = /^\{"sha256":"([0-9a-f]{64})"/;

/**
 * A file of the site, of which the manifest knows size and hash.
 * @param {string} base address of the folder, with "/" at its end
 * @param {string} name path inside of it
 * @param {Record<string, Known>} known files of the manifest
 * @param {(bytes: number) => void} [onBytes] told how many came, as they come
 * @returns {Promise<Uint8Array>}
 */
export async function fetched(base, name, known, onBytes) {
  return held(name, await come(base, name, onBytes), known);
}

/**
 * What a server gives as a file, whatever that is.
 * @param {string} base @param {string} name @param {(bytes: number) => void} [onBytes]
 */
export async function come(base, name, onBytes = () => {}) {
  const response = await answered(base, name);
  return response.body ? gathered(name, response.body, onBytes) : new Uint8Array(await response.arrayBuffer());
}

/**
 * A content that is what the manifest says.
 * @param {string} name @param {Uint8Array} content @param {Record<string, Known>} known
 */
export async function held(name, content, known) {
  checked(name, content.length, await hashOf(content), known);
  return content;
}

/** What a file of JSON says. @param {string} name @param {Uint8Array} content */
export function readJson(name, content) {
  try {
    return JSON.parse(new TextDecoder().decode(content));
  } catch {
    throw damaged(name);
  }
}

/**
 * The manifest, held to its own hash: that of its text with zeros in the place of the hash.
 * @param {string} base
 */
export async function manifestOf(base) {
  const content = await come(base, MANIFEST), site = readJson(MANIFEST, content);
  const text = new TextDecoder().decode(content), seal = SEAL.exec(text)?.[1];
  if (site?.format !== FORMAT || !seal) throw damaged(MANIFEST);
  const hash = await hashOf(new TextEncoder().encode(text.replace(seal, "0".repeat(64))));
  if (hash && hash !== seal) throw damaged(MANIFEST);
  return site;
}

/**
 * The beginning of a file: what the server answers.
 * @param {string} base @param {string} name
 */
export async function answered(base, name) {
  const response = await fetch(new URL(name, base)).catch((error) => {
    throw lost(name, error);
  });
  if (!response.ok) throw new Error(`${name} could not be loaded (status ${response.status}); publish the whole folder again`);
  return response;
}

/**
 * All that comes.
 * @param {string} name @param {ReadableStream<Uint8Array>} body @param {(bytes: number) => void} onBytes
 */
export async function gathered(name, body, onBytes) {
  /** @type {Uint8Array[]} */
  const parts = [];
  const reader = body.getReader();
  const next = () => reader.read().catch((error) => {
    throw lost(name, error);
  });
  for (let part = await next(); !part.done; part = await next()) {
    parts.push(part.value);
    onBytes(part.value.length);
  }
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/**
 * Refuse a file that the manifest does not name, or with another size or hash than it says.
 * @param {string} name @param {number} bytes @param {string} hash empty if unknown @param {Record<string, Known>} known
 */
export function checked(name, bytes, hash, known) {
  const expected = known[name];
  if (!expected || bytes !== expected.bytes || (hash && hash !== expected.sha256)) throw damaged(name);
}

/** @param {string} name */
export function damaged(name) {
  return new Error(`${name} is damaged, or of another version of the site; reload the page, or publish the folder again`);
}

/** @param {string} name @param {Error} error */
function lost(name, error) {
  return new Error(`${name} could not be loaded (${error.message}); check the connection, and reload the page`);
}

/**
 * Hash of a content; empty where the browser gives none to pages that did not come by https.
 * @param {Uint8Array} content
 */
export async function hashOf(content) {
  if (!globalThis.crypto?.subtle) return "";
  const digest = await crypto.subtle.digest("SHA-256", /** @type {BufferSource} */ (content));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
