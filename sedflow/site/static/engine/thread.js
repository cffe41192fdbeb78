// The thread that computes and the manifest of the site, both begun as soon as this module is
// read: before the page's other modules are there.
import { manifestOf } from "./files.js";
import { lacking } from "./support.js";

/** @typedef {{worker: Worker, broken: Promise<string>, manifest: Promise<any>}} Begun broken: why the thread ended, if it does */

/** @type {Begun | null} */
let waiting = lacking() ? null : begun();

/** The thread that was begun with the page, or another. @returns {Begun} */
export function begin() {
  const found = waiting ?? begun();
  waiting = null;
  return found;
}

/** @returns {Begun} */
function begun() {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  /** @type {Promise<string>} */
  const broken = new Promise((tell) => {
    worker.addEventListener("error", (event) => tell(event.message || "it could not be loaded"));
  });
  const manifest = manifestOf(new URL("../", import.meta.url).href);
  manifest.catch(() => {}); // told where it is awaited
  return { worker, broken, manifest };
}
