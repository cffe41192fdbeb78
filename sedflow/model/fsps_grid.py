"""SSP grids of python-fsps, in a process of its own.

FSPS is Fortran with one global state, so that a program should make one StellarPopulation and no
more, and it ends the process where a file is missing; neither must happen to a server, or to a
notebook.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from sedflow.constants import C_ANGSTROM
from sedflow.errors import BadSSP, FSPSUnavailable, check_choice
from sedflow.model.ssp_build import LYMAN, GridFile, bin_means, log_bin_edges

#: FSPS's numbers of the initial mass functions.
IMF_TYPES = {"salpeter": 0, "chabrier": 1, "kroupa": 2}
_DONE = "sedflow-done"  # begins the lines that tell of progress, among what FSPS prints
#: FSPS's flags for the compiler, where they differ from the names of its libraries.
_FLAGS = {"pdva": "PADOVA", "prsc": "PARSEC", "bsti": "BASTI", "gnva": "GENEVA", "bpss": "BPASS"}


def build_fsps(
    *,
    imf: str = "chabrier",
    nebular: bool = False,
    gas_logu: float = -2.0,
    isochrones: str = "mist",
    library: str = "miles",
    wave: tuple[float, float] = (LYMAN, 60_000.0),
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
    check_choice("imf", imf, IMF_TYPES, BadSSP)
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
        code = "import sys; from sedflow.model.fsps_grid import _serve; _serve(*sys.argv[1:])"
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
