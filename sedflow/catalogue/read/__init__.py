"""Catalogues on disk: text, IPAC, CDS, FITS, VOTable, HDF5 and Parquet, a module each."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
