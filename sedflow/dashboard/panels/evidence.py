"""Evidence: what the verdict rests on, in figures, and how other stellar libraries do."""

import numpy as np
import panel as pn

from sedflow.dashboard.answer import Answer
from sedflow.dashboard.brush import Brushed
from sedflow.dashboard.panels.grids import GridsPanel
from sedflow.dashboard.panels.panel import AnswerPanel
from sedflow.dashboard.printed import printed
from sedflow.dashboard.quantities import in_labels
from sedflow.dashboard.widgets import plain, prose, typeset
from sedflow.sampling.misfit import p_text
from sedflow.sampling.verdict import kind_of
from sedflow.trust_limits import K_HAT_MAX, k_hat_text

__all__ = ["EvidencePanel"]


class EvidencePanel(AnswerPanel):
    """Why a posterior can be trusted, or cannot, as a list; below it, grids compared."""

    def __init__(self, **params):
        super().__init__(**params)
        self.text = prose("")
        self.grids = GridsPanel()

    def draw(self, answer: Answer, brushed: Brushed | None) -> None:
        """Say it."""
        self.grids.show(answer, brushed)
        self.text.object = _said(answer)

    def __panel__(self):
        return pn.Column(self.text, self.grids, margin=0, sizing_mode="stretch_width")


def _said(answer):
    """The verdict, then each figure once."""
    kind, verdict = kind_of(answer.kind), answer.fit.verdict
    lines = [f"**{plain(answer.verdict)}**: {plain(kind.meaning)}", ""]
    if verdict is not None:  # its reason has figures of the steps that did not hold, too
        told = in_labels(" ".join(f"{verdict.reason} {verdict.warning}".split()))
        lines += [plain(typeset(told)), ""]
    importance = answer.fit.draws.importance
    if importance is not None and verdict is None:
        lines += [
            f"- k-hat {k_hat_text(importance.k_hat)}; the weights pass below {K_HAT_MAX}",
            f"- {float(importance.ess):,.0f} of {int(importance.n):,} draws are effective",
        ]
    if importance is not None:
        lines.append(
            f"- {float(importance.gap):.2f} nats from the network's draws to the posterior"
        )
        if np.isfinite(importance.log_evidence):
            lines.append(
                f"- ln evidence {_minus(importance.log_evidence)} ± "
                f"{float(importance.log_evidence_error):.2f}"
            )
        if importance.prior not in ("", "flat"):
            lines.append(f"- under the prior {importance.prior}")
    if verdict is None or "(p " not in verdict.warning:  # where it is said already
        p = printed(p_text(answer.p_value))
        if np.isfinite(answer.p_calibrated):
            p = f"{printed(p_text(answer.p_calibrated))}, calibrated ({p.removeprefix('= ')} raw),"
        of = "if the model is right" if answer.exact else "by weights that do not pass"
        lines.append(f"- p {p} of the data, {of}")
    inside = "inside" if answer.check else "outside"
    lines.append(f"- {inside} the domain that the network was trained on")
    return "\n".join(lines)


def _minus(value):
    """Two digits after the point, with a real minus."""
    return f"{float(value):.2f}".replace("-", "−")
