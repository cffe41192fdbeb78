"""Catalogues on disk: CSV, ECSV, FITS, VOTable and Parquet, a module for each format."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
