"""The NASA-Sloan Atlas: its columns, and its galaxies as `Photometry`.

Source: Blanton et al. 2011, AJ 142, 31 (http://nsatlas.org). Fluxes are AB nanomaggies
corrected for Galactic extinction; bands FUV, NUV (GALEX) and u, g, r, i, z (SDSS).
"""

from functools import cached_property

import numpy as np

from sedflow import views
from sedflow.atlas import names
from sedflow.atlas.columns import NSA_BANDS
from sedflow.atlas.files import CUTS, Source, read_nsa
from sedflow.atlas.search import find
from sedflow.atlas.sky import sky_link
from sedflow.bands import UGRIZ, as_bands, places_of
from sedflow.batches import galaxies_at
from sedflow.errors import BadPhotometry, SedflowError
from sedflow.files.fits_table import fits_columns
from sedflow.files.packaged import checked_path
from sedflow.flux_limits import believable
from sedflow.photometry import Photometry
from sedflow.redshifts import believable_redshift
from sedflow.settled import read_only

__all__ = ["NSA_BANDS", "NSACatalog", "load_nsa", "summarise"]

_CHECKED = 5000  # galaxies whose ranges are checked at a time


class NSACatalog:
    """Galaxies of the atlas.

    Parameters
    ----------
    table : astropy Table
        Columns NSAID, RA, DEC [deg], Z, NMGY and NMGY_IVAR (n, 7) [nanomaggies, extinction
        removed]. Files of the atlas bring IAUNAME, ZDIST and ISDSS with them, and CUTS_CHECKED and
        CUTS_FAILED: bit k is for `files.CUTS[k]`.
    source : Source, optional
        File, version, kind of flux, and what the quality cuts found.
    """

    def __init__(self, table, source: Source | None = None):
        self._columns = table  # or a dict, of the packaged sample
        self.source = source
        # FITS has them big-endian.
        self.ids = read_only(np.asarray(table["NSAID"]).astype(np.int64))
        self._order = np.argsort(self.ids, kind="stable")
        self._sorted = self.ids[self._order]
        twice = self._sorted[1:] == self._sorted[:-1]
        if twice.any():
            first = self._sorted[1:][twice][0]
            raise SedflowError(
                f"NSAID {first} appears {(self.ids == first).sum()} times in the table; keep one "
                "row for each galaxy"
            )

    @cached_property
    def table(self):
        """All columns, an astropy Table; that of the packaged sample is read when asked for."""
        if not isinstance(self._columns, dict):
            return self._columns
        from astropy.table import Table

        return Table.read(checked_path(self.source.name), memmap=False)

    def __len__(self):
        return len(self.ids)

    def __repr__(self):
        z = np.asarray(self._columns["Z"], float)
        span = f", z = {z.min():.3f} to {z.max():.3f}" if len(z) else ""
        file = f" of {self.source.name}" if self.source else ""
        return f"<NSACatalog: {len(self):,} galaxies{file}{span}>"

    def _repr_html_(self):
        some = ", ".join(map(str, self.ids[:5]))
        return views.markup(
            repr(self), f"<div>nsa[{some.split(',')[0]}], by NSAID: {some}, ...</div>"
        )

    def __getitem__(self, nsaid) -> Photometry:
        """Photometry in ugriz of a galaxy, or of a list of them, by NSAID: `nsa[72]`."""
        if isinstance(nsaid, slice) or np.asarray(nsaid).dtype == bool:
            raise BadPhotometry(
                "nsa[...] takes NSAIDs, not places in the table; give one, or nsa.ids[:10]"
            )
        return self.photometry(nsaid)

    def __contains__(self, nsaid) -> bool:
        wanted = np.asarray(nsaid)
        if wanted.dtype.kind not in "iuf" or not len(self):
            return bool(np.isin(wanted, self.ids).all())
        at = np.searchsorted(self._sorted, wanted).clip(max=len(self) - 1)
        return bool((self._sorted[at] == wanted).all())

    def __iter__(self):
        return iter(self.ids.tolist())

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
        bands = as_bands(bands)
        columns, rows = places_of(bands, NSA_BANDS, "the atlas"), self.rows(nsaid)
        flux = np.asarray(self._columns["NMGY"])[rows][..., columns].astype(float)
        ivar = np.asarray(self._columns["NMGY_IVAR"])[rows][..., columns].astype(float)
        absent = ~(np.isfinite(flux) & np.isfinite(ivar) & (ivar > 0))
        flux, ivar = (np.where(absent, np.nan, values) for values in (flux, ivar))
        return Photometry(
            flux=flux,
            sigma=1.0 / np.sqrt(ivar),
            redshift=np.asarray(self._columns["Z"])[rows].astype(float),
            bands=bands,
            ids=self.ids[rows],
            id_name="NSAID",
        )

    def rows(self, nsaid) -> np.ndarray:
        """Rows of the table that hold these galaxies, in the shape of `nsaid`.

        Raises
        ------
        BadPhotometry
            No such galaxy.
        """
        try:
            given = np.asarray(nsaid)
            wanted = given.astype(np.int64)
            if np.ma.is_masked(nsaid) or (given.dtype.kind in "fc" and (wanted != given).any()):
                raise ValueError("not a whole number")
        except (OverflowError, TypeError, ValueError):
            raise BadPhotometry(
                f"NSAID {str(nsaid)[:100]} is not one of the atlas; `ids` lists those"
            ) from None
        at = np.searchsorted(self._sorted, wanted)
        at = np.minimum(at, len(self) - 1)
        missing = np.ones(wanted.shape, bool) if not len(self) else self._sorted[at] != wanted
        if missing.any():
            raise BadPhotometry(
                f"no galaxy with NSAID {wanted[missing].flat[0]} in this catalogue of "
                f"{len(self):,} galaxies; try a name or a position"
            )
        return self._order[at]

    @cached_property
    def positions(self) -> tuple[np.ndarray, np.ndarray]:
        """Right ascension and declination (n,) [deg]; NaN where none is published (NSAID 72)."""

        return self._numbers("RA"), self._numbers("DEC")

    @cached_property
    def redshifts(self) -> np.ndarray:
        """Heliocentric redshifts (n,); NaN where none is published."""
        return self._numbers("Z")

    def _numbers(self, name):
        return np.ma.asarray(self._columns[name], float).filled(np.nan)

    @cached_property
    def match(self) -> names.Match:
        """Which galaxies have an NGC, IC or Messier number: `sedflow.atlas.names.cross_match`."""
        return names.cross_match(*self.positions, self.redshifts, self._columns["NMGY"])

    def find(self, text: str) -> int:
        """NSAID of the galaxy that a text means: a number, a name or a position.

        Names are NGC, IC, Messier, UGC and common ones of OpenNGC. A position is RA and Dec,
        in degrees or sexagesimal, and means the nearest galaxy within an arcminute.

        Raises
        ------
        BadPhotometry
            No galaxy, or more than one, is meant; the sentence offers the nearest ones.

        Examples
        --------
        >>> nsa = load_nsa()
        >>> nsa.find("ngc3522"), nsa.find("166.67 +20.08"), nsa.find("11:06:40 +20:05:08")
        (111607, 111607, 111607)
        """
        return find(text, self)

    def names(self, nsaid: int) -> tuple[str, ...]:
        """Every name of a galaxy, the best known first; empty if it has none.

        Examples
        --------
        >>> load_nsa().names(141541)
        ('M 87', 'NGC 4486', 'Virgo Galaxy', 'Virgo A', 'UGC 7654')
        """
        entry = self.match.entry_of.get(int(self.rows(nsaid)))
        return () if entry is None else entry.names

    def name(self, nsaid: int) -> str:
        """The best-known name of a galaxy, "M 87"; empty if it has none."""
        return (*self.names(nsaid), "")[0]

    def sky_link(self, nsaid: int, viewer: str = "legacy") -> str:
        """Address of a sky viewer at a galaxy: "legacy" (Legacy Surveys), "sdss" or "aladin".

        Raises
        ------
        BadPhotometry
            No such galaxy, or one without a published position.
        """
        row = int(self.rows(nsaid))
        ra, dec = self.positions
        return sky_link(ra[row], dec[row], viewer)

    def select(self, mask) -> "NSACatalog":
        """The galaxies at a mask or index of the rows."""
        mask = np.asarray(galaxies_at(mask, (len(self),), self.ids))
        return NSACatalog(self.table[mask], self.source)

    def cuts(self, nsaid) -> dict[str, bool | None]:
        """Whether a galaxy passes each quality cut; None where that is not known."""
        if "CUTS_CHECKED" not in list(self._columns.keys()):
            return dict.fromkeys((cut.name for cut in CUTS), None)
        row = self.rows(nsaid)
        checked, failed = (int(self._columns[f"CUTS_{c}"][row]) for c in ("CHECKED", "FAILED"))
        return {
            cut.name: not failed >> k & 1 if checked >> k & 1 else None
            for k, cut in enumerate(CUTS)
        }

    def observed(self, bands=UGRIZ) -> np.ndarray:
        """Mask (n,) of the galaxies with a usable flux in all of the bands and a redshift."""
        columns = places_of(as_bands(bands), NSA_BANDS, "the atlas")
        flux, ivar = (np.asarray(self._columns[name])[:, columns] for name in ("NMGY", "NMGY_IVAR"))
        with np.errstate(divide="ignore", invalid="ignore"):
            good = believable(flux.astype(float), ivar.astype(float) ** -0.5).all(1)
        return good & believable_redshift(np.asarray(self._columns["Z"], float))

    def seen(self, bands=UGRIZ) -> np.ndarray:
        """NSAIDs, in the order of `ids`, of the galaxies with a usable flux in any of the bands.

        Those that `photometry` takes in these bands: a galaxy of the atlas may have no flux in FUV.
        """
        return self.ids[np.any([self.observed((band,)) for band in as_bands(bands)], axis=0)]


