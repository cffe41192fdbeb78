"""Evidence: what the verdict rests on, in figures."""

from sedflow.dashboard.answer import Answer
from sedflow.dashboard.brush import Brushed
from sedflow.dashboard.panels.panel import AnswerPanel
from sedflow.dashboard.widgets import plain, prose
from sedflow.trust_limits import K_HAT_MAX

__all__ = ["EvidencePanel"]


class EvidencePanel(AnswerPanel):
    """Why a posterior can be trusted, or cannot, as a list."""

    def __init__(self, **params):
        super().__init__(**params)
        self.text = prose("")

    def draw(self, answer: Answer, brushed: Brushed | None) -> None:
        """Say it."""
        lines = [f"**{plain(answer.kind)}**: {plain(answer.trust)}."]
        importance = answer.fit.draws.importance
        if importance is not None:
            lines += [
                f"- k-hat {float(importance.k_hat):.2f}; the weights pass below {K_HAT_MAX}",
                f"- {float(importance.ess):,.0f} of {int(importance.n):,} draws are effective",
                f"- {float(importance.gap):.2f} nats from the network's draws to the posterior",
                f"- ln evidence {_minus(importance.log_evidence)} ± "
                f"{float(importance.log_evidence_error):.2f}",
            ]
        lines.append(
            f"- p = {float(answer.fit.predicted.p_value):.2g} of the data, if the model is right"
        )
        inside = "inside" if answer.check else "outside"
        lines.append(f"- {inside} the domain that the network was trained on")
        self.text.object = "\n".join(["", *lines[:1], "", *lines[1:]])

    def __panel__(self):
        return self.text


def _minus(value):
    """Two digits after the point, with a real minus."""
    return f"{float(value):.2f}".replace("-", "−")
