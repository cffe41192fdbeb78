// The packed files of numbers, unpacked: the other side of sedflow/site/planes.py.

/** @typedef {{file: string, bytes: number, encoding: string, head?: number, steps?: [number, number][]}} Packed what the manifest says of one */

/** @type {Record<string, (planes: Uint8Array, entry: Packed) => Uint8Array>} */
const ENCODINGS = { "planes4+gzip": interleaved, "steps24+gzip": stepped };

/** @param {Uint8Array} content @param {Packed} entry */
export async function unpacked(content, entry) {
  const unpack = ENCODINGS[entry.encoding];
  if (!unpack) throw new Error(`${entry.file} is packed as '${entry.encoding}', which this page cannot read; publish the whole folder again`);
  return unpack(await gunzipped(content), entry).subarray(0, entry.bytes);
}

/** @param {Uint8Array} content of a gzip file */
async function gunzipped(content) {
  const stream = new Blob([/** @type {BlobPart} */ (content)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * Words of four bytes whose bytes stand in four planes, put back between each other.
 * @param {Uint8Array} planes
 */
function interleaved(planes) {
  const count = planes.length / 4;
  const words = new Uint32Array(count);
  for (let k = 0; k < count; k += 1) {
    words[k] = planes[k] | (planes[count + k] << 8) | (planes[2 * count + k] << 16) | (planes[3 * count + k] << 24);
  }
  return new Uint8Array(words.buffer);
}

/**
 * A head as it is, then whole numbers of three bytes, in three planes, each times the step of its
 * run; the last bit has the sign.
 * @param {Uint8Array} planes @param {Packed} entry
 */
function stepped(planes, { head = 0, steps = [] }) {
  const count = (planes.length - head) / 3;
  const [low, middle, high] = [0, 1, 2].map((k) => planes.subarray(head + k * count, head + (k + 1) * count));
  const numbers = new Float32Array(count);
  let k = 0;
  for (const [run, step] of steps) {
    for (const end = k + run; k < end; k += 1) {
      const signed = low[k] | (middle[k] << 8) | (high[k] << 16);
      numbers[k] = step * ((signed >> 1) ^ -(signed & 1));
    }
  }
  const out = new Uint8Array(head + 4 * count);
  out.set(planes.subarray(0, head));
  out.set(new Uint8Array(numbers.buffer), head);
  return out;
}
