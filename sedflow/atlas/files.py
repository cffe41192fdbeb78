"""The published files of the NASA-Sloan Atlas: layouts, quality cuts, addresses.

Two versions are in use, of 145,155 and some 640,000 galaxies. Their galaxies are numbered
differently, so that NSAID 72 of one file and NSAID 72 of the other are two galaxies;
IAUNAME identifies a galaxy in both. The names of the columns are in `columns`.
"""

import warnings
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sedflow.atlas.columns import EXTRAS, FLAGS, FLUX_KINDS, KEYS, NSA_BANDS
from sedflow.errors import SedflowError, check_choice
from sedflow.files.paths import as_path
from sedflow.files.regular import regular_file

#: Addresses of the files, by version.
VERSIONS = {
    "v0_1_2": "http://sdss.physics.nyu.edu/mblanton/v0/nsa_v0_1_2.fits",
    "v1_0_1": "https://data.sdss.org/sas/dr17/sdss/atlas/v1/nsa_v1_0_1.fits",
}
_R = 2  # of the five SDSS bands: the flags of the r band are those that matter for galaxies
_FITS_BLOCK = 2880  # bytes, of which the standard wants a whole number
_ROWS = 65_536  # read at a time


@dataclass(frozen=True)
class Cut:
    """One quality cut on the 64 flag bits of the SDSS photometric pipeline.

    name : of the flag, or flags
    bits : their numbers; the cut applies where all of them are set. Bits 0-31 are FLAGS
        (OBJC_FLAGS), 32-63 are FLAGS2 (OBJC_FLAGS2), of which the SDSS numbers the bits 0-31 again
    required : whether galaxies must have it, instead of must not
    why : in a few words
    """

    name: str
    bits: tuple[int, ...]
    required: bool
    why: str


#: The cuts of Hahn & Melchior (2022), section 2. Bit numbers and meaning: SDSS bitmasks FLAGS1 and
#: FLAGS2 (https://www.sdss.org/dr17/algorithms/bitmasks; Stoughton et al. 2002, AJ 123, 485).
CUTS = (
    Cut("PEAKCENTER", (5,), False, "centred on the brightest pixel, no better centre found"),
    Cut("NOTCHECKED", (19,), False, "pixels that were not searched for peaks"),
    Cut("PSF_FLUX_INTERP", (47,), False, "more than a fifth of the PSF flux interpolated"),
    Cut("BAD_COUNTS_ERROR", (40,), False, "too few good pixels to know the error"),
    Cut("INTERP_CENTER and CR", (44, 12), False, "a cosmic ray near the centre"),
    Cut("SATURATED", (18,), False, "saturated pixels"),
    Cut("NOPROFILE", (7,), False, "too small, or too near an edge, for a profile"),
    Cut("BINNED1", (28,), True, "detected at 5 sigma in the unbinned image"),
)


@dataclass(frozen=True)
class Source:
    """Where a catalogue comes from, and what was left out of it.

    name : of the file
    version : "v0_1_2", "v1_0_1" or "sample"
    flux : the columns of the fluxes, in words
    rows : galaxies in the file
    checked, failed : how many galaxies each cut could be applied to, and how many it found, by
        the cut's name
    removed : galaxies left out because of the cuts
    """

    name: str
    version: str
    flux: str
    rows: int
    checked: dict[str, int]
    failed: dict[str, int]
    removed: int = 0


def read_nsa(path, flux=None, sdss=None, cuts: bool = True) -> tuple[dict, "Source"]:
    """Columns of `NSACatalog` from a published file of either version, and their `Source`.

    Of a file larger than memory only the columns that are needed are read, in pieces.

    Parameters
    ----------
    path, flux, sdss, cuts : as in `sedflow.load_nsa`

    Returns
    -------
    columns : dict of arrays; with CUTS_CHECKED and CUTS_FAILED (n,), where bit k stands for
        `CUTS[k]`
    source : Source
    """
    path = as_path(path)
    sdss = None if sdss is None else as_path(sdss)
    with _open(path, "an NSA FITS file") as rows:
        columns, version, words = _columns(rows, flux, path.name)
        flags = _flags(rows, path.name)
    if flags is None and sdss is not None:
        flags = _joined_flags(columns, sdss, path.name)
    n = len(columns["NSAID"])
    checked, failed = check_cuts(*(flags if flags is not None else _no_flags(n)))
    columns["CUTS_CHECKED"], columns["CUTS_FAILED"] = checked, failed
    applied, found = (
        {c.name: int(_bit(m, k).sum()) for k, c in enumerate(CUTS)} for m in (checked, failed)
    )
    keep = failed == 0 if cuts else np.ones(n, bool)
    if not keep.all():
        columns = {name: values[keep] for name, values in columns.items()}
    return columns, Source(
        path.name, version, words, n, applied, found, removed=int(n - keep.sum())
    )


