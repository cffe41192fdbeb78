"""The monotonic rational-quadratic spline of Durkan et al. (2019, arXiv:1906.04032).

K bins between -bound and bound, the identity outside. The maps are those of zuko's
`MonotonicRQSTransform`, raw parameters and all; `tests/network/test_spline.py` holds them to
it. What differs is the layout: points lie along the last, contiguous axis and bins before it, so
that softmax, sums and searches run over whole vectors of points instead of eight numbers at a
time, and of the bins only those that hold the points are looked into. That is some five times
as fast (`benchmarks/speed.py`), in what was the larger part of a survey's time.
"""

import math

import torch

_LOG_SLOPE = -math.log(1e-3)  # largest log of a ratio of widths, of heights, or of a slope


class RationalQuadraticSpline:
    """One spline for each of m dimensions and n points, to be called on x (m, n).

    Parameters
    ----------
    raw : tensor (m, 3 K - 1, n)
        Unconstrained log widths (K) and log heights (K) of the bins, and log slopes (K - 1) at
        the knots between them. All zeros are the identity.
    bound : float
    """

    def __init__(self, raw: torch.Tensor, bound: float) -> None:
        self.bound = bound
        bins = (raw.shape[1] + 1) // 3
        sizes = raw[:, : 2 * bins].unflatten(1, (2, bins))
        self._sizes = torch.softmax(_tamed(sizes, 0.5 * _LOG_SLOPE), dim=2)
        self._ends = torch.cumsum(self._sizes, dim=2)  # of the bins, from 0 to 1
        self._log_slopes = raw[:, 2 * bins :]

    def __call__(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """y (m, n) and log dy/dx (m, n)."""
        place, inside, (x0, y0, width, height, slope, s0, s1) = self._bin_of(x, 0)
        z = (place - x0) / width
        mixed = z * (1.0 - z)
        below = slope + (s0 + s1 - 2.0 * slope) * mixed
        y = y0 + height * (slope * z * z + s0 * mixed) / below
        return self._outside(x, y, inside), _log_slope(z, mixed, below, slope, s0, s1, inside)

    def inverse(self, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x (m, n) that is carried to y (m, n), and log dy/dx (m, n) there."""
        place, inside, (x0, y0, width, height, slope, s0, s1) = self._bin_of(y, 1)
        rise = place - y0
        bend = s0 + s1 - 2.0 * slope
        a = height * (slope - s0) + rise * bend
        b = height * s0 - rise * bend
        c = -slope * rise
        root = torch.sqrt(torch.clamp(b * b - 4.0 * a * c, min=0.0))
        z = -2.0 * c / (b + root)
        mixed = z * (1.0 - z)
        below = slope + bend * mixed
        x = self._outside(y, x0 + z * width, inside)
        return x, _log_slope(z, mixed, below, slope, s0, s1, inside)

    def _bin_of(self, value, axis):
        """Where points lie, on the scale of 0 to 1, whether inside, and the bins they lie in."""
        place = 0.5 * (value / self.bound + 1.0)
        inside = (place > 0.0) & (place < 1.0)
        place = place.clamp(0.0, 1.0)  # keeps what is thrown away below finite, and its gradient
        last = self._sizes.shape[2] - 1
        k = (self._ends[:, axis] < place[:, None]).sum(1, keepdim=True).clamp(max=last)
        where = k[:, None].expand(-1, 2, -1, -1)
        size = self._sizes.gather(2, where)[:, :, 0]
        start = self._ends.gather(2, where)[:, :, 0] - size
        s0, s1 = (
            torch.where(edge, 0.0, self._log_slopes.gather(1, knot.clamp(0, last - 1)))[:, 0]
            for edge, knot in ((k == 0, k - 1), (k == last, k))
        )  # the outermost knots go on into the identity
        s0, s1 = torch.exp(_tamed(torch.stack([s0, s1]), _LOG_SLOPE))
        width, height = size.unbind(1)
        return place, inside, (*start.unbind(1), width, height, height / width, s0, s1)

    def _outside(self, value, place, inside):
        return torch.where(inside, self.bound * (2.0 * place - 1.0), value)


def _tamed(x, most):
    """x, but never beyond `most` in either direction."""
    return x / (1.0 + x.abs() / most)


def _log_slope(z, mixed, below, slope, s0, s1, inside):
    above = 2.0 * slope * mixed + s0 * (1.0 - z) ** 2 + s1 * z * z
    slope_there = slope * slope * above / (below * below)
    return torch.where(inside, torch.log(slope_there), 0.0)
