"""A population on the screen: its density, what is compared to it, and one of its galaxies.

`curve_layers`, `fraction_layers`, `map_layers` and `galaxy_layers` are functions of a population;
`CurveFigure` and `MapFigure` are built once and take other layers in place.
"""

from typing import Any

import numpy as np
from bokeh.models import LinearColorMapper
from bokeh.models.annotations import Legend, LegendItem
from bokeh.palettes import Viridis256
from contourpy import contour_generator

from sedflow.draws import weighted_quantile
from sedflow.figures.base import Layers, LiveFigure
from sedflow.model.derived import KNOWN
from sedflow.palette import FAINT, MODEL, ORANGE, THEME_INK, TRUTH, VERMILION
from sedflow.population.presets import QUENCHED
from sedflow.population.told import EFFECTIVE_MIN

__all__ = [
    "MAPS",
    "SCALE",
    "CurveFigure",
    "MapFigure",
    "axis_label",
    "curve_layers",
    "fraction_curves",
    "fraction_layers",
    "galaxy_layers",
    "map_layers",
]

#: What the maps of two quantities show, from left to right.
MAPS = {"medians": "medians", "stack": "stack of draws", "population": "population"}
SCALE = "scale"
_LABELS = {q.name: getattr(q, "axis_label", None) or q.label for q in KNOWN} | {
    "log_ssfr_100myr": "log sSFR, last 100 Myr [1/yr]",
    "log_mstar": "log M\N{BLACK STAR} formed [M\N{SUN}]",
}
_PALETTE = Viridis256[72:]  # its darkest end does not show on a dark ground
_FAINT = 0.02  # of the top, below which the ground shows
_PRIOR = (0.68, 0.95)  # shares of the prior inside its contours
_FEW = 2.0  # galaxies in a column of cells, below which nothing is read off it
_FEW_OF_MEAN = 50.0  # and below which the mean of a trend rests on the smoothness alone
_SHARES = ("p2.5", "p16", "p50", "p84", "p97.5", "medians", "stack", "prior")
_BANDS = ("x", "low", "high")
_LINE = ("x", "y")
_CURVES = {
    "band95": _BANDS,
    "band68": _BANDS,
    "prior": _LINE,
    "stack": _LINE,
    "medians": _LINE,
    "middle": _LINE,
    "own": _LINE,
    "shrunk": _LINE,
}


def axis_label(name: str) -> str:
    """Label of a quantity with its unit."""
    return _LABELS[name]


def _stairs(edges, values):
    """The outline of a histogram."""
    return {"x": np.repeat(edges, 2)[1:-1], "y": np.repeat(values, 2)}


def curve_layers(population) -> Layers:
    """One quantity: its bands, and the medians, the stack of draws and the prior."""
    (x,), (edges,) = population.centres, population.edges
    low95, low68, middle, high68, high95 = population.quantiles()
    medians = population.medians()
    sources = {
        "band95": {"x": x, "low": low95, "high": high95},
        "band68": {"x": x, "low": low68, "high": high68},
        "middle": {"x": x, "y": middle},
        "medians": _stairs(edges, medians),
        "stack": {"x": x, "y": population.stack()},
        "prior": {"x": x, "y": population.prior_density},
    }
    top = 1.1 * max(np.max(high68), np.max(medians))
    return Layers(sources, _ends(edges), (0.0, float(top)), "", axis_label(population.names[0]),
                  "density")  # fmt: skip


def fraction_curves(population, line: float = QUENCHED) -> dict[str, np.ndarray]:
    """The share of galaxies below a line of the second quantity, in the cells of the first one.

    Returns
    -------
    dict of p2.5, p16, p50, p84, p97.5, medians, stack and prior -> (n,); NaN where few galaxies are
    """
    name, edges = population.names[1], population.edges
    shown = _filled(population)
    bands = np.where(shown, 1.0 - population.fraction_above(name, line, by=True), np.nan)
    out = dict(zip(("p97.5", "p84", "p50", "p16", "p2.5"), bands, strict=True))
    above = np.clip((edges[1][1:] - line) / np.diff(edges[1]), 0.0, 1.0)
    densities = {
        "medians": population.medians(),
        "stack": population.stack(),
        "prior": population.prior_density,
    }
    for key, density in densities.items():
        shares = density * population.area
        total = shares.sum(1)
        with np.errstate(invalid="ignore"):
            share = (shares * (1.0 - above)).sum(1) / total
        good = total > 0 if key == "prior" else shown & (total > 0)
        out[key] = np.where(good, share, np.nan)
    return dict(sorted(out.items(), key=lambda item: _SHARES.index(item[0])))


