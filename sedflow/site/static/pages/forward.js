// Forward: sliders for the parameters; spectrum, photometry and histories follow.
import { historyFigure } from "../figures/history.js";
import { spectrumFigure } from "../figures/spectrum.js";
import { button, chooser, el, toggle } from "../parts/dom.js";
import { fixed } from "../parts/format.js";
import { HISTORIES, modelHistory } from "../parts/histories.js";
import { modelValues } from "../parts/light.js";
import { latest } from "../parts/latest.js";
import { observe } from "../parts/observe.js";
import { thetaOf } from "../parts/model.js";
import { pythonOfModel } from "../parts/code.js";
import { starts } from "../parts/presets.js";
import { sliderRow } from "../parts/slider.js";

const REDSHIFT = { name: "redshift", label: "redshift", unit: "", help: "Distance and age of the universe: it dims and reddens." };
const GHOST = 1000; // ms for which what was before stays

/** @param {{store: any, engine: any}} app */
export function forwardPage({ store, engine }) {
  const site = engine.site, [zLow, zHigh] = site.network.redshift;
  const all = [...site.parameters, { ...REDSHIFT, low: Math.max(zLow, 0.001), high: zHigh, default: 0.05 }];
  const defaults = Object.fromEntries(all.map((p) => [p.name, p.default]));
  const valueOf = (state, name) => state[name] ?? defaults[name];
  const sliders = new Map(all.map((p) => [p.name, sliderRow(p, (value) => store.set({ [p.name]: value }))]));
  const preset = chooser("start from", Object.keys(site.presets).map((k) => [k, k]), (key) => store.set(starts(site, key)));
  const cells = [el("label.field.wide", {}, "start from", preset.node)];
  for (const [title, names] of site.groups) cells.push(el("h3", {}, title), ...names.map((name) => sliders.get(name)?.node));
  const sedHost = el("div.sed", { role: "img", "aria-label": "Spectrum and photometry of the model" }), sed = spectrumFigure(sedHost);
  const histories = HISTORIES.map(([which, label, log]) => {
    const node = el("div", { role: "img", "aria-label": `${label} against look-back time` }), figure = historyFigure(node);
    return { node, update: (now, before) => figure.update(modelHistory(now, which, label, log, before)) };
  });
  const unit = chooser("Unit of flux", [["flam", "F_λ"], ["fnu", "F_ν"], ["ab", "AB mag"]], (value) => store.set({ unit: value }));
  const log = toggle("log", (on) => store.set({ log: on })), rest = toggle("rest frame", (on) => store.set({ rest: on }));
  const magnitudes = el("p.num", { style: "margin:0" });
  const input = (label, value) => el("input", { type: "number", value, min: 1, step: 1, "aria-label": label });
  const ratio = input("signal-to-noise", 20), seed = input("seed of the noise", 1);
  const python = el("pre", { tabindex: "0", "aria-label": "Python" });
  const code = el("details", { ontoggle: () => { python.textContent = pythonOfModel(site, store.get()); } }, el("summary", {}, "The same in Python"), python);
  let now = null, before = null, fade = 0;
  const observed = button("Observe and infer", () => {
    if (!now) return;
    try {
      const noisy = observe(now.light.modelFlux, Number(ratio.value), Number(seed.value));
      store.set({ own: { name: `mock ${seed.value}`, ...noisy, redshift: now.redshift, truth: now.theta }, galaxy: `mock ${seed.value}`, bands: [], view: "explore" });
    } catch (error) {
      magnitudes.textContent = /** @type {Error} */ (error).message;
    }
  });
  observed.classList.add("first");
  const node = el("div.forward", {}, el("div.sliders", {}, ...cells),
    el("div.views", {}, el("div.row", {}, unit.node, log.node, rest.node), sedHost, magnitudes, el("div.history", {}, ...histories.map((h) => h.node)),
      el("div.observe", {}, el("b", {}, "Observe it"), el("label.field", {}, "signal-to-noise", ratio), el("label.field", {}, "seed of the noise", seed), observed), code));
  const compute = latest(async ({ theta, redshift, key }) => {
    const begun = performance.now();
    const [light, history] = await Promise.all([engine.spectrum({ theta, redshift }), engine.histories({ theta, redshift })]);
    const came = performance.now();
    if (now && now.redshift === redshift && now.key !== key) before ??= now;
    now = { light, history, theta, redshift, key };
    clearTimeout(fade);
    fade = setTimeout(() => { before = null; paint(); }, GHOST);
    paint();
    node.dataset.milliseconds = `${(came - begun).toFixed(1)} ${(performance.now() - came).toFixed(1)}`;
  });

  function paint() {
    if (!now || node.hidden) return;
    sed.update(modelValues(site, store.get(), now.light, now.redshift, before?.light));
    for (const one of histories) one.update(now.history, before?.history);
    magnitudes.replaceChildren("AB magnitudes: ", ...site.network.bands.flatMap((b, k) => [el("b", {}, b.name), ` ${fixed(22.5 - 2.5 * Math.log10(now.light.modelFlux[k]), 2)}  `]));
  }

  function render(state, changed) {
    for (const p of all) if (!changed || changed.has(p.name)) sliders.get(p.name)?.show(valueOf(state, p.name));
    unit.show(state.unit);
    log.show(state.log);
    rest.show(state.rest);
    if (node.hidden) return;
    if (!now) magnitudes.textContent = state.loading;
    const theta = thetaOf(site, state);
    if (code.open) python.textContent = pythonOfModel(site, state);
    const redshift = valueOf(state, "redshift"), key = `${theta} ${redshift}`;
    if (now?.key === key) paint();
    else compute({ theta, redshift, key });
  }
  return { node, render, step: null, clear: () => {}, title: () => "Forward" };
}
