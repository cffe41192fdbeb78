// The galaxies that come with the site, by row, number, name and position.

/** @param {any} columns of data/atlas.json */
export function readAtlas(columns) {
  const rows = new Map(columns.id.map((id, k) => [String(id), k]));
  const lines = new Map((columns.shelf ?? []).map((one) => [String(one.id), one.line]));
  const names = columns.name ?? [];
  const plain = (text) => text.toLowerCase().replace(/\s+/g, "");
  return {
    columns,
    n: columns.id.length,
    /** @param {string|number|null} id @returns {number} -1 if it is not in the atlas */
    rowOf: (id) => rows.get(String(id)) ?? -1,
    /** @param {number} k */
    galaxy: (k) => ({
      id: String(columns.id[k]),
      title: names[k] ? `${names[k]} · NSAID ${columns.id[k]}` : `NSAID ${columns.id[k]}`,
      name: names[k] || "", redshift: columns.redshift[k], flux: columns.flux[k], sigma: columns.sigma[k],
      ra: columns.ra[k], dec: columns.dec[k], line: lines.get(String(columns.id[k])) ?? "",
    }),
    /**
     * The row that a text means.
     * @param {string} text number, name, or "RA Dec" in degrees
     * @returns {{row: number, words: string}} words where there is none
     */
    find(text) {
      const asked = text.trim();
      if (rows.has(asked)) return { row: rows.get(asked), words: "" };
      const row = names.findIndex((name) => name && plain(name) === plain(asked));
      if (row >= 0) return { row, words: "" };
      const numbers = asked.split(/[\s,]+/).map((part) => Number(part.replace("−", "-")));
      if (numbers.length === 2 && numbers.every(Number.isFinite)) return nearest(columns, numbers[0], numbers[1]);
      return { row: -1, words: `“${asked.slice(0, 40)}” is not in this atlas of ${columns.id.length}; type an NSAID of the list, a name, or RA Dec in degrees` };
    },
  };
}

function nearest(columns, ra, dec) {
  const rad = Math.PI / 180;
  let best = -1, least = Infinity;
  for (let k = 0; k < columns.id.length; k++) {
    const dx = (((columns.ra[k] - ra + 540) % 360) - 180) * Math.cos(dec * rad), dy = columns.dec[k] - dec;
    if (dx * dx + dy * dy < least) [best, least] = [k, dx * dx + dy * dy];
  }
  const far = Math.sqrt(least);
  if (far > 1 / 60) return { row: -1, words: `the nearest galaxy to ${ra} ${dec} is NSAID ${columns.id[best]}, ${far.toFixed(2)} degrees away; the limit is 1 arcmin` };
  return { row: best, words: "" };
}
