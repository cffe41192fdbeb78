"""SEDflow Explorer: amortized Bayesian inference of galaxy properties from photometry.

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
