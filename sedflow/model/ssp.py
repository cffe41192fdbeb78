"""Grids of simple stellar populations and how to read a spectrum off them.

Luminosities are interpolated linearly in L, in log10 age and log10 metallicity, and clamped
at the edges of the grid. Metallicity enters as [Fe/H] = log10(Z / 0.0190), the convention of
PROVABGS, so libraries with another solar abundance are compared at equal [Fe/H].
"""

import hashlib
import os
import warnings
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from sedflow.constants import C_ANGSTROM, LSUN
from sedflow.errors import BadSSP
from sedflow.files.bounds import SSP_VALUES
from sedflow.files.hashes import sha256, stamp
from sedflow.files.hdf5 import own
from sedflow.files.packaged import SSP_NAMES, checked_path
from sedflow.files.paths import as_path
from sedflow.model.remnants import remnant_mass
from sedflow.model.ssp_stated import in_our_units, unit_of
from sedflow.model.ssp_units import check_iron, check_masses, check_stars
from sedflow.settled import Frozen, frozen
from sedflow.units import plain

_SSP_DATASETS = ("ssp_lgmet", "ssp_lg_age_gyr", "ssp_wave", "ssp_flux")
_SSP_OPTIONAL = ("ssp_feh", "ssp_wave_edges", "ssp_mass_remaining")
# What any library of stars is inside of; beyond, a number is in another unit.
_FEH = -5.0, 2.0
_LG_AGE = -5.0, 1.3  # log10 Gyr
_LIGHT = 1e-10, 1e8  # of a population at all wavelengths [Lsun/Msun formed]
_LSUN = 3e33, 5e33  # erg/s
_MASS_REMAINING = 0.0, 1.001
#: What the attribute mass_remaining of a file says that counts stars without remnants.
LIVING = "living stars alone"
_ALL = "stars and remnants"
_COUNTED = {"fsps": _ALL, "fsps-gas": _ALL, "bc03": LIVING}  # packaged before files said it
_DARK = 1e-20  # Lsun/A/Msun; what is fainter is no light
_ALIKE = 1e-6  # of the traits of a grid; single precision moves them by 1e-7
_DIRECTIONS = 16
_NUMBERS = ("feh", "lg_age_gyr", "wave_edges", "luminosity", "mass_remaining", "mass_living")
#: Metal mass fraction at which PROVABGS sets [Fe/H] = 0.
SOLAR_Z = 0.0190