def download_nsa(
    version: str = "v1_0_1", *, url: str | None = None, folder=None, progress=None
) -> Path:
    """The path of a published file, downloaded unless it is in the cache already.

    The survey publishes no checksum that is known here. The file is compared with the length that
    the server gives, with its own headers, and with the checksums in these if there are any;
    its SHA-256 is written beside it, for `downloads.verify` to compare with later.

    Parameters
    ----------
    version : "v1_0_1" (some 2.5 GB) or "v0_1_2" (0.5 GB)
    url : str, optional
        Of a mirror.
    folder, progress : as in `downloads.download`

    Raises
    ------
    DownloadFailed
    """
    from sedflow.atlas.downloads import download

    check_choice("version", version, VERSIONS)
    return download(url or VERSIONS[version], folder, check=check_fits, progress=progress)


def check_cuts(flags, known) -> tuple[np.ndarray, np.ndarray]:
    """Which cuts could be applied, and which found something: bit k stands for `CUTS[k]`.

    flags (n,) : uint64, the bits of the pipeline
    known (n,) : uint64, which of these bits are known
    """
    checked, failed = np.zeros((2, len(flags)), np.int16)
    for k, cut in enumerate(CUTS):
        mask = np.uint64(sum(1 << bit for bit in cut.bits))
        there = (known & mask) == mask
        bad = ((flags & mask) == mask) != cut.required
        checked |= (there << k).astype(np.int16)
        failed |= ((there & bad) << k).astype(np.int16)
    return checked, failed


def _bit(mask, k):
    return (mask >> k) & 1


def _no_flags(n):
    return np.zeros((2, n), np.uint64)


def check_fits(path) -> None:
    """Refuse a file that is not a FITS table, or that is shorter than its headers say.

    Where its headers hold checksums (CHECKSUM, DATASUM), they are verified too.

    Raises
    ------
    ValueError, OSError
    """
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        with fits.open(path, memmap=True, mode="denywrite") as file:
            if len(file) < 2 or Path(path).stat().st_size % _FITS_BLOCK:
                raise ValueError("it is cut short, or holds no table")
            for hdu in file:
                _check_length(hdu, path)
                for found in (hdu.verify_checksum(), hdu.verify_datasum()):
                    if found == 0:  # 1: right, 2: there is none
                        raise ValueError(f"extension {hdu.name or 0} does not match its checksum")


def _check_length(hdu, path):
    info = hdu.fileinfo()
    end, size = info["datLoc"] + info["datSpan"], Path(path).stat().st_size
    if end > size:
        raise ValueError(f"it is cut short: {size:,} bytes of at least {end:,}")


@contextmanager
def _open(path, what):
    """The rows of a FITS file's first table, mapped into memory; one sentence if there is none."""
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyWarning

    with ExitStack() as stack:
        try:
            regular_file(path)
            with warnings.catch_warnings():
                # Old headers break rules that do not matter here.
                warnings.simplefilter("ignore", AstropyWarning)
                file = stack.enter_context(fits.open(path, memmap=True))
                _check_length(file[1], path)
                rows = file[1].data
                if rows is None or rows.dtype.names is None:
                    raise ValueError("its first extension holds no table")
        except Exception as error:  # astropy raises whatever its parsers do
            raise SedflowError(f"{path.name} cannot be read as {what}: {error}") from None
        yield _Rows(rows, path.name)


class _Rows:
    """Columns by name, copied in pieces into native arrays."""

    def __init__(self, rows, name):
        self.rows, self.file = rows, name
        self.names = {column.upper(): column for column in rows.dtype.names}

    def __contains__(self, column):
        return column in self.names

    def shape(self, column):
        return self.rows.dtype[self.names[column]].shape

    def get(self, column, dtype, shape=()):
        """The column (n, *shape)."""
        found = self.shape(column)
        if found != shape:
            raise SedflowError(
                f"{self.file}: column {column} holds {found or 'one value'} per galaxy, not "
                f"{shape or 'one value'}; is this an NSA file?"
            )
        out = np.empty((len(self.rows), *shape), dtype)
        field = self.rows.field(self.names[column])
        try:
            for start in range(0, len(out), _ROWS):
                out[start : start + _ROWS] = field[start : start + _ROWS]
        except (TypeError, ValueError) as error:
            raise SedflowError(f"{self.file}: column {column} holds no numbers ({error})") from None
        return out

    def text(self, column):
        """The column (n,) as bytes, which astropy's tables show as text."""
        return np.array(self.rows.view(np.ndarray)[self.names[column]])


