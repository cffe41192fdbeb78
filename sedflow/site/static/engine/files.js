// Files of the site: fetched, held to their hashes, and unpacked.

/** @typedef {{bytes: number, sha256: string}} Known */

/**
 * A file of the site, of which the manifest knows size and hash.
 * @param {string} base address of the folder, with "/" at its end
 * @param {string} name path inside of it
 * @param {Record<string, Known>} known files of the manifest
 * @param {(bytes: number) => void} [onBytes] told how many came, as they come
 * @returns {Promise<Uint8Array>}
 */
export async function fetched(base, name, known, onBytes = () => {}) {
  const response = await answered(base, name);
  const content = response.body ? await gathered(response.body, onBytes) : new Uint8Array(await response.arrayBuffer());
  checked(name, await hashOf(content), known);
  return content;
}

/**
 * The beginning of a file: what the server answers.
 * @param {string} base @param {string} name
 */
export async function answered(base, name) {
  const response = await fetch(new URL(name, base)).catch((error) => {
    throw new Error(`${name} could not be loaded (${error.message}); check the connection, and reload the page`);
  });
  if (!response.ok) throw new Error(`${name} could not be loaded (status ${response.status}); publish the whole folder again`);
  return response;
}

/**
 * All that comes.
 * @param {ReadableStream<Uint8Array>} body @param {(bytes: number) => void} onBytes
 */
export async function gathered(body, onBytes) {
  /** @type {Uint8Array[]} */
  const parts = [];
  const reader = body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
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
 * Refuse a file with another hash than that of the manifest.
 * @param {string} name @param {string} hash empty if unknown @param {Record<string, Known>} known
 */
export function checked(name, hash, known) {
  const expected = known[name]?.sha256;
  if (!hash || !expected || hash === expected) return;
  throw new Error(`${name} is damaged, or of another version of the site; reload the page, or publish the folder again`);
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
