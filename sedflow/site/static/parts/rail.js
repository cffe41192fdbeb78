// The atlas beside the posterior: filters, list and map.
import { mapFigure } from "../figures/map.js";
import { chooser, el } from "./dom.js";
import { galaxyList } from "./list.js";

/** @param {any} store @param {any} atlas */
export function atlasRail(store, atlas) {
  const shelf = atlas.columns.shelf ?? [], kinds = [...new Set(shelf.map((one) => one.kind))];
  const members = Object.fromEntries(kinds.map((kind) => [kind, new Set(shelf.filter((one) => one.kind === kind).map((one) => one.id))]));
  /** @type {[string, string][]} */
  const groups = kinds.map((kind) => [kind, `${members[kind].size} ${kind}`]);
  const choose = (row) => store.set({ galaxy: String(atlas.columns.id[row]) });
  let group = "", order = "id", which = "colour", rows = [];
  const list = galaxyList(choose);
  const host = el("div.map", { role: "img", "aria-label": "Map of the atlas: click a galaxy, or choose it in the list" });
  const map = mapFigure(host, choose);
  const filter = chooser("Galaxies", [["", `all ${atlas.n}`], ...groups], (value) => { group = value; sort(); });
  const sorting = chooser("Order", [["id", "by NSAID"], ["redshift", "by z"], ["r", "by r"]], (value) => { order = value; sort(); });
  const maps = chooser("Map", [["colour", "colour and magnitude"], ["sky", "sky"]], (value) => { which = value; draw(); });
  const node = el("aside.rail", { "aria-label": "Atlas" }, el("div.filters", {}, filter.node, sorting.node), el("div.listhead", {}, el("span", {}, "NSAID or name"), el("span", {}, "z"), el("span", {}, "r")), list.node, maps.node, host);
  const c = atlas.columns, mag = (k, j) => (c.flux[k][j] > 0 ? 22.5 - 2.5 * Math.log10(c.flux[k][j]) : NaN);
  const every = c.id.map((_, k) => k), r = every.map((k) => mag(k, 2)), gr = every.map((k) => mag(k, 1) - mag(k, 2));
  function sort() {
    const value = { id: (k) => Number(c.id[k]), redshift: (k) => c.redshift[k], r: (k) => r[k] }[order];
    rows = every.filter((k) => !group || members[group].has(String(c.id[k]))).sort((a, b) => value(a) - value(b));
    draw();
  }
  function draw() {
    const chosen = atlas.rowOf(store.get().galaxy);
    list.update(atlas, rows, chosen);
    const values = which === "sky" ? { x: c.ra, y: c.dec, xLabel: "right ascension [deg]", yLabel: "declination [deg]", xDown: true } : { x: r, y: gr, xLabel: "r [AB mag]", yLabel: "g − r [mag]", xDown: false };
    map.update({ ...values, shown: rows.filter((k) => Number.isFinite(values.x[k]) && Number.isFinite(values.y[k])), chosen });
  }
  sort();
  return { node, step: list.step, update: draw };
}
