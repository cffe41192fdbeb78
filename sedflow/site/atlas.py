"""The atlas as the site shows it: columns of plain numbers."""

import numpy as np

from sedflow.atlas.catalog import NSACatalog
from sedflow.atlas.shelf import shelf
from sedflow.bands import ab_magnitude
from sedflow.model import cosmology
from sedflow.photometry import Photometry

_SIGMA = 4  # digits of an error; fluxes are told to a thousandth of theirs


def atlas_columns(nsa: NSACatalog, bands: tuple[str, ...]) -> dict:
    """Columns of a catalogue, galaxies in its order.

    id, name : texts; the name is the best-known one, empty for most
    ra, dec [deg]; redshift; r [AB mag]; g_r [mag]; abs_mag : absolute magnitude in r, observed band
    flux, sigma (n, n_band) [nanomaggies]; None where the band is absent
    shelf : galaxies worth a look, with a line each
    """
    galaxies = nsa.photometry(nsa.ids, bands)
    names = [""] * len(nsa)
    for row, entry in nsa.match.entry_of.items():
        names[row] = entry.names[0]
    columns = {
        "id": [str(one) for one in nsa.ids],
        "name": names,
        "ra": degrees(nsa.table["RA"]),
        "dec": degrees(nsa.table["DEC"]),
        "redshift": plain(galaxies.redshift, 6),
        "flux": fluxes(galaxies),
        "sigma": plain(galaxies.sigma, _SIGMA),
        "shelf": [
            {"id": str(one.nsaid), "kind": one.kind, "line": one.line}
            for one in shelf()
            if one.nsaid in nsa
        ],
    }
    return columns | _colours(galaxies, bands)


def _colours(galaxies: Photometry, bands):
    magnitude = ab_magnitude(galaxies.flux)
    g, r = (magnitude[:, bands.index(band)] for band in "gr")
    distance = cosmology.luminosity_distance_cm(galaxies.redshift) / cosmology.MPC_CM
    return {
        "r": plain(r, 4),
        "g_r": plain(g - r, 3),
        "abs_mag": plain(r - 5 * np.log10(distance) - 25, 4),
    }


def fluxes(galaxies: Photometry) -> list:
    """Fluxes with the decimals that their errors are worth; None where absent."""
    decimals = np.ceil(3 - np.log10(galaxies.sigma))
    return [
        [None if np.isnan(f) else round(float(f), int(d)) for f, d in zip(*row, strict=True)]
        for row in zip(galaxies.flux, decimals, strict=True)
    ]


def degrees(values) -> list:
    """Angles to a third of an arcsecond; None for NaN."""
    values = np.asarray(values, float)
    return [round(one, 4) if np.isfinite(one) else None for one in values.tolist()]


def plain(values, digits: int) -> list:
    """Nested lists of numbers with that many significant digits; None for NaN."""
    values = np.asarray(values, float)
    if values.ndim > 1:
        return [plain(row, digits) for row in values]
    return [float(f"{one:.{digits}g}") if np.isfinite(one) else None for one in values]
