"""Calibration of a posterior, as numbers.

A posterior is calibrated if, over many simulated galaxies, the true value falls below the
q-th percentile of its draws a fraction q of the time. The percentile score of a galaxy is
the share of draws below the truth; calibrated scores are uniform, and the Kolmogorov-Smirnov
distance of their distribution from uniform is the figure given.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.stats import kstest, kstwo

from sedflow.parameters import NAMES
from sedflow.posterior import AmortizedPosterior, load_posterior
from sedflow.simulation import simulate

__all__ = ["CalibrationReport", "calibrate", "percentile_scores"]


def percentile_scores(truth, draws, seed=0) -> np.ndarray:
    """Share (n, n_param) of draws (n, n_draw, n_param) below the truth (n, n_param).

    Ties (a parameter that the posterior pins to one value) are broken at random.
    """
    below = (draws < truth[:, None]).sum(1)
    equal = (draws == truth[:, None]).sum(1)
    u = np.random.default_rng(seed).random(below.shape)
    return (below + u * (equal + 1)) / (draws.shape[1] + 1)


@dataclass(frozen=True)
class CalibrationReport:
    """Percentile-score calibration of a posterior on simulated galaxies.

    names (n_param,), ks (n_param,) : KS distance from uniform; p_value (n_param,)
    band_95 : distance that 95 % of perfectly calibrated parameters stay below
    scores (n, n_param)
    tarp_atc, tarp_p_value : area between expected and nominal coverage above 0.5 (> 0: too
        wide, < 0: too narrow), and the KS p-value of the two, of the TARP test (Lemos et al.
        2023, arXiv:2302.03026) over all parameters at once, as sbi computes it
    """

    weights: str
    n: int
    n_draw: int
    seed: int
    names: tuple[str, ...]
    ks: np.ndarray
    p_value: np.ndarray
    band_95: float
    scores: np.ndarray
    tarp_atc: float
    tarp_p_value: float

    def to_dict(self) -> dict:
        """All but the scores, for JSON."""
        return {
            "weights": self.weights,
            "galaxies": self.n,
            "draws": self.n_draw,
            "seed": self.seed,
            "band_95": round(self.band_95, 4),
            "ks": dict(zip(self.names, self.ks.round(4).tolist(), strict=True)),
            "p_value": dict(zip(self.names, self.p_value.round(4).tolist(), strict=True)),
            "tarp": {"atc": round(self.tarp_atc, 4), "p_value": round(self.tarp_p_value, 4)},
        }

    def __str__(self):
        lines = [
            f"{self.weights}: {self.n} simulated galaxies, {self.n_draw} draws each, "
            f"seed {self.seed}",
            f"{'parameter':12} {'KS':>7} {'p':>7}",
        ]
        for name, ks, p in zip(self.names, self.ks, self.p_value, strict=True):
            lines.append(f"{name:12} {ks:7.4f} {p:7.3f}{'  outside' if ks > self.band_95 else ''}")
        lines.append(f"95 % of calibrated parameters stay below KS = {self.band_95:.4f}")
        lines.append(
            f"TARP, all parameters: ATC = {self.tarp_atc:+.3f}, p = {self.tarp_p_value:.3f}"
        )
        return "\n".join(lines)


def calibrate(
    posterior: AmortizedPosterior | None = None,
    n: int = 1000,
    n_draw: int = 1000,
    seed: int = 2022,
    progress=None,
) -> CalibrationReport:
    """Percentile scores of n simulated galaxies that the network has not seen.

    `progress(done, n)` is called after each galaxy.
    """
    posterior = posterior or load_posterior()
    truth, galaxies = simulate(n, seed=seed, prior=posterior.prior)
    draws = np.empty((n, n_draw, truth.shape[1]))
    for k in range(n):
        draws[k] = posterior.sample(galaxies[k], n=n_draw, seed=seed).theta
        if progress:
            progress(k + 1, n)
    scores = percentile_scores(truth, draws, seed)
    tests = [kstest(column, "uniform") for column in scores.T]
    atc, tarp_p = _tarp(posterior, truth, galaxies, min(n_draw, 500), seed)
    return CalibrationReport(
        weights=posterior.record["name"],
        n=n,
        n_draw=n_draw,
        seed=seed,
        names=NAMES,
        ks=np.array([t.statistic for t in tests]),
        p_value=np.array([t.pvalue for t in tests]),
        band_95=float(kstwo.ppf(0.95, n)),
        scores=scores,
        tarp_atc=atc,
        tarp_p_value=tarp_p,
    )


def _tarp(posterior, truth, galaxies, n_draw, seed):
    """TARP by sbi, through the network's sbi posterior, in the unbounded coordinates."""
    import torch
    from sbi.diagnostics import check_tarp, run_tarp

    torch.manual_seed(seed)
    x = torch.from_numpy(posterior.prior.to_unbounded(truth).astype(np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # sbi on the size of its batches
        ecp, alpha = run_tarp(
            x,
            posterior.context(galaxies),
            posterior.to_sbi(),
            num_posterior_samples=n_draw,
            show_progress_bar=False,
        )
    atc, p_value = check_tarp(ecp, alpha)
    return float(atc), float(p_value)
