"""The distance between two posteriors of one galaxy, as numbers.

They are compared parameter by parameter (Wasserstein distance, shifts
of the quantiles) and in all at once, by how often a classifier can distinguish their draws
(classifier two-sample test, C2ST; Lopez-Paz & Oquab 2017, arXiv:1610.06545). Each figure has a
floor: what two halves of the reference itself come to.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import wasserstein_distance

from sedflow.draws import Draws, systematic, weighted_quantile
from sedflow.errors import SedflowError, check_kind
from sedflow.parameters import FREE_NAMES, HIGH, LOW, NAMES, index
from sedflow.settled import ByValue
from sedflow.whole_numbers import LARGEST_SEED, as_whole

_MOST = 2000  # draws of each side that the classifier is shown
_FEWEST = 100  # effective draws of each side, below which no figure means much
_FOLDS = 5
_SPLITS = 10  # of the reference into halves, over which the Wasserstein floor is averaged
_FREE = [index(name) for name in FREE_NAMES]


@dataclass(frozen=True, eq=False)
class Distance(ByValue):
    """How far draws are from reference draws of the same galaxy.

    names (12,)
    wasserstein (12,) : Wasserstein-1 distance, in standard deviations of the reference (in
        widths of the prior where the reference has no spread)
    wasserstein_floor (12,) : the same between two halves of the reference, each resampled to
        as many draws as are effective on the poorer side; mean over ten ways to halve it. Halves
        have half the draws, so equal posteriors come to some 0.7 of it
    shift (3, 12) : draws minus reference at the 16, 50 and 84 % points, in the same units
    c2st : share of draws that a classifier assigns to the right side; 0.5 if it cannot tell
    c2st_floor : the same between two halves of the reference
    n : draws of each side that the classifier was shown
    """

    names: tuple[str, ...]
    wasserstein: np.ndarray
    wasserstein_floor: np.ndarray
    shift: np.ndarray
    c2st: float
    c2st_floor: float
    n: int

    def to_dict(self) -> dict:
        """For JSON."""

        def by_name(values):
            return dict(zip(self.names, values.round(4).tolist(), strict=True))

        return {
            "draws": self.n,
            "wasserstein": by_name(self.wasserstein),
            "wasserstein_floor": by_name(self.wasserstein_floor),
            "shift": {
                q: by_name(row) for q, row in zip(("16", "50", "84"), self.shift, strict=True)
            },
            "c2st": round(self.c2st, 4),
            "c2st_floor": round(self.c2st_floor, 4),
        }

    def __str__(self):
        lines = [f"{'parameter':12} {'W1':>7} {'floor':>7} {'16 %':>7} {'50 %':>7} {'84 %':>7}"]
        for k, name in enumerate(self.names):
            shifts = " ".join(f"{value:+7.3f}" for value in self.shift[:, k])
            lines.append(
                f"{name:12} {self.wasserstein[k]:7.3f} {self.wasserstein_floor[k]:7.3f} {shifts}"
            )
        lines.append(
            f"C2ST, all parameters: {self.c2st:.3f} (floor {self.c2st_floor:.3f}), {self.n} draws "
            "each"
        )
        return "\n".join(lines)


def distance(a: Draws, b: Draws, seed: int = 0) -> Distance:
    """How far draws `a` are from the reference draws `b` of the same galaxy.

    Weights are respected. Chains count as many draws as their bulk ESS, if they come with it.

    Parameters
    ----------
    a, b : Draws of one galaxy
        At least 100 effective draws of `a`, and 200 of `b`.
    seed : int
        Of the halves, the resampling and the classifier.

    Raises
    ------
    SedflowError
        Too few effective draws, draws of more than one galaxy, or none at all.
    """
    rng = np.random.default_rng(as_whole("seed", seed, 0, LARGEST_SEED))
    theta = [_theta(a, "a"), _theta(b, "b")]
    # The population Monte Carlo of `mcmc` draws the mass anew for a state that stayed where it
    # was: draws that share all else come from one state, and count as one.
    states = np.concatenate(theta)[:, np.array(NAMES) != "log_mstar"]
    origin = np.split(np.unique(states, axis=0, return_inverse=True)[1], [a.n])
    weights = [np.full(d.n, 1 / d.n) if d.weights is None else d.weights for d in (a, b)]
    mean = weights[1] @ theta[1]
    scale = np.sqrt(weights[1] @ np.square(theta[1] - mean))
    scale = np.where(scale > 1e-12 * (HIGH - LOW), scale, HIGH - LOW)  # less is rounding
    ours, reference = (
        _Sample((t - mean) / scale, w, o) for t, w, o in zip(theta, weights, origin, strict=True)
    )
    effective = [_effective(ours, a), _effective(reference, b)]
    for name, draws, ess, fewest in zip(
        "ab", (a, b), effective, (_FEWEST, 2 * _FEWEST), strict=True
    ):
        if ess < fewest:
            raise SedflowError(
                f"draws {name} are {draws.n}, but only {ess:.0f} in effect, and a distance needs "
                f"{fewest}; make more draws"
            )
    n = int(min(effective[0], effective[1] / 2))
    shown = min(n, _MOST)
    halves = [reference.halves(rng) for _ in range(_SPLITS)]
    axes = _principal_axes(reference)
    return Distance(
        names=NAMES,
        wasserstein=np.array(
            [
                wasserstein_distance(x, y, ours.weights, reference.weights)
                for x, y in zip(ours.z.T, reference.z.T, strict=True)
            ]
        ),
        wasserstein_floor=np.mean([_wasserstein(x, y, n, rng) for x, y in halves], axis=0),
        shift=ours.quantiles() - reference.quantiles(),
        c2st=_c2st(ours, reference, shown, axes, rng),
        c2st_floor=_c2st(halves[0][0], halves[0][1], shown, axes, rng),
        n=shown,
    )


def _theta(draws, name):
    """Theta (n, 12) of the draws of one galaxy, checked."""
    check_kind(f"draws {name}", draws, Draws, "the draws of a fit, fit.draws")
    if draws.shape:
        raise SedflowError(
            f"draws {name} are of {int(np.prod(draws.shape))} galaxies; give those of one, "
            "draws.galaxy(i)"
        )
    weights = 0.0 if draws.weights is None else draws.weights
    if not (np.isfinite(draws.theta).all() and np.isfinite(weights).all()):
        raise SedflowError(f"draws {name} are not finite: the fit that made them failed; fit again")
    return draws.theta


@dataclass(frozen=True)
class _Sample:
    """Draws of one side.

    z (n, 12) : theta, less the mean of the reference, in its standard deviations
    weights (n,) : summing to 1
    origin (n,) : number of the state that each draw comes from, the same on both sides
    """

    z: np.ndarray
    weights: np.ndarray
    origin: np.ndarray

    def __getitem__(self, rows):
        weights = self.weights[rows]
        return _Sample(self.z[rows], weights / weights.sum(), self.origin[rows])

    def resampled(self, n, rng):
        """n draws of equal weight; evenly thinned where the weights were equal already."""
        return self[systematic(self.weights, n, rng)]

    def halves(self, rng):
        """Two samples that share no state."""
        states, state = np.unique(self.origin, return_inverse=True)
        first = (rng.permutation(states.size) < states.size // 2)[state]
        return self[first], self[~first]

    def quantiles(self):
        """The 16, 50 and 84 % points (3, 12)."""
        return weighted_quantile(self.z.T, (0.16, 0.5, 0.84), self.weights)


def _effective(sample, draws) -> float:
    """How many independent draws a sample is worth."""
    ess = round(1.0 / np.square(np.bincount(sample.origin, sample.weights)).sum(), 6)
    chains = draws.convergence
    return ess if chains is None else float(np.nanmin([ess, *chains.ess_bulk]))


def _wasserstein(a, b, n, rng):
    """Wasserstein distances (12,) of two samples, both resampled to n draws."""
    a, b = (np.sort(sample.resampled(n, rng).z, axis=0) for sample in (a, b))
    return np.abs(a - b).mean(0)


def _principal_axes(reference):
    """Matrix (11, 11) that turns free z into uncorrelated ones of unit variance."""
    covariance = np.cov(reference.z[:, _FREE].T, aweights=reference.weights)
    variance, axes = np.linalg.eigh(covariance)
    return axes / np.sqrt(np.maximum(variance, 1e-9))


def _c2st(a, b, n, axes, rng) -> float:
    """Accuracy of a classifier between n draws of each sample, cross-validated.

    Weights are met by resampling *with* replacement, which keeps the target; without, no draw
    could come twice however heavy it is, and the sample would be wider than its posterior. All
    copies of a draw, on either side, sit in one fold instead, so that none is classified by
    trees that have seen another.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    a, b = a.resampled(n, rng), b.resampled(n, rng)
    z = np.concatenate([a.z, b.z])[:, _FREE]
    states, state = np.unique(np.concatenate([a.origin, b.origin]), return_inverse=True)
    fold = rng.permutation(states.size)[state] % _FOLDS
    # Small trees, few of them: as strong as more or as an `MLPClassifier`, several times faster.
    # Trees cut across one axis at a time: those of theta, where the edges of the prior are, and
    # the principal ones, along which a shift of a narrow ridge is not hidden by its length.
    x, side = np.hstack([z, z @ axes]), np.repeat([0, 1], n)
    seed = int(rng.integers(2**31))
    trees = HistGradientBoostingClassifier(
        max_iter=30, max_leaf_nodes=6, early_stopping=False, random_state=seed
    )
    right = 0
    with threadpool_limits(1):
        for k in range(_FOLDS):
            test = fold == k
            trees.fit(x[~test], side[~test])
            right += (trees.predict(x[test]) == side[test]).sum()
    return float(right / (2 * n))
