"""Derived quantities: a table of their quantiles."""

import html
from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd

from sedflow.dashboard.answer import Answer
from sedflow.dashboard.brush import Brushed
from sedflow.dashboard.panels.panel import AnswerPanel
from sedflow.dashboard.printed import minus
from sedflow.dashboard.quantities import QUANTITIES
from sedflow.dashboard.widgets import SMALL_TABLE, TextTable
from sedflow.model.derived import ALL, derive
from sedflow.parameters import NAMES, PARAMETERS, Prior
from sedflow.population.prior import cumulative

__all__ = ["DerivedPanel", "interval", "number"]

#: Close, so that no column is cut beside a corner plot: long names are on two lines, and a narrow
#: table leaves out the prior, then the literature.
_CLOSE = """
.tabulator, .tabulator .tabulator-header { font-size: 11px !important; }
.tabulator { container-type: inline-size; }
.tabulator .tabulator-tableholder { scrollbar-width: thin; }
.tabulator .tabulator-col .tabulator-col-content { padding: 3px 4px !important; }
.tabulator .tabulator-row, .tabulator .tabulator-cell { height: auto !important; }
.tabulator .tabulator-table { min-width: 100% !important; }
.tabulator .tabulator-row { min-width: 100% !important; }
.tabulator .tabulator-header .tabulator-col { border-right: 0 !important; }
.tabulator .tabulator-cell { vertical-align: top !important; }
.tabulator .tabulator-cell { white-space: normal !important; }
@media (max-width: 480px) {
  .tabulator .tabulator-cell, .tabulator .tabulator-col .tabulator-col-content {
    padding: 3px 2px !important; }
}
@container (max-width: 350px) {
  [tabulator-field=prior] { display: none !important; }
}
@container (max-width: 390px) {
  :is(.tabulator-headers, .tabulator-row):has([tabulator-field=literature], [tabulator-field=truth])
    [tabulator-field=prior] { display: none !important; }
}
@container (max-width: 534px) {
  :is(.tabulator-headers, .tabulator-row):has([tabulator-field=selected])
    [tabulator-field=prior] { display: none !important; }
}
@container (max-width: 456px) {
  :is(.tabulator-headers, .tabulator-row):has([tabulator-field=selected])
    [tabulator-field=literature] { display: none !important; }
}
"""
_QUANTITY = 96  # widest that the column of names is [px]
#: Of an interval of three digits behind the point [px]; longer ones are on two lines. A table that
#: is kept for the next galaxy keeps the widths that it had.
_INTERVAL = 138
_LITERATURE = 82  # its words are on several lines [px]
_EVERYWHERE = {q.name for q in ALL}


class DerivedPanel(AnswerPanel):
    """Quantiles of everything derived; the definition of each on hover.

    literature : callable, from the name of a galaxy to what other work says about it
    """

    def __init__(self, literature: Callable[[str], dict[str, str]] = lambda name: {}, **params):
        super().__init__(**params)
        self._literature = literature
        self.table = TextTable(
            pd.DataFrame(),
            disabled=True,
            show_index=False,
            sizing_mode="stretch_width",
            layout="fit_data_stretch",
            margin=0,
            sortable=False,
            formatters={"quantity": {"type": "html"}},  # of our own text alone
            titles={"prior": "prior, 68 %"},
            stylesheets=[SMALL_TABLE, _CLOSE],
            configuration={
                "renderVertical": "basic",  # rows are as high as their names
                "columns": [
                    {"field": "quantity", "maxWidth": _QUANTITY},
                    {"field": "median, 68 %", "minWidth": _INTERVAL, "maxWidth": _INTERVAL},
                    {"field": "selected", "minWidth": _INTERVAL, "maxWidth": _INTERVAL},
                    {"field": "literature", "maxWidth": _LITERATURE},
                ],
            },
        )

    def draw(self, answer: Answer, brushed: Brushed | None) -> None:
        """Fill the table."""
        self.table.value = _rows(answer, brushed, self._literature(answer.request.galaxy))

    def __panel__(self):
        return self.table


@cache
def _ranges(sfh):
    """16 and 84 % (2, 12) of the prior of each parameter."""
    prior, found = Prior(sfh), []
    for p in PARAMETERS:
        x = np.linspace(p.low, p.high, 1001)
        found.append(np.interp((0.16, 0.84), cumulative(p.name, x, prior), x))
    return np.transpose(found)


def _rows(answer, brushed, literature):
    rows = []
    for k, d in enumerate(QUANTITIES):
        if k < len(NAMES):
            prior = _ranges(answer.fit.prior.sfh)[:, k]
        else:
            prior = np.quantile(answer.prior_samples[:, k], (0.16, 0.84))
        row = {
            "quantity": _heading(d),
            "median, 68 %": interval(answer.quantiles[:, k]),
        }
        if brushed is not None:
            row["selected"] = (
                "–" if brushed.quantiles is None else interval(brushed.quantiles[:, k])
            )
        if answer.truths is not None:
            row["truth"] = number(answer.truths[k], np.ptp(answer.quantiles[:, k]))
        if literature:
            row["literature"] = minus(literature.get(d.name, ""))
        # Last, for it is what a narrow table cuts.
        row["prior"] = "{} to {}".format(*(number(v, prior[1] - prior[0]) for v in prior))
        rows.append(row)
    rows += [_row_of_gas(d, answer) for d in answer.fit.quantities if d.name not in _EVERYWHERE]
    return pd.DataFrame(rows).fillna("")


def _row_of_gas(quantity, answer):
    """What only grids with gas have: not in corner plots, and so not in selections."""
    fit = answer.fit
    prior = np.quantile(fit.induced_prior[quantity.name], (0.16, 0.84))
    row = {
        "quantity": _heading(quantity),
        "median, 68 %": interval(fit.quantile(quantity.name)),
        "prior": "{} to {}".format(*(number(v, prior[1] - prior[0]) for v in prior)),
    }
    if answer.truth is not None:
        true = derive(answer.truth[None], fit.photometry.redshift, answer.true_model)
        # A galaxy that was made without gas has no lines.
        value = float(true[quantity.name][0]) if quantity.name in true else np.nan
        row["truth"] = number(value, np.ptp(fit.quantile(quantity.name)))
    return row


def _heading(quantity):
    """Label of a quantity, with its definition on hover."""
    return f'<span title="{html.escape(quantity.help)}">{html.escape(quantity.axis_label)}</span>'


def number(value: float, width: float) -> str:
    """A value to two digits of an uncertainty, with a real minus and commas.

    >>> number(-1.23456, 0.034), number(12.3456, 3.2), number(float("nan"), 1.0)
    ('−1.235', '12.3', '–')
    >>> number(-0.004, 0.4), number(30668.2, 3268.0)  # zero has no sign
    ('0.00', '30,700')
    """
    if not np.isfinite(value):
        return "–"
    digits = 2
    if np.isfinite(width) and width > 0:
        digits = int(np.clip(1 - np.floor(np.log10(width)), -12, 4))
    return f"{round(float(value), digits):z,.{max(digits, 0)}f}".replace("-", "−")


def interval(quantiles: np.ndarray) -> str:
    """Median and 68 % range from 16, 50 and 84 %, to two digits of the uncertainty.

    >>> interval(np.array([1.0, 1.25, 1.625]))
    '1.25 +0.38 −0.25'
    """
    low, middle, high = (float(v) for v in quantiles)
    width = min(v for v in (high - middle, middle - low, np.inf) if v > 0)
    parts = (number(v, width) for v in (middle, high - middle, middle - low))
    return "{} +{} −{}".format(*parts)
