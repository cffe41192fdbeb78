// The exported graphs, run by ONNX Runtime in this thread: loaded when first needed, each once.
import { fetched } from "./files.js";
import { BINARY } from "./runtime.js";
import { unpacked } from "./unpack.js";

/** Graphs without which nothing can be inferred. */
export const FIRST = ["features", "draw", "weigh"];

/** @typedef {Record<string, any>} Values name -> typed array with its `shape` */

export class Graphs {
  /**
   * @param {string} base address of the site's folder
   * @param {any} site the manifest
   * @param {import("./runtime.js").Runtime} runtime
   * @param {(share: number) => void} [onProgress] of what `FIRST` needs, from 0 to 1
   */
  constructor(base, site, runtime, onProgress = () => {}) {
    this.base = base;
    this.site = site;
    /** @type {Map<string, Promise<any>>} */
    this.sessions = new Map();
    /** @type {Map<string, Promise<Uint8Array>>} */
    this.tables = new Map();
    const first = [BINARY, ...FIRST.flatMap((name) => filesOf(site, name))];
    const whole = [...new Set(first)].reduce((sum, name) => sum + (site.files[name]?.bytes ?? 0), 0);
    let come = 0;
    runtime.tell = () => onProgress(Math.min((come + runtime.bytes) / whole, 1));
    this.onBytes = (/** @type {number} */ bytes) => {
      come += bytes;
      runtime.tell();
    };
    runtime.tell();
    this.ort = runtime.ready(site.files);
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
    // The search for better sums takes seconds, and draws are as fast without it.
    const options = { executionProviders: ["wasm"], graphOptimizationLevel: FIRST.includes(name) ? "disabled" : "all" };
    return ort.InferenceSession.create(graph, data ? { ...options, externalData: [{ path: entry.tables.name, data }] } : options);
  }

  /**
   * Constants that graphs share, unpacked.
   * @param {import("./unpack.js").Packed} entry
   */
  table(entry) {
    let found = this.tables.get(entry.file);
    if (!found) {
      found = this.file(entry.file).then((content) => unpacked(content, entry));
      this.tables.set(entry.file, found);
      found.catch(() => this.tables.delete(entry.file));
    }
    return found;
  }

  /** @param {string} name */
  file(name) {
    return fetched(this.base, name, this.site.files, this.onBytes);
  }
}

/** Files of a graph and its constants. @param {any} site @param {string} name @returns {string[]} */
function filesOf(site, name) {
  const entry = site.graphs[name];
  return entry ? [entry.file, ...(entry.tables ? [entry.tables.file] : [])] : [];
}
