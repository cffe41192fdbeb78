// One step of a lesson: its text, what it shows, the question, and the answer once the student has predicted.
import { button, el } from "./dom.js";
import { knobStage } from "./knobs.js";
import { markdown } from "./markdown.js";
import { plot } from "./plot.js";

/** Figures of the app that follow its sliders, of which there is a live one here. */
const LIVE = ["lesson_sed", "lesson_colors", "hand_sed", "hand_pulls"];

/** Steps whose model is moved here. @param {any} lesson @param {any} step */
const isLive = (lesson, step) => Boolean(lesson.knobs) && (step.moves.length > 0 || (Boolean(lesson.galaxies) && step.key !== "reveal"));

/** The answer, after a word on the student's own. @param {any} step @param {string} mine */
function judged(step, mine) {
  if (!step.right || !mine) return step.answer;
  return mine === step.right ? `**Right: ${mine}.** ${step.answer}` : `**You said ${mine}; it is: ${step.right}.** ${step.answer}`;
}

/**
 * A step with its figures.
 * @param {{site: any, engine: any, visit: (address: string) => void}} app
 * @param {any} lesson @param {number} k from 1 @param {{back: () => void, next: () => void}} act
 * @returns {HTMLElement}
 */
export function stepView({ site, engine, visit }, lesson, k, act) {
  const step = lesson.steps[k - 1], last = k === lesson.steps.length;
  const live = isLive(lesson, step) ? knobStage(site, engine, lesson, step) : null;
  const figures = el("div.plots"), answer = el("div.answer", { hidden: true, "aria-live": "polite" });
  const draw = (places) => figures.replaceChildren(...places.map((place) => plot(lesson.figures[place]).node));
  const still = (places) => places.filter((place) => !live || !LIVE.includes(lesson.figures[place].name));
  draw(still(step.before));

  function reveal(mine = "") {
    const links = step.places.map(([label, address]) => el("a.button", { href: address, onclick: (event) => { event.preventDefault(); visit(address); } }, label));
    answer.replaceChildren(...markdown(judged(step, mine)), ...markdown(step.table), ...(links.length ? [el("p.row", {}, ...links)] : []));
    answer.hidden = false;
    draw(still(step.after));
    live?.reveal();
  }
  const choices = step.choices.map((text) => {
    const one = button(text, () => {
      for (const other of one.parentElement.children) other.setAttribute("aria-pressed", String(other === one));
      reveal(text);
    }, { "aria-pressed": "false" });
    return one;
  });
  const question = !step.question ? [] : [el("h3", {}, "Before you look"), ...markdown(`**${step.question}**`),
    choices.length ? el("div.row", { role: "group", "aria-label": "Your prediction" }, ...choices) : button("Show the answer", () => reveal()), answer];
  return el("div.text.lesson", {}, el("p.quiet", {}, `${lesson.title} · Step ${k} of ${lesson.steps.length}`),
    el("progress", { max: lesson.steps.length, value: k, "aria-label": "Steps done" }), el("h2", { tabindex: "-1" }, step.title),
    ...markdown(step.text), ...(step.note ? [el("p.quiet.small", {}, step.note)] : []), ...(live ? [live.node] : []), figures, ...question,
    el("div.row.steps", {}, button("Back", act.back), button(last ? "All lessons" : "Next", act.next, { class: "button first" })));
}
