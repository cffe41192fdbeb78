// Whether a browser can run the engine, in a sentence where it cannot.

// A module with one function, () -> i8x16.splat(0): four bytes of SIMD at its end.
const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11];
const NEWER = "open this page in a browser of 2023 or later (Chrome, Edge, Firefox or Safari 16.4)";

/**
 * What the browser lacks; empty if nothing.
 * @param {any} [scope] the browser's globals
 * @returns {string} a sentence
 */
export function lacking(scope = globalThis) {
  if (typeof scope.WebAssembly !== "object") return `This browser has no WebAssembly, in which the network runs; ${NEWER}, and do not switch it off.`;
  if (!scope.WebAssembly.validate(Uint8Array.from(SIMD))) return `This browser's WebAssembly has no SIMD, which the network needs; ${NEWER}.`;
  if (typeof scope.DecompressionStream !== "function") return `This browser cannot unpack gzip (DecompressionStream); ${NEWER}.`;
  if (!moduleWorkers(scope)) return `This browser has no worker threads of modules; ${NEWER}.`;
  return "";
}

/** @param {any} scope */
function moduleWorkers(scope) {
  if (typeof scope.Worker !== "function") return false;
  let asked = false;
  const options = { get type() { asked = true; return "module"; } };
  try {
    new scope.Worker("data:text/javascript,", options).terminate();
  } catch {
    // A policy may refuse the address; what counts is that the option was read.
  }
  return asked;
}
