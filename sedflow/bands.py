"""Filter curves, AB magnitudes, and how spectra become nanomaggies.

Fluxes are AB nanomaggies (22.5 mag = 1), wavelengths vacuum Angstrom. Spectra are means of
F_lambda over wavelength bins, and the piecewise-linear filter curve is integrated exactly
over each bin, so no flux is lost however narrow or wide the bins are. Curves come from speclite,
from the package's own files (GALEX), from sedpy where it is installed, or from a file of the user;
what `load_band` returns is cached per process and read-only.
"""

import warnings
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from sedflow.constants import C_ANGSTROM
from sedflow.errors import UnknownBand
from sedflow.files.curves import read_curve
from sedflow.files.ecsv import number_columns
from sedflow.files.hashes import sha256_of, stamp
from sedflow.files.packaged import checked_path
from sedflow.flux_units import AB, NANOMAGGIES, in_nanomaggies
from sedflow.units import plain

__all__ = [
    "BAND_ALIASES",
    "FLUX_UNIT",
    "UGRIZ",
    "Band",
    "ab_magnitude",
    "add_band",
    "band_flux",
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

_ADDED: dict[str, "Band"] = {}

_FILE_BANDS: dict[str, tuple] = {}  # path -> stamp of the file, and its Band

#: Bands of SDSS, which the packaged networks know.
UGRIZ = ("u", "g", "r", "i", "z")

#: Pieces of a curve, relative to their wavelength, below which slope times wavelength loses more
#: than five digits of the response. Those of the libraries are wider.
_NARROW = 3e-5

_LYMAN = 912.0  # [A], below which galaxies are dark

_AB_FNU = 3.631e-20  # flux density of magnitude 0 [erg/s/cm2/Hz]

#: Unit of all observed spectra [erg/s/cm2/A].
FLUX_UNIT = 1e-17


_LETTERS = set("ugrizJH")


def as_bands(bands) -> tuple[str, ...]:
    """Names of bands from one or several; `UnknownBand` where they are not words.

    >>> as_bands("ugriz"), as_bands("FUV")
    (('u', 'g', 'r', 'i', 'z'), ('FUV',))
    """
    names = bands
    if isinstance(bands, str):
        letters = len(bands) > 1 and set(bands) <= _LETTERS  # "ugriz"
        names = tuple(bands) if letters else (bands,)
    try:
        names = tuple(names)
    except TypeError:
        names = ()
    if not names or not all(isinstance(name, str) for name in names):
        raise UnknownBand(f"bands = {bands!r}; give the name of at least one band, such as 'u'")
    return names


def short_name(band: str) -> str:
    """The shortest name of a band's curve.

    >>> short_name("sdss2010-u"), short_name("2mass-J"), short_name("decam2014-g")
    ('u', 'J', 'decam-g')
    """
    return _SHORTEST.get(BAND_ALIASES.get(band, band), band)


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


@dataclass(frozen=True)
class Band:
    """A filter curve: wavelength (n,) ascending [A] and dimensionless response (n,) per photon.

    A curve that descends is turned round.

    notes : what its file said, and what had to be assumed about it
    """

    name: str
    wavelength: np.ndarray
    response: np.ndarray
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self):
        about = f"of band {self.name!r}"
        wave = plain(self.wavelength, f"the wavelength {about}", "Angstrom", UnknownBand)
        response = plain(self.response, f"the response {about}", "", UnknownBand)
        if wave.ndim != 1 or wave.shape != response.shape or wave.size < 2:
            raise UnknownBand(
                f"band {self.name!r}: wavelength {wave.shape} and response {response.shape} "
                "must be two lists of the same length"
            )
        if (np.diff(wave) < 0).all():
            wave, response = wave[::-1].copy(), response[::-1].copy()
        if not (np.diff(wave) > 0).all() or wave[0] <= 0:
            raise UnknownBand(f"band {self.name!r}: wavelengths must be positive and ascend")
        if not np.isfinite(response).all() or (response < 0).any() or not response.any():
            raise UnknownBand(f"band {self.name!r}: responses must be >= 0 and not all zero")
        object.__setattr__(self, "wavelength", wave)
        object.__setattr__(self, "response", response)
        with np.errstate(all="ignore"):
            marks = np.array([wave[0], self.extent[0], self.extent[1], wave[-1], self.pivot])
        inside = wave[0] <= self.pivot <= wave[-1]
        if not (np.isfinite(marks).all() and inside and marks[1] < marks[2]):
            raise UnknownBand(
                f"band {self.name!r}: its integral from {wave[0]:.4g} to {wave[-1]:.4g} A, with "
                f"responses up to {response.max():.4g}, is beyond what can be computed; give "
                "wavelengths in Angstrom and responses of about 1"
            )

        if self.pivot < _LYMAN:
            raise UnknownBand(
                f"band {self.name!r} has a pivot wavelength of {self.pivot:.4g} A, where galaxies "
                "are dark; give wavelengths in Angstrom, or with their unit (wave * u.nm)"
            )

    @property
    def about(self) -> str:
        """Pivot wavelength and width, and what was assumed about the file, in a sentence."""
        low, high = self.extent
        return "; ".join(
            [f"{self.name}: pivot {self.pivot:.5g} A, {low:.5g} to {high:.5g} A", *self.notes]
        )

    @cached_property
    def pivot(self) -> float:
        """Pivot wavelength [A], where F_lambda and F_nu of the band convert exactly."""
        photons = self.integral(np.array([0.0, np.inf]), 1)[0]
        return float(np.sqrt(photons / self.integral(np.array([0.0, np.inf]), -1)[0]))

    @cached_property
    def extent(self) -> tuple[float, float]:
        """Wavelengths [A] that hold all but 1e-4 of the (photon-weighted) response."""
        total = np.concatenate([[0.0], self.integral(self.wavelength, 1).cumsum()])
        low, high = np.interp([5e-5 * total[-1], (1 - 5e-5) * total[-1]], total, self.wavelength)
        return float(low), float(high)

    def integral(self, edges, power: int) -> np.ndarray:
        """Exact integral of R(lambda) lambda^power between consecutive edges (..., n + 1).

        `power` is 1 (photon counts of F_lambda) or -1 (of a constant F_nu).
        """
        wave, response = self.wavelength, self.response
        slope = np.diff(response) / np.diff(wave)
        offset = response[:-1] - slope * wave[:-1]
        narrow = (np.diff(wave) < _NARROW * wave[:-1]).any()

        def primitive(i, x):  # of (offset + slope x) x^power
            if narrow:  # from the left edge of the piece: x^3 would drown its response
                left, first, t = wave[i], response[i], x - wave[i]
                if power == 1:
                    half = (first + slope[i] * left) / 2
                    return t * (first * left + t * (half + t * slope[i] / 3))
                u = t / left
                series = u * u * (1 / 2 - u * (1 / 3 - u * (1 / 4 - u / 5)))
                rest = np.where(u < 1e-3, series, u - np.log1p(u))
                return first * np.log1p(u) + slope[i] * left * rest
            if power == 1:
                return offset[i] * x**2 / 2 + slope[i] * x**3 / 3
            return offset[i] * np.log(x) + slope[i] * x

        piece = np.arange(slope.size)
        whole = primitive(piece, wave[1:]) - primitive(piece, wave[:-1])
        cumulative = np.concatenate([[0.0], whole.cumsum()])
        x = np.clip(plain(edges, "edges", "Angstrom"), wave[0], wave[-1])
        i = np.clip(np.searchsorted(wave, x, side="right") - 1, 0, slope.size - 1)
        return np.diff(cumulative[i] + primitive(i, x) - primitive(i, wave[i]), axis=-1)