def _columns(rows, flux, name):
    """The columns, the version that they are of, and the fluxes in words."""
    version = "v0_1_2" if "NMGY" in rows else "v1_0_1"
    if flux is not None:
        check_choice("flux", flux, FLUX_KINDS)
    kind, dusty = ("NMGY", False) if version == "v0_1_2" else FLUX_KINDS[flux or "elpetro"]
    needed = {*KEYS, kind, f"{kind}_IVAR"} | ({"EXTINCTION"} if dusty else set())
    missing = sorted(column for column in needed if column not in rows)
    if missing:
        raise SedflowError(
            f"{name} has the columns of neither NSA v0_1_2 (NSAID, RA, DEC, Z, NMGY, NMGY_IVAR) "
            "nor v1_0_1 (NSAID, RA, DEC, Z, EXTINCTION, ELPETRO_FLUX or SERSIC_FLUX and _IVAR): "
            f"{', '.join(missing)} is missing; rename the columns, or choose another flux"
        )
    if version == "v0_1_2" and flux is not None:
        raise SedflowError(
            f"{name} is of version v0_1_2, which has one kind of flux (NMGY), but flux = {flux!r}; "
            "leave flux out"
        )
    if version == "v1_0_1" and flux is None:
        raise SedflowError(
            f"{name} is of version v1_0_1, which holds fluxes of several kinds; choose "
            "flux='elpetro' (elliptical Petrosian, which the survey recommends), 'sersic', or "
            "'elpetro_nmgy' and 'sersic_nmgy' with the survey's own correction for extinction"
        )
    out = {"NSAID": rows.get("NSAID", np.int64), "RA": rows.get("RA", float)}
    out |= {"DEC": rows.get("DEC", float), "Z": rows.get("Z", float)}
    out["NMGY"] = rows.get(kind, np.float32, (len(NSA_BANDS),))
    out["NMGY_IVAR"] = rows.get(f"{kind}_IVAR", np.float32, (len(NSA_BANDS),))
    words = kind
    if dusty:
        brighter = 10 ** (0.4 * rows.get("EXTINCTION", np.float32, (len(NSA_BANDS),)))
        out["NMGY"] *= brighter
        out["NMGY_IVAR"] /= brighter**2
        words = f"{kind}, corrected with EXTINCTION"
    for extra in EXTRAS:
        if extra not in rows or rows.shape(extra) != ():
            continue
        if extra == "IAUNAME":
            out[extra] = rows.text(extra)
        elif extra == "FIELD":  # of the packaged sample a name, of the atlas a number
            out["SDSS_FIELD"] = rows.get(extra, np.int32)
        else:
            out[extra] = rows.get(extra, np.int64 if extra == "ISDSS" else np.float32)
    return out, version, words


def _flags(rows, name):
    """The 64 flag bits (n,) and which of them are known (n,), or None where there are none.

    Of the r band where flags are given by band, else of the object as a whole; either as one
    number of 64 bits (the SkyServer's `flags`) or as two of 32.
    """
    for low, high in FLAGS:
        if low not in rows:
            continue
        if high in rows:
            words = [_word(rows, column) & np.uint64(0xFFFFFFFF) for column in (low, high)]
            flags = words[0] | (words[1] << np.uint64(32))
            return flags, np.full(len(flags), np.uint64(2**64 - 1))
        wide = rows.rows.dtype[rows.names[low]].base.itemsize == 8
        known = np.uint64(2**64 - 1) if wide else np.uint64(0xFFFFFFFF)
        flags = _word(rows, low) & known
        return flags, np.full(len(flags), known)
    return None


def _word(rows, column):
    """A column of flags (n,) as unsigned; the r band's where there are five."""
    shape = rows.shape(column)
    values = rows.get(column, np.int64, shape)
    return (values[:, _R] if shape == (5,) else values.reshape(len(values), -1)[:, 0]).view("u8")


def _joined_flags(columns, path, name):
    """Flags of the galaxies from the SDSS catalogue whose rows ISDSS counts."""
    if "ISDSS" not in columns:
        raise SedflowError(
            f"{name} has no column ISDSS, by which rows of {path.name} would be found; leave "
            "sdss out"
        )
    with _open(path, "the SDSS catalogue of the NSA") as rows:
        found = _flags(rows, path.name)
        n = len(rows.rows)
    if found is None:
        raise SedflowError(
            f"{path.name} has none of the columns FLAGS, FLAGS2, OBJC_FLAGS and OBJC_FLAGS2; give "
            "the atlas' catalogs/sdss_atlas.fits"
        )
    at = columns["ISDSS"]
    if at.max(initial=-1) >= n:
        raise SedflowError(
            f"{name} points to row {at.max()} of {path.name}, which has {n}; give the catalogue of "
            "the same version"
        )
    there = at >= 0  # galaxies known from other surveys have no SDSS row
    return tuple(np.where(there, word[np.maximum(at, 0)], np.uint64(0)) for word in found)