@dataclass(frozen=True, eq=False)
class SSPGrid(Frozen):
    """Spectra of simple stellar populations, per solar mass formed.

    name : str
    feh (n_met,) : [Fe/H], ascending
    lg_age_gyr (n_age,) : log10 age [Gyr], ascending
    wave_edges (n_wave + 1,) : edges of the wavelength bins [A, vacuum, rest frame]
    luminosity (n_met, n_age, n_wave) : mean L_lambda of each bin [Lsun/A/Msun formed]
    mass_remaining (n_met, n_age) : mass in stars and remnants per mass formed; None if unknown
    mass_living (n_met, n_age) : the same in stars alone; None if unknown
    lsun : erg/s in one Lsun of this grid
    provenance : str
    sha256 : hash of the file it came from; none where it was made of arrays, or of another grid
        by `dataclasses.replace`
    """

    name: str
    feh: np.ndarray
    lg_age_gyr: np.ndarray
    wave_edges: np.ndarray
    luminosity: np.ndarray
    mass_remaining: np.ndarray | None = None
    lsun: float = LSUN
    provenance: str = ""
    sha256: str = field(default="", init=False)
    mass_living: np.ndarray | None = None

    def __post_init__(self):
        for name, unit in (("feh", ""), ("lg_age_gyr", ""), ("wave_edges", "Angstrom")):
            values = plain(getattr(self, name), name, unit, BadSSP)
            object.__setattr__(self, name, frozen(values))  # its traits are of these
        light = frozen(plain(self.luminosity, "luminosity", "Lsun / (Angstrom Msun)", BadSSP))
        object.__setattr__(self, "luminosity", light)
        for name in ("mass_remaining", "mass_living"):
            if getattr(self, name) is not None:
                masses = plain(getattr(self, name), name, "", BadSSP)
                object.__setattr__(self, name, frozen(masses))
        axes = (self.feh, self.lg_age_gyr, self.wave_edges)
        n_met, n_age, n_wave = self.feh.size, self.lg_age_gyr.size, self.wave_edges.size - 1
        if any(axis.ndim != 1 for axis in axes) or light.shape != (n_met, n_age, n_wave):
            raise BadSSP(
                f"SSP grid {self.name!r}: flux has shape {light.shape}, but there are "
                f"{n_met} metallicities, {n_age} ages and {n_wave} wavelengths, of shapes "
                f"{', '.join(str(axis.shape) for axis in axes)}; the axes must be (met, age, wave)"
            )
        for name in ("mass_remaining", "mass_living"):
            masses = getattr(self, name)
            if masses is not None and masses.shape != (n_met, n_age):
                raise BadSSP(
                    f"SSP grid {self.name!r}: {name} has shape {masses.shape}, but there are "
                    f"{n_met} metallicities and {n_age} ages; give one value for each, or leave "
                    "it out"
                )
        for what, axis in (
            ("metallicities", self.feh),
            ("ages", self.lg_age_gyr),
            ("wavelengths", self.wave_edges),
        ):
            if axis.size < 2 or not np.isfinite(axis).all() or not (np.diff(axis) > 0).all():
                raise BadSSP(
                    f"SSP grid {self.name!r}: the {what} must be finite and ascend, at least two"
                )
        if not np.isfinite(self.luminosity).all() or (self.luminosity < 0).any():
            raise BadSSP(f"SSP grid {self.name!r}: fluxes must be finite and >= 0")
        self._check_physical()

    def _check_physical(self):
        """Refuse numbers that no library of stars has: they are in other units, or damaged."""
        if self.wave_edges[0] <= 0:
            raise BadSSP(
                f"SSP grid {self.name!r}: the first edge of a wavelength bin is "
                f"{self.wave_edges[0]:g} A; edges must be positive"
            )
        with np.errstate(over="ignore"):
            light = self.luminosity @ np.diff(self.wave_edges)
        for what, values, (low, high), remedy in (
            ("[Fe/H]", self.feh, _FEH, "give log10(Z / Zsun) there"),
            ("log10 age", self.lg_age_gyr, _LG_AGE, "give log10 of ages in Gyr"),
            (
                "the light of a population [Lsun/Msun]",
                light,
                _LIGHT,
                "give L_nu in Lsun/Hz per Msun formed, and wavelengths in Angstrom",
            ),
            ("lsun [erg/s]", np.asarray(self.lsun), _LSUN, "give what one Lsun is in the grid"),
            (
                "ssp_mass_remaining",
                1.0 if self.mass_remaining is None else self.mass_remaining,
                _MASS_REMAINING,
                "give the surviving mass per mass formed, or leave it out",
            ),
            (
                "mass_living",
                1.0 if self.mass_living is None else self.mass_living,
                _MASS_REMAINING,
                "give the mass of living stars per mass formed, or leave it out",
            ),
        ):
            values = plain(values, what, error=BadSSP)
            bad = ~((values >= low) & (values <= high))
            if bad.any():
                raise BadSSP(
                    f"SSP grid {self.name!r}: {what} is {values[bad].flat[0]:g}, where stars have "
                    f"{low:g} to {high:g}; {remedy}"
                )

    @classmethod
    def from_lnu(cls, lnu, wave, wave_edges=None, **fields) -> "SSPGrid":
        """Grid from L_nu [Lsun/Hz/Msun] at wavelengths `wave` [A], the DSPS layout.

        Without edges, bins meet halfway (in log) between the wavelengths.
        """
        if wave_edges is None:
            if wave.size < 2:
                raise BadSSP(f"there are {wave.size} wavelengths; give at least two")
            middle = np.sqrt(wave[1:] * wave[:-1])
            wave_edges = np.concatenate(
                [[wave[0] ** 2 / middle[0]], middle, [wave[-1] ** 2 / middle[-1]]]
            )
        with np.errstate(over="ignore"):  # what is infinite is refused
            luminosity = np.asarray(lnu, dtype=float) * (C_ANGSTROM / wave**2)
        return cls(wave_edges=wave_edges, luminosity=luminosity, **fields)

    @cached_property
    def traits(self) -> np.ndarray:
        """Numbers (n,) that distinguish grids, and hardly move where all of a grid's are rounded.

        Its unit and axes, and projections of its log light and its masses on random directions,
        in which any change shows. The hash of its file is not enough: a grid made of arrays has
        none.
        """
        wave = np.log(self.wave_edges)
        parts = [np.log([self.lsun / LSUN]), self.feh, self.lg_age_gyr, wave[[0, -1]]]
        light = np.log(np.maximum(self.luminosity, _DARK))
        for values in (wave, np.swapaxes(_projected(light), -1, -2)):
            parts.append(_projected(values))
        for masses in (self.mass_remaining, self.mass_living):
            parts += [[0.0]] if masses is None else [[1.0], _projected(masses)]
        return np.concatenate([np.ravel(part) for part in parts])

    def is_of(self, shape: tuple[int, ...], traits: np.ndarray) -> bool:
        """Whether this is the grid whose light has a shape, and which has these traits."""
        same = shape == self.luminosity.shape and np.shape(traits) == self.traits.shape
        return same and np.allclose(self.traits, traits, rtol=_ALIKE, atol=_ALIKE)

    def same_as(self, other: "SSPGrid") -> bool:
        """Whether two grids are the same up to rounding, whatever they are called."""
        return self is other or self.is_of(other.luminosity.shape, other.traits)

    @property
    def wave(self) -> np.ndarray:
        """Geometric centre (n_wave,) of each wavelength bin [A]."""
        return np.sqrt(self.wave_edges[1:] * self.wave_edges[:-1])

    def age_weights(self, age_gyr) -> tuple[np.ndarray, np.ndarray]:
        """Lower age node, and the weight of the node above it, at ages [Gyr] of any shape."""
        with np.errstate(divide="ignore"):
            return _linear_weights(self.lg_age_gyr, np.log10(age_gyr))

    def metallicity_weights(self, z) -> tuple[np.ndarray, np.ndarray]:
        """Lower metallicity node, and the weight of the node above it, at metal fractions z."""
        return _linear_weights(self.feh, np.log10(z) - np.log10(SOLAR_Z))

    def young_nodes(self, age_gyr: float) -> int:
        """Number of age nodes no older than `age_gyr`: those inside the birth clouds."""
        return int(np.searchsorted(self.lg_age_gyr, np.log10(age_gyr) + 1e-6, side="right"))

    def rebinned(self, edges) -> "SSPGrid":
        """The same grid on coarser wavelength bins, `edges` snapped to the nearest of its own.

        The photon-weighted integral of each merged bin (of L_lambda lambda) is kept.
        """
        edges = plain(edges, "edges", "Angstrom", BadSSP)
        if edges.ndim != 1 or not edges.size:
            raise BadSSP(f"edges have the shape {edges.shape}; give a list of wavelengths [A]")
        if not np.isfinite(edges).all():
            raise BadSSP("an edge is not a finite number; give wavelengths [A]")
        keep = np.unique(np.abs(self.wave_edges - edges[:, None]).argmin(axis=1))
        if keep.size < 2:
            raise BadSSP(
                f"the edges from {edges.min():g} to {edges.max():g} A make no bin of the SSP grid "
                f"{self.name!r}; give two at least, within {self.wave_edges[0]:g} to "
                f"{self.wave_edges[-1]:g} A"
            )
        photons = np.diff(self.wave_edges**2) / 2
        total = np.add.reduceat(self.luminosity * photons, keep[:-1], axis=-1)
        if keep[-1] < photons.size:  # reduceat sums on to the end: cut what lies beyond
            total[..., -1] -= (self.luminosity * photons)[..., keep[-1] :].sum(-1)
        new_edges = self.wave_edges[keep]
        luminosity = total / (np.diff(new_edges**2) / 2)
        return _of_file(replace(self, wave_edges=new_edges, luminosity=luminosity), self.sha256)


