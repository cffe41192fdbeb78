"""The NASA-Sloan Atlas: its galaxies, its files, and other work about them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
