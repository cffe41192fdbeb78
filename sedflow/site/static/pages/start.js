// The beginning: state and atlas, then the page that the address asks for, while the engine still loads.
import { Engine } from "../engine/client.js";
import { come, held, readJson } from "../engine/files.js";
import { readAtlas } from "../parts/atlas.js";
import { startHeader } from "../parts/header.js";
import { say } from "../parts/notices.js";
import { decode, encode, keysOf } from "../state/address.js";
import { createStore } from "../state/store.js";
import { aboutPage } from "./about.js";
import { explorePage } from "./explore.js";
import { forwardPage } from "./forward.js";
import { learnPage } from "./learn.js";
import { startSession } from "./session.js";

const base = new URL("../", import.meta.url).href;
const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const loading = /** @type {HTMLElement} */ (document.getElementById("loading"));

const ATLAS = "data/atlas.json";
const PLACES = ["view", "galaxy", "lesson", "step"]; // a change of which the browser's button goes back from

async function start() {
  let words = "Loading the network …", store = null, ready = false;
  const onProgress = (share) => {
    if (ready) return;
    // In tens, so that a screen reader is not told of every packet.
    words = share < 1 ? `Loading the network … ${10 * Math.floor(10 * share)} %` : "Starting the network …";
    loading.textContent = words;
    store?.set({ loading: words });
  };
  const [engine, content] = await Promise.all([Engine.open({ base, onProgress }), come(base, ATLAS)]);
  const { broken } = document.documentElement.dataset;
  if (broken) throw new Error(broken);
  const columns = readJson(ATLAS, await held(ATLAS, content, engine.site.files));
  const atlas = readAtlas(columns), asked = decode(location.search, engine.site);
  const defaults = Object.fromEntries(Object.entries(keysOf(engine.site)).map(([name, key]) => [name, key.default]));
  /** @type {Record<string, any>} */
  const first = { ...defaults, own: null, brush: null, busy: false, loading: words, answer: null, truth: null, galaxyShown: null, shown: [], light: null, history: null, ...asked.state };
  store = createStore(first);
  if (!store.get().galaxy && !store.get().own) store.set({ galaxy: String(columns.id[0]) });
  const address = (state) => encode(state, engine.site);
  const visit = (to) => {
    history.pushState(null, "", to);
    dispatchEvent(new PopStateEvent("popstate"));
  };
  const app = { store, engine, atlas, base, address, visit, session: startSession(store, engine, atlas) };
  const pages = { explore: explorePage(app), forward: forwardPage(app), learn: learnPage(app), about: aboutPage(app) };
  const page = () => pages[store.get().view] ?? pages.explore;
  const header = startHeader(store, { find: atlas.find, idOf: (row) => String(columns.id[row]), page, link: () => `${location.origin}${location.pathname}${address(store.get())}` });
  main.replaceChildren(...Object.values(pages).map((p) => p.node));
  let view = "";
  function render(state, changed) {
    const turned = state.view !== view;
    view = state.view;
    for (const one of Object.values(pages)) one.node.hidden = one !== page();
    page().render(state, turned ? null : changed);
    header.show(state, page().title());
    if (turned) main.scrollTop = 0;
  }
  store.subscribe(render);
  render(store.get(), null);
  startAddress(store, address, () => {
    const { state, notices } = decode(location.search, engine.site);
    notices.forEach((text) => say(text));
    return { ...defaults, ...state };
  });
  asked.notices?.forEach((text) => say(text));
  const milliseconds = () => String(Math.round(performance.now()));
  document.documentElement.dataset.shown = milliseconds();
  await engine.ready;
  ready = true;
  store.set({ loading: "" });
  document.documentElement.dataset.ready = milliseconds();
}

/** The address follows the state, and the state the browser's back and forward. */
function startAddress(store, address, read) {
  let waits = 0, reading = false;
  store.subscribe((state, changed) => {
    clearTimeout(waits);
    const write = (how) => {
      const text = address(store.get());
      if (text !== location.search) history[how](null, "", text || location.pathname);
    };
    // What the browser's back and forward have set is not a new place.
    if (reading) write("replaceState");
    else if (PLACES.some((name) => changed.has(name))) write("pushState");
    else waits = setTimeout(() => write("replaceState"), 300);
  });
  addEventListener("popstate", () => {
    const asked = read();
    reading = true;
    store.set(asked.galaxy ? asked : { ...asked, galaxy: store.get().galaxy });
    reading = false;
  });
}

start().catch((error) => {
  main.replaceChildren();
  /** @type {HTMLElement} */ (document.getElementById("busy")).hidden = true;
  const note = document.createElement("p");
  note.className = "failed";
  note.setAttribute("role", "alert");
  note.textContent = error.message;
  main.append(note);
});

if ("serviceWorker" in navigator && location.protocol !== "file:") {
  // Without it the page works all the same; only the reload without a network does not.
  navigator.serviceWorker.register(`${base}sw.js`).catch(() => {});
}
