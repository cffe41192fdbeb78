// Between the state and the engine: what is asked for when the state changes, and where the answer goes.
import { resample, take } from "../parts/sample.js";
import { say } from "../parts/notices.js";
import { truthOf } from "../parts/truth.js";

const SPECTRA = 120; // draws of equal weight whose spectra and histories are shown
const SELECTED = 40; // the same of a selection that has too few of them

/**
 * Keep the answer in step with the galaxy, its bands, the number of draws and the seed.
 * @param {any} store @param {any} engine @param {any} atlas
 */
export function startSession(store, engine, atlas) {
  let asked = "";
  const bands = engine.site.network.bands.map((b) => b.name);

  /** Photometry of what the state asks for; null if nothing. */
  function galaxyOf(state) {
    const used = (k) => !state.bands?.length || state.bands.includes(bands[k]);
    if (state.own && (!state.galaxy || state.galaxy === state.own.name)) return { ...state.own, title: state.own.name || "my galaxy", used: bands.map((b, k) => used(k)) };
    const k = atlas.rowOf(state.galaxy);
    if (k < 0) return null;
    return { ...atlas.galaxy(k), used: bands.map((b, i) => used(i)) };
  }

  async function ask(state) {
    const galaxy = galaxyOf(state);
    if (!galaxy) {
      if (state.galaxy) say(atlas.find(state.galaxy).words || `“${state.galaxy.slice(0, 40)}” is not a number of this atlas; type it in the field above`, true);
      return;
    }
    const key = JSON.stringify([galaxy.title, galaxy.flux, galaxy.sigma, galaxy.redshift, state.bands, state.n, state.seed]);
    if (key === asked) return;
    asked = key;
    store.set({ busy: true, brush: null });
    // What cannot be loaded, the page itself says (start.js).
    const able = await engine.ready.then(() => true, () => false);
    if (!able || key !== asked) return;
    const begun = performance.now();
    try {
      const blank = (rows) => Float64Array.from(rows, (v, k) => (galaxy.used[k] && v !== null ? v : NaN));
      const asking = { flux: blank(galaxy.flux), sigma: blank(galaxy.sigma), redshift: galaxy.redshift, n: state.n, seed: state.seed };
      const [truth, answer] = await Promise.all([truthOf(engine, galaxy), engine.answer(asking)]);
      if (key !== asked) return;
      const shown = resample(answer.weights, SPECTRA);
      const filled = fill(key, answer, shown, galaxy.redshift); // asked for before the page paints, which takes as long
      store.set({ galaxyShown: galaxy, answer, truth, shown, light: null, history: null });
      await filled;
      if (key !== asked) return;
      store.set({ busy: false });
      requestAnimationFrame(() => { document.documentElement.dataset.painted = String(Math.round(performance.now() - begun)); });
    } catch (problem) {
      const error = /** @type {Error} */ (problem);
      if (error.name === "Superseded" || key !== asked) return;
      asked = "";
      store.set({ busy: false });
      say(error.message, true);
    }
  }

  async function fill(key, answer, shown, redshift) {
    const theta = take(answer.theta, answer.theta.length / answer.n, shown);
    const coming = [engine.spectrum({ theta, redshift }), engine.histories({ theta, redshift })];
    coming[1].catch(() => {}); // told where it is awaited
    const light = await coming[0];
    if (key !== asked) return;
    store.set({ light });
    const history = await coming[1];
    if (key === asked) store.set({ history });
  }

  /** Spectra and histories of a selection that has few of those shown. */
  async function refine(brush) {
    const { answer, galaxyShown } = store.get();
    const rows = resample(answer.weights, SELECTED, brush.mask);
    const theta = take(answer.theta, answer.theta.length / answer.n, rows);
    const light = await engine.spectrum({ theta, redshift: galaxyShown.redshift });
    const history = await engine.histories({ theta, redshift: galaxyShown.redshift });
    if (store.get().brush === brush) store.set({ brush: { ...brush, light, history } });
  }

  store.subscribe((state, changed) => {
    if (["galaxy", "own", "bands", "n", "seed"].some((name) => changed.has(name))) ask(state);
  });
  ask(store.get());
  return { galaxyOf, refine };
}
