"""Build tests/site/golden.json.gz: the vectors that hold the static site's numerics to Python.

    python tools/build_site_golden.py

What the browser computes itself (weights, quantiles, chances, the verdict) is compared with what
sedflow computes from the same numbers. Base noise is not stored: `base_of` makes it from a seed.
"""

import gzip
import json
from pathlib import Path

import numpy as np
from scipy.special import chdtrc

import sedflow
from sedflow.draws import column_quantiles, weighted_quantile
from sedflow.sampling.edges import edges, edges_in_words
from sedflow.sampling.importance import smooth
from sedflow.sampling.verdict_decision import with_edges
from sedflow.sampling.verdict_steps import Ladder

OUT = Path(__file__).parents[1] / "tests" / "site" / "golden.json.gz"
N = 1000
LEVELS = (0.025, 0.16, 0.5, 0.84, 0.975)


def base_of(seed: int, n: int = N) -> np.ndarray:
    """Points (n, 11) of the network's base; the first is the probit of the mass's quantile."""
    return np.random.default_rng(seed).standard_normal((n, 11), dtype=np.float32)


def galaxies() -> dict[str, sedflow.Photometry]:
    """Galaxies whose verdicts differ: exact, exact with a band left out, approximate, misfit,
    and one whose errors no model is accurate to."""
    nsa = sedflow.load_nsa()
    whole = nsa.photometry(72)
    flux, sigma, z = whole.flux, whole.sigma, whole.redshift

    def typed(flux, sigma):
        return sedflow.Photometry(flux, sigma, z, whole.bands)

    partial = np.where(np.arange(5) == 0, np.nan, 1.0)
    blue = flux * np.array([4.0, 1.0, 1.0, 1.0, 1.0])
    far = nsa.photometry(34815)
    return {
        "exact": whole,
        "without u": typed(flux * partial, sigma * partial),
        "too narrow": typed(flux, sigma / 20),
        "impossible": typed(blue, sigma),
        "too precise": typed(flux, sigma / 1e4),
        "ruled out": sedflow.Photometry(far.flux, far.sigma, far.redshift, far.bands),
    }


class _Fixed:
    """A sampler whose draws are those of given base points."""

    def __init__(self, posterior, base):
        self._posterior, self._base = posterior, base
        self.prior, self.p_values = posterior.prior, posterior.p_values
        self.check, self.model = posterior.check, posterior.model

    def sample(self, galaxy, n=N, seed=None):
        return self._posterior.push(self._base[:n], galaxy)


def posterior_case(posterior, galaxy, seed: int) -> dict:
    """What Python makes of a galaxy and the base noise of a seed."""
    model = posterior.model
    ladder = Ladder(
        galaxy,
        _Fixed(posterior, base_of(seed, 5 * N)),
        model,
        posterior.prior,
        N,
        1,
        None,
        "weights",
    )
    draws = ladder.network()
    if draws is None:
        draws = ladder.given_up() if ladder.hopeless else ladder.uncorrected("weights")
    first = ladder.first
    verdict = with_edges(ladder.verdict(), first, posterior.prior)
    weights = np.full(N, 1 / N) if first.importance.ess == 0 else first.weights
    return {
        "flux": listed(galaxy.flux),
        "sigma": listed(galaxy.sigma),
        "redshift": float(galaxy.redshift),
        "seed": seed,
        "theta": first.theta.round(7).tolist(),
        "weights": [float(f"{w:.7g}") for w in weights],
        "quantiles": column_quantiles(first.theta, LEVELS, weights).tolist(),
        "shown": column_quantiles(draws.theta, LEVELS, draws.weights).tolist(),
        "k_hat": finite(first.importance.k_hat),
        "ess": float(first.importance.ess),
        "log_evidence": finite(first.importance.log_evidence),
        "kind": str(verdict.kind),
        "reason": str(verdict.reason),
        "warning": str(verdict.warning),
        "p_value": float(verdict.p_value),
        "p_calibrated": finite(verdict.p_calibrated),
    }


def smoothing_cases() -> list[dict]:
    """Log weights with short and long tails, with ties, and with draws that have no weight."""
    rng = np.random.default_rng(5)
    cases = [rng.normal(size=n) * spread for n in (60, 400) for spread in (0.2, 1.0, 3.0)]
    cases += [np.zeros(20), np.where(np.arange(50) % 3, rng.normal(size=50), -np.inf)]
    cases += [1e17 + rng.normal(size=30), np.full(8, -np.inf), np.repeat(rng.normal(size=40), 5)]
    out = []
    for log_weight in cases:
        weights, held = smooth(log_weight)
        out.append(
            {
                "log_weight": listed(log_weight),
                "weights": weights.tolist(),
                "ess": float(held.ess),
                "k_hat": finite(held.k_hat),
                "log_evidence": finite(held.log_evidence),
                "error": finite(held.log_evidence_error),
            }
        )
    return out


