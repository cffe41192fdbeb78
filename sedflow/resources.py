"""Packaged files and user files, read into domain values. The sole reader of `sedflow/data`.

Everything returned is cached per process and must be treated as read-only.
"""

import hashlib
import json
from functools import cache
from importlib import resources as importlib_resources
from pathlib import Path

import numpy as np

from sedflow.errors import BadSSP, UnknownBand
from sedflow.photometry import Band
from sedflow.sfh import HistoryBases
from sedflow.ssp import SOLAR_Z, SSPGrid

__all__ = [
    "DEFAULT_WEIGHTS",
    "SSP_NAMES",
    "data_path",
    "load_band",
    "load_bases",
    "load_ssp",
    "sha256",
]

DEFAULT_WEIGHTS = "nsa-ugriz-fsps"
SSP_NAMES = ("fsps", "bc03")
_SSP_DATASETS = ("ssp_lgmet", "ssp_lg_age_gyr", "ssp_wave", "ssp_flux")


def data_path(name: str) -> Path:
    """Path of a file that comes with the package."""
    return Path(str(importlib_resources.files("sedflow"))) / "data" / name


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
        return _read_ssp(data_path(f"ssp_{name_or_path}.h5"), str(name_or_path))
    path = Path(name_or_path).resolve()
    if not path.is_file():
        raise BadSSP(
            f"no SSP grid {str(name_or_path)!r}; give one of {', '.join(SSP_NAMES)} or the path "
            "of an HDF5 file in the DSPS layout"
        )
    return _read_ssp(path, path.stem)


@cache
def _read_ssp(path: Path, name: str) -> SSPGrid:
    import h5py

    try:
        with h5py.File(path) as file:
            missing = [key for key in _SSP_DATASETS if key not in file]
            if missing:
                raise BadSSP(
                    f"{path.name} lacks the data sets {', '.join(missing)}; an SSP file in the "
                    f"DSPS layout has {', '.join(_SSP_DATASETS)}"
                )
            data = {key: file[key][...] for key in file if key.startswith("ssp_")}
            attrs = dict(file.attrs)
    except OSError as error:
        raise BadSSP(
            f"{path.name} cannot be read as HDF5 ({error}); give a DSPS SSP file"
        ) from None
    shape = tuple(data[key].size for key in ("ssp_lgmet", "ssp_lg_age_gyr", "ssp_wave"))
    if data["ssp_flux"].shape != shape:
        raise BadSSP(
            f"{path.name}: ssp_flux has shape {data['ssp_flux'].shape}, but the axes have "
            f"{shape}; the order must be metallicity, age, wavelength"
        )
    grid = SSPGrid.from_lnu(
        data["ssp_flux"],
        data["ssp_wave"],
        wave_edges=data.get("ssp_wave_edges"),
        name=name,
        # Libraries put their own solar abundance at [Fe/H] = 0; without one, PROVABGS's.
        feh=data.get("ssp_feh", data["ssp_lgmet"] - np.log10(SOLAR_Z)),
        lg_age_gyr=data["ssp_lg_age_gyr"],
        mass_remaining=data.get("ssp_mass_remaining"),
        lsun=float(attrs.get("lsun_erg_s", 3.846e33)),
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

    table = Table.read(data_path("nmf_bases.ecsv"), format="ascii.ecsv")
    return HistoryBases(
        t_lookback=np.array(table["t_lookback"]),
        sfh=np.stack([table[f"sfh{i}"] for i in (1, 2, 3, 4)]),
        zh=np.stack([table[f"zh{i}"] for i in (1, 2)]),
    )


@cache
def load_band(name: str) -> Band:
    """Filter curve of a band.

    u, g, r, i, z are speclite's sdss2010-*, FUV and NUV sedpy's GALEX curves. Any other name
    is looked up in speclite ("decam2014-g") and then in sedpy ("twomass_J").

    Raises
    ------
    UnknownBand
    """
    if name in ("FUV", "NUV"):
        return _sedpy_band(name, f"galex_{name}")
    try:
        from speclite.filters import load_filter

        curve = load_filter(f"sdss2010-{name}" if name in tuple("ugriz") else name)
        return Band(name, np.array(curve.wavelength), np.array(curve.response))
    except ValueError:
        return _sedpy_band(name, name)


def _sedpy_band(name, sedpy_name):
    from sedpy.observate import Filter

    try:
        curve = Filter(sedpy_name)
    except Exception as error:  # sedpy raises whatever its file reader does
        raise UnknownBand(
            f"no filter curve for band {name!r}; use u, g, r, i, z, FUV, NUV, or a filter name "
            f"of speclite (decam2014-g) or sedpy (twomass_J)"
        ) from error
    peak = curve.transmission.max()
    return Band(name, np.array(curve.wavelength), np.array(curve.transmission) / peak)


def load_json(name: str) -> dict:
    """A packaged JSON file."""
    return json.loads(data_path(name).read_text())
