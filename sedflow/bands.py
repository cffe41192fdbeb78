"""Names of bands and their filter curves, AB magnitudes, and how spectra become nanomaggies.

Fluxes are AB nanomaggies (22.5 mag = 1), wavelengths vacuum Angstrom. Spectra are means of
F_lambda over wavelength bins. Curves come from speclite, from the package's own files (GALEX), from
sedpy where it is installed, or from a file of the user; what `load_band` returns is cached per
process and read-only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from sedflow.constants import AB_FNU, C_ANGSTROM
from sedflow.errors import UnknownBand, check_kind
from sedflow.files.curves import read_curve
from sedflow.files.ecsv import number_columns
from sedflow.files.hashes import stamp
from sedflow.files.packaged import checked_path
from sedflow.files.paths import as_path
from sedflow.filter_curve import Band
from sedflow.flux_units import AB, NANOMAGGIES
from sedflow.units import plain
from sedflow.zero_points import in_nanomaggies

__all__ = [
    "BAND_ALIASES",
    "FLUX_UNIT",
    "UGRIZ",
    "Band",
    "ab_magnitude",
    "add_band",
    "band_names",
    "band_weights",
    "load_band",
    "nanomaggies",
    "short_name",
]

#: Short names of filters, and the library curves that they stand for.
BAND_ALIASES = {
    **{band: f"sdss2010-{band}" for band in "ugriz"},
    **{f"sdss-{band}": f"sdss2010-{band}" for band in "ugriz"},
    **{f"decam-{band}": f"decam2014-{band}" for band in "ugrizY"},
    **{f"lsst-{band}": f"lsst2023-{band}" for band in "ugrizy"},
    **{f"hsc-{band}": f"hsc2017-{band}" for band in "grizy"},
    **dict.fromkeys(("FUV", "galex-FUV"), "galex_FUV"),
    **dict.fromkeys(("NUV", "galex-NUV"), "galex_NUV"),
    **{
        name: f"twomass-{band}"
        for band in ("J", "H", "Ks")
        for name in (band, f"2mass-{band}", f"twomass_{band}")
    },
    **{name: f"wise2010-{band}" for band in ("W1", "W2") for name in (band, f"wise-{band}")},
}

#: The shortest name of each of these curves.
_SHORTEST = {
    real: min((name for name in BAND_ALIASES if BAND_ALIASES[name] == real), key=len)
    for real in BAND_ALIASES.values()
}

#: Curves that are packaged, and their files: those that the networks were trained on.
_PACKAGED = {"galex_FUV": "galex_fuv.ecsv", "galex_NUV": "galex_nuv.ecsv"}

_BAND_FILES = (".ecsv", ".fits", ".xml", ".vot", ".dat", ".txt", ".csv", ".par")

_ADDED: dict[str, Band] = {}

_FILE_BANDS: dict[str, tuple] = {}  # path -> stamp of the file, and its Band

#: Whether a name may make this process read a file; not in a server, where visitors write names.
_READS_FILES = [True]

#: Bands of SDSS, which the packaged networks know.
UGRIZ = ("u", "g", "r", "i", "z")


#: Unit of all observed spectra [erg/s/cm2/A].
FLUX_UNIT = 1e-17


_LETTERS = set("ugrizJH")


def as_bands(bands) -> tuple[str, ...]:
    """Names of bands from one or several; `UnknownBand` where they are not words, or a set.

    >>> as_bands("ugriz"), as_bands("FUV")
    (('u', 'g', 'r', 'i', 'z'), ('FUV',))
    """
    names = bands
    if isinstance(bands, set | frozenset):  # of which each start of Python has another order
        raise UnknownBand(
            f"bands = {' '.join(repr(bands).split())[:200]} is a set, which has no order; give a "
            "list or a tuple, in the order of the fluxes"
        )
    if isinstance(bands, str):
        letters = len(bands) > 1 and set(bands) <= _LETTERS  # "ugriz"
        names = tuple(bands) if letters else (bands,)
    try:
        names = tuple(names)
    except TypeError:
        names = ()
    if not names or not all(isinstance(name, str) for name in names):
        shown = " ".join(repr(bands).split())[:200]
        raise UnknownBand(f"bands = {shown}; give the name of at least one band, such as 'u'")
    return names


def places_of(bands, known, what: str) -> list[int]:
    """Where bands are among those known; `UnknownBand` where one is not.

    >>> places_of(("r", "u"), UGRIZ, "the network")
    [2, 0]
    """
    missing = [band for band in bands if band not in known]
    if missing:
        raise UnknownBand(f"{what} has no {', '.join(missing)}; it has {', '.join(known)}")
    return [known.index(band) for band in bands]


def short_name(band: str) -> str:
    """The shortest name of a band's curve.

    >>> short_name("sdss2010-u"), short_name("2mass-J"), short_name("decam2014-g")
    ('u', 'J', 'decam-g')
    """
    return _SHORTEST.get(curve_name(band), band)


def curve_name(band: str) -> str:
    """The name of a band's curve in its library, one for all names that stand for it.

    >>> curve_name("g"), curve_name("sdss-g"), curve_name("sdss2010-g")
    ('sdss2010-g', 'sdss2010-g', 'sdss2010-g')
    """
    return BAND_ALIASES.get(band, band)


def names_of(band: str) -> list[str]:
    """All names of a band's curve.

    >>> names_of("g")
    ['g', 'sdss-g', 'sdss2010-g']
    """
    curve = curve_name(band)
    return [*(name for name, real in BAND_ALIASES.items() if real == curve), curve]


def ab_magnitude(flux) -> np.ndarray:
    """AB magnitude of a flux, m = 22.5 - 2.5 log10(f); NaN where f <= 0.

    flux : in nanomaggies, or any flux density per frequency with its unit

    >>> from astropy import units as u
    >>> float(ab_magnitude(3631 * u.Jy))
    0.0
    """
    flux = in_nanomaggies(flux, "flux", NANOMAGGIES)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(flux > 0, 22.5 - 2.5 * np.log10(np.where(flux > 0, flux, 1.0)), np.nan)


def nanomaggies(magnitude) -> np.ndarray:
    """Flux in nanomaggies of an AB magnitude, or of a flux density with its unit."""
    return in_nanomaggies(magnitude, "magnitude", AB)


def band_weights(bands, edges) -> np.ndarray:
    """Weights (..., n_wave, n_band) that turn a binned spectrum into nanomaggies.

    bands : sequence of `Band`; edges (..., n_wave + 1): observed bin edges [A].
    `flux @ weights` is photon-weighted AB photometry of `flux` [1e-17 erg/s/cm2/A].
    """
    edges, columns = plain(edges, "edges", "Angstrom"), []
    bands = [bands] if isinstance(bands, str | Band) or not np.iterable(bands) else [*bands]
    if not bands or edges.ndim == 0 or edges.shape[-1] < 2:
        raise UnknownBand(
            f"{len(bands)} bands and edges of the shape {edges.shape}; give one sedflow.Band at "
            "least, and the edges of one bin at least"
        )
    for band in bands:
        check_kind("a band", band, Band, "what sedflow.load_band returns", UnknownBand)
        photons = band.integral(edges, 1)
        ab = C_ANGSTROM * AB_FNU * band.integral(np.array([0.0, np.inf]), -1)[0]
        columns.append(photons * (FLUX_UNIT * 1e9 / ab))
    return np.stack(columns, axis=-1)


def add_band(band: Band) -> Band:
    """Make your own filter curve known by its name, for the rest of this process.

    A file needs no adding: its path is a name already.

    Raises
    ------
    UnknownBand
        The name stands for another curve. Models keep what they computed for a name, so that
        it must not change.

    Examples
    --------
    >>> import numpy as np
    >>> from sedflow.photometry import Band
    >>> wave = np.linspace(6400.0, 6700.0, 50)
    >>> _ = add_band(Band("my-halpha", wave, np.exp(-0.5 * ((wave - 6563.0) / 40.0) ** 2)))
    >>> round(load_band("my-halpha").pivot)
    6563
    """
    check_kind("band", band, Band, "a sedflow.Band", UnknownBand)
    try:
        known = load_band(band.name)
    except UnknownBand:
        _ADDED[band.name] = band
        return band
    if not (
        np.array_equal(known.wavelength, band.wavelength)
        and np.array_equal(known.response, band.response)
    ):
        raise UnknownBand(
            f"band {band.name!r} is the name of another filter curve already; choose another name"
        )
    return known


def load_band(name: str) -> Band:
    """Filter curve of a band.

    u, g, r, i, z are speclite's sdss2010 curves, FUV and NUV the packaged GALEX curves; J, H, Ks,
    W1, W2 and family names (decam-g, lsst-i, 2mass-J, wise-W1, ...) stand for those in
    `BAND_ALIASES`. Any other name is looked up among the bands that `add_band` was given, in
    speclite ("decam2014-g"), in sedpy ("acs_wfc_f814w"; the extra `filters`), and as the path of a
    file: text of two columns, or a table (ECSV, VOTable, FITS), wavelength and response per photon.
    `Band.about` says which unit was read or assumed; where the numbers leave a doubt, none is.

    Raises
    ------
    UnknownBand
        No such name, with the names nearest to it, and the extra to install where sedpy is
        missing; or a file that is not a filter curve, or that has changed since this process
        read it.
    """
    check_kind("name", name, str, "the name of a band, such as 'g'", UnknownBand)
    if name in _ADDED:
        return _ADDED[name]
    real = curve_name(name)
    return _band_of_file(name) if _is_file(real) else _find_band(name)


@cache
def _find_band(name: str) -> Band:
    real = curve_name(name)
    if path := _light_file(real):
        curve = number_columns(path)
        return Band(name, curve["wavelength"], curve["response"])
    names = _library_bands()
    if real not in names:
        near = get_close_matches(name.lower(), {n.lower() for n in band_names()}, 6, 0.7)
        near = sorted(n for n in band_names() if n.lower() in near)
        sentence = (
            f"no filter curve for band {name!r}"
            + (f"; names near to it are {', '.join(near)}" if near else "")
            + "; use u, g, r, i, z, FUV, NUV, J, H, Ks, W1, W2, a filter name of speclite "
            "(decam2014-g) or sedpy (acs_wfc_f814w), or the path of a file with the curve "
            "(sedflow.bands.band_names() lists the names)"
        )
        if "sedpy" not in names.values():
            sentence += "; a filter of sedpy needs pip install 'sedflow-explorer[filters]'"
        raise UnknownBand(sentence)
    if names[real] == "speclite":
        from speclite.filters import load_filter

        curve = load_filter(real)
        return Band(name, np.array(curve.wavelength), np.array(curve.response))
    from sedpy.observate import Filter

    curve = Filter(real)
    peak = curve.transmission.max()
    return Band(name, np.array(curve.wavelength), np.array(curve.transmission) / peak)


def _speclite_folder() -> Path:
    """Where speclite's curves are; speclite itself, with astropy, is not loaded for them."""
    spec = find_spec("speclite")
    return Path(spec.origin).parent / "data" / "filters" if spec and spec.origin else Path()


