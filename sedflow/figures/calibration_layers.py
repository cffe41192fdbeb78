"""What the figures of a validation report show: plain numbers, no figure.

Each function takes a report and a selection of its galaxies, and returns the columns of the
sources of a figure. Panel (row, column) of a grid is a square of the figure's own coordinates.
"""

from typing import Any

import numpy as np
from scipy.stats import binom

from sedflow.validation.bins import PROPERTIES
from sedflow.validation.calibration import central_coverage, ks_band, ks_statistic
from sedflow.validation.near import Selection, coverage_in_bins
from sedflow.validation.report import LABELS, NOMINAL, QUANTITIES

__all__ = [
    "COLUMNS",
    "GAP_X",
    "GAP_Y",
    "KINDS",
    "bin_layers",
    "columns_within",
    "pp_layers",
    "rank_band",
    "rank_layers",
    "region_layers",
]

#: Whose draws are shown.
KINDS = ("network", "exact")
COLUMNS = 5  # of panels, where a page is wide enough
GAP_X, GAP_Y = 0.16, 0.42  # between panels, in their own size
_GRID = np.linspace(0, 1, 101)
_PANEL = 125  # px that a panel takes with its gap, so that titles stay apart


def columns_within(width: float) -> int:
    """Panels side by side in a width [px] without its axis: 2 to `COLUMNS`."""
    return int(np.clip(width // _PANEL, 2, COLUMNS))


def rank_band(n: int, n_bin: int, level: float = 0.95) -> tuple[float, float]:
    """Counts between which all bins of the histogram of n calibrated ranks stay, at that level."""
    each = level ** (1.0 / n_bin)
    low, high = binom.ppf(((1 - each) / 2, (1 + each) / 2), n, 1.0 / n_bin)
    return float(low), float(high)


def pp_layers(
    report,
    selection: Selection,
    kinds=KINDS,
    quantities=QUANTITIES,
    difference: bool = False,
    columns: int = COLUMNS,
) -> dict[str, dict]:
    """Layers of the p-p curves: a panel for each quantity.

    difference : whether the diagonal is taken off, and what is left drawn larger
    columns : panels side by side

    Returns
    -------
    dict of source name -> dict of columns, for `GridFigure.update`
    """
    n = len(selection)
    band = ks_band(n)
    reach = max(2.0 * band, 0.05) if difference else None

    def place(share):
        """Height in a panel of a curve (n,) over `_GRID`."""
        if difference:
            return np.clip(0.5 + (share - _GRID) / (2 * reach), 0, 1)
        return np.clip(share, 0, 1)

    panels = _Panels(quantities, columns)
    edge = np.concatenate([place(_GRID + band), place(_GRID - band)[::-1]])
    layers = panels.layers(("0", "1"), (f"−{reach:.2g}", f"+{reach:.2g}") if difference else "01")
    layers["band"] = panels.patches(np.concatenate([_GRID, _GRID[::-1]]), edge)
    layers["middle"] = panels.lines([(_GRID[[0, -1]], place(_GRID)[[0, -1]])] * len(quantities))
    hover: dict[str, Any] = {"ks_network": [], "ks_exact": [], "in_68": [], "in_95": []}
    for kind in KINDS:
        levels = report.galaxies[f"scores_{kind}"][selection.rows]
        each = [levels[:, QUANTITIES.index(name)] for name in quantities]
        hover[f"ks_{kind}"] = ks_statistic(np.stack(each, 1)).round(4) if each else []
        curves = [(_GRID, place(_cumulative(c))) for c in each] if kind in kinds else []
        layers[kind] = panels.lines(curves)
        if kind == (kinds[0] if kinds else "network"):
            for q, key in zip(NOMINAL, ("in_68", "in_95"), strict=True):
                hover[key] = [f"{100 * float(central_coverage(c, q)):.1f} %" for c in each]
    layers["hover"] |= hover
    shown = [hover[f"ks_{kind}"] for kind in kinds]
    layers["note"] = panels.note(
        [" / ".join(f"{row[k]:.3f}" for row in shown) for k in range(len(quantities))]
        if shown
        else [""] * len(quantities)
    )
    return layers


def rank_layers(
    report,
    selection: Selection,
    kinds=KINDS,
    quantities=QUANTITIES,
    n_bin: int | None = None,
    columns: int = COLUMNS,
) -> dict[str, dict]:
    """Layers of the rank histograms (SBC): a panel for each quantity.

    n_bin : bins; by default 20, or 10 where there are fewer than 1000 galaxies
    columns : panels side by side
    """
    n = len(selection)
    n_bin = n_bin or (20 if n >= 1000 else 10)
    low, high = rank_band(n, n_bin)
    mean = n / n_bin
    top = max(2.0 * mean, 1.1 * high)
    panels = _Panels(quantities, columns)
    layers = panels.layers(("0", "1"), ("0", f"{top:.0f}"))
    box = np.array([low, low, high, high]) / top
    layers["band"] = panels.patches(np.array([0, 1, 1, 0.0]), box)
    level = np.full(2, mean / top)
    layers["middle"] = panels.lines([(np.array([0.0, 1.0]), level)] * len(quantities))
    edges = np.repeat(np.linspace(0, 1, n_bin + 1), 2)[1:-1]
    hover: dict[str, Any] = {"ks_network": [], "ks_exact": [], "in_68": [], "in_95": []}
    out = []
    for kind in KINDS:
        levels = report.galaxies[f"scores_{kind}"][selection.rows]
        each = (levels[:, QUANTITIES.index(name)] for name in quantities)
        counts = [np.histogram(c, n_bin, (0, 1))[0] for c in each]
        hover[f"ks_{kind}"] = [f"{c.min()} to {c.max()}" for c in counts]
        if kind in kinds:
            layers[kind] = panels.lines(
                [(edges, np.minimum(np.repeat(c, 2) / top, 1.0)) for c in counts]
            )
            out.append([int(((c < low) | (c > high)).sum()) for c in counts])
        else:
            layers[kind] = panels.lines([])
    blank = [f"{low:.0f} to {high:.0f}"] * len(quantities)
    layers["hover"] |= hover | {"in_68": blank, "in_95": blank}
    layers["note"] = panels.note(
        [
            " / ".join(f"{row[k]} out" for row in out) if any(row[k] for row in out) else ""
            for k in range(len(quantities))
        ]
    )
    return layers


def region_layers(
    report, selection: Selection, test: str, kinds=KINDS, difference: bool = False
) -> dict[str, dict]:
    """Layers of the coverage of regions; test is "hpd" or "tarp".

    Returns
    -------
    dict of source name -> dict of columns, for `RegionFigure.update`
    """
    band = ks_band(len(selection))
    off = _GRID if difference else 0.0
    layers: dict[str, dict] = {
        "band": {"x": _GRID, "low": _GRID - band - off, "high": _GRID + band - off},
        "middle": {"x": _GRID[[0, -1]], "y": (_GRID - off)[[0, -1]]},
    }
    for kind in KINDS:
        levels = report.galaxies[f"{test}_{kind}"][selection.rows]
        y = _cumulative(levels) - off
        layers[kind] = {"x": _GRID, "y": y} if kind in kinds else {"x": [], "y": []}
    return layers


def bin_layers(
    report, kinds=KINDS, quantities=QUANTITIES, like: dict | None = None
) -> tuple[list, dict[str, dict]]:
    """Layers of the coverage in bins of each property, and the factors of their axis.

    like : properties of a galaxy, whose bins are marked

    Returns
    -------
    factors, dict of source name -> dict of columns, for `BinFigure.update`
    """
    layers, factors, mark = {}, [], []
    for kind in KINDS:
        columns: dict[str, list] = {
            key: [] for key in ("x", "y", "low", "high", "galaxies", "nominal", "range")
        }
        for q in NOMINAL if quantities else ():
            found = coverage_in_bins(report, kind, q, quantities)
            for name, rows in found.items():
                for row in rows:
                    factor = (PROPERTIES[name], _interval(name, row["low"], row["high"]))
                    if kind == KINDS[0] and q == NOMINAL[0]:
                        factors.append(factor)
                        value = np.nan if like is None else like.get(name, np.nan)
                        if row["low"] <= value <= row["high"]:
                            mark.append(factor)
                    if kind not in kinds:
                        continue
                    half = 1.96 * row["error"]
                    columns["x"].append(factor)
                    columns["y"].append(row["coverage"])
                    columns["low"].append(max(row["coverage"] - half, 0.0))
                    columns["high"].append(min(row["coverage"] + half, 1.0))
                    columns["galaxies"].append(row["galaxies"])
                    columns["nominal"].append(f"{100 * q:.0f} %")
                    columns["range"].append(f"{factor[0]}: {factor[1]}")
        layers[kind] = columns
    layers["mark"] = {"x": mark, "bottom": [0.5] * len(mark), "top": [1.02] * len(mark)}
    return factors, layers


class _Panels:
    """Where the panels of some quantities are, and what every grid has."""

    def __init__(self, quantities, columns):
        self.names, self.columns = tuple(quantities), columns
        k = np.arange(len(self.names))
        self.x = (k % columns) * (1 + GAP_X)
        self.y = -(k // columns) * (1 + GAP_Y)

    def lines(self, curves):
        """Curves (x, y) of the panels' own coordinates, one for each, broken by NaN."""
        if not curves:
            return {"x": np.array([]), "y": np.array([])}
        parts = zip(curves, self.x, self.y, strict=True)
        x, y = zip(
            *((np.append(c[0] + x, np.nan), np.append(c[1] + y, np.nan)) for c, x, y in parts),
            strict=True,
        )
        return {"x": np.concatenate(x), "y": np.concatenate(y)}

    def patches(self, x, y):
        """The same outline (x, y) in every panel."""
        return {"xs": [x + at for at in self.x], "ys": [y + at for at in self.y]}

    def note(self, texts):
        """Text in the upper left corner of each panel."""
        return {"x": self.x + 0.03, "y": self.y + 0.96, "text": list(texts)}

    def layers(self, x_ticks, y_ticks):
        """Frames, labels, ticks and what is hovered over."""
        square = np.array([0, 1, 1, 0, 0.0]), np.array([0, 0, 1, 1, 0.0])
        left = np.flatnonzero(self.x == 0)
        count = len(self.names)
        under = np.flatnonzero(np.arange(count) + self.columns >= count)  # the last of each column
        tick = {"x": [], "y": [], "text": [], "align": []}
        for k in left:
            for at, text in zip((0.03, 0.97), y_ticks, strict=True):
                _append(tick, -0.03, self.y[k] + at, text, "right")
        for k in under:
            for at, text, align in zip((0, 1), x_ticks, ("left", "right"), strict=True):
                _append(tick, self.x[k] + at, self.y[k] - 0.09, text, align)
        return {
            "frame": self.lines([square] * count),
            "label": {
                "x": self.x,
                "y": self.y + 1.05,
                "text": [LABELS[name] for name in self.names],
            },
            "tick": tick,
            "hover": {
                "left": self.x,
                "right": self.x + 1,
                "bottom": self.y,
                "top": self.y + 1,
                "name": [LABELS[name] for name in self.names],
            },
        }


def _append(columns, *values):
    for column, value in zip(columns.values(), values, strict=True):
        column.append(value)


def _cumulative(levels):
    return np.searchsorted(np.sort(levels), _GRID, side="right") / max(len(levels), 1)


def _interval(name, low, high):
    if low == high:
        return f"{low:.0f}"
    digits = 3 if name == "redshift" else 1
    return f"{low:.{digits}f} – {high:.{digits}f}".replace("-", "\N{MINUS SIGN}")
