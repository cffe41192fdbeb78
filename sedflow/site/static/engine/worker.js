// The thread that computes, so that the page never stutters: one request after the other.
import { FIRST, Graphs } from "./graphs.js";
import { answered, atRedshift, quantitiesOf } from "./posterior.js";
import { Runtime } from "./runtime.js";

const runtime = new Runtime(new URL("../", import.meta.url).href);

/** @type {Graphs | null} */
let graphs = null;

/** What the page may ask for. @type {Record<string, (asked: any) => Promise<any>>} */
const CALLS = {
  async start({ base, site }) {
    graphs = new Graphs(base, site, runtime, (share) => postMessage({ progress: share }));
    await graphs.load(FIRST);
    return {};
  },
  /** Load a graph before it is asked for. */
  async load({ name }) {
    await ready().load([name]);
    return {};
  },
  answer: (asked) => answered(ready(), asked),
  async spectrum({ theta, redshift }) {
    const g = ready();
    const inputs = atRedshift(g, theta, redshift);
    const light = await g.run("spectrum", inputs);
    const { model_flux: modelFlux } = await g.run("forward", inputs);
    return { wave: light.wave.data, flux: light.flux.data, modelFlux: modelFlux.data };
  },
  async histories({ theta, redshift }) {
    const out = await ready().run("histories", atRedshift(ready(), theta, redshift));
    return Object.fromEntries(Object.entries(out).map(([name, { data }]) => [name, data]));
  },
  async quantities({ theta, redshift }) {
    return { values: await quantitiesOf(ready(), theta, redshift) };
  },
  async forward({ theta, redshift }) {
    const out = await ready().run("forward", atRedshift(ready(), theta, redshift));
    return { modelFlux: out.model_flux.data };
  },
};

function ready() {
  if (!graphs) throw new Error("The engine has not been started; call Engine.start first");
  return graphs;
}

addEventListener("message", async (event) => {
  const { id, call, asked } = event.data;
  try {
    const result = await CALLS[call](asked);
    const buffers = new Set(Object.values(result).filter(ArrayBuffer.isView).map((view) => view.buffer));
    postMessage({ id, result }, { transfer: /** @type {Transferable[]} */ ([...buffers]) });
  } catch (error) {
    postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
});
