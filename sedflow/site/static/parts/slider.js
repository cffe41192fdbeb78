// A slider with its label, unit and a value that one can type.
import { el } from "./dom.js";

/** @param {any} p with name, label, unit, low, high, help @param {(value: number) => void} move */
export function sliderRow(p, move) {
  const id = `slider-${p.name}`, step = (p.high - p.low) / 400, digits = p.high - p.low < 1 ? 3 : 2;
  const range = el("input", { type: "range", id, min: p.low, max: p.high, step, "aria-describedby": `${id}-help` });
  const typed = el("input", { type: "number", min: p.low, max: p.high, step: 10 ** -digits, "aria-label": `${p.label}, typed` });
  range.addEventListener("input", () => move(Number(range.value)));
  typed.addEventListener("change", () => {
    const value = Number(typed.value);
    move(Number.isFinite(value) && typed.value !== "" ? Math.min(p.high, Math.max(p.low, value)) : Number(range.value));
  });
  const node = el("div.slider", { title: p.help }, el("div.top", {}, el("label", { for: id }, p.unit ? `${p.label} [${p.unit}]` : p.label), typed), range,
    el("span", { id: `${id}-help`, hidden: true }, `${p.help} From ${p.low.toPrecision(3)} to ${p.high.toPrecision(3)}.`));
  return {
    node,
    /** @param {number} value */
    show(value) {
      range.value = String(value);
      if (document.activeElement !== typed || Number(typed.value) !== value) typed.value = value.toFixed(digits);
    },
  };
}
