"""Make docs/gallery.md and its pictures: each plot of the library, with the call that makes it.

    python tools/gallery.py

A picture is what its call returns and nothing else, so the page cannot show what a reader would
not get.
"""

import io
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from PIL import Image

import sedflow

FOLDER = Path(__file__).parent.parent / "docs" / "gallery"
COLORS, DPI = 64, 80

SETUP = """\
import sedflow
from sedflow import figures

nsa = sedflow.load_nsa()
galaxy = nsa[72]
fit = sedflow.fit(galaxy)
network = sedflow.fit(galaxy, trust=None)
model = sedflow.SEDModel()"""

#: Name of the picture, heading, what one sees, and the call.
PLOTS = (
    ("overview", "Everything about one galaxy", "Spectra, star-formation history and the main "
     "quantities with their 16, 50 and 84 % points.", "fit.plot()"),
    ("sed", "Spectrum and photometry", "The observed fluxes, what the posterior predicts in the "
     "bands, and its spectra.", "fit.plot_sed()"),
    ("corner", "Corner plot", "Contours hold 39 and 86 % of the draws. Any parameters and derived "
     "quantities can be named.", 'fit.plot_corner(["log_mstar", "log_ssfr_1gyr", "a_v"])'),
    ("history", "Star-formation history", "Median, 68 and 95 %, at each time by itself.",
     "fit.plot_history()"),
    ("formed", "When the stars formed", "The share of the mass that had formed.",
     'fit.plot_history("formed")'),
    ("metals", "Metallicity history", "The metals of the stars formed at each time.",
     'fit.plot_history("zh")'),
    ("marginals", "Two posteriors, and the prior", "Histograms of the same quantities, here of "
     "the network alone and of the exact posterior.",
     'figures.fit_marginals({"network": network, "exact": fit})'),
    ("model", "A model galaxy", "What is not named has a documented default.",
     "model.plot(log_mstar=10.5, tau_ism=0.3, redshift=0.05)"),
    ("paper", "The figure of the paper", "All 12 parameters, and the spectrum.",
     "figures.posterior_figure(fit, n_spectra=50)"),
    ("column", "A column of a journal", "As wide as a column (84 mm), with type of 8 points.",
     'figures.paper_spectrum(fit, width="column", font_size=8)'),
    ("pp", "Calibration of a network", "p-p curves of a validation report.",
     "sedflow.load_report().plot_pp()"),
)  # fmt: skip

HEAD = """\
# Gallery

Each picture is what the call above it returns. The calls share this beginning:

```python
{setup}
```

Every plot of one panel takes `ax=`, and all but those of `figures` take `backend="bokeh"` for a
live figure. In a notebook the last line of a cell shows itself; in a script use `plt.show()`, or
`savefig("name.pdf")` of the figure that the call returns (of axes: `ax.figure.savefig`).
`python tools/gallery.py` makes this page.
"""


def drawn(value):
    """PNG with few colours of a Figure or of Axes."""
    figure = value if hasattr(value, "savefig") else value.figure
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight")
    image = Image.open(buffer).convert("RGB")
    out = io.BytesIO()
    image.quantize(COLORS, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def page():
    """The text of the page."""
    parts = [HEAD.format(setup=SETUP)]
    for name, heading, text, call in PLOTS:
        code = f"```python no-run\n{call}\n```"
        parts.append(f"## {heading}\n\n{text}\n\n{code}\n\n![{heading}](gallery/{name}.png)\n")
    return "\n".join(parts)


def main():
    names = {"sedflow": sedflow}
    exec(SETUP, names)
    FOLDER.mkdir(exist_ok=True)
    for name, _, _, call in PLOTS:
        (FOLDER / f"{name}.png").write_bytes(drawn(eval(call, names)))
        pyplot.close("all")
    (FOLDER.parent / "gallery.md").write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
