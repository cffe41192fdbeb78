// Learn: the lessons' texts and questions, a step at a time.
import { button, el } from "../parts/dom.js";
import { markdown } from "../parts/markdown.js";

/** A lesson without the sentences whose numbers only the app's figures fill in. */
function readable(lesson) {
  const without = (text) => (text || "").split(/(?<=[.:?!…])\s+(?=[A-ZÀ-Ž*])|\n\s*\n/).reduce((out, part) => {
    const gap = out && text.slice(0, text.indexOf(part)).match(/\n\s*\n\s*$/) ? "\n\n" : " ";
    return /\{\w+\}/.test(part) ? out : out + (out ? gap : "") + part;
  }, "");
  return { ...lesson, steps: lesson.steps.map((step) => ({ ...step, text: without(step.text), answer: without(step.answer) })) };
}

/** @param {{store: any, engine: any, base: string}} app */
export function learnPage({ store, base }) {
  const node = el("div", {}, el("div.text", {}, "Loading the lessons …"));
  let lessons = null, shown = "";
  async function load() {
    try {
      const answer = await fetch(`${base}data/lessons.json`);
      const found = await answer.json();
      lessons = (Array.isArray(found) ? found : found.lessons).map(readable);
    } catch {
      lessons = [];
    }
    render(store.get(), null);
  }
  function listing() {
    if (!lessons.length) return el("div.text", {}, el("h2", {}, "Lessons"), el("p", {}, "This site was written without lessons. Try the sliders of Forward, then observe your galaxy and infer it."));
    const cards = lessons.map((lesson) => el("button.card", { type: "button", onclick: () => store.set({ lesson: lesson.key, step: 1 }) }, el("b", {}, lesson.title), el("span", {}, lesson.about), el("span.quiet.small", {}, ` · about ${lesson.minutes} min`)));
    return el("div.text", {}, el("h2", {}, "Lessons"), el("p.quiet", {}, "Each asks you to predict something before it shows the answer."), el("div.cards", {}, ...cards));
  }
  function go(by) {
    const state = store.get(), lesson = lessons?.find((one) => one.key === state.lesson);
    if (lesson) store.set({ step: Math.min(Math.max((state.step || 1) + by, 1), lesson.steps.length) });
  }
  function stepOf(lesson, k) {
    const step = lesson.steps[k - 1], last = k === lesson.steps.length;
    const answer = el("div.answer", { hidden: true, "aria-live": "polite" }, ...markdown(step.answer || ""));
    const reveal = () => { answer.hidden = false; };
    const choices = (step.choices ?? []).map((text) => {
      const one = button(text, () => { for (const other of one.parentElement.children) other.setAttribute("aria-pressed", String(other === one)); reveal(); }, { "aria-pressed": "false" });
      return one;
    });
    const ask = !step.question ? [] : [el("h3", {}, "Before you look"), ...markdown(step.question), choices.length ? el("div.row", { role: "group", "aria-label": "Your prediction" }, ...choices) : button("Show the answer", reveal), answer];
    const doing = step.address ? [el("p", {}, el("a", { href: step.address }, "Open it on the page"))] : [el("p.row", {}, button("Try it with the sliders", () => store.set({ view: "forward" })))];
    return el("div.text", {}, el("p.quiet", {}, `${lesson.title} · Step ${k} of ${lesson.steps.length}`), el("h2", { tabindex: "-1" }, step.title), ...markdown(step.text), ...ask, ...doing,
      el("div.row", {}, button("Back", () => (k > 1 ? go(-1) : store.set({ lesson: "" }))), button(last ? "All lessons" : "Next", () => (last ? store.set({ lesson: "" }) : go(1)), { class: "button first" })));
  }
  function render(state) {
    if (node.hidden) return;
    if (!lessons) return void load();
    const lesson = lessons.find((one) => one.key === state.lesson), k = lesson ? Math.min(Math.max(Number(state.step) || 1, 1), lesson.steps.length) : 0;
    if (shown === `${state.lesson} ${k}`) return;
    shown = `${state.lesson} ${k}`;
    node.replaceChildren(lesson ? stepOf(lesson, k) : listing());
  }
  return { node, render, step: go, clear: () => {}, title: () => "Learn" };
}
