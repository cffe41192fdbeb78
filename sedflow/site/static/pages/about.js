// What it is: what computes here, from what, under which licences, and how to go on with it in Python.
import { pythonOf, pythonOfModel } from "../parts/code.js";
import { button, el } from "../parts/dom.js";
import { say } from "../parts/notices.js";

const table = (rows) => el("table", {}, el("tbody", {}, ...rows.map(([name, ...values]) => el("tr", {}, el("th", { scope: "row", style: "position:static" }, name), ...values.map((v) => el("td", {}, v ?? ""))))));
const hash = (text) => (text ? `${text.slice(0, 16)}…` : "");
const code = (text) => el("code", {}, String(text ?? "–"));

/** @param {{engine: any, address: (state: any) => string}} app */
export function aboutPage({ engine, address }) {
  const site = engine.site, python = el("pre", { tabindex: "0", "aria-label": "Python" }), model = el("pre", { tabindex: "0", "aria-label": "Python of the model" }), link = el("code", {});
  const copy = (what) => navigator.clipboard?.writeText(what).then(() => say("Copied."), () => say("The browser did not allow copying; select the text instead.", true));
  const vendor = (site.vendor ?? []).map((v) => [v.name, v.version, v.licence, code(hash(v.package_sha256))]);
  const graphs = Object.entries(site.graphs ?? {}).map(([name, g]) => [name, code(g.file), code(hash(g.sha256))]);
  const licences = (site.licences ?? []).map((l) => (typeof l === "string" ? el("li", {}, l) : el("li", {}, [l.what, l.licence, l.citation].filter(Boolean).join(": "))));
  const node = el("div", {}, el("div.text", {}, el("h2", {}, "What it is"),
    el("p", {}, "This page computes the posterior of a galaxy's mass, star-formation history, metals and dust from its light in a few bands. A network proposes draws; the model's likelihood and prior weight them, so that the draws follow the exact posterior where the weights pass. All of it runs in your browser: nothing that you type leaves this computer."),
    el("h3", {}, "Made from"), table([["SEDflow", code(site.version)], ["network", code(site.network.name), code(site.network.sha256)], ["grid of stellar populations", code(site.grid?.name), code(site.grid?.sha256)]]),
    el("h3", {}, "The same in the app"), el("p", {}, "Start ", code("sedflow serve"), " and put this after its address:"), el("p", {}, link, " ", button("Copy", () => copy(link.textContent ?? ""))),
    el("h3", {}, "The same in Python"), python, button("Copy", () => copy(python.textContent ?? "")),
    el("p", {}, "The model of Forward:"), model, button("Copy", () => copy(model.textContent ?? "")),
    el("p.quiet", {}, "The draws differ from Python's, since the browser has another generator of random numbers; the posterior is the same."),
    el("h3", {}, "Graphs"), table(graphs), el("h3", {}, "Libraries"), table(vendor), el("h3", {}, "Licences"), el("ul", {}, ...licences)));
  function render(state) {
    if (node.hidden) return;
    // The app begins with more draws: the number is named, whatever it is.
    const text = address({ ...state, view: "explore", lesson: "", step: 1 });
    link.textContent = `${text || "?"}${text ? "&" : ""}${/[?&]n=/.test(text) ? "" : `n=${state.n}`}`.replace(/&$/, "");
    model.textContent = pythonOfModel(site, state);
    python.textContent = state.galaxyShown ? pythonOf(site, state) : state.busy ? "# Its posterior is being computed …" : "# Choose a galaxy on Explore first.";
  }
  return { node, render, step: null, clear: () => {}, title: () => "What it is" };
}
