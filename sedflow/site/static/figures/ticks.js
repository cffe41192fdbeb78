// Ticks of the small panels of a corner plot.
/* global d3 */

/** Ticks that are not at the edge of a panel, where the neighbour's begin, and are so far apart. @param {any} scale @param {number} count @param {number} [gap] px @returns {number[]} */
export function inner(scale, count, gap = 0) {
  const [a, b] = scale.range(), all = scale.ticks(count);
  const good = all.filter((t) => Math.abs((scale(t) - a) / (b - a) - 0.5) < 0.42);
  const step = good.length > 1 ? Math.abs(scale(good[1]) - scale(good[0])) : Infinity, every = Math.max(1, Math.ceil(gap / step));
  return good.length ? good.filter((t, k) => k % every === 0) : all.slice(0, 1);
}

/** Ticks of panels side by side whose numbers do not touch. @param {any[]} scales @param {number} type size of the numbers [px] */
export function apart(scales, type) {
  let end = -Infinity;
  return scales.map((scale) => inner(scale, 2).filter((t) => {
    const half = 0.3 * type * (d3.format("~r")(t).length + 1), at = scale(t);
    if (at - half < end) return false;
    end = at + half;
    return true;
  }));
}