def summarise(catalog: NSACatalog, posterior=None, progress=None) -> dict:
    """What is in a catalogue, in plain numbers.

    Parameters
    ----------
    catalog : NSACatalog
    posterior : AmortizedPosterior, optional
        Count the galaxies inside the ranges of its training (`check(..., draws=False)`) too.
    progress : callable, optional
        Called as progress(done, total) [galaxies] meanwhile.
    """
    if catalog.source is None:
        raise SedflowError(
            "the catalogue does not say which file it is from; read it with load_nsa, or give "
            "NSACatalog a Source"
        )
    source, z = catalog.source, np.asarray(catalog.table["Z"], float)
    out = {
        "file": source.name,
        "version": source.version,
        "flux": source.flux,
        "rows": source.rows,
        "removed_by_cuts": source.removed,
        "galaxies": len(catalog),
        "redshift": [float(z.min()), float(z.max())] if len(z) else [],
        "observed": {band: int(catalog.observed((band,)).sum()) for band in NSA_BANDS},
        "observed_ugriz": int(catalog.observed().sum()),
        "cuts": {
            cut.name: {
                "required": cut.required,
                "checked": source.checked.get(cut.name, 0),
                "failed": source.failed.get(cut.name, 0),
            }
            for cut in CUTS
        },
    }
    if posterior is None:
        return out
    bands = posterior.bands
    ids, inside = catalog.seen(bands), 0
    for start in range(0, len(ids), _CHECKED):
        galaxies = catalog.photometry(ids[start : start + _CHECKED], bands)
        inside += int(posterior.check(galaxies, draws=False).inside.sum())
        if progress:
            progress(min(start + _CHECKED, len(ids)), len(ids))
    return out | {"weights": posterior.name, "inside_training_ranges": inside}


