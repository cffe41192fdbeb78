"""A galaxy with its posterior and all that follows from it; in memory, on disk, exported."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
