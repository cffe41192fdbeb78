// The exported graphs, run by ONNX Runtime in this thread: loaded when first needed, each once.
import { fetched, gunzipped, interleaved } from "./files.js";

/** Graphs without which nothing can be inferred. */
export const FIRST = ["features", "draw", "weigh"];
const RUNTIME = "vendor/ort.wasm.min.mjs";
const LOADER = "vendor/ort-wasm-simd-threaded.mjs";
const BINARY = "vendor/ort-wasm-simd-threaded.wasm.gz";

/** @typedef {Record<string, any>} Values name -> typed array with its `shape` */

export class Graphs {
  /**
   * @param {string} base address of the site's folder
   * @param {any} site the manifest
   * @param {(share: number) => void} [onProgress] of what `FIRST` needs, from 0 to 1
   */
  constructor(base, site, onProgress = () => {}) {
    this.base = base;
    this.site = site;
    /** @type {Map<string, Promise<any>>} */
    this.sessions = new Map();
    /** @type {Map<string, Promise<Uint8Array>>} */
    this.tables = new Map();
    const first = [BINARY, ...FIRST.flatMap((name) => filesOf(site, name))];
    const whole = [...new Set(first)].reduce((sum, name) => sum + (site.files[name]?.bytes ?? 0), 0);
    let come = 0;
    this.onBytes = (/** @type {number} */ bytes) => {
      come += bytes;
      onProgress(Math.min(come / whole, 1));
    };
    this.ort = this.runtime();
    this.ort.catch(() => {}); // told where it is awaited
  }

  /** Load graphs before they are asked for. @param {string[]} names */
  async load(names) {
    await Promise.all(names.map((name) => this.session(name)));
  }

  /** @param {string} name */
  has(name) {
    return name in this.site.graphs;
  }

  /**
   * The outputs of a graph.
   * @param {string} name
   * @param {Record<string, {data: ArrayLike<number>, shape: number[]}>} inputs
   * @returns {Promise<Record<string, {data: any, shape: number[]}>>}
   */
  async run(name, inputs) {
    const [ort, session] = [await this.ort, await this.session(name)];
    /** @type {Record<string, any>} */
    const feeds = {};
    for (const [key, { data, shape }] of Object.entries(inputs)) {
      const wide = this.site.graphs[name].inputs[key].type === "double";
      feeds[key] = wide
        ? new ort.Tensor("float64", data instanceof Float64Array ? data : Float64Array.from(data), shape)
        : new ort.Tensor("float32", data instanceof Float32Array ? data : Float32Array.from(data), shape);
    }
    const found = await session.run(feeds);
    /** @type {Record<string, {data: any, shape: number[]}>} */
    const out = {};
    for (const [key, tensor] of Object.entries(found)) {
      out[key] = { data: tensor.data, shape: [...tensor.dims] };
    }
    return out;
  }

  /** @param {string} name @returns {Promise<any>} */
  session(name) {
    const there = this.sessions.get(name);
    if (there) return there;
    const made = this.made(name);
    this.sessions.set(name, made);
    made.catch(() => this.sessions.delete(name)); // so that it can be tried again
    return made;
  }

  /** @param {string} name */
  async made(name) {
    const entry = this.site.graphs[name];
    if (!entry) throw new Error(`This site has no graph '${name}'; publish it again with this version of sedflow`);
    const [ort, graph, data] = await Promise.all([this.ort, this.file(entry.file), entry.tables ? this.table(entry.tables) : null]);
    const options = { executionProviders: ["wasm"], graphOptimizationLevel: "all" };
    return ort.InferenceSession.create(graph, data ? { ...options, externalData: [{ path: entry.tables.name, data }] } : options);
  }

  /**
   * Constants that graphs share, unpacked.
   * @param {{file: string, bytes: number, encoding: string}} entry
   */
  table(entry) {
    let found = this.tables.get(entry.file);
    if (!found) {
      if (entry.encoding !== "planes4+gzip") throw new Error(`${entry.file} is packed as '${entry.encoding}', which this page cannot read; publish the whole folder again`);
      found = this.file(entry.file).then(gunzipped).then((planes) => interleaved(planes).subarray(0, entry.bytes));
      this.tables.set(entry.file, found);
      found.catch(() => this.tables.delete(entry.file));
    }
    return found;
  }

  /** @param {string} name */
  file(name) {
    return fetched(this.base, name, this.site.files, this.onBytes);
  }

  async runtime() {
    const [ort, binary] = await Promise.all([import(new URL(RUNTIME, this.base).href), this.file(BINARY).then(gunzipped)]);
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmBinary = binary.buffer;
    ort.env.wasm.wasmPaths = { mjs: new URL(LOADER, this.base).href };
    ort.env.logLevel = "error";
    return ort;
  }
}

/** Files of a graph and its constants. @param {any} site @param {string} name @returns {string[]} */
function filesOf(site, name) {
  const entry = site.graphs[name];
  return entry ? [entry.file, ...(entry.tables ? [entry.tables.file] : [])] : [];
}
