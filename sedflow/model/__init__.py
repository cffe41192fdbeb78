"""A galaxy's light: from 12 parameters and a redshift to spectra and magnitudes."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
