"""Emission lines in a figure of a spectrum: where they are, what they are called, how strong."""

import numpy as np
from bokeh.models import HoverTool, Segment, Text

from sedflow.figures.base import LiveFigure
from sedflow.model.lines import LineMarks

__all__ = ["COLUMNS", "draw_lines", "line_source", "symbol"]

#: Columns of the source of lines.
COLUMNS = ("x", "low", "high", "label", "name", "flux", "width")
_SHARE = 0.05  # of the strongest line's flux, below which a line is not drawn
_TOGETHER = 0.012  # ln wavelength, within which lines share a label
_FOOT, _HEAD = 0.77, 0.81  # of the height of the figure; the names are above
_GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ"}


def symbol(name: str) -> str:
    """A line's name as it is written.

    >>> symbol("H-alpha"), symbol("[O III] 5007")
    ('Hα', '[O III] 5007')
    """
    element, _, letter = name.partition("-")
    return f"{element}{_GREEK.get(letter, letter)}"


def line_source(
    marks: LineMarks, redshift: float, span: tuple[float, float], stretch: float, y_range, log: bool
) -> dict:
    """Columns of the lines inside a span [A, observed] that are strong enough to draw."""
    middle = marks.flux if marks.flux.ndim == 1 else marks.flux[1]
    wave = marks.wavelength * (1.0 + redshift)
    inside = (wave > span[0]) & (wave < span[1])
    strongest = middle[inside].max(initial=0.0)
    rows = np.flatnonzero(inside & (middle > _SHARE * strongest))
    rows = rows[np.argsort(wave[rows])]
    names = [marks.names[int(k)] for k in rows]
    foot, head = (_at_height(share, y_range, log) for share in (_FOOT, _HEAD))
    return {
        "x": wave[rows] / stretch,
        "low": np.full(rows.size, foot),
        "high": np.full(rows.size, head),
        "label": _labels(names, wave[rows], middle[rows]),
        "name": [symbol(name) for name in names],
        "flux": [_text(marks.flux[..., k], 1e-17) for k in rows],
        "width": [_text(marks.width[..., k], 1.0) for k in rows],
    }


def draw_lines(figure: LiveFigure) -> tuple:
    """Add marks, names and hover of the source "lines" to a figure; returns the glyphs."""
    marks = figure.ink("lines", Segment(x0="x", y0="low", x1="x", y1="high", line_width=1.5))
    upright = Text(x="x", y="high", text="label", angle=np.pi / 2, text_baseline="middle")
    upright.y_offset = -3
    names = figure.ink("lines", upright)
    tips = [
        ("line", "@name"),
        ("flux", "@flux 10⁻¹⁷ erg/s/cm²"),
        ("equivalent width", "@width Å, rest frame"),
    ]
    figure.figure.add_tools(HoverTool(renderers=[marks], tooltips=tips))
    return marks, names


def _at_height(share, y_range, log):
    """The number on an axis at a share of its length."""
    low, high = y_range
    return low * (high / low) ** share if log else low + share * (high - low)


def _labels(names, wave, flux):
    """A label for the strongest line of each group, "" for the others."""
    labels = [""] * len(names)
    groups = np.concatenate([[0], np.cumsum(np.diff(np.log(wave)) > _TOGETHER)])
    for group in range(int(groups[-1]) + 1 if len(names) else 0):
        rows = np.flatnonzero(groups == group)
        first = rows[np.argmax(flux[rows])]
        ions = {names[k].rsplit(" ", 1)[0] for k in rows}
        name = names[first]
        labels[first] = symbol(name.rsplit(" ", 1)[0] if len(ions) == 1 else name)
    return labels


def _text(value, unit):
    """A number, or a median with its 68 %, to three digits."""
    value = np.asarray(value) / unit
    if value.ndim == 0:
        return f"{value:.3g}"
    low, middle, high = value
    return f"{middle:.3g} +{high - middle:.2g} −{middle - low:.2g}"
