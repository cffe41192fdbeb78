// Learn: the lessons, a step at a time; each asks for a prediction before it shows what is so.
import { fetched, readJson } from "../engine/files.js";
import { el } from "../parts/dom.js";
import { stepView } from "../parts/lesson.js";

const LESSONS = "data/lessons.json";

/** @param {{store: any, engine: any, base: string, visit: (address: string) => void}} app */
export function learnPage({ store, engine, base, visit }) {
  const node = el("div", {}, el("div.text", {}, "Loading the lessons …")), site = engine.site;
  let lessons = null, shown = "", loading = false;
  async function load() {
    if (loading) return;
    loading = true;
    try {
      lessons = readJson(LESSONS, await fetched(base, LESSONS, site.files));
    } catch (error) {
      node.replaceChildren(el("div.text", { role: "alert" }, /** @type {Error} */ (error).message));
      return;
    } finally {
      loading = false;
    }
    render(store.get());
  }
  function listing() {
    const cards = lessons.map((lesson) => el("button.card", { type: "button", onclick: () => store.set({ lesson: lesson.key, step: 1 }) }, el("b", {}, lesson.title), el("span", {}, lesson.about), el("span.quiet.small", {}, ` · ${lesson.steps.length} steps, about ${lesson.minutes} min`)));
    return el("div.text", {}, el("h2", { tabindex: "-1" }, "Lessons"), el("p.quiet", {}, "With the real model, the real network and real galaxies. In each step predict first, then look."), el("div.cards", {}, ...cards));
  }
  const lessonOf = (state) => lessons?.find((one) => one.key === state.lesson);
  const stepOf = (state, lesson) => Math.min(Math.max(Number(state.step) || 1, 1), lesson.steps.length);
  function go(by) {
    const state = store.get(), lesson = lessonOf(state);
    if (lesson) store.set({ step: Math.min(Math.max(stepOf(state, lesson) + by, 1), lesson.steps.length) });
  }
  function render(state) {
    if (node.hidden) return;
    if (!lessons) return void load();
    const lesson = lessonOf(state), k = lesson ? stepOf(state, lesson) : 0, name = `${lesson?.key} ${k}`;
    if (shown === name) return;
    const first = !shown, leave = () => store.set({ lesson: "", step: 1 });
    shown = name;
    node.replaceChildren(lesson ? stepView({ site, engine, visit }, lesson, k, {
      back: () => (k > 1 ? go(-1) : leave()), next: () => (k < lesson.steps.length ? go(1) : leave()),
    }) : listing());
    if (first) return;
    // The reader begins at the top of what is new.
    node.querySelector("h2")?.focus({ preventScroll: true });
    node.parentElement?.scrollTo(0, 0);
  }
  return { node, render, step: go, clear: () => {}, title: () => lessonOf(store.get())?.title ?? "Learn" };
}
