// Asks the service worker (sw.js) to keep the site's files, once the page has nothing else to do.

const PATIENCE = 3000; // ms after the start, in which the first galaxies are inferred

/** @param {any} [scope] the browser's globals */
export function keepLater(scope = globalThis) {
  // Where there is none, `ready` is never told.
  const keep = () => scope.navigator?.serviceWorker?.ready.then((/** @type {any} */ found) => found.active?.postMessage("keep"));
  setTimeout(keep, PATIENCE);
}
