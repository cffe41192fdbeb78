// Sentences that come and go at the foot of the page.
import { el } from "./dom.js";

/** Show a sentence. @param {string} text @param {boolean} [bad] */
export function say(text, bad = false) {
  const host = /** @type {HTMLElement} */ (document.getElementById("says"));
  for (const old of host.children) if (old.firstChild?.textContent === text) old.remove();
  const node = el("div", { class: bad ? "bad" : "" }, el("span", {}, text), el("button", { "aria-label": "Close", onclick: () => node.remove() }, "×"));
  host.append(node);
  if (!bad) setTimeout(() => node.remove(), 8000);
  while (host.children.length > 3) host.firstChild?.remove();
}
