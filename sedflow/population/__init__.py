"""Populations of galaxies from their posteriors, with the prior divided out."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
