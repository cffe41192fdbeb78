// The heading of a posterior: which galaxy, whether its posterior can be trusted, and why.
import { el } from "./dom.js";
import { fixed } from "./format.js";

/** Heading, badge and reason. */
export function verdictHead() {
  const title = el("h2", { tabindex: "-1" }, "…"), badge = el("span.badge", { hidden: true }), reason = el("p.reason"), why = el("span.quiet.small.num");
  const node = el("div.head", { "aria-live": "polite" }, title, badge, why, reason);
  return {
    node,
    /** @param {any} state */
    update(state) {
      const { answer, galaxyShown: galaxy } = state;
      if (!answer) {
        title.textContent = state.loading || (state.busy ? "Computing …" : "Choose a galaxy from the list");
        return;
      }
      title.textContent = `${galaxy.title}, z = ${galaxy.redshift.toFixed(4)}`;
      const { kind, misfit } = answer.verdict, exact = kind.startsWith("exact"), good = exact && !misfit;
      badge.hidden = false;
      badge.className = `badge ${good ? "good" : kind === "approximate" ? "warn" : "bad"}`;
      badge.textContent = `${good ? "✔" : kind === "approximate" ? "≈" : "≠"} ${kind}${exact && misfit ? ", misfit" : ""}`;
      why.textContent = `k-hat ${fixed(answer.kHat, 2)} · ${Math.round(answer.ess)} of ${answer.made} draws count`;
      reason.textContent = [galaxy.line, exact ? "" : answer.verdict.reason, answer.verdict.warning].filter(Boolean).join(" ");
      reason.hidden = !reason.textContent;
      node.classList.toggle("stale", Boolean(state.busy));
    },
  };
}
