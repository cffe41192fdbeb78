"""The static site: a folder of files that infers galaxies in the browser, without a server."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
