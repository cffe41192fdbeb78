"""Emission lines of the gas around young stars: luminosity, flux and equivalent width.

An SSP grid with gas holds its lines inside its wavelength bins, which is all that photometry
needs. The packaged table of such a grid has the strong lines one by one, on the same nodes, so
that a line follows from the same sums as the light: the same weights on the nodes, and the same
dust. Lines of stars in birth clouds are dimmed as those stars are.

The equivalent width is relative to the continuum of stars and gas beside the line, between 0.6
and 1.6 % of the wavelength away on either side, without the bins that hold a line. Absorption
lines of the stars are not subtracted: a spectrograph sees less by what they absorb.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from sedflow.errors import SedflowError, unknown
from sedflow.files.packaged import load_json, packaged_sum
from sedflow.model import cosmology
from sedflow.model.light import DustScreen, LightTable, Populations
from sedflow.model.ssp import SSPGrid
from sedflow.settled import ByValue

_Histories = Callable[[np.ndarray, np.ndarray], Populations]  # theta (n, 12), redshift (n,)

_GRID = "fsps-gas"  # the packaged grid with gas
_BESIDE = 0.006, 0.016  # ln wavelength from a line, where its continuum is
_CHUNK = 2000  # galaxies times lines at a time: 8 MB of scratch


@dataclass(frozen=True)
class LineTable:
    """Strong lines of an SSP grid with gas.

    names (n_line,) : the field's, with wavelengths in air: "H-alpha", "[O III] 5007"
    wavelength (n_line,) : rest frame, vacuum [A]
    luminosity (n_met, n_age, n_line) : on the nodes of the grid [Lsun/Msun formed]
    every (n,) : wavelengths of all lines that the grid has, the weak ones too
    """

    names: tuple[str, ...]
    wavelength: np.ndarray
    luminosity: np.ndarray
    every: np.ndarray

    def index(self, name: str) -> int:
        """Number of a line.

        Raises
        ------
        UnknownName
            No such line; the message lists those that there are.
        """
        if name not in self.names:
            raise unknown("line", name, self.names)
        return self.names.index(name)


@dataclass(frozen=True, eq=False)
class EmissionLines(ByValue):
    """Lines of galaxies: a batch (...) of n_line each.

    names (n_line,) : as in `LineTable`
    wavelength (n_line,) : rest frame, vacuum [A]
    luminosity (..., n_line) : that leaves the galaxy [erg/s]
    flux (..., n_line) : [erg/s/cm2]
    equivalent_width (..., n_line) : rest frame, positive in emission [A]
    """

    names: tuple[str, ...]
    wavelength: np.ndarray
    luminosity: np.ndarray
    flux: np.ndarray
    equivalent_width: np.ndarray

    def reshaped(self, shape: tuple[int, ...]) -> "EmissionLines":
        """The same lines of a batch of another shape."""
        parts = (self.luminosity, self.flux, self.equivalent_width)
        return EmissionLines(
            self.names, self.wavelength, *(v.reshape(*shape, len(self.names)) for v in parts)
        )

    def __getitem__(self, name: str) -> dict[str, np.ndarray]:
        """Luminosity, flux and equivalent width (...) of one line, by name."""
        if name not in self.names:
            raise unknown("line", name, self.names)
        k = self.names.index(name)
        parts = ("luminosity", "flux", "equivalent_width")
        return {part: getattr(self, part)[..., k] for part in parts}


@dataclass(frozen=True)
class LineMarks:
    """Lines of one galaxy as a figure shows them.

    names (n_line,), wavelength (n_line,) : as in `EmissionLines`
    flux, width (n_line,) or (3, n_line) : flux [erg/s/cm2] and rest-frame equivalent width [A],
        or 16, 50 and 84 % of them
    """

    names: Sequence[str]
    wavelength: np.ndarray
    flux: np.ndarray
    width: np.ndarray


@cache
def _packaged_table() -> dict:
    return load_json(f"lines_{_GRID}.json")


def line_table(grid: SSPGrid) -> LineTable | None:
    """The strong lines of a grid; None for grids without gas, and for those not packaged."""
    if grid.sha256 != packaged_sum(f"ssp_{_GRID}.h5"):
        return None
    about = _packaged_table()
    ages = np.asarray(about["lg_age_gyr"])
    row = np.searchsorted(ages, grid.lg_age_gyr + 1e-6, side="right") - 1
    values = np.asarray(about["luminosity"])[:, np.clip(row, 0, None)]
    values[:, (row < 0) | (grid.lg_age_gyr > ages[-1] + 1e-6)] = 0.0
    return LineTable(
        names=tuple(about["names"]),
        wavelength=np.asarray(about["wavelengths"]),
        luminosity=values,
        every=np.asarray(about["all_wavelengths"]),
    )


def line_wavelength(name: str) -> float:
    """Wavelength of a strong line, rest frame, vacuum [A].

    Raises
    ------
    UnknownName
    """
    about = _packaged_table()
    if name not in about["names"]:
        raise unknown("line", name, about["names"])
    return float(about["wavelengths"][about["names"].index(name)])


class LineLight:
    """Light of some lines and of the continuum beside them, on the nodes of a grid.

    Parameters
    ----------
    light : LightTable
        Of the model: its grid, and its birth clouds.
    table : LineTable
    names : sequence of str
    """

    def __init__(self, light: LightTable, table: LineTable, names: Sequence[str]):
        rows = [table.index(name) for name in names]
        self.names, self.wavelength = tuple(names), table.wavelength[rows]
        self._lsun, self._places, self._n_old = light.grid.lsun, light.places, len(light.old)
        sides = [_beside(light.grid, wave, table.every) for wave in self.wavelength]
        blue, red = (np.stack([side[k][1] for side in sides], axis=-1) for k in (0, 1))
        low, high = (np.array([side[k][0] for side in sides]) for k in (0, 1))
        self._share = (self.wavelength - low) / (high - low)
        columns = np.concatenate([table.luminosity[..., rows], blue, red], axis=-1)
        by_node = columns.transpose(1, 0, 2).reshape(self._n_old, -1)
        self._by_node = np.concatenate([by_node, by_node[: len(light.young)]])
        self._dust = DustScreen(np.concatenate([self.wavelength, low, high]))

    def __call__(self, pop: Populations, theta, dust: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Lines [Lsun] and continuum [Lsun/A], (n, n_line), per solar mass formed."""
        n = len(theta)
        place, mass = (np.moveaxis(v, 0, 1).reshape(n, -1) for v in self._places(pop))
        in_cloud = place >= self._n_old
        shares = np.stack([mass * in_cloud, mass * ~in_cloud], axis=1)
        young, old = np.moveaxis(shares @ self._by_node[place], 1, 0)
        light = self._dust.dim(young, old, theta) if dust else young + old
        lines, blue, red = np.split(light, 3, axis=-1)
        return lines, blue + self._share * (red - blue)

    def of(self, populations: _Histories, theta, redshift, dust: bool = True) -> EmissionLines:
        """The lines of galaxies: theta (n, 12), redshift (n,), and the model's `populations`."""
        luminosity, width = np.empty((2, len(theta), len(self.names)))
        step = max(_CHUNK // max(len(self.names), 1), 1)
        for i in range(0, len(theta), step):
            rows = slice(i, i + step)
            line, continuum = self(populations(theta[rows], redshift[rows]), theta[rows], dust)
            width[rows] = line / np.maximum(continuum, 1e-99)
            luminosity[rows] = line * (10 ** theta[rows, :1] * self._lsun)
        area = 4 * np.pi * cosmology.luminosity_distance_cm(redshift) ** 2
        flux = luminosity / area[:, None]
        return EmissionLines(self.names, self.wavelength, luminosity, flux, width)


class GridLines:
    """The lines of a model's grid, if it has any; `names` is () if not.

    light : LightTable, that of the model
    """

    def __init__(self, light: LightTable):
        self._light = light
        self._made: dict[tuple[str, ...], LineLight] = {}
        self._table = line_table(light.grid)
        self.names = () if self._table is None else self._table.names

    def __call__(
        self, populations: _Histories, theta, redshift, names=None, dust: bool = True
    ) -> EmissionLines:
        """`LineLight.of` some lines, or of all.

        Raises
        ------
        SedflowError, UnknownName
        """
        if self._table is None:
            raise SedflowError(
                f"the SSP grid {self._light.grid.name!r} has no table of emission lines; use the "
                f"packaged grid with gas, SEDModel({_GRID!r})"
            )
        names = self.names if names is None else tuple(names)
        if names not in self._made:
            self._made[names] = LineLight(self._light, self._table, names)
        return self._made[names].of(populations, theta, redshift, dust)


def _beside(grid, wave, every):
    """Wavelength and mean light (n_met, n_age) of the continuum on both sides of a line."""
    holds_line = np.zeros(grid.wave.size + 2, dtype=bool)
    holds_line[np.searchsorted(grid.wave_edges, every)] = True
    off = np.log(grid.wave / wave)
    sides = []
    for sign in (-1, 1):
        near = (sign * off > _BESIDE[0]) & (sign * off < _BESIDE[1]) & ~holds_line[1:-1]
        sides.append((grid.wave[near].mean(), grid.luminosity[..., near].mean(-1)))
    return sides
