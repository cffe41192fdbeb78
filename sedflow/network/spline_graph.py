"""The rational-quadratic spline of `spline` as nodes of an ONNX graph.

Points lie along the last axis, bins along the one before: values are (m, 1, 1, n), knots
(m, 2, K, n), widths before heights. Sums of the bins' sizes are a product with a triangle of
ones, and are normalised only where a point lies.
"""

import math

import numpy as np

from sedflow.network.onnx_nodes import Nodes

_LOG_SLOPE = -math.log(1e-3)  # as in `spline`


class Spline:
    """One spline for each of m dimensions and n points, as `RationalQuadraticSpline`.

    sizes (m, 2, K, n) : unconstrained log widths and log heights; slopes (m, 1, K - 1, n)
    """

    def __init__(self, nodes: Nodes, sizes: str, slopes: str, bins: int, bound: float) -> None:
        self.nodes, self.bins, self.bound = nodes, bins, bound
        self._sizes = nodes("Exp", self._tamed(sizes, 0.5 * _LOG_SLOPE))
        self._ends = nodes("MatMul", np.tri(bins), self._sizes)
        self._total = nodes("Slice", self._ends, [bins - 1], [bins], [2])
        self._slopes = nodes("Pad", slopes, [0, 0, 1, 0, 0, 0, 1, 0])  # on into the identity

    def to_base(self, x: str) -> tuple[str, str]:
        """y and log dy/dx, both (m, 1, 1, n)."""
        do = self.nodes
        place, inside, (x0, y0, width, height, slope, s0, s1) = self._bin_of(x, 0)
        z = do("Div", do("Sub", place, x0), width)
        mixed = do("Mul", z, do("Sub", 1.0, z))
        below = do("Add", slope, do("Mul", self._bend(slope, s0, s1), mixed))
        rise = do("Add", do("Mul", slope, do("Mul", z, z)), do("Mul", s0, mixed))
        y = do("Add", y0, do("Div", do("Mul", height, rise), below))
        return self._outside(x, y, inside), self._log_slope(z, mixed, below, slope, s0, s1, inside)

    def to_x(self, y: str) -> tuple[str, str]:
        """x that is carried to y, and log dy/dx there, both (m, 1, 1, n)."""
        do = self.nodes
        place, inside, (x0, y0, width, height, slope, s0, s1) = self._bin_of(y, 1)
        rise = do("Sub", place, y0)
        bend = self._bend(slope, s0, s1)
        bent, up = do("Mul", rise, bend), do("Mul", rise, slope)
        a = do("Add", do("Mul", height, do("Sub", slope, s0)), bent)
        b = do("Sub", do("Mul", height, s0), bent)
        square = do("Add", do("Mul", b, b), do("Mul", 4.0, do("Mul", a, up)))
        root = do("Sqrt", do("Relu", square))
        z = do("Div", do("Mul", 2.0, up), do("Add", b, root))
        mixed = do("Mul", z, do("Sub", 1.0, z))
        below = do("Add", slope, do("Mul", bend, mixed))
        x = self._outside(y, do("Add", x0, do("Mul", z, width)), inside)
        return x, self._log_slope(z, mixed, below, slope, s0, s1, inside)

    def _tamed(self, x, most):
        """x, but never beyond `most` in either direction."""
        do = self.nodes
        return do("Div", x, do("Add", do("Mul", do("Abs", x), 1.0 / most), 1.0))

    def _bin_of(self, value, axis):
        """Where points lie, on the scale of 0 to 1, whether inside, and the bins they lie in."""
        do = self.nodes
        place = do("Add", do("Mul", value, 0.5 / self.bound), 0.5)
        place = do("Clip", place, 0.0, 1.0)
        inside = do("Less", do("Abs", value), self.bound)
        ends, total = (do("Slice", v, [axis], [axis + 1], [1]) for v in (self._ends, self._total))
        passed = do("Cast", do("Less", ends, do("Mul", place, total)), to=1)
        count = do("ReduceSum", passed, [2], keepdims=1)
        k = do("Cast", do("Min", count, float(self.bins - 1)), to=7)
        both = do("Concat", k, k, axis=1)
        size, end = (do("GatherElements", v, both, axis=2) for v in (self._sizes, self._ends))
        start = do("Div", do("Sub", end, size), self._total)
        width, height = do("Split", do("Div", size, self._total), n=2, axis=1, num_outputs=2)
        x0, y0 = do("Split", start, n=2, axis=1, num_outputs=2)
        knots = do("Concat", k, do("Add", k, 1), axis=2)
        slopes = do(
            "Exp", self._tamed(do("GatherElements", self._slopes, knots, axis=2), _LOG_SLOPE)
        )
        s0, s1 = do("Split", slopes, n=2, axis=2, num_outputs=2)
        return place, inside, (x0, y0, width, height, do("Div", height, width), s0, s1)

    def _bend(self, slope, s0, s1):
        do = self.nodes
        return do("Sub", do("Add", s0, s1), do("Mul", 2.0, slope))

    def _outside(self, value, place, inside):
        do = self.nodes
        scaled = do("Sub", do("Mul", place, 2.0 * self.bound), self.bound)
        return do("Where", inside, scaled, value)

    def _log_slope(self, z, mixed, below, slope, s0, s1, inside):
        do = self.nodes
        rest = do("Sub", 1.0, z)
        above = do("Mul", do("Mul", 2.0, slope), mixed)
        above = do("Add", above, do("Mul", s0, do("Mul", rest, rest)))
        above = do("Add", above, do("Mul", s1, do("Mul", z, z)))
        ratio = do("Div", slope, below)
        there = do("Mul", do("Mul", ratio, ratio), above)
        return do("Where", inside, do("Log", there), 0.0)
