// ONNX Runtime, fetched before the manifest is there and compiled as it comes.
import { answered, checked, damaged, gathered, hashOf } from "./files.js";
import { compile } from "./loader.js";

const LIBRARY = "vendor/ort.wasm.min.mjs";
export const BINARY = "vendor/ort-wasm-simd-threaded.wasm.gz";

export class Runtime {
  /** @param {string} base address of the site's folder */
  constructor(base) {
    this.base = base;
    /** Bytes of the binary that have come, and who is told of them. */
    this.bytes = 0;
    this.tell = () => {};
    this.library = import(new URL(LIBRARY, base).href).catch(() => {
      throw damaged(LIBRARY);
    });
    this.binary = this.fetched();
    for (const part of [this.library, this.binary]) part.catch(() => {}); // told where it is awaited
  }

  async fetched() {
    const { body } = await answered(this.base, BINARY);
    if (!body) throw new Error(`${BINARY} is empty; publish the whole folder again`);
    const [one, two] = body.tee();
    const module = compile(one.pipeThrough(/** @type {any} */ (new DecompressionStream("gzip"))));
    const content = await gathered(BINARY, two, (bytes) => {
      this.bytes += bytes;
      this.tell();
    });
    return { module, bytes: content.length, hash: await hashOf(content) };
  }

  /**
   * The library, ready to make sessions.
   * @param {Record<string, import("./files.js").Known>} known files of the manifest
   */
  async ready(known) {
    const [ort, { module, bytes, hash }] = await Promise.all([this.library, this.binary]);
    checked(BINARY, bytes, hash, known);
    await module;
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmPaths = { mjs: new URL("./loader.js", import.meta.url).href };
    ort.env.logLevel = "error";
    return ort;
  }
}
