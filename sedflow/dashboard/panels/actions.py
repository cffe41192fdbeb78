"""The buttons beside a galaxy's heading: what can be done with its posterior."""

from collections.abc import Callable
from typing import Any

from sedflow.dashboard.hints import HintButton

__all__ = ["Actions"]


class Actions(list):
    """Buttons to refine a posterior, to sample beside it, and to keep it.

    Parameters
    ----------
    run : called with what to start, "ladder" or "smc"
    pin : called without arguments
    """

    def __init__(self, run: Callable[[str], None], pin: Callable[[], None]):
        super().__init__()
        buttons: tuple[tuple[str, str, Any], ...] = (
            (
                "Refine",
                "Weights, adaptive importance sampling, MCMC: as far as this galaxy needs",
                lambda event: run("ladder"),
            ),
            ("Run MCMC", "Sample beside the network, without it", lambda event: run("smc")),
            ("Pin", "Keep this posterior for the page Compare (p)", lambda event: pin()),
        )
        for label, about, action in buttons:
            button = HintButton(about, label=label, margin=(2, 3), css_classes=["work"])
            button.on_click(action)
            self.append(button)

    def enable(self, there: bool) -> None:
        """What needs a posterior works only where there is one."""
        for button in self:
            button.disabled = not there