def quantile_cases() -> list[dict]:
    """Values of equal weight, with ties, and values of which a few have nearly all the weight."""
    rng = np.random.default_rng(6)
    out = []
    for power in (0.0, 1.0, 8.0):
        values = rng.normal(size=300).round(2 if power == 0 else 12)
        weights = rng.random(300) ** power
        weights /= weights.sum()
        levels = [0.0, 0.025, 0.16, 0.5, 0.84, 0.975, 1.0]
        found = weighted_quantile(values, levels, weights)
        out.append({"values": values.tolist(), "weights": weights.tolist(), "levels": levels})
        out[-1]["quantiles"] = found.tolist()
    return out


def edge_cases(prior) -> list[dict]:
    """Draws that lean on several edges, on one by weight alone, and on none."""
    rng = np.random.default_rng(7)
    theta = prior.sample(200, rng)
    leaning, few = theta.copy(), theta.copy()
    leaning[:120, [0, 9, 11]] = [12.45, 2.98, -1.99]
    leaning[50:110, 1:5] = [0.01, 0.01, 0.01, 0.97]
    few[:10, 10] = 2.99
    heavy = np.where(np.arange(200) < 10, 30.0, 1.0)
    cases = [(theta, np.ones(200)), (leaning, np.ones(200)), (few, heavy), (few, np.ones(200))]
    out = []
    for rows, weights in cases:
        share = weights / weights.sum()
        told = edges_in_words(edges(rows, share, prior))
        out.append({"theta": rows.ravel().tolist(), "weights": share.tolist(), "told": told})
    return out


def outside_cases(posterior) -> list[dict]:
    """Galaxies beyond each of the ranges of training, beyond several, and inside."""
    galaxy = sedflow.load_nsa().photometry(72)
    flux, sigma, z = galaxy.flux, galaxy.sigma, float(galaxy.redshift)
    one = np.ones(5)
    cases = [
        (flux, sigma, z),
        (flux, sigma, 0.0004),
        (flux, sigma, 0.31),
        (flux, sigma / 30, z),
        (flux, sigma / 1e4, z),
        (flux, flux * [0.05, 0.006, 0.02, 0.02, 0.01], z),
        (flux * [-1, 1, 1, 1, 1], sigma, z),
        (flux * [9, 1, 1, 1, 0.1], sigma, z),
        (flux * 1e5, sigma * 1e5, z),
        (flux * 1e-5, sigma * 1e-5, 0.002),
        (flux * [np.nan, 1, 1, 1, 1e3], sigma * [np.nan, 1, 1, 1, 1], z),
        (
            flux * [np.nan, np.nan, 1, np.nan, np.nan],
            sigma * [np.nan, np.nan, 1, np.nan, np.nan],
            z,
        ),
        (one * 1e-3, one * 0.5, 0.2),
    ]
    out = []
    for f, s, redshift in cases:
        known = sedflow.Photometry(np.asarray(f, float), s, redshift, galaxy.bands)
        told = list(posterior.domain.check(known, posterior.noise).reasons[()])
        out.append({"flux": listed(f), "sigma": listed(s), "redshift": redshift, "told": told})
    return out


def chance_cases() -> list[list[float]]:
    """Rows of degrees of freedom, chi-square, and its chance to be exceeded."""
    x = (0.01, 0.5, 1.0, 3.9, 8.1, 25.0, 300.0)
    return [[dof, v, float(chdtrc(dof, v))] for dof in range(1, 8) for v in x]


def listed(values) -> list:
    """A list for JSON, where null is what is not finite."""
    return [finite(v) for v in values]


def finite(value) -> float | None:
    """The number; None if it is not finite."""
    return float(value) if np.isfinite(value) else None


def golden() -> dict:
    """All vectors."""
    posterior = sedflow.load_posterior()
    found = enumerate(galaxies().items())
    return {
        "record_sha256": posterior.record_sha256,
        "levels": LEVELS,
        "posteriors": {n: posterior_case(posterior, g, k) for k, (n, g) in found},
        "smooth": smoothing_cases(),
        "quantiles": quantile_cases(),
        "chances": chance_cases(),
        "edges": edge_cases(posterior.prior),
        "outside": outside_cases(posterior),
    }


if __name__ == "__main__":
    OUT.parent.mkdir(exist_ok=True)
    content = json.dumps(golden(), separators=(",", ":")).encode()
    OUT.write_bytes(gzip.compress(content, 9, mtime=0))
