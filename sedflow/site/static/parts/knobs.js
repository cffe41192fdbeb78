// Sliders of a lesson: a model that follows them, computed here. The model is a straight line in what a knob sets: Python gives the
// parameters where it stands at its start, and how they change for each unit.
import { spectrumFigure } from "../figures/spectrum.js";
import { fromNanomaggies } from "../numerics/units.js";
import { chooser, el } from "./dom.js";
import { fixed } from "./format.js";
import { latest } from "./latest.js";
import { modelValues } from "./light.js";
import { plot } from "./plot.js";
import { sliderRow } from "./slider.js";

const SHOWN = { unit: "flam", log: false, rest: false };

/**
 * Parameters of the knobs where they stand.
 * @param {any[]} knobs @param {Map<string, number>} at
 * @returns {Float64Array} (12)
 */
export function thetaOfKnobs(knobs, at) {
  const theta = Float64Array.from(knobs[0].base);
  for (const knob of knobs) knob.per.forEach((per, k) => { theta[k] += per * ((at.get(knob.name) ?? knob.start) - knob.start); });
  return theta;
}

/**
 * Knobs of a step, of which all move one model; or, without a galaxy, one that is chosen.
 * @param {any} site @param {any} engine @param {any} lesson @param {any} step
 */
export function knobStage(site, engine, lesson, step) {
  const galaxy = lesson.galaxies?.[step.key === "mock" ? "mock" : "nsa"] ?? null;
  const redshift = galaxy?.redshift ?? lesson.redshift;
  const knobs = galaxy ? lesson.knobs : step.moves.map((name) => lesson.knobs.find((knob) => knob.name === name));
  const host = el("div.sed", { role: "img", "aria-label": "Spectrum of the model" }), sed = spectrumFigure(host);
  const words = el("p.num", { role: "status" }), rows = el("div.knobs"), response = galaxy ? null : plot();
  const pulls = galaxy ? plot() : null, node = el("div.lessonstage", {}, rows, host, words);
  if (pulls) node.append(pulls.node);
  if (response) node.append(response.node);
  let used = galaxy ? knobs : [knobs[0]], at = new Map(Object.entries(step.at)), base = null, open = Boolean(galaxy) || !step.question || step.key === "all", light = null, now = null, best = Infinity;

  const compute = latest(async ({ theta, key }) => {
    const found = await engine.spectrum({ theta, redshift });
    if (!base || base.key !== key) base = { key, light: galaxy ? null : found };
    [light, now] = [found, theta];
    paint();
  });
  const ask = () => compute({ theta: thetaOfKnobs(used, at), key: used[0].name });

  function paint() {
    if (!light) return;
    const values = modelValues(site, SHOWN, light, redshift, base?.light);
    if (galaxy) values.points.push(...dataOf(site, galaxy));
    sed.update(values);
    if (pulls) told(pulls);
    else {
      const mag = (k) => 22.5 - 2.5 * Math.log10(light.modelFlux[k]);
      const knob = used[0];
      words.replaceChildren(`${knob.label} = ${fixed(at.get(knob.name) ?? knob.start, 2)}:  r = ${fixed(mag(2), 2)},  g−r = ${fixed(mag(1) - mag(2), 2)} mag`);
    }
  }

  /** How far the model is from the galaxy: pulls, and their squares added up. */
  function told(figure) {
    const names = site.network.bands.map((b) => b.name), there = names.map((b, k) => k).filter((k) => Number.isFinite(galaxy.flux[k]));
    const pull = there.map((k) => (galaxy.flux[k] - light.modelFlux[k]) / galaxy.sigma[k]);
    const chi2 = pull.reduce((sum, p) => sum + p * p, 0), most = Math.max(5, ...pull.map((p) => 1.1 * Math.abs(p)));
    best = Math.min(best, chi2);
    words.replaceChildren(el("b", {}, `χ² = ${fixed(chi2, 1)}`), `, best so far ${fixed(best, 1)}`);
    figure.update({ title: "", x: { label: "band", factors: there.map((k) => names[k]) }, y: { label: "pull [σ]", range: [-most, most] },
      marks: [{ kind: "bars", colour: "#1f86c9", width: 0.7, x: there.map((k) => names[k]), bottom: pull.map(() => 0), top: pull }] });
  }

  function drawResponse() {
    const values = response && open && lesson.responses[used[0].name];
    if (!response) return;
    response.node.hidden = !values;
    if (!values) return;
    const value = at.get(used[0].name) ?? used[0].start;
    response.update({ ...values, marks: [...values.marks, { kind: "line", colour: "#888888", dash: [5, 4], x: [value, value], y: values.y.range }] });
  }

  function arrange() {
    const choose = !galaxy && knobs.length > 1 ? [el("label.field", {}, "Parameter", chosen.node)] : [];
    const sliders = used.map((knob) => {
      const help = site.parameters.find((p) => p.name === knob.name)?.help ?? "";
      const row = sliderRow({ ...knob, name: `lesson-${knob.name}`, unit: "", help }, (value) => {
        at.set(knob.name, value);
        row.show(value);
        ask();
        drawResponse();
      });
      row.show(at.get(knob.name) ?? knob.start);
      for (const input of row.node.querySelectorAll("input")) input.disabled = !open;
      return row.node;
    });
    chosen.node.disabled = !open;
    rows.replaceChildren(...choose, ...sliders);
    drawResponse();
    ask();
  }
  const chosen = chooser("Parameter", knobs.map((knob) => [knob.name, knob.label]), (name) => {
    used = [knobs.find((knob) => knob.name === name)];
    at = new Map();
    arrange();
  });
  arrange();
  return {
    node,
    /** Unlock what waits for a prediction. */
    reveal() {
      open = true;
      arrange();
    },
    /** @returns {Float64Array|null} the model shown */
    theta: () => now,
  };
}

/** @param {any} site @param {any} galaxy */
function dataOf(site, galaxy) {
  return site.network.bands.flatMap((b, k) => {
    const to = (v) => fromNanomaggies(v, b.wave_a, "flam"), f = galaxy.flux[k], s = galaxy.sigma[k];
    return Number.isFinite(f) ? [{ name: b.name, x: b.wave_a, y: to(f), low: to(f - s), high: to(f + s), kind: "data" }] : [];
  });
}
