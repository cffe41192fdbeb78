"""One row of a run: what is stored of it, and whether its posterior is reproduced."""

import html

import numpy as np
import pandas as pd
import panel as pn

from sedflow.dashboard.answer import Answer
from sedflow.dashboard.panels.run_columns import ident, in_a_word
from sedflow.dashboard.printed import printed, short
from sedflow.dashboard.quantities import QUANTITIES, in_labels
from sedflow.dashboard.widgets import plain, prose, typeset
from sedflow.model.derived import DERIVED
from sedflow.palette import DATA
from sedflow.parameters import NAMES
from sedflow.sampling.misfit import p_text
from sedflow.sampling.verdict import MISFIT, kind_of

__all__ = ["SAME", "StoredPanel"]

SAME = 0.01  # of half a 68 % interval: stored numbers are float32
_LEAST_P = 1e-37  # which float32 has with all digits
_CSS = """
.tables { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 0 24px; }
table { border-collapse: collapse; font-size: 13px; margin: 4px 0 8px; }
td, th { padding: 2px 9px 2px 0; text-align: right; border-bottom: 1px solid #88888855;
         vertical-align: top; }
td:first-child, th:first-child { text-align: left; }
"""


#: On a phone what is stored of a row is below the table, off the screen: the page goes there, as
#: soon as it is laid out.
_REVEAL = "setTimeout(() => window.sedflow?.reveal(cb_obj), 300)"


class StoredPanel(pn.viewable.Viewer):
    """Heading, verdict and numbers of a row, and beside them those of its posterior.

    bands : of the run's network
    """

    def __init__(self, bands: list[str], **params):
        super().__init__(**params)
        self._bands = bands
        self.heading = prose("", sizing_mode=None)
        self._spinner = pn.indicators.LoadingSpinner(size=22, value=False, visible=False)
        self.open = pn.widgets.Button(label="Open in Explore", visible=False, align="center")
        self.verdict = pn.pane.HTML(
            "", sizing_mode="stretch_width", margin=(0, 10), stylesheets=[_CSS]
        )
        self.outcome = prose("")
        self.numbers = pn.pane.HTML(
            "", stylesheets=[_CSS], margin=(0, 10), sizing_mode="stretch_width"
        )
        self.head = pn.Column(
            pn.Row(self.heading, self._spinner, self.open),
            self.verdict,
            self.outcome,
            margin=0,
            sizing_mode="stretch_width",
        )
        self.clear()
        self._revealed = 0
        self.head.jscallback(css_classes=_REVEAL)

    def reveal(self) -> None:
        """Bring what is shown into view."""
        self._revealed += 1
        self.head.css_classes = [f"look-{self._revealed}"]  # which the browser is told of

    def busy(self, busy: bool) -> None:
        """Show whether a posterior is being computed."""
        self._spinner.value = self._spinner.visible = busy

    def clear(self) -> None:
        """Say that no row is selected."""
        self.heading.object = "## No galaxy selected"
        self.verdict.object = "Click a row of the table, or the map, to select the nearest galaxy."
        self.outcome.object = self.numbers.object = ""
        self.open.visible = False
        self.busy(False)

    def show(self, stored: dict) -> None:  # type: ignore[override]
        """Show what is stored."""
        bad = stored["status"] == "bad row"
        z = f", z = {stored['redshift']:.4f}" if np.isfinite(stored["redshift"]) else ""
        self.heading.object = f"## {plain(ident(stored))}{z} · row {stored['row']:,}"
        self.verdict.object = _verdict(stored)
        self.outcome.object = "" if bad else "Recomputing the posterior …"
        self.numbers.object = "" if bad else self._tables(stored)
        self.open.visible = not bad

    def compare(
        self, stored: dict, answer: Answer, away: float, worst: str, repeated: bool = False
    ) -> None:
        """Show the posterior's quantiles beside those that are stored.

        away, worst : largest distance of a quantile, and of which quantity
        repeated : whether all steps of the run were repeated
        """
        self.outcome.object = _outcome(answer, away, worst, repeated)
        self.numbers.object = self._tables(stored, answer)

    def _tables(self, stored, answer=None):
        """Fluxes and quantiles as HTML."""
        fluxes = [
            (b, printed(stored[f"flux_{b}"], ".4g"), printed(stored[f"sigma_{b}"], ".2g"))
            for b in self._bands
            if np.isfinite(stored[f"flux_{b}"])
        ]
        photometry = _html_table(["band", "flux [nanomaggies]", "error"], fluxes)
        if answer is None and np.isnan(stored[f"{NAMES[0]}_p50"]):  # no posterior was found
            return f"<div class='tables'>{photometry}</div>"
        rows = []
        for k, q in enumerate(QUANTITIES):
            row = [q.axis_label, *_quantiles(stored, q)]
            if answer is not None:
                row.append(printed(answer.quantiles[1, k], "z.3f"))
            rows.append(row)
        for q in (q for q in DERIVED if q.gas and f"{q.name}_p50" in stored):
            row = [q.axis_label, *_quantiles(stored, q)]
            if answer is not None:
                row.append(printed(answer.fit.quantile(q.name)[1], "z.3f"))
            rows.append(row)
        heads = ["16 %", "50 %", "84 %"] + (["50 % recomputed"] if answer is not None else [])
        first = len(NAMES)
        parameters = _html_table(["parameter", *heads], rows[:first])
        derived = _html_table(["derived", *heads], rows[first:])
        return f"<div class='tables'>{parameters}{derived}{photometry}</div>"

    def __panel__(self):
        return pn.Column(self.head, self.numbers, margin=0, sizing_mode="stretch_width")


