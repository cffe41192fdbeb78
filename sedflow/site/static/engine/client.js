// The engine, as the page sees it: promises of answers from the thread that computes.
import { keepLater } from "./offline.js";
import { Queue } from "./queue.js";
import { lacking } from "./support.js";
import { begin } from "./thread.js";

const LEISURE = 500; // ms after the start, in which the page asks for its first answer

/** @typedef {{flux: ArrayLike<number>, sigma: ArrayLike<number>, redshift: number, n?: number, seed?: number}} Asked */
/** @typedef {{base: string | URL, onProgress?: (share: number) => void}} Opening base: address of the site's folder */
/** @typedef {{theta: ArrayLike<number>, redshift: number}} Models (m, 12) parameters, row by row, at one redshift */

/**
 * @typedef {object} Answer
 * @property {number} n draws
 * @property {Float64Array} theta (n, 12), row by row
 * @property {Float64Array} weights (n), sum 1, Pareto-smoothed
 * @property {Float64Array} modelFlux (n, bands) [nanomaggies]
 * @property {Float64Array} values (n, quantities) derived
 * @property {Float64Array} chi2 (n)
 * @property {number} kHat
 * @property {number} ess effective draws, of those made
 * @property {number} logZ natural log of the evidence
 * @property {number} logZError
 * @property {number} made draws that were made: where they are others than n, n of equal weight are given
 * @property {import("../numerics/verdict.js").Verdict} verdict
 * @property {number} milliseconds
 */

export class Engine {
  /**
   * An engine that can infer.
   * @param {Opening} options
   * @returns {Promise<Engine>} rejected with a sentence where the browser cannot run it
   */
  static async start(options) {
    const engine = await Engine.open(options);
    await engine.ready;
    return engine;
  }

  /**
   * An engine that loads: what it is asked meanwhile is answered as soon as it can.
   * @param {Opening} options
   * @returns {Promise<Engine>} rejected with a sentence where there is no site, or the browser cannot run it
   */
  static async open({ base, onProgress = () => {} }) {
    const problem = lacking();
    if (problem) throw new Error(problem);
    const { worker, broken, manifest } = begin();
    const engine = new Engine(worker, onProgress);
    broken.then((why) => engine.fail(ended(why)));
    try {
      engine.site = await manifest;
    } catch (error) {
      engine.stop();
      throw error;
    }
    engine.ready = engine.send("start", { base: new URL(base, globalThis.location?.href).href, site: engine.site });
    engine.ready.then(() => engine.rest(), (error) => engine.stop(error));
    return engine;
  }

  /** @param {Worker} worker the thread @param {(share: number) => void} onProgress */
  constructor(worker, onProgress) {
    /** @type {any} the manifest */
    this.site = null;
    /** @type {Promise<any>} when it can infer; rejected with a sentence if it never will */
    this.ready = Promise.resolve();
    this.onProgress = onProgress;
    /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
    this.waiting = new Map();
    this.count = 0;
    /** @type {Error | null} why nothing more can be asked */
    this.ended = null;
    this.worker = worker;
    this.worker.addEventListener("message", (event) => this.hear(event.data));
    this.queue = new Queue((call, asked) => this.send(call, asked));
  }

  /**
   * The posterior of a galaxy. A newer call replaces one that waits, which is rejected as "Superseded".
   * @param {Asked} asked fluxes and errors [nanomaggies], NaN in bands that are absent
   * @returns {Promise<Answer>}
   */
  answer(asked) {
    return this.queue.ask("answer", asked);
  }

  /**
   * Spectra and fluxes of models.
   * @param {Models} models
   * @returns {Promise<{wave: Float64Array, flux: Float32Array, modelFlux: Float64Array}>}
   */
  spectrum(models) {
    return this.queue.ask("spectrum", models);
  }

  /** Histories of models. @param {Models} models @returns {Promise<Record<string, Float64Array>>} time, sfr, metallicity, formed */
  histories(models) {
    return this.queue.ask("histories", models);
  }

  /** Fluxes of models. @param {Models} models @returns {Promise<{modelFlux: Float64Array}>} */
  forward(models) {
    return this.queue.ask("forward", models);
  }

  /** Derived quantities of models. @param {Models} models @returns {Promise<{values: Float64Array}>} (m, quantities), row by row */
  quantities(models) {
    return this.queue.ask("quantities", models);
  }

  /** What the first answer does not need comes while nothing is asked: each call loads what it lacks. */
  rest() {
    setTimeout(() => Object.keys(this.site.graphs).forEach((name) => this.queue.leisurely("load", { name })), LEISURE);
    keepLater();
  }

  /** End the thread; what waits is rejected. @param {Error} [why] */
  stop(why = ended("it was stopped")) {
    this.fail(why);
    this.worker.terminate();
  }

  /** @param {string} call @param {any} asked @returns {Promise<any>} */
  send(call, asked) {
    return new Promise((resolve, reject) => {
      if (this.ended) return void reject(this.ended);
      const id = (this.count += 1);
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, call, asked });
    });
  }

  /** @param {any} said */
  hear({ id, result, error, progress }) {
    if (progress !== undefined) return this.onProgress(progress);
    const one = this.waiting.get(id);
    this.waiting.delete(id);
    if (error !== undefined) one?.reject(new Error(error));
    else one?.resolve(result);
  }

  /** @param {Error} why */
  fail(why) {
    this.ended ??= why;
    for (const one of this.waiting.values()) one.reject(this.ended);
    this.waiting.clear();
  }
}

/** @param {string} why */
function ended(why) {
  return new Error(`The engine's thread ended (${why}); reload the page.`);
}
