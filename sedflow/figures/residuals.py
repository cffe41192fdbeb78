"""The residuals of a spectrum: layers are a pure function of data, the figure draws them."""

import numpy as np
from bokeh.models import BasicTicker, HoverTool, Scatter, Text

from sedflow.bands import load_band
from sedflow.figures.base import OUTLINE, Layers, LiveFigure
from sedflow.palette import OTHER, PREDICTED, SELECTED

__all__ = ["PullFigure", "pull_layers"]


def pull_layers(
    title, bands, redshift, *, data, predicted, left=None, brushed=None, rest=False, span=None
) -> Layers:
    """Layers of the residuals, (data - model) / sigma of the predicted median, band by band.

    data : (flux, sigma) (n_band,) [nanomaggies]; predicted : quantiles (3, n_band)
    left : the same as data, of bands that were left out
    brushed : quantiles (3, n_band) that the selected draws predict
    """
    pivot = np.array([load_band(b).pivot for b in bands])
    stretch = 1.0 + redshift if rest else 1.0
    low, high = span or (0.72 * pivot.min(), 1.25 * pivot.max())
    sources, limit = {}, 3.5
    for key, about in (("pulls", data), ("left", left)):
        if about is None:
            continue
        flux, sigma = (np.asarray(v, float) for v in about)
        there = np.isfinite(flux)
        x, pull = pivot[there] / stretch, ((flux - predicted[1]) / sigma)[there]
        names = [b for b, t in zip(bands, there, strict=True) if t]
        width = (np.abs(predicted[[2, 0]] - predicted[1]) / sigma)[:, there]
        both = np.hypot(1.0, width.mean(axis=0))
        limit = max(limit, 1.25 * min(np.abs(pull).max(initial=0.0), _ROOM[key] * limit))
        # A band that is far off when it is left out would make a line of all others.
        shown = np.clip(pull, -0.8 * limit, 0.8 * limit)
        sources[key] = {"x": x, "y": shown, "band": names, "pull": pull, "both": pull / both}
        if key == "left" and (far := shown != pull).any():
            text = [f"{v:,.0f} σ".replace("-", "\N{MINUS SIGN}") for v in pull[far]]
            sources["beyond"] = {"x": x[far], "y": shown[far], "text": text}
        bars = {"x": x, "low": -width[1], "high": width[0]}
        if key == "left":
            sources["model"] = {k: np.append(sources["model"][k], v) for k, v in bars.items()}
        else:
            sources["model"] = bars
            if brushed is not None:
                middle = ((predicted[1] - brushed) / sigma)[:, there]
                sources["brushed"] = {"x": x, "low": middle[2], "high": middle[0]}
    return Layers(
        sources,
        (low / stretch, high / stretch),
        (-limit, limit),
        title,
        f"{'rest' if rest else 'observed'} wavelength [Å]",
        "residual [σ]",
        {"brushed": brushed is not None},
    )


#: How many times the limit of the axis a residual may reach until it is drawn at its edge.
_ROOM = {"pulls": np.inf, "left": 2.0}


class PullFigure(LiveFigure):
    """Residuals in sigma; bars are the 68 % of what the posterior predicts."""

    def __init__(self, layers, name="pull", **options):
        columns = {
            "model": ("x", "low", "high"),
            "brushed": ("x", "low", "high"),
            "pulls": ("x", "y", "band", "pull", "both"),
            "left": ("x", "y", "band", "pull", "both"),
            "beyond": ("x", "y", "text"),
            OUTLINE: ("x", "y"),
        }
        super().__init__(layers, columns, name, height=options.pop("height", 130), **options)

    def draw(self):
        f, s = self.figure, self.sources
        f.yaxis.ticker = BasicTicker(desired_num_ticks=4)
        f.hspan([0.0], line_color=OTHER, line_width=1)
        f.hspan([-1.0, 1.0], line_color=OTHER, line_width=0.7, line_dash="dotted")
        for key, color, width, alpha in (("model", PREDICTED, 6, 0.5), ("brushed", SELECTED, 3, 1)):
            bar = f.segment(
                "x", "low", "x", "high", color=color, line_width=width, alpha=alpha, source=s[key]
            )
            if key == "model":
                self.rest.append((bar.glyph, "line_alpha", alpha))
        points = self.ink("pulls", Scatter(x="x", y="y", size=8))
        rings = f.scatter(
            "x", "y", size=9, fill_alpha=0, line_width=2, line_color=SELECTED, source=s["left"]
        )
        self.figure.add_glyph(
            s["beyond"], Text(x="x", y="y", text="text", x_offset=8, text_baseline="middle")
        )
        f.add_tools(
            HoverTool(renderers=[points], tooltips="@band: @pull{0.00} σ"),
            HoverTool(
                renderers=[rings],
                tooltips="@band, left out: @pull{0.00} σ of its error, @both{0.00} σ of error and "
                "prediction",
            ),
        )
        self.outline()
        self.selectable()
