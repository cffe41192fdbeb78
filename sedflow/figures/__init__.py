"""Figures as functions of values: Bokeh for the screen, matplotlib for paper."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
