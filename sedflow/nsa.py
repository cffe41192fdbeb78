"""The NASA-Sloan Atlas: its columns, and its galaxies as `Photometry`.

Source: Blanton et al. 2011, AJ 142, 31 (http://nsatlas.org). Fluxes are AB nanomaggies
corrected for Galactic extinction; bands FUV, NUV (GALEX) and u, g, r, i, z (SDSS).
"""

from pathlib import Path

import numpy as np

from sedflow.errors import BadPhotometry, SedflowError, UnknownBand
from sedflow.photometry import UGRIZ, Photometry

__all__ = ["NSA_BANDS", "NSACatalog", "load_nsa"]

NSA_BANDS = ("FUV", "NUV", "u", "g", "r", "i", "z")


class NSACatalog:
    """Galaxies of the atlas.

    Parameters
    ----------
    table : astropy Table
        Columns NSAID, RA, DEC [deg], Z, NMGY and NMGY_IVAR (n, 7) [nanomaggies, extinction
        removed].
    """

    def __init__(self, table):
        self.table = table
        self.ids = np.asarray(table["NSAID"])
        self._row = {int(i): k for k, i in enumerate(self.ids)}
        if len(self._row) != len(self.ids):
            unique, count = np.unique(self.ids, return_counts=True)
            raise SedflowError(
                f"NSAID {unique[count > 1][0]} stands {count.max()} times in the table; keep one "
                "row for each galaxy"
            )

    def __len__(self):
        return len(self.ids)

    def __repr__(self):
        return f"<NSACatalog: {len(self)} galaxies>"

    def photometry(self, nsaid, bands=UGRIZ) -> Photometry:
        """Photometry of a galaxy, or of an array of them, by NSAID.

        A band in which the atlas has no flux is absent: NaN in flux and sigma.

        Raises
        ------
        BadPhotometry
            No such galaxy, or one without a usable flux in any of the bands.
        UnknownBand
            A band that the atlas does not have.
        """
        bands = (bands,) if isinstance(bands, str) else tuple(bands)
        unknown = [b for b in bands if b not in NSA_BANDS]
        if unknown:
            raise UnknownBand(
                f"the atlas has no {', '.join(unknown)}; it has {', '.join(NSA_BANDS)}"
            )
        try:
            rows = np.vectorize(lambda i: self._row[int(i)], otypes=[int])(nsaid)
        except KeyError as missing:
            raise BadPhotometry(
                f"no galaxy with NSAID {missing} in this catalogue of {len(self)}; `ids` lists them"
            ) from None
        columns = [NSA_BANDS.index(b) for b in bands]
        flux = np.asarray(self.table["NMGY"], float)[rows][..., columns]
        ivar = np.asarray(self.table["NMGY_IVAR"], float)[rows][..., columns]
        absent = ~(np.isfinite(flux) & np.isfinite(ivar) & (ivar > 0))
        flux, ivar = (np.where(absent, np.nan, values) for values in (flux, ivar))
        return Photometry(
            flux=flux,
            sigma=1.0 / np.sqrt(ivar),
            redshift=np.asarray(self.table["Z"], float)[rows],
            bands=bands,
            ids=self.ids[rows],
        )

    def observed(self, bands=UGRIZ) -> np.ndarray:
        """Mask (n,) of the galaxies with a usable flux in all of the bands and a redshift > 0."""
        columns = [NSA_BANDS.index(b) for b in bands]
        flux, ivar = (
            np.asarray(self.table[name], float)[:, columns] for name in ("NMGY", "NMGY_IVAR")
        )
        good = (np.isfinite(flux) & np.isfinite(ivar) & (ivar > 0)).all(1)
        return good & (np.asarray(self.table["Z"], float) > 0)


def load_nsa(path=None, *, flux: str = "elpetro") -> NSACatalog:
    """The packaged sample of 9,440 galaxies, or an NSA file (v0_1_2 or v1_0_1).

    Parameters
    ----------
    path : path, optional
        FITS file of the atlas; None for the packaged sample.
    flux : "elpetro" or "sersic"
        Which fluxes of a v1_0_1 file to use; they are corrected for Galactic extinction
        here. Files v0_1_2 hold one kind (NMGY), already corrected.

    Raises
    ------
    SedflowError
        The file is missing, not FITS, or has the columns of neither version.
    """
    from astropy.table import Table

    from sedflow.resources import data_path

    if path is None:
        return NSACatalog(Table.read(data_path("nsa_sample.fits"), memmap=False))
    path = Path(path)
    try:
        table = Table.read(path, format="fits", hdu=1, memmap=True)
    except (OSError, ValueError, IndexError) as error:
        raise SedflowError(f"{path.name} cannot be read as an NSA FITS file: {error}") from None
    return NSACatalog(_standard_columns(table, flux, path.name))


def _standard_columns(table, flux, name):
    """The columns of `NSACatalog` from the layout of either published version."""
    have = set(table.colnames)
    keys = ["NSAID", "RA", "DEC", "Z"]
    old = {"NMGY", "NMGY_IVAR"}
    kind = f"{flux.upper()}_FLUX"
    new = {kind, f"{kind}_IVAR", "EXTINCTION"}
    if not set(keys) <= have or not (old <= have or new <= have):
        raise SedflowError(
            f"{name} has the columns of neither NSA v0_1_2 ({', '.join(keys + sorted(old))}) nor "
            f"v1_0_1 ({', '.join(keys + sorted(new))}); choose flux='elpetro' or 'sersic', or "
            "rename the columns"
        )
    out = table[keys + (["ZDIST"] if "ZDIST" in have else [])]
    if old <= have:
        out["NMGY"], out["NMGY_IVAR"] = table["NMGY"], table["NMGY_IVAR"]
    else:
        brighter = 10 ** (0.4 * np.asarray(table["EXTINCTION"], float))
        out["NMGY"] = np.asarray(table[kind], float) * brighter
        out["NMGY_IVAR"] = np.asarray(table[f"{kind}_IVAR"], float) / brighter**2
    return out