def band_weights(bands, edges) -> np.ndarray:
    """Weights (..., n_wave, n_band) that turn a binned spectrum into nanomaggies.

    bands : sequence of `Band`; edges (..., n_wave + 1): observed bin edges [A].
    `flux @ weights` is photon-weighted AB photometry of `flux` [1e-17 erg/s/cm2/A].
    """
    edges, columns = plain(edges, "edges", "Angstrom"), []
    for band in bands:
        photons = band.integral(edges, 1)
        ab = C_ANGSTROM * _AB_FNU * band.integral(np.array([0.0, np.inf]), -1)[0]
        columns.append(photons * (FLUX_UNIT * 1e9 / ab))
    return np.stack(columns, axis=-1)


def band_flux(flux, bands) -> tuple[np.ndarray, np.ndarray]:
    """Fluxes as points of a spectrum.

    flux (..., n_band) [nanomaggies]; bands : names. Returns the pivot wavelengths (n_band,) [A]
    and F_lambda there (..., n_band) [1e-17 erg/s/cm2/A].
    """
    pivot = np.array([load_band(band).pivot for band in bands])
    flux = in_nanomaggies(flux, "flux", NANOMAGGIES)
    return pivot, flux * (1e-9 * _AB_FNU * C_ANGSTROM / pivot**2 / FLUX_UNIT)


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
    if name in _ADDED:
        return _ADDED[name]
    real = BAND_ALIASES.get(name, name)
    return _band_of_file(name) if _is_file(real) else _find_band(name)


