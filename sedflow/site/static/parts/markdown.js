// As much Markdown as the lessons use: paragraphs, lists, bold, italics, code and links within the site.
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
    if (lines.every((line) => /^\s*([-*]|\d+\.)\s/.test(line) || /^\s{2,}/.test(line))) {
      const items = block.split(/\n(?=\s*(?:[-*]|\d+\.)\s)/).map((item) => el("li", {}, ...inline(item.replace(/^\s*([-*]|\d+\.)\s+/, "").replace(/\n\s*/g, " "))));
      return el(/^\s*\d/.test(block) ? "ol" : "ul", {}, ...items);
    }
    return el("p", {}, ...inline(lines.join(" ")));
  });
}
