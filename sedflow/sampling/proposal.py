"""A proposal of adaptive importance sampling: a mixture of Student-t, and of the prior."""

import warnings

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

from sedflow.constants import LOG_2PI
from sedflow.draws import systematic
from sedflow.model.simulation import RECENT
from sedflow.parameters import FREE_NAMES

_DOF = 5.0  # of the tails
_COMPONENTS = 3
_NARROW = 0.5  # of them as narrow as what they were fitted to, the others wider
_LEAST_VARIANCE = 1e-5  # of a component: modes can be a hundredth of the prior's width
_OF_PRIOR = 0.05  # of the draws; and as many again of the prior with a recent burst
_LEARN_FROM = 2000  # points to which it is fitted
_MASS, _T_BURST = FREE_NAMES.index("log_mstar"), FREE_NAMES.index("t_burst")


class Proposal:
    """Mixture of Student-t fitted to points u (n, 11) of some weights (n,), and of the prior.

    u are the coordinates of `adaptive.adapt`. The prior's share bounds the weights: they cannot
    exceed the likelihood over what it adds; half of it has recent bursts, of which the prior has
    few and a posterior may have many. Nothing is learned of the mass: given the others and the
    data, its u is normal in the prior and in the posterior.
    """

    def __init__(self, u: np.ndarray, weights: npt.ArrayLike, rng: np.random.Generator) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        points = np.delete(u[systematic(np.asarray(weights), _LEARN_FROM, rng)], _MASS, axis=-1)
        mixture = GaussianMixture(
            _COMPONENTS,
            reg_covar=_LEAST_VARIANCE,
            max_iter=30,
            random_state=int(rng.integers(2**31)),
        )
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore", ConvergenceWarning)  # any mixture will do
            mixture.fit(points)
        whole = np.cov(points.T)  # a little of it in each part keeps the tails covered
        wide = [0.9 * cov + 0.1 * whole for cov in mixture.covariances_]
        learned = (1 - 2 * _OF_PRIOR) * mixture.weights_
        self._shares = np.concatenate(
            [_NARROW * learned, (1 - _NARROW) * learned, [_OF_PRIOR, _OF_PRIOR]]
        )
        from scipy.stats import multivariate_normal, multivariate_t  # slow to import

        self._parts = [
            multivariate_t(mean, cov, _DOF)
            for mean, cov in zip(
                [*mixture.means_, *mixture.means_], [*mixture.covariances_, *wide], strict=True
            )
        ]
        usual = np.zeros(u.shape[-1])
        recent = usual.copy()
        recent[_T_BURST] = RECENT
        self._parts += [multivariate_normal(np.delete(at, _MASS)) for at in (usual, recent)]

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draws u (n, 11)."""
        counts = rng.multinomial(n, self._shares)
        drawn = np.concatenate(
            [
                np.reshape(part.rvs(count, random_state=rng), (count, -1))
                for part, count in zip(self._parts, counts, strict=True)
                if count
            ]
        )
        return np.insert(drawn, _MASS, rng.standard_normal(n), axis=-1)

    def log_prob(self, u: np.ndarray) -> np.ndarray:
        """Log density (n,) at u (n, 11)."""
        shape, mass = np.delete(u, _MASS, axis=-1), u[:, _MASS]
        parts = [
            np.log(share) + part.logpdf(shape)
            for share, part in zip(self._shares, self._parts, strict=True)
        ]
        return logsumexp(parts, axis=0) - 0.5 * (np.square(mass) + LOG_2PI)