def _of_file(grid, sha256):
    """A grid that was just made, with the hash of its file."""
    object.__setattr__(grid, "sha256", sha256)
    return grid


def _projected(values):
    """Values (..., n) on random directions (..., 16), the same on every machine."""
    n = values.shape[-1]
    directions = np.random.RandomState(n).standard_normal((n, _DIRECTIONS))  # whose stream is kept
    return values @ (directions / np.sqrt(n))


def _linear_weights(nodes, x):
    """Index i and weight w with x = (1 - w) nodes[i] + w nodes[i + 1], clamped at the ends."""
    i = np.clip(np.searchsorted(nodes, x, side="right") - 1, 0, nodes.size - 2)
    return i, np.clip((x - nodes[i]) / (nodes[i + 1] - nodes[i]), 0.0, 1.0)


def load_ssp(name_or_path) -> SSPGrid:
    """SSP grid by packaged name ("fsps", "bc03") or from an HDF5 file in the DSPS layout.

    The file needs the data sets ssp_lgmet (log10 metal mass fraction), ssp_lg_age_gyr,
    ssp_wave [A] and ssp_flux (n_met, n_age, n_wave) [Lsun/Hz/Msun formed]; it may have
    ssp_feh, ssp_wave_edges, ssp_mass_remaining and the attribute lsun_erg_s. A data set whose
    attribute unit says something else is converted ("nm", "log10(yr)", "Lsun/A/Msun", "Lsun/Hz per
    Msun present"). The attribute mass_remaining of the file says what masses count: "stars and
    remnants", as is assumed with a warning where it is missing, or "living stars alone", to which
    remnants are added (`sedflow.model.remnants`).

    Raises
    ------
    BadSSP
        The file cannot be read, or a data set is missing or has another shape.
    """
    if not isinstance(name_or_path, str | os.PathLike):
        raise BadSSP(
            f"ssp = {name_or_path!r}; give one of {', '.join(SSP_NAMES)}, the path of an HDF5 "
            "file, or an SSPGrid"
        )
    if str(name_or_path) in SSP_NAMES:
        return _read_ssp(checked_path(f"ssp_{name_or_path}.h5"), str(name_or_path))
    path = as_path(name_or_path, BadSSP).resolve()
    if not path.is_file():
        raise BadSSP(
            f"no SSP grid {str(name_or_path)!r}; give one of {', '.join(SSP_NAMES)} or the path "
            "of an HDF5 file in the DSPS layout"
        )
    # One that is called as a packaged grid is not it: its units and masses are its own.
    packaged = path.stem in SSP_NAMES
    name = f"{path.stem}{path.suffix or ' (file)'}" if packaged else path.stem
    return _read_ssp(path, name, stamp(path))  # a file that was written anew is read anew