def _light_file(name):
    """The file of a curve in Angstrom that needs neither astropy nor a library to be read."""
    if name in _PACKAGED:
        return checked_path(_PACKAGED[name])
    path = _speclite_folder() / f"{name}.ecsv"
    return path if name.startswith("sdss2010-") and path.is_file() else None


def is_own_curve(name: str) -> bool:
    """Whether a band's curve comes from a file or from `add_band`, not from a library."""
    return name in _ADDED or (name not in BAND_ALIASES and _is_file(name))


def _is_file(real):
    return real.lower().endswith(_BAND_FILES) or "/" in real or "\\" in real


def is_library_band(name: str) -> bool:
    """Whether a name is one of a library's curve, so that no file of the user is read for it.

    >>> is_library_band("decam2014-g"), is_library_band("u"), is_library_band("/etc/hosts")
    (True, True, False)
    """
    return name in BAND_ALIASES or name in _library_bands()


@contextmanager
def reading_curves(may: bool) -> Iterator[None]:
    """Inside, names of bands may make this process read files, or may not.

    A server may not, but while it opens the run that its operator gave it.
    """
    before, _READS_FILES[0] = _READS_FILES[0], may
    try:
        yield
    finally:
        _READS_FILES[0] = before


def band_names() -> list[str]:
    """Every name that `load_band` knows, files apart; those of sedpy where it is installed."""
    return sorted({*BAND_ALIASES, *_ADDED, *_library_bands()})


