"""A filter curve, and exact integrals over it.

The piecewise-linear curve is integrated exactly over each bin of a spectrum, so no flux is lost
however narrow or wide the bins are.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from sedflow.errors import UnknownBand
from sedflow.settled import ByValue
from sedflow.units import plain

#: Pieces of a curve, relative to their wavelength, below which slope times wavelength loses more
#: than five digits of the response. Those of the libraries are wider.
_NARROW = 3e-5

_LYMAN = 912.0  # [A], below which galaxies are dark


@dataclass(frozen=True, eq=False)
class Band(ByValue):
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
        for name, values in (("wavelength", wave), ("response", response)):
            values = values.view()
            values.flags.writeable = False  # the curve of a name is one for the whole process
            object.__setattr__(self, name, values)
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

    @cached_property
    def detail(self) -> float:
        """Width of the finest part that counts, in ln of the wavelength; of a single peak, its own.

        Twice the integral over the sum of all rises and falls, so that a comb is as fine as its
        teeth.
        """
        response = np.concatenate([[0.0], self.response, [0.0]])
        middle = (self.response[1:] + self.response[:-1]) / 2
        area = middle @ np.diff(np.log(self.wavelength))
        return float(2.0 * area / np.abs(np.diff(response)).sum())

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
