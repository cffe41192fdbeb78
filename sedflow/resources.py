"""Packaged files and user files, read into domain values. The sole reader of `sedflow/data`.

Everything returned is cached per process and must be treated as read-only.
"""

import hashlib
import json
import warnings
from difflib import get_close_matches
from functools import cache
from importlib import resources as importlib_resources
from pathlib import Path

import numpy as np

from sedflow.errors import BadSSP, DamagedPackage, UnknownBand
from sedflow.photometry import Band
from sedflow.sfh import HistoryBases
from sedflow.ssp import SOLAR_Z, SSPGrid

__all__ = [
    "BAND_ALIASES",
    "DEFAULT_WEIGHTS",
    "SSP_NAMES",
    "add_band",
    "band_names",
    "checked_path",
    "data_path",
    "load_band",
    "load_bases",
    "load_ssp",
    "sha256",
]

DEFAULT_WEIGHTS = "nsa-ugriz-fsps"
SSP_NAMES = ("fsps", "bc03")
#: Short names of filters, and the library curves that they stand for.
BAND_ALIASES = {
    **{band: f"sdss2010-{band}" for band in "ugriz"},
    **{f"sdss-{band}": f"sdss2010-{band}" for band in "ugriz"},
    **{f"decam-{band}": f"decam2014-{band}" for band in "ugrizY"},
    **{f"lsst-{band}": f"lsst2023-{band}" for band in "ugrizy"},
    **{f"hsc-{band}": f"hsc2017-{band}" for band in "grizy"},
    **dict.fromkeys(("FUV", "galex-FUV"), "galex_FUV"),
    **dict.fromkeys(("NUV", "galex-NUV"), "galex_NUV"),
    **{name: f"twomass_{band}" for band in ("J", "H", "Ks") for name in (band, f"2mass-{band}")},
    **{name: f"wise2010-{band}" for band in ("W1", "W2") for name in (band, f"wise-{band}")},
}
_BAND_FILES = (".ecsv", ".fits", ".xml", ".vot", ".dat", ".txt", ".csv", ".par")
_ADDED: dict[str, Band] = {}
_FILE_BANDS: dict[str, tuple] = {}  # path -> when and how large the file was, and its Band
_SSP_DATASETS = ("ssp_lgmet", "ssp_lg_age_gyr", "ssp_wave", "ssp_flux")
_SSP_OPTIONAL = ("ssp_feh", "ssp_wave_edges", "ssp_mass_remaining")


def data_path(name: str) -> Path:
    """Path of a file that comes with the package."""
    return Path(str(importlib_resources.files("sedflow"))) / "data" / name


def checked_path(name: str) -> Path:
    """Path of a packaged file that `SHA256SUMS` lists, if it is still what was packaged.

    Raises
    ------
    DamagedPackage
        It is missing, cut short or altered.
    """
    path = data_path(name)
    sums = dict(line.split()[::-1] for line in data_path("SHA256SUMS").read_text().splitlines())
    if not path.is_file() or sha256(path) != sums[name]:
        raise DamagedPackage(
            f"the packaged file {path} is not the one that was installed: missing, cut short or "
            "altered; install sedflow-explorer again, or give your own file by its path"
        )
    return path


