// What ONNX Runtime loads its WebAssembly with: the vendored loader, given a module that was
// compiled while its bytes came.
import { damaged } from "./files.js";

const VENDORED = "vendor/ort-wasm-simd-threaded.mjs";

const vendored = import(new URL(`../${VENDORED}`, import.meta.url).href).catch(() => {
  throw damaged(VENDORED);
});
vendored.catch(() => {}); // told where it is awaited

/** @type {Promise<WebAssembly.Module> | null} */
let compiled = null;

/** Compile a module as its bytes come. @param {ReadableStream<Uint8Array>} bytes */
export function compile(bytes) {
  const response = new Response(/** @type {any} */ (bytes), { headers: { "Content-Type": "application/wasm" } });
  compiled = WebAssembly.compileStreaming(response);
  compiled.catch(() => {});
  return compiled;
}

/**
 * What ONNX Runtime calls in the place of the vendored loader.
 * @param {any} settings of the loader
 */
export default async function load(settings) {
  const module = await compiled;
  if (!module) throw new Error("The runtime was asked for before its WebAssembly; call compile first");
  const { default: start } = await vendored;

  /** @param {WebAssembly.Imports} imports @param {(made: WebAssembly.Instance, of: WebAssembly.Module | null) => void} done */
  function instantiateWasm(imports, done) {
    WebAssembly.instantiate(/** @type {WebAssembly.Module} */ (module), imports).then((made) => done(made, module));
    return {}; // the exports come later
  }
  return start({ ...settings, instantiateWasm });
}
