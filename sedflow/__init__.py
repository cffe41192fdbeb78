"""SEDflow Explorer: amortized Bayesian inference of galaxy properties from photometry.

From magnitudes in ugriz to a figure for a paper:

    galaxy = sedflow.Photometry.from_magnitudes(mag, err, redshift)  # AB; bands="gri" for others
    fit = sedflow.fit(galaxy, "fsps-gas")  # or "fsps", "bc03", "uv-bc03" (FUV and NUV, too)
    print(fit)  # how far to trust the posterior, and what to know about it
    print(fit.summary())  # quantiles, what the data do not decide, IMF, cosmology, masses
    fit.quantile("log_mass_surviving", [16, 50, 84])
    fit.plot_paper("mine.pdf")  # spectrum, corner plot and history

`fit["log_mstar"]` are draws of equal weight; `sedflow.compare(galaxy)` compares stellar libraries;
`sedflow.infer_table("galaxies.csv")` does a table; `fit.save("mine.h5")`, `sedflow.load_fit`.

The public names are loaded when first used: importing the package opens no file and
imports neither torch nor Panel.
"""

import lazy_loader

from sedflow import views

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ = ["__version__", *__all__]


def _plot_of(name):
    """A plot of `sedflow.figures`, for the objects that cannot import it."""
    from sedflow.figures import plots

    return getattr(plots, name)


views.plots_come_from(_plot_of)
