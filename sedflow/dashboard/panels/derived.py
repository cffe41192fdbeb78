"""Derived quantities: a table of their quantiles."""

import html
from collections.abc import Callable
from functools import cache

import numpy as np
import panel as pn

from sedflow.dashboard.answer import Answer
from sedflow.dashboard.brush import Brushed
from sedflow.dashboard.panels.panel import AnswerPanel
from sedflow.dashboard.printed import minus
from sedflow.dashboard.quantities import QUANTITIES
from sedflow.figures.errors_shown import digits_of_errors
from sedflow.model.derived import ALL, derive
from sedflow.parameters import NAMES, PARAMETERS, Prior
from sedflow.population.prior import cumulative

__all__ = ["DerivedPanel", "interval", "number"]

#: Close, so that no column is cut beside a corner plot: a narrow table leaves out the prior, then
#: the literature.
_STYLE = """
:host { container-type: inline-size; }
table { border-collapse: collapse; width: 100%; font-size: var(--sf-small, 11px);
  font-variant-numeric: tabular-nums; }
th, td { padding: 3px 4px; text-align: left; vertical-align: top; font-weight: 400;
  border-bottom: 1px solid var(--sf-line); }
thead th { font-weight: 700; position: sticky; top: 0; background: var(--sf-ground); }
table:focus-visible { outline: 2px solid var(--sf-accent); outline-offset: -2px; }
tbody tr:hover { background: var(--sf-pale); }
.quantity { max-width: 96px; min-width: 80px; }
.literature { max-width: 82px; }
@media (max-width: 480px) { th, td { padding: 3px 2px; } }
@container (max-width: 350px) { .prior { display: none; } }
@container (max-width: 390px) {
  table:has(.literature):has(.truth) .prior { display: none; }
}
@container (max-width: 534px) { table:has(.selected) .prior { display: none; } }
@container (max-width: 456px) { table:has(.selected) .literature { display: none; } }
"""
_TITLES = {"median": "median, 68 %", "prior": "prior, 68 %"}
_EVERYWHERE = {q.name for q in ALL}


class DerivedPanel(AnswerPanel):
    """Quantiles of everything derived; the definition of each on hover.

    literature : callable, from the name of a galaxy to what other work says about it
    """

    def __init__(self, literature: Callable[[str], dict[str, str]] = lambda name: {}, **params):
        super().__init__(**params)
        self._literature = literature
        self.rows: list[dict[str, str]] = []
        self.table = pn.pane.HTML("", sizing_mode="stretch_width", margin=0, stylesheets=[_STYLE])

    def draw(self, answer: Answer, brushed: Brushed | None) -> None:
        """Fill the table."""
        self.rows = _rows(answer, brushed, self._literature(answer.request.galaxy))
        self.table.object = _html(self.rows)

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
            **_named(d),
            "median": interval(answer.quantiles[:, k]),
        }
        if brushed is not None:
            row["selected"] = (
                "–" if brushed.quantiles is None else interval(brushed.quantiles[:, k])
            )
        if answer.truths is not None:
            row["truth"] = _truth(answer.truths[k], answer.quantiles[:, k])
        if literature:
            row["literature"] = minus(literature.get(d.name, ""))
        # Last, for it is what a narrow table cuts.
        row["prior"] = "{} to {}".format(*(number(v, prior[1] - prior[0]) for v in prior))
        rows.append(row)
    rows += [_row_of_gas(d, answer) for d in answer.fit.quantities if d.name not in _EVERYWHERE]
    return rows


def _row_of_gas(quantity, answer):
    """What only grids with gas have: not in corner plots, and so not in selections."""
    fit = answer.fit
    prior = np.quantile(fit.induced_prior[quantity.name], (0.16, 0.84))
    row = {
        **_named(quantity),
        "median": interval(fit.quantile(quantity.name)),
        "prior": "{} to {}".format(*(number(v, prior[1] - prior[0]) for v in prior)),
    }
    if answer.truth is not None:
        true = derive(answer.truth[None], fit.photometry.redshift, answer.true_model)
        # A galaxy that was made without gas has no lines.
        value = float(true[quantity.name][0]) if quantity.name in true else np.nan
        row["truth"] = _truth(value, fit.quantile(quantity.name))
    return row


def _named(quantity):
    return {"quantity": quantity.axis_label, "help": quantity.help}


def _html(rows):
    """A table whose rows begin with the quantity, with its definition on hover."""
    names = dict.fromkeys(name for row in rows for name in row if name != "help")
    heads = "".join(
        f'<th scope="col" class="{name}">{html.escape(_TITLES.get(name, name))}</th>'
        for name in names
    )
    lines = []
    for row in rows:
        cells = [
            f'<th scope="row" class="quantity" title="{html.escape(row["help"])}">'
            f"{html.escape(row['quantity'])}</th>"
        ]
        for name in list(names)[1:]:
            cells.append(f'<td class="{name}">{html.escape(row.get(name, ""))}</td>')
        lines.append(f"<tr>{''.join(cells)}</tr>")
    # In the order of the Tab key, as what scrolls around it is: arrows scroll then.
    begin = '<table tabindex="0" aria-label="numbers of this galaxy">'
    return f"{begin}<thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _truth(value, quantiles):
    """A true value to two digits of the posterior's width, or of its own where it is smaller."""
    width = np.ptp(quantiles)
    return number(value, min(width, abs(value)) if value else width)


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
        digits = int(1 - np.floor(np.log10(width)))
    return _rounded(value, digits)


def _rounded(value, digits):
    digits = min(max(digits, -12), 4)
    return f"{round(float(value), digits):z,.{max(digits, 0)}f}".replace("-", "−")


def interval(quantiles: np.ndarray) -> str:
    """Median and 68 % range from 16, 50 and 84 %, to two digits of the uncertainty.

    >>> interval(np.array([1.0, 1.25, 1.625])), interval(np.array([0.0105, 0.0122, 11.791]))
    ('1.25 +0.38 −0.25', '0.0122 +12 −0.0017')
    """
    low, middle, high = (float(v) for v in quantiles)
    values = middle, high - middle, middle - low
    if not np.isfinite(values).all():
        return "–"
    return "{} +{} −{}".format(*map(_rounded, values, digits_of_errors(low, middle, high)))