@cache
def _library_bands() -> dict[str, str]:
    """Names of filters, and where the curve is: speclite, the package's own files, or sedpy."""
    names = dict.fromkeys(_sedpy_filters(), "sedpy") | dict.fromkeys(_PACKAGED, "packaged")
    return names | dict.fromkeys(
        (path.stem for path in _speclite_folder().glob("*.ecsv")), "speclite"
    )


def _sedpy_filters() -> list[str]:
    try:
        from sedpy.observate import list_available_filters
    except ImportError:
        return []
    return list_available_filters()


def _band_of_file(name) -> Band:
    """The filter curve in a file; its name is the path as it was given, and keeps its curve."""
    if name not in _FILE_BANDS and not _READS_FILES[0]:
        raise UnknownBand(f"{name[:100]!r} is not a band of this server; give one that it has")
    try:
        now = stamp(name)
    except (OSError, ValueError):
        now = None
    if name not in _FILE_BANDS:
        _FILE_BANDS[name] = now, _read_band(name)
    before, band = _FILE_BANDS[name]
    if now not in (None, before):
        raise UnknownBand(
            f"{name} has changed since this process read it, and models were made with what it "
            "held; give the new curve another name, or start again"
        )
    return band


def _read_band(name) -> Band:
    path = as_path(name, UnknownBand)
    if not path.is_file():
        raise UnknownBand(f"there is no filter file {name}; give the path of a file that exists")
    try:
        curve = read_curve(path)
    except Exception as error:  # astropy's readers raise what their file formats raise
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        why = kind + " ".join(str(error).split())[:400]
        if ";" not in why:
            why += "; give two columns, wavelength [A] and response per photon"
        raise UnknownBand(f"{name} cannot be read as a filter curve: {why}") from None
    return Band(name, curve.wavelength, curve.response, curve.about)