def load_nsa(path=None, *, flux: str | None = None, sdss=None, cuts: bool = True) -> NSACatalog:
    """The packaged sample of 9,440 galaxies, or a file of the atlas (v0_1_2 or v1_0_1).

    Parameters
    ----------
    path : path, optional
        FITS file of the atlas, as `sedflow nsa --download` fetches it; None for the packaged
        sample. A large one is mapped into memory and read in pieces, the needed columns alone.
    flux : "elpetro", "sersic", "elpetro_nmgy" or "sersic_nmgy"
        Which fluxes of a v1_0_1 file; it must be said. The first two are corrected for Galactic
        extinction here, the others by the survey. Files v0_1_2 hold one kind (NMGY), corrected.
    sdss : path, optional
        The atlas' catalogue of SDSS objects (sdss_atlas.fits), to which ISDSS points: the
        published files have no flags of their own for the quality cuts.
    cuts : bool
        Leave out galaxies that fail a quality cut of Hahn & Melchior (2022), where the flags are
        known (`nsa_files.CUTS`). False keeps them, with what was found in CUTS_FAILED.

    Raises
    ------
    SedflowError
        The file is missing, not FITS, cut short, or has the columns of neither version; or the
        kind of flux is not said.
    """
    if path is None:
        if flux is not None or sdss is not None:
            raise SedflowError(
                "the packaged sample holds one kind of flux (NMGY) and no SDSS objects; give the "
                "path of a file of the atlas, or leave flux and sdss out"
            )
        columns = fits_columns(checked_path("nsa_sample.fits"))
        n = len(columns["NSAID"])
        return NSACatalog(columns, Source("nsa_sample.fits", "sample", "NMGY", n, {}, {}))
    from astropy.table import Table

    columns, source = read_nsa(path, flux, sdss, cuts)
    return NSACatalog(Table(columns, copy=False), source)
