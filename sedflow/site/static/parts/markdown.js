// As much Markdown as the lessons use: paragraphs, lists, tables, bold, italics, code and links within the site.
import { el } from "./dom.js";

const INLINE = /\*\*(.+?)\*\*|\*(.+?)\*|`(.+?)`|\[(.+?)\]\((.+?)\)/;

function inline(text) {
  const out = [];
  let rest = text;
  for (let found = INLINE.exec(rest); found; found = INLINE.exec(rest)) {
    out.push(rest.slice(0, found.index));
    if (found[1]) out.push(el("b", {}, ...inline(found[1])));
    else if (found[2]) out.push(el("i", {}, ...inline(found[2])));
    else if (found[3]) out.push(el("code", {}, found[3]));
    else out.push(found[5].startsWith("?") ? el("a", { href: found[5] }, found[4]) : found[4]);
    rest = rest.slice(found.index + found[0].length);
  }
  return [...out, rest].filter((part) => part !== "");
}

/** Elements of a text. @param {string} text @returns {HTMLElement[]} */
export function markdown(text) {
  return text.split(/\n\s*\n/).map((block) => block.trim()).filter(Boolean).map((block) => {
    const lines = block.split("\n");
    if (lines.length > 2 && lines.every((line) => line.startsWith("|"))) return tableOf(lines);
    if (lines.every((line) => /^\s*([-*]|\d+\.)\s/.test(line) || /^\s{2,}/.test(line))) {
      const items = block.split(/\n(?=\s*(?:[-*]|\d+\.)\s)/).map((item) => el("li", {}, ...inline(item.replace(/^\s*([-*]|\d+\.)\s+/, "").replace(/\n\s*/g, " "))));
      return el(/^\s*\d/.test(block) ? "ol" : "ul", {}, ...items);
    }
    return el("p", {}, ...inline(lines.join(" ")));
  });
}

/** @param {string[]} lines of which the second is a rule */
function tableOf(lines) {
  const cells = (line) => line.replace(/^\||\|\s*$/g, "").split("|").map((cell) => cell.trim());
  const [head, , ...rows] = lines.map(cells);
  const row = (of, texts, tag) => el("tr", {}, ...texts.map((text, k) => el(k ? of : tag, k ? {} : { scope: of === "th" ? "col" : "row" }, ...inline(text))));
  return el("div.scrolls", { tabindex: "0", role: "region", "aria-label": "Table" }, el("table", {}, el("thead", {}, row("th", head, "th")), el("tbody", {}, ...rows.map((texts) => row("td", texts, "th")))));
}
