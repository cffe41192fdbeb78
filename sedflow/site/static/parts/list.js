// The list of galaxies: only the rows in sight exist, and arrow keys move through all of them.
import { el } from "./dom.js";

const TALL = 24;

/**
 * A list of many galaxies.
 * @param {(row: number) => void} choose
 */
export function galaxyList(choose) {
  let rows = [], atlas = null, chosen = -1;
  const node = el("div.list", { role: "listbox", tabindex: "0", "aria-label": "Galaxies" });
  const space = el("div", { role: "presentation" });
  node.append(space);
  function draw() {
    if (!atlas) return;
    const first = Math.max(0, Math.floor(node.scrollTop / TALL) - 4), last = Math.min(rows.length, first + Math.ceil(node.clientHeight / TALL) + 8);
    const c = atlas.columns, items = [];
    for (let k = first; k < last; k++) {
      const row = rows[k];
      const item = el("div.item", { role: "option", id: `galaxy-${row}`, "aria-selected": String(row === chosen), "aria-posinset": k + 1, "aria-setsize": rows.length, style: `top:${k * TALL}px` },
        el("span", { title: c.name?.[row] || "" }, c.name?.[row] || String(c.id[row])), el("span", {}, c.redshift[row].toFixed(4)), el("span", {}, magnitude(c, row)));
      item.addEventListener("click", () => choose(row));
      items.push(item);
    }
    space.style.height = `${rows.length * TALL}px`;
    space.replaceChildren(...items);
    if (items.some((item) => item.id === `galaxy-${chosen}`)) node.setAttribute("aria-activedescendant", `galaxy-${chosen}`);
    else node.removeAttribute("aria-activedescendant");
  }
  /** Scroll to the chosen galaxy where it is out of sight. */
  function reveal() {
    const at = rows.indexOf(chosen), { scrollTop, clientHeight } = node;
    if (at >= 0 && (at * TALL < scrollTop || (at + 1) * TALL > scrollTop + clientHeight)) node.scrollTop = at * TALL - clientHeight / 2;
  }
  const magnitude = (c, row) => {
    const flux = c.flux[row][2];
    return flux > 0 ? (22.5 - 2.5 * Math.log10(flux)).toFixed(2) : "–";
  };
  function step(by) {
    if (!rows.length) return;
    const at = rows.indexOf(chosen);
    choose(rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + by))]);
  }
  node.addEventListener("scroll", draw);
  let seen = false;
  new ResizeObserver(() => {
    if (!seen && node.clientHeight) reveal(); // what was chosen before there was a page to see it in
    seen ||= node.clientHeight > 0;
    draw();
  }).observe(node);
  node.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -rows.length, End: rows.length }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    step(by);
  });
  return {
    node, step,
    /** @param {any} newAtlas @param {number[]} newRows @param {number} newChosen */
    update(newAtlas, newRows, newChosen) {
      const moved = newChosen !== chosen || newRows !== rows;
      [atlas, rows, chosen] = [newAtlas, newRows, newChosen];
      draw();
      if (moved) reveal();
    },
  };
}