def fraction_layers(population, line: float = QUENCHED) -> Layers:
    """The share of galaxies below a line of the second quantity, by the first one."""
    x, edges, curves = population.centres[0], population.edges, fraction_curves(population, line)
    shown = np.isfinite(curves["p50"])
    sources = {
        "band95": {"x": x[shown], "low": curves["p2.5"][shown], "high": curves["p97.5"][shown]},
        "band68": {"x": x[shown], "low": curves["p16"][shown], "high": curves["p84"][shown]},
        "middle": {"x": x[shown], "y": curves["p50"][shown]},
        "medians": _stairs(edges[0], curves["medians"]),
    }
    for key in ("stack", "prior"):
        good = np.isfinite(curves[key])
        sources[key] = {"x": x[good], "y": curves[key][good]}
    return Layers(sources, _ends(edges[0]), (-0.02, 1.02), "", axis_label(population.names[0]),
                  "share quenched")  # fmt: skip


def map_layers(population, trend: bool = True) -> dict[str, Layers]:
    """Two quantities: the maps of `MAPS` on one scale of colours, with contours of the prior.

    Their `extra` has `SCALE`, the shares of the galaxies in a cell where the scale begins and ends.

    trend : whether the mean of the second quantity is drawn over its population
    """
    x, y = population.edges
    maps = {
        "medians": population.medians(),
        "stack": population.stack(),
        "population": population.density,
    }
    top = max(float(np.quantile(m, 0.995)) for m in maps.values())
    scale = _FAINT * top * float(population.area.max()), top * float(population.area.max())
    prior = _contours(population)
    place = {"x": [x[0]], "y": [y[0]], "dw": [x[-1] - x[0]], "dh": [y[-1] - y[0]]}
    out = {}
    for key, values in maps.items():
        shown = np.where(values > _FAINT * top, np.minimum(values / top, 1.0), np.nan)
        sources: dict[str, dict] = {
            "image": {"image": [shown.T.astype(np.float32)], **place},
            "prior": prior,
        }
        if trend and key == "population":
            sources |= _trend(population)
        x_label, y_label = map(axis_label, population.names)
        out[key] = Layers(sources, _ends(x), _ends(y), MAPS[key], x_label, y_label, {SCALE: scale})
    return out


def galaxy_layers(population, row: int, axis: int) -> Layers:
    """One galaxy's own posterior of a quantity, and with the population as prior.

    The second is there if its draws are enough (`EFFECTIVE_MIN`): few make a needle.

    row : of the galaxy in the population
    """
    edges = population.edges[axis]
    values, own, shrunk = population.draws_of(row)
    widths = np.diff(edges)
    curves, drawn = {}, {"own": own}
    if population.effective_draws[row] >= EFFECTIVE_MIN:
        drawn["shrunk"] = shrunk
    for key, weights in drawn.items():
        counts = np.histogram(values[:, axis], edges, weights=weights)[0]
        curves[key] = counts / max(counts.sum(), 1e-12) / widths
    known = np.isfinite(values[:, axis])
    low, high = weighted_quantile(values[known, axis], (0.0, 1.0), own[known])
    margin = 0.3 * max(high - low, 2 * widths[0])
    top = 1.1 * max(c.max() for c in curves.values())
    sources = {key: _stairs(edges, c) for key, c in curves.items()}
    ends = (float(max(edges[0], low - margin)), float(min(edges[-1], high + margin)))
    return Layers(sources, ends, (0.0, float(top)), "", axis_label(population.names[axis]),
                  "density")  # fmt: skip


def _ends(edges):
    return float(edges[0]), float(edges[-1])