def sha256(path) -> str:
    """Hex digest of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_ssp(name_or_path) -> SSPGrid:
    """SSP grid by packaged name ("fsps", "bc03") or from an HDF5 file in the DSPS layout.

    The file needs the data sets ssp_lgmet (log10 metal mass fraction), ssp_lg_age_gyr,
    ssp_wave [A] and ssp_flux (n_met, n_age, n_wave) [Lsun/Hz/Msun formed]; it may have
    ssp_feh, ssp_wave_edges, ssp_mass_remaining and the attribute lsun_erg_s.

    Raises
    ------
    BadSSP
        The file cannot be read, or a data set is missing or has another shape.
    """
    if str(name_or_path) in SSP_NAMES:
        return _read_ssp(checked_path(f"ssp_{name_or_path}.h5"), str(name_or_path))
    path = Path(name_or_path).resolve()
    if not path.is_file():
        raise BadSSP(
            f"no SSP grid {str(name_or_path)!r}; give one of {', '.join(SSP_NAMES)} or the path "
            "of an HDF5 file in the DSPS layout"
        )
    stat = path.stat()  # a file that was written anew is read anew
    return _read_ssp(path, path.stem, (stat.st_mtime_ns, stat.st_size))


@cache
def _read_ssp(path: Path, name: str, stamp=None) -> SSPGrid:
    import h5py

    try:
        with h5py.File(path) as file:
            missing = [key for key in _SSP_DATASETS if key not in file]
            if missing:
                raise BadSSP(
                    f"{path.name} lacks the data sets {', '.join(missing)}; an SSP file in the "
                    f"DSPS layout has {', '.join(_SSP_DATASETS)}"
                )
            shape = tuple(file[key].size for key in ("ssp_lgmet", "ssp_lg_age_gyr", "ssp_wave"))
            if file["ssp_flux"].shape != shape:  # before it is read: a wrong one may be huge
                raise BadSSP(
                    f"{path.name}: ssp_flux has shape {file['ssp_flux'].shape}, but the axes "
                    f"have {shape}; the order must be metallicity, age, wavelength"
                )
            data = {
                key: np.asarray(file[key][...], float)
                for key in _SSP_DATASETS + _SSP_OPTIONAL
                if key in file
            }
            attrs = dict(file.attrs)
            lsun = float(attrs.get("lsun_erg_s", 3.846e33))
    except BadSSP:
        raise
    except Exception as error:  # h5py has errors of any kind for damaged files
        raise BadSSP(
            f"{path.name} cannot be read as HDF5 ({error}); give a DSPS SSP file"
        ) from None
    left = data.get("ssp_mass_remaining")
    if left is not None and left.shape != shape[:2]:
        raise BadSSP(
            f"{path.name}: ssp_mass_remaining has shape {left.shape}, but there are {shape[:2]} "
            "metallicities and ages; leave it out, or give one value for each"
        )
    if not (data["ssp_wave"] > 0).all() or not lsun > 0:
        raise BadSSP(f"{path.name}: wavelengths [A] and lsun_erg_s must be positive")
    grid = SSPGrid.from_lnu(
        data["ssp_flux"],
        data["ssp_wave"],
        wave_edges=data.get("ssp_wave_edges"),
        name=name,
        # Libraries put their own solar abundance at [Fe/H] = 0; without one, PROVABGS's.
        feh=data.get("ssp_feh", data["ssp_lgmet"] - np.log10(SOLAR_Z)),
        lg_age_gyr=data["ssp_lg_age_gyr"],
        mass_remaining=left,
        lsun=lsun,
        provenance=str(attrs.get("title", path.name)),
        sha256=sha256(path),
    )
    for array in (grid.luminosity, grid.feh, grid.lg_age_gyr, grid.wave_edges):
        array.flags.writeable = False
    return grid


@cache
def load_bases() -> HistoryBases:
    """The NMF bases of PROVABGS: four star-formation and two metallicity histories."""
    from astropy.table import Table

    table = Table.read(checked_path("nmf_bases.ecsv"), format="ascii.ecsv")
    return HistoryBases(
        t_lookback=np.array(table["t_lookback"]),
        sfh=np.stack([table[f"sfh{i}"] for i in (1, 2, 3, 4)]),
        zh=np.stack([table[f"zh{i}"] for i in (1, 2)]),
    )


def add_band(band: Band) -> Band:
    """Make a filter curve of one's own known by its name, for the rest of this process.

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

    u, g, r, i, z are speclite's sdss2010 curves, FUV and NUV sedpy's GALEX curves; J, H, Ks, W1,
    W2 and family names (decam-g, lsst-i, 2mass-J, wise-W1, ...) stand for those in `BAND_ALIASES`.
    Any other name is looked up among the bands that `add_band` was given, in speclite
    ("decam2014-g"), in sedpy ("twomass_J"), and as the path of a file: text of two columns,
    or any table of astropy's (ECSV, VOTable, FITS), wavelength [A, or with a unit] and response
    per photon.

    Raises
    ------
    UnknownBand
        No such name, with those nearest to it; or a file that is no filter curve, or not the
        one any more that it was.
    """
    if name in _ADDED:
        return _ADDED[name]
    real = BAND_ALIASES.get(name, name)
    is_file = real.lower().endswith(_BAND_FILES) or "/" in real or "\\" in real
    return _band_of_file(name) if is_file else _find_band(name)


@cache
def _find_band(name: str) -> Band:
    real = BAND_ALIASES.get(name, name)
    names = _library_bands()
    if real not in names:
        near = get_close_matches(name.lower(), {n.lower() for n in band_names()}, 6, 0.7)
        near = sorted(n for n in band_names() if n.lower() in near)
        raise UnknownBand(
            f"no filter curve for band {name!r}"
            + (f"; names near to it are {', '.join(near)}" if near else "")
            + "; use u, g, r, i, z, FUV, NUV, J, H, Ks, W1, W2, a filter name of speclite "
            "(decam2014-g) or sedpy (twomass_J), or the path of a file with the curve "
            "(sedflow.resources.band_names() lists the names)"
        )
    if names[real] == "speclite":
        from speclite.filters import load_filter

        curve = load_filter(real)
        return Band(name, np.array(curve.wavelength), np.array(curve.response))
    from sedpy.observate import Filter

    curve = Filter(real)
    peak = curve.transmission.max()
    return Band(name, np.array(curve.wavelength), np.array(curve.transmission) / peak)


def band_names() -> list[str]:
    """Every name that `load_band` knows, files apart."""
    return sorted({*BAND_ALIASES, *_ADDED, *_library_bands()})


@cache
def _library_bands() -> dict[str, str]:
    """Filter names of speclite and sedpy, and which of the two has the curve."""
    import speclite
    from sedpy.observate import list_available_filters

    folder = Path(speclite.__file__).parent / "data" / "filters"
    names = dict.fromkeys(list_available_filters(), "sedpy")
    return names | dict.fromkeys((path.stem for path in folder.glob("*.ecsv")), "speclite")


def _band_of_file(name) -> Band:
    """The filter curve in a file; its name is the path as it was given, and keeps its curve."""
    try:
        stat = Path(name).stat()
        stamp = stat.st_mtime_ns, stat.st_size
    except (OSError, ValueError):
        stamp = None
    if name not in _FILE_BANDS:
        _FILE_BANDS[name] = stamp, _read_band(name)
    before, band = _FILE_BANDS[name]
    if stamp not in (None, before):
        raise UnknownBand(
            f"{name} has changed since this process read it, and models were made with what it "
            "held; give the new curve another name, or start again"
        )
    return band


def _read_band(name) -> Band:
    from astropy.table import Table
    from astropy.utils.exceptions import AstropyWarning

    path = Path(name)
    if not path.is_file():
        raise UnknownBand(f"there is no filter file {name}; give the path of a file that exists")
    kind = {".ecsv": "ascii.ecsv", ".fits": "fits", ".xml": "votable", ".vot": "votable"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)  # of "Angstrom", for one
            form = kind.get(path.suffix.lower(), "ascii")
            if form.startswith("ascii") and b"\0" in path.read_bytes():
                raise ValueError("there are bytes that are no text")  # astropy would end there
            table = Table.read(path, format=form)
            first, second = (table[column] for column in table.colnames[:2])
            wave = first.quantity.to_value("Angstrom") if first.unit is not None else first
        wave, response = (np.asarray(np.ma.filled(a, np.nan), float) for a in (wave, second))
    except Exception as error:  # astropy's readers raise what their file formats raise
        raise UnknownBand(
            f"{name} cannot be read as a filter curve ({type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]}); "
            "give two columns, wavelength [A] and response per photon"
        ) from None
    band = Band(name, wave, response)
    if band.pivot < 912.0:
        raise UnknownBand(
            f"{name} has a pivot wavelength of {band.pivot:.4g} A, where galaxies are dark; give "
            "wavelengths in Angstrom, or a file that names their unit"
        )
    return band


def load_json(name: str) -> dict:
    """A packaged JSON file that `SHA256SUMS` lists."""
    return json.loads(checked_path(name).read_text())