@cache
def _find_band(name: str) -> Band:
    real = BAND_ALIASES.get(name, name)
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


def same_curves(bands) -> list[str]:
    """Names among these that stand for one filter curve; names without a curve do not count.

    Files are compared by what they hold: a copy, a link or another spelling of a path is the same.
    """
    known = {band: BAND_ALIASES.get(band, band) for band in bands}
    own = [band for band in bands if _is_own(band)]
    hashes = {band: found for band in (bands if own else ()) if (found := _hash_of(band))}
    every = {**known, **hashes}
    return [band for band in bands if [*every.values()].count(every[band]) > 1]


def own_curves(bands) -> dict[str, str]:
    """SHA-256 of the curves among these that no library has: those of files, and added ones.

    Their names alone do not say which curve was meant: whatever is stored keeps these hashes, too.
    """
    return {band: found for band in bands if _is_own(band) and (found := _hash_of(band))}


def check_curves(stored, bands, what: str, error=UnknownBand) -> None:
    """Hold curves that are not of a library to the hashes that were stored with their names.

    stored : dict of name -> SHA-256, as `own_curves` gave it; what : has stored them; error : the
    class of what is raised. Where nothing is stored of such a curve, a warning says so.
    """
    for band in bands:
        if not _is_own(band):
            continue
        remedy = f"put the curve back, or give it with add_band(Band({band[:60]!r}, ...))"
        known = stored.get(band)
        if known is None:
            warnings.warn(
                f"{what} is of a version that kept no hash of the filter curve {band[:60]!r}: make "
                "sure that it is still the same curve",
                stacklevel=3,
            )
            continue
        found = _hash_of(band)
        if found is None:
            raise error(f"{what} needs the filter curve {band[:60]!r}, which is not here; {remedy}")
        if found != known:
            raise error(
                f"{what} was made with another filter curve {band[:60]!r} than the one that is "
                f"here now (SHA-256 {known[:12]}..., not {found[:12]}...); {remedy}"
            )


def _is_own(name):
    """Whether a curve comes from a file or from `add_band`."""
    return name in _ADDED or (name not in BAND_ALIASES and _is_file(name))


def _is_file(real):
    return real.lower().endswith(_BAND_FILES) or "/" in real or "\\" in real


def _hash_of(name):
    """SHA-256 of the numbers of a curve, of whatever height; None if there is no such curve."""
    try:
        band = load_band(name)
    except UnknownBand:
        return None
    numbers = np.stack([band.wavelength, band.response / band.response.max()])
    return sha256_of(numbers.astype("<f8").tobytes())


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
    path = Path(name)
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
