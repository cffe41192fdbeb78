"""SEDflow Explorer: amortized Bayesian inference of galaxy properties from photometry.

The public names are loaded when first used: importing the package opens no file and
imports neither torch nor Panel.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOME = {
    "AmortizedPosterior": "posterior",
    "Draws": "draws",
    "Fit": "fitting",
    "MCMCSampler": "mcmc",
    "NSACatalog": "nsa",
    "Photometry": "photometry",
    "Prior": "parameters",
    "SEDModel": "model",
    "SedflowError": "errors",
    "Spectrum": "model",
    "add_band": "resources",
    "fit": "fitting",
    "infer_table": "batch",
    "load_band": "resources",
    "load_fit": "store",
    "load_nsa": "nsa",
    "load_posterior": "posterior",
    "reweight": "importance",
    "simulate": "simulation",
    "validate": "report",
}
_MODULES = ("parameters", "photometry", "validation")

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name):
    if name in _HOME:
        return getattr(import_module(f"sedflow.{_HOME[name]}"), name)
    if name in _MODULES:
        return import_module(f"sedflow.{name}")
    raise AttributeError(f"module 'sedflow' has no attribute {name!r}")


def __dir__():
    return sorted([*__all__, *_MODULES])