def _filled(population, few=_FEW):
    """Which cells of the first quantity have galaxies enough."""
    share = (population.density * population.area).sum(1)
    return share * len(population) > few


def _trend(population):
    """Mean of the second quantity by the first, with its band of 68 %."""
    x, shown = population.centres[0], _filled(population, min(_FEW_OF_MEAN, 0.03 * len(population)))
    mean, _ = population.trend(population.names[1], [16, 50, 84])
    low, middle, high = (np.where(shown, m, np.nan) for m in mean)
    return {
        "mean": {"x": x, "y": middle},
        "low": {"x": x, "y": low},
        "high": {"x": x, "y": high},
    }


def _contours(population):
    """Lines around the densest `_PRIOR` shares of the prior."""
    density = population.prior_density
    shares = (density * population.area).ravel()
    order = np.argsort(density.ravel())[::-1]
    inside = np.cumsum(shares[order]) / shares.sum()
    levels = [density.ravel()[order][min(np.searchsorted(inside, p), len(order) - 1)]
              for p in _PRIOR]  # fmt: skip
    generator = contour_generator(*population.centres, density.T)
    lines = [line for level in levels for line in generator.lines(level)]
    return {"xs": [line[:, 0] for line in lines], "ys": [line[:, 1] for line in lines]}


class CurveFigure(LiveFigure):
    """Curves and bands over one quantity; a legend says which is which."""

    def __init__(self, layers: Layers, name: str, legend: dict[str, str], **options: Any):
        self._legend = legend
        super().__init__(layers, _CURVES, name, titled=False, **options)

    def draw(self) -> None:
        """Draw the bands, then what is compared to them."""
        f, s = self.figure, self.sources
        drawn: dict[str, list] = {key: [] for key in self._legend}
        for key, alpha in (("band95", 0.18), ("band68", 0.3)):
            band = f.varea("x", "low", "high", source=s[key], color=MODEL, fill_alpha=alpha)
            drawn.setdefault("middle", []).append(band)
        for key, color, width, dash in (
            ("prior", FAINT, 1.5, "dotted"),
            ("stack", TRUTH, 2, "dashed"),
            ("medians", VERMILION, 1.5, "solid"),
            ("own", ORANGE, 2, "solid"),
            ("middle", MODEL, 2.5, "solid"),
            ("shrunk", MODEL, 2.5, "solid"),
        ):
            drawn.setdefault(key, []).append(self.line(key, color, width, dash))
        self._items = {
            k: LegendItem(label=text, renderers=drawn[k]) for k, text in self._legend.items()
        }
        legend = Legend(items=[*self._items.values()], orientation="horizontal", spacing=8,
                        margin=2, ncols=2, glyph_width=16, label_standoff=4)  # fmt: skip
        f.add_layout(legend, "above")

    def update(self, layers: Layers) -> None:
        """Show other layers; the legend has no line for a galaxy's curve that is not there."""
        super().update(layers)
        if "shrunk" in self._items:
            self._items["shrunk"].visible = "shrunk" in layers.sources


class MapFigure(LiveFigure):
    """A density over two quantities."""

    def __init__(self, layers: Layers, name: str, **options: Any):
        columns = {
            "image": ("image", "x", "y", "dw", "dh"),
            "prior": ("xs", "ys"),
            "low": _LINE,
            "high": _LINE,
            "mean": _LINE,
        }
        super().__init__(layers, columns, name, **options)

    def draw(self) -> None:
        """Draw the map, the prior over it, and the mean."""
        f, s = self.figure, self.sources
        colors = LinearColorMapper(palette=_PALETTE, low=0.0, high=1.0, nan_color="#00000000")
        image: Any = f.image  # its stubs do not know the mapper
        image("image", "x", "y", "dw", "dh", source=s["image"], color_mapper=colors)
        f.multi_line("xs", "ys", source=s["prior"], color=FAINT, line_width=1.5, line_dash="dotted")
        for key, width, dash in (("low", 1, "dashed"), ("high", 1, "dashed"), ("mean", 2, "solid")):
            self.line(key, THEME_INK, width, dash)
