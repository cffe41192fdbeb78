// A figure of a lesson with its title and key.
import { plotFigure } from "../figures/plot.js";
import { el } from "./dom.js";

/**
 * A figure that can be given other values.
 * @param {import("../figures/plot.js").PlotValues} [first]
 */
export function plot(first) {
  const title = el("b"), key = el("span.keys"), host = el("div.plotbox", { role: "img" });
  const node = el("figure.plot", {}, el("figcaption", {}, title, key), host);
  const figure = plotFigure(host);
  /** @param {import("../figures/plot.js").PlotValues} values */
  function update(values) {
    title.textContent = values.title;
    key.replaceChildren(...values.marks.filter((mark) => mark.label).map((mark) => el("span", {}, el(`i.${mark.kind}`, { style: `--mark:${mark.colour === "ink" ? "var(--ink)" : mark.colour}` }), mark.label ?? "")));
    host.setAttribute("aria-label", values.title || `${values.y.label} against ${values.x.label || "name"}`);
    figure.update(values);
  }
  if (first) update(first);
  return { node, update };
}