def _quantiles(stored, quantity):
    """16, 50 and 84 % of a quantity as they are stored."""
    return (printed(stored[f"{quantity.name}_p{p}"], "z.3f") for p in (16, 50, 84))


def _html_table(heads, rows):
    def line(cells, tag):
        return "<tr>" + "".join(f"<{tag}>{html.escape(str(c))}</{tag}>" for c in cells) + "</tr>"

    return f"<table>{line(heads, 'th')}{''.join(line(row, 'td') for row in rows)}</table>"


def _verdict(stored):
    """Verdict, reason and figures of a row, as HTML."""
    kind = stored["verdict"] or stored["status"]
    if stored["status"] == MISFIT:  # exact though its draws may be, the model is wrong
        kind = MISFIT
    color = DATA if kind == "bad row" else kind_of(kind).color
    kind = in_a_word(pd.DataFrame([stored]))[0]  # as the table says it
    words = [
        f'<span style="background:{color};color:white;border-radius:9px;'
        f'padding:2px 10px;font-weight:600;margin-right:8px">{html.escape(kind)}</span>'
        f"{html.escape(typeset(in_labels(stored['reason'])))}"
    ]
    if stored["status"] == "bad row":
        return f"<div>{words[0]}</div>"
    shown = [
        (label, _figure(stored, name, style))
        for name, label, style in (
            ("k_hat", "k-hat", ".2f"),
            ("ess", "effective draws", ",.0f"),
            ("gap", "gap [nats]", ".2f"),
            ("chi2", "χ² of the posterior's best draw", ".2f"),
            ("p_calibrated", "p-value, calibrated", ".2g"),
            ("p_value", "raw", ".2g"),
            ("log_evidence", "ln evidence", ".2f"),
            ("r_hat", "largest R-hat", ".3f"),
        )
        if np.isfinite(stored[name])
    ]
    shown += [
        ("bands", str(stored["n_band"])),
        ("inside the training domain", "yes" if stored["inside"] else "no"),
    ]
    line = " · ".join(f"{html.escape(a)} <b>{html.escape(b)}</b>" for a, b in shown)
    return f"<div>{words[0]}</div><div style='margin-top:6px'>{line}</div>"


def _figure(stored, name, style):
    """A figure of the row as printed; a p-value that the file rounded to 0 is below the least."""
    if name.startswith("p_"):
        return printed(p_text(float(stored[name]), least=_LEAST_P).removeprefix("= "))
    return printed(stored[name], style)


def _outcome(answer, away, worst, repeated):
    """Whether the recomputed posterior is the stored one, in Markdown."""
    steps = " by the steps of the run" if repeated else ""
    text = f"Recomputed by {plain(answer.request.weights)}, {answer.request.n:,} draws{steps}"
    if not np.isfinite(away):
        return f"{text}; nothing is stored to compare it with."
    if away < SAME:
        return f"{text}: **the stored quantiles are reproduced** (to {short(max(away, 1e-4))} σ)."
    label = next(q.label for q in QUANTITIES if q.name == worst)
    why = "the run took further steps of the ladder"
    if repeated:
        why = "another version or processor made them"
    elif not answer.exact:
        why = "the weights of these few draws do not pass (k-hat), so the network's own are shown"
    return f"{text}: up to **{short(away)} σ** from the stored quantiles ({label}); {why}."
