"""Draws for another prior than the network's, where the ratio of the two has a heavy tail.

From the flat prior of the history to the published one, the weight of a draw goes as
u^(-2/3), with u uniform under the flat prior: its variance is infinite. So the network's flow is
read through a prior whose last percents at that edge are stretched as the new prior has them: the
bulk of the draws stays where the network puts it, and in the tail the weights are bounded.
"""

import numpy as np
import numpy.typing as npt

from sedflow.parameters import STICKS, Prior

#: Draws made of a stretched posterior: an eighth of them are effective.
DRAWS = 20_000
#: Effective draws that they must leave: with 5,000 draws and 400 effective ones, the log evidence
#: was 0.06 too low in the mean.
ENOUGH = 1000.0
_EDGE = 0.02  # of the uniform variable, below which it is stretched


class Stretched(Prior):
    """A prior that has the tail of another one towards empty old bins of the history.

    Of each uniform variable u_k = z_k^p of `prior`, what lies below 0.02 is raised to the power
    that gives z_k the density of `other` there.
    """

    def __init__(self, prior: Prior, other: Prior) -> None:
        super().__init__(prior.sfh)
        vars(self)["sfh"] = f"{prior.sfh}, stretched to {other.sfh}"
        self._base = prior
        self._power = np.maximum(prior.stick_power / other.stick_power, 1.0)

    def from_unit(self, u: npt.ArrayLike) -> np.ndarray:
        """Theta (..., 12) at the point `u` (..., 11) of the unit cube."""
        return self._base.from_unit(self._raised(u, self._power))

    def to_unit(self, theta: npt.ArrayLike) -> np.ndarray:
        """Point (..., 11) of the unit cube at which theta (..., 12) lies."""
        return self._raised(self._base.to_unit(theta), 1.0 / self._power)

    def log_prob(self, theta: npt.ArrayLike) -> np.ndarray:
        """Natural log of the density in the 11 dimensions `FREE_NAMES`; -inf outside."""
        at = np.maximum(self._base.to_unit(theta)[..., STICKS], 1e-300)
        slope = (1.0 / self._power - 1.0) * np.log(at / _EDGE) - np.log(self._power)
        return self._base.log_prob(theta) + np.where(at < _EDGE, slope, 0.0).sum(-1)

    @staticmethod
    def _raised(u, power):
        u = np.array(u, dtype=float)
        low = u[..., STICKS]
        u[..., STICKS] = np.where(low < _EDGE, _EDGE * (low / _EDGE) ** power, low)
        return u