@cache
def _read_ssp(path: Path, name: str, seen=None) -> SSPGrid:
    import h5py

    try:
        with h5py.File(path) as file:
            sets = {key: own(file, key, SSP_VALUES) for key in _SSP_DATASETS + _SSP_OPTIONAL}
            missing = [key for key in _SSP_DATASETS if sets[key] is None]
            if missing:
                raise BadSSP(
                    f"{path.name} lacks the data sets {', '.join(missing)}; an SSP file in the "
                    f"DSPS layout has {', '.join(_SSP_DATASETS)}"
                )
            shape = tuple(sets[key].size for key in ("ssp_lgmet", "ssp_lg_age_gyr", "ssp_wave"))
            if sets["ssp_flux"].shape != shape:  # before it is read: a wrong one may be huge
                raise BadSSP(
                    f"{path.name}: ssp_flux has shape {sets['ssp_flux'].shape}, but the axes "
                    f"have {shape}; the order must be metallicity, age, wavelength"
                )
            data = {
                key: np.asarray(item[...], float) for key, item in sets.items() if item is not None
            }
            units = {key: unit_of(item) for key, item in sets.items() if item is not None}
            stated = file.attrs.get("content_sha256")
            if stated is None and str(file.attrs.get("made_by", "")).startswith("sedflow"):
                raise BadSSP(
                    f"{path.name} has lost its checksum, which sedflow grid wrote; make it again, "
                    "or leave the attribute made_by out, too"
                )
            if stated is not None and stated != ssp_digest(file):
                raise BadSSP(
                    f"{path.name} does not match its checksum: damaged, or changed after sedflow "
                    "grid wrote it; make it again, or leave content_sha256 and made_by out"
                )
            lsun = float(file.attrs.get("lsun_erg_s", 3.846e33))
            counted = _text(file.attrs.get("mass_remaining", "")).lower()
            if not counted and "ssp_mass_remaining" in data:
                counted = _COUNTED.get(name) or _as_packaged(data["ssp_mass_remaining"])
            title = str(file.attrs.get("title", path.name))[:500]
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
    if name not in SSP_NAMES:
        data = in_our_units(path.name, data, units, lsun)
    wave, edges = data["ssp_wave"], data.get("ssp_wave_edges")
    if not (np.diff(wave) > 0).all():
        raise BadSSP(f"{path.name}: the wavelengths must be finite and ascend; sort them")
    if edges is not None and edges.shape == (wave.size + 1,):
        inside = (edges[:-1] <= wave) & (wave <= edges[1:])
        if not inside.all():
            k = int(np.argmin(inside))
            raise BadSSP(
                f"{path.name}: the wavelength {wave[k]:g} A is not inside its bin, {edges[k]:g} to "
                f"{edges[k + 1]:g} A; give ssp_wave_edges that enclose ssp_wave, or leave them out"
            )
    if name not in SSP_NAMES and all(
        np.isfinite(data[key]).all() and data[key].ndim == 1 and data[key].size > 1
        for key in ("ssp_lgmet", "ssp_lg_age_gyr", "ssp_wave")
    ):
        wave, ages, metals = data["ssp_wave"], data["ssp_lg_age_gyr"], data["ssp_lgmet"]
        check_stars(path.name, data["ssp_flux"], wave, ages, metals, lsun, units["ssp_lgmet"])
        if left is not None:
            check_masses(path.name, left, ages)
        if "ssp_feh" in data:
            check_iron(path.name, data["ssp_feh"], metals)
    alone = _without_remnants(path.name, counted, left)
    grid = SSPGrid.from_lnu(
        data["ssp_flux"],
        data["ssp_wave"],
        wave_edges=data.get("ssp_wave_edges"),
        name=name,
        # Libraries put their own solar abundance at [Fe/H] = 0; without one, PROVABGS's.
        feh=data.get("ssp_feh", data["ssp_lgmet"] - np.log10(SOLAR_Z)),
        lg_age_gyr=data["ssp_lg_age_gyr"],
        mass_remaining=left + remnant_mass(left) if left is not None and alone else left,
        mass_living=left if alone else None,
        lsun=lsun,
        provenance=title,
    )
    for array in (getattr(grid, name) for name in _NUMBERS):
        if array is not None:
            array.flags.writeable = False
    return _of_file(grid, sha256(path))


