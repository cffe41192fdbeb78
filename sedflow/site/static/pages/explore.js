// Explore: choose a galaxy; its exact posterior as spectrum, corner plot, histories and numbers.
import { cornerFigure } from "../figures/corner.js";
import { historyFigure } from "../figures/history.js";
import { residualFigure, spectrumFigure } from "../figures/spectrum.js";
import { bandChips } from "../parts/bands.js";
import { brushHistory, brushQuantities } from "../parts/brush.js";
import { pythonOf } from "../parts/code.js";
import { button, choice, chooser, el, tabs, toggle } from "../parts/dom.js";
import { percent, spreadText } from "../parts/format.js";
import { HISTORIES, historyValues } from "../parts/histories.js";
import { needsMore, residualValues, spectrumValues } from "../parts/light.js";
import { numbersTable } from "../parts/numbers.js";
import { ownForm } from "../parts/own.js";
import { priorOver } from "../parts/prior.js";
import { quantitiesOf, shortLabel } from "../parts/quantities.js";
import { atlasRail } from "../parts/rail.js";
import { rangeForm } from "../parts/ranges.js";
import { reaching } from "../parts/truth.js";
import { verdictHead } from "../parts/verdict.js";

/** @param {{store: any, engine: any, atlas: any, session: any}} app */
export function explorePage({ store, engine, atlas, session }) {
  const site = engine.site, names = site.network.bands.map((b) => b.name);
  const rail = atlasRail(store, atlas), head = verdictHead(), numbers = numbersTable(site);
  const host = (name, about) => el(`div.${name}`, { role: "img", "aria-label": about });
  const sedHost = host("sed", "Spectrum of the posterior with the photometry"), pullHost = host("pull", "Residuals of the photometry in sigma");
  const cornerHost = el("div.corner", { role: "group", "aria-label": "Corner plot of the posterior; drag to select draws" });
  const sed = spectrumFigure(sedHost), pull = residualFigure(pullHost);
  let waiting = 0;
  const brushed = (found) => {
    clearTimeout(waiting);
    store.set({ brush: found });
    if (found && needsMore(found, store.get().shown)) waiting = setTimeout(() => session.refine(found), 120);
  };
  let many = "six", prior = false, columns = null, of = null;
  const corner = cornerFigure(cornerHost, (box) => {
    if (!box) return brushed(null);
    const chosen = chosenQuantities(store.get().answer);
    /** @type {{q: any, range: [number, number]}[]} */
    const picked = [{ q: chosen[box.x], range: box.rect[0] }];
    if (box.y !== null) picked.push({ q: chosen[box.y], range: box.rect[1] });
    return brushed(brushQuantities(store.get().answer, picked));
  });
  const histories = HISTORIES.map(([which, label, log]) => {
    const node = el("div", { role: "group", "aria-label": `${label} against look-back time; drag to select draws` });
    const figure = historyFigure(node, (box) => {
      const { answer, shown, history } = store.get();
      if (answer && history) brushed(box && brushHistory(answer, shown, history, which, box));
    });
    return { node, update: (state) => figure.update(historyValues(state, which, label, log)) };
  });
  const share = el("span.small", { role: "status" }), clear = button("Clear selection", () => brushed(null), { hidden: true });
  const lines = el("span.small.truth", { hidden: true }, "lines: the truth");
  const note = el("div.cornernote", {}, share, clear, el("span.quiet.small", {}, "contours hold 39 and 86 %"), lines);
  cornerHost.append(note);
  const chips = bandChips(names, (bands) => store.set({ bands }));
  const unit = chooser("Unit of flux", [["flam", "F_λ"], ["fnu", "F_ν"], ["ab", "AB mag"]], (value) => store.set({ unit: value }));
  const log = toggle("log", (on) => store.set({ log: on })), rest = toggle("rest frame", (on) => store.set({ rest: on }));
  const size = choice("Quantities of the corner plot", [["six", "six"], ["12", "12"]], (value) => { many = value; render(store.get(), null); });
  const priors = toggle("prior", (on) => { prior = on; render(store.get(), null); });
  const draws = chooser("Draws", [["300", "300 draws"], ["1000", "1,000 draws"], ["3000", "3,000 draws"]], (value) => store.set({ n: Number(value) }));
  const code = el("pre", { tabindex: "0", "aria-label": "Python" });
  const ranges = rangeForm((name, low, high) => {
    const { answer } = store.get(), q = answer && quantitiesOf(site, answer).find((one) => one.name === name);
    if (q) brushed(brushQuantities(answer, [{ q, range: [low, high] }]));
  });
  const own = ownForm(site, (galaxy) => {
    // A number of the atlas names that galaxy, whatever a visitor calls another.
    const name = atlas.rowOf(galaxy.name) < 0 ? galaxy.name : `${galaxy.name} (mine)`;
    store.set({ own: { ...galaxy, name }, galaxy: name, bands: [] });
  });
  const under = tabs("More", [["Numbers", numbers.node], ["Select", ranges.node], ["Your galaxy", own.parentElement ?? el("div", {}, own)], ["Code", el("div", {}, code)]], "explore");
  const parts = choice("Parts", [["light", "Light"], ["posterior", "Posterior"], ["history", "History"], ["numbers", "Numbers"]], (value) => { stage.dataset.part = value; parts.show(value); });
  parts.node.classList.add("parts");
  parts.show("light");
  const stage = el("div.stage", { "data-part": "light" }, head.node, parts.node, el("div.row.tools", {}, chips.node, unit.node, log.node, rest.node), el("div.row.tools2", {}, draws.node, priors.node, size.node),
    sedHost, pullHost, cornerHost, el("div.history", {}, ...histories.map((h) => h.node)), el("div.block", {}, ...under.nodes));
  const node = el("div.explore", {}, rail.node, stage);

  function chosenQuantities(answer) {
    const all = quantitiesOf(site, answer);
    if (many === "12") return site.parameters.map((p) => all.find((q) => q.name === p.name));
    return site.corner.map((name) => all.find((q) => q.name === name)).filter(Boolean);
  }

  function columnOf(q, redshift, truth) {
    const range = reaching(q.range, truth);
    return { label: shortLabel(site, q), name: q.name, values: q.values, range, quantiles: q.quantiles, truth,
      prior: prior ? priorOver(site, q.name, redshift, range) : null, title: many === "12" ? [] : spreadText(q.quantiles[0], q.quantiles[1], q.quantiles[2]) };
  }

  function cornerValues(state) {
    if (of?.answer !== state.answer || of.truth !== state.truth || of.many !== many || of.prior !== prior) {
      of = { answer: state.answer, truth: state.truth, many, prior };
      const { redshift } = state.galaxyShown;
      columns = chosenQuantities(state.answer).map((q) => columnOf(q, redshift, state.truth?.of[q.name] ?? null));
      lines.hidden = !state.truth;
    }
    const b = state.brush, label = (name) => columns.find((c) => c.name === name)?.label ?? "";
    const box = b?.place === "corner" ? { x: label(b.x), y: b.y === null ? null : label(b.y), rect: b.rect } : null;
    return { columns, weights: state.answer.weights, mask: b ? b.mask : null, box, peaks: columns.peaks ??= [] };
  }

  function selection(b) {
    share.replaceChildren();
    if (b) share.append(el("b", {}, percent(b.share)), ` of the posterior, ${b.n} draw${b.n === 1 ? "" : "s"}: ${b.words}`);
    clear.hidden = !b;
  }

  function render(state, changed) {
    const any = (...keys) => !changed || keys.some((k) => changed.has(k));
    if (any("galaxy")) rail.update();
    chips.show(state.bands);
    unit.show(state.unit);
    log.show(state.log);
    rest.show(state.rest);
    size.show(many);
    priors.show(prior);
    draws.show(String(state.n));
    stage.classList.toggle("waits", Boolean(state.busy));
    for (const part of [sedHost, pullHost, cornerHost]) part.classList.toggle("stale", Boolean(state.busy) && any("galaxy", "own", "bands", "busy") && !state.fresh);
    if (any("answer", "busy", "galaxyShown", "loading")) head.update(state);
    if (!state.answer) return;
    if (any("answer", "brush")) {
      corner.update(cornerValues(state));
      pull.update(residualValues(site, state));
      numbers.update(state);
      selection(state.brush);
    }
    if (any("rest", "unit")) pull.update(residualValues(site, state));
    if (state.light && any("light", "brush", "unit", "log", "rest")) sed.update(spectrumValues(site, state));
    if (state.history && any("history", "brush")) for (const one of histories) one.update(state);
    if (any("answer", "n", "seed")) {
      code.textContent = pythonOf(site, state);
      ranges.update(quantitiesOf(site, state.answer));
    }
  }
  return { node, render, step: rail.step, clear: () => brushed(null), title: () => store.get().galaxyShown?.title ?? "Explore" };
}
