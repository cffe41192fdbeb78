"""The plots of a fit, one call each; `sedflow.figures` draws them."""

from typing import Any

from sedflow import views


class PlottedFit:
    """Base of `Fit`: its plots."""

    def plot(self, *, backend: str = "matplotlib") -> Any:
        """Spectrum, histories and the main quantities of one galaxy: a matplotlib Figure.

        backend : "matplotlib", or "bokeh" for a Bokeh layout
        """
        return views.plot("fit_overview", self, backend=backend)

    def plot_paper(
        self,
        path: Any = None,
        names: Any = None,
        *,
        history: str = "sfr",
        prior: bool = True,
        log: bool = False,
        font_size: float = 8.0,
        name: str = "",
    ) -> Any:
        """One figure for a paper: corner plot, spectrum with residuals, and a history; a Figure.

        `fit.plot_paper("mine.pdf")` writes it, too: PDF or SVG with embedded fonts, or PNG at
        300 dpi; 178 mm wide, for both columns. For one column (84 mm) and one thing a figure
        there are `paper_spectrum`, `corner_figure` and `paper_history` of `sedflow.figures`.

        path : file, ending in .pdf, .svg or .png
        names : 4 to 8 parameters or derived quantities for the corner plot; default, the surviving
            mass, specific star-formation rate, metallicity and A_V
        history : "sfr", "formed" or "zh"
        prior : draw the prior, dotted; log : logarithmic fluxes; font_size : 5 to 10 points
        name : of the galaxy, for the legend
        """
        about: dict[str, Any] = {"history": history, "prior": prior, "log": log}
        return views.plot(
            "fit_paper", self, path=path, names=names, font_size=font_size, name=name, **about
        )

    def plot_sed(self, ax: Any = None, *, n_spectra: int = 200, backend: str = "matplotlib") -> Any:
        """The posterior's spectra over the photometry; returns the Axes, or a Bokeh figure.

        ax : matplotlib Axes to draw on; default, those of a new figure
        """
        return views.plot("fit_sed", self, ax=ax, n_spectra=n_spectra, backend=backend)

    def plot_corner(
        self, names: Any = None, *, reference: Any = None, backend: str = "matplotlib"
    ) -> Any:
        """Corner plot of some quantities, weights included; returns the Figure.

        names : parameters or derived quantities; default, the main ones
        reference : Fit of the same galaxy, drawn in grey
        """
        return views.plot("fit_corner", self, names=names, reference=reference, backend=backend)

    def plot_history(
        self, which: str = "formed", ax: Any = None, *, backend: str = "matplotlib"
    ) -> Any:
        """A history: quantiles point by point, and six draws; the Axes, or a Bokeh figure.

        which : "formed" (share of the mass formed so far, with the times at which half and 90 %
            had formed), "sfr" (star-formation rate) or "zh" (metallicity)
        """
        return views.plot("fit_history", self, which=which, ax=ax, backend=backend)
