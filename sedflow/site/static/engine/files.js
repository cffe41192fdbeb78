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
  const content = await received(base, name, onBytes);
  const expected = known[name]?.sha256;
  const found = expected ? await hashOf(content) : "";
  if (found && found !== expected) {
    throw new Error(`${name} is damaged, or of another version of the site; reload the page, or publish the folder again`);
  }
  return content;
}

/** @param {string} base @param {string} name @param {(bytes: number) => void} onBytes */
async function received(base, name, onBytes) {
  const response = await fetch(new URL(name, base)).catch((error) => {
    throw new Error(`${name} could not be loaded (${error.message}); check the connection, and reload the page`);
  });
  if (!response.ok) throw new Error(`${name} could not be loaded (status ${response.status}); publish the whole folder again`);
  if (!response.body) return new Uint8Array(await response.arrayBuffer());
  /** @type {Uint8Array[]} */
  const parts = [];
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    onBytes(part.value.length);
  }
  return joined(parts);
}

/** @param {Uint8Array[]} parts */
function joined(parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/**
 * Hash of a content; empty where the browser gives none to pages that did not come by https.
 * @param {Uint8Array} content
 */
async function hashOf(content) {
  if (!globalThis.crypto?.subtle) return "";
  const digest = await crypto.subtle.digest("SHA-256", /** @type {BufferSource} */ (content));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Uint8Array} content of a gzip file */
export async function gunzipped(content) {
  const stream = new Blob([/** @type {BlobPart} */ (content)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * Words of four bytes whose bytes stand in four planes, put back between each other
 * (sedflow/site/planes.py).
 * @param {Uint8Array} planes
 */
export function interleaved(planes) {
  const count = planes.length / 4;
  const words = new Uint32Array(count);
  for (let k = 0; k < count; k += 1) {
    words[k] = planes[k] | (planes[count + k] << 8) | (planes[2 * count + k] << 16) | (planes[3 * count + k] << 24);
  }
  return new Uint8Array(words.buffer);
}
