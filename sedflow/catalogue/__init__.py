"""Tables of anybody's galaxies: read, mapped, and inferred row by row."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
