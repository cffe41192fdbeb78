"""Emission lines that a galaxy may have and the SSP grid of a fit lacks.

Blue galaxies form stars, and the gas around young stars shines in lines that add some per cent to
a band. A grid without gas makes up for H-alpha with metals, dust and age (docs/gas.md).
"""

import numpy as np

from sedflow.bands import load_band, short_name
from sedflow.files.packaged import SSP_NAMES, packaged_sum
from sedflow.model.lines import line_wavelength
from sedflow.model.ssp import SSPGrid
from sedflow.photometry import Photometry

#: Observed g - r [mag] below which a galaxy is called blue.
BLUE = 0.65
_LINES = "H-alpha", "[O III] 5007", "[O II] 3729"  # the first that a band holds is named
_BIASES = "H-alpha", "i"  # what shifts a metallicity measurably; others shift a band
_SURE = 3.0  # signal-to-noise ratio of g and r from which a galaxy's colour is known
_LEAST = 0.2  # of a curve's peak, where a line counts as in the band


def band_of_line(name: str, redshift: float, bands) -> str:
    """The band whose response at a line is the largest share of its peak; "" if in none.

    >>> band_of_line("H-alpha", 0.02, "ugriz"), band_of_line("H-alpha", 0.1, "ugriz")
    ('r', 'i')
    """
    share = _shares(name, np.asarray(redshift), bands)
    return bands[int(share.argmax())] if share.max() > _LEAST else ""


def missing_lines(galaxies: Photometry, grid: SSPGrid) -> np.ndarray:
    """A sentence for each blue galaxy (...) that a grid without gas fits; "" for the others.

    Only of the packaged grids is it known that they have no gas.
    """
    flat, shape = galaxies.flat, galaxies.shape
    said = np.full(len(flat), "", dtype=object)
    bands = [*map(short_name, flat.bands)]
    if not _without_gas(grid) or not {"g", "r"} <= set(bands):
        return said.reshape(shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        columns = [bands.index(band) for band in "gr"]
        g, r = flat.magnitude[:, columns].T
        sure = (flat.flux > _SURE * flat.sigma)[:, columns].all(-1)  # one of noise has no colour
        left = (g - r < BLUE) & sure
    for name in _LINES:
        share = np.where(flat.present, _shares(name, flat.redshift, flat.bands), 0.0)
        for i in np.flatnonzero(left & (share.max(-1) > _LEAST)):
            said[i] = _sentence(name, flat.bands[int(share[i].argmax())], grid.name)
            left[i] = False
    return said.reshape(shape)


def _shares(name, redshift, bands):
    """Response (..., n_band) of bands at a line, as a share of each curve's peak."""
    wave = line_wavelength(name) * (1.0 + redshift)
    curves = [load_band(band) for band in bands]
    shares = [
        np.interp(wave, c.wavelength, c.response, 0.0, 0.0) / c.response.max() for c in curves
    ]
    return np.stack(shares, axis=-1)


def _sentence(name, band, grid):
    low = (name, short_name(band)) == _BIASES
    effect = "metallicity is biased low" if low else f"{band} is predicted too faint"
    return (
        f"{name} falls into {band} at this redshift, and the grid {grid!r} has no gas; without "
        f"gas, {effect}: use the grid 'fsps-gas'"
    )


def _without_gas(grid):
    names = [name for name in SSP_NAMES if not name.endswith("-gas")]
    return grid.sha256 in {packaged_sum(f"ssp_{name}.h5") for name in names}
