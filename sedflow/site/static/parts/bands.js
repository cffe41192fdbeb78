// Bands as chips: pressed where the inference uses the band.
import { el } from "./dom.js";

/** @param {string[]} names @param {(used: string[]) => void} choose */
export function bandChips(names, choose) {
  let used = names;
  const chips = names.map((name) => el("button.chip", { type: "button", style: `--band:var(--${name}, var(--other))`, "aria-pressed": "true", "aria-label": `Use band ${name}`,
    onclick: () => {
      const next = names.filter((other) => (other === name) !== used.includes(other));
      if (next.length) choose(next.length === names.length ? [] : next);
    } }, name));
  return {
    node: el("div.row", { role: "group", "aria-label": "Bands that the inference uses" }, ...chips),
    /** @param {string[]} now none for all */
    show(now) {
      used = now?.length ? now : names;
      chips.forEach((chip, k) => {
        const on = used.includes(names[k]);
        chip.setAttribute("aria-pressed", String(on));
        chip.title = on ? `leave ${names[k]} out` : `${names[k]} is left out and predicted; use it again`;
      });
    },
  };
}