def _text(value):
    if np.size(value) == 1:  # IDL and MATLAB write one text as an array of one
        value = np.ravel(value)[0]
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip()


def _as_packaged(masses):
    """What masses count that are those of a packaged grid, whose files do not say it."""
    import h5py

    for name, counted in _COUNTED.items():
        with h5py.File(checked_path(f"ssp_{name}.h5")) as file:
            if np.array_equal(file["ssp_mass_remaining"][...], masses):
                return counted
    return ""


def _without_remnants(name, counted, left):
    """Whether the masses of a file are of living stars alone, by its attribute."""
    if left is None:
        return False
    if counted not in ("", _ALL, LIVING):
        raise BadSSP(
            f"{name}: the attribute mass_remaining is {counted[:60]!r}; it may be {_ALL!r} or "
            f"{LIVING!r}, to which remnants are added"
        )
    if not counted:
        warnings.warn(
            f"{name} does not say what ssp_mass_remaining counts: it is taken as {_ALL}. Set the "
            f"attribute mass_remaining of the file to {_ALL!r}, or to {LIVING!r}",
            stacklevel=2,
        )
    return counted == LIVING


def ssp_digest(file) -> str:
    """Hash of what an open SSP file says: its data sets, and the attributes that are used."""
    digest = hashlib.sha256()
    for key in _SSP_DATASETS + _SSP_OPTIONAL:
        if key in file:
            values = np.asarray(file[key][...], "<f8")
            digest.update(f"{key} {values.shape}".encode() + values.tobytes())
    for key in ("lsun_erg_s", "title"):
        digest.update(f"{key} {file.attrs.get(key)}".encode())
    return digest.hexdigest()
