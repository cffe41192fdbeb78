"""Posteriors of the second rung beside draws of the prior, in bands beside the network's.

    python benchmarks/second_rung.py --mocks 6 --seeds 3 --draws 1000000   # half an hour of a core

Mocks of the prior, at redshifts of 0.01 to 0.1, have one signal-to-noise in all bands, of which
the network knows some: the network's draws are far from the posterior, and adaptive importance
sampling does the work. Nothing of it is in the other answer: the model's fluxes at draws of the
prior, with the mass integrated on a grid. Compared are the log evidence, with both errors, that of
the scouts, and the share of the posterior whose burst is in the last gigayear, a mode that is
easily lost.
"""

import argparse
import os
import warnings

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from scipy.special import logsumexp

import sedflow
from sedflow.draws import Draws
from sedflow.parameters import PARAMETERS, index
from sedflow.sampling.mcmc import explore
from sedflow.threads import use_threads

_BANDS = ("grJH", "ugrJ", "grizH", "rJ")
_NOISE = (40.0, 60.0, 100.0)
_MASS, _BURST = index("log_mstar"), index("t_burst")
_BLOCK = 50_000
_NODES = np.linspace(-6.0, 6.0, 49)  # standard deviations of the amplitude of the light


def mocks(n, posterior, seed):
    """Galaxies with bands and signal-to-noise in turn, and their masses inside the prior."""
    rng = np.random.default_rng(seed)
    out = []
    for k in range(n):
        bands, ratio = tuple(_BANDS[k % len(_BANDS)]), _NOISE[k % len(_NOISE)]
        theta = posterior.prior.sample(1, rng)
        theta[:, _MASS] = rng.uniform(9.0, 11.0)
        z = rng.uniform(0.01, 0.1)
        flux = posterior.model.photometry(theta, z, bands)[0]
        sigma = flux / ratio
        noisy = flux + sigma * rng.standard_normal(len(bands))
        out.append(sedflow.Photometry(noisy, sigma, z, bands))
    return out


def by_the_prior(galaxy, model, prior, n, seed):
    """Log evidence, its error, and the share with a burst in the last Gyr, by n draws."""
    rng = np.random.default_rng(seed)
    low, high = PARAMETERS[_MASS].low, PARAMETERS[_MASS].high
    logs, recent = [], []
    for start in range(0, n, _BLOCK):
        theta = prior.sample(min(_BLOCK, n - start), rng)
        theta[:, _MASS] = 10.0
        logs.append(_over_masses(Draws(theta).with_flux(galaxy, model).flux, galaxy, low, high))
        recent.append(theta[:, _BURST] < 1.0)
    log_like, recent = np.concatenate(logs), np.concatenate(recent)
    top = log_like.max()
    weights = np.exp(log_like - top)
    mean, share = weights.mean(), weights[recent].sum() / weights.sum()
    return np.log(mean) + top, weights.std() / mean / np.sqrt(n), share


def _over_masses(flux, galaxy, low, high):
    """Log of the likelihood (n,), integrated over masses that are as probable from low to high.

    flux (n, n_band) : of 10^10 solar masses
    """
    scaled, data = flux / galaxy.sigma, galaxy.flux / galaxy.sigma
    square = np.square(scaled).sum(1)
    best, width = scaled @ data / square, 1 / np.sqrt(square)
    amplitude = np.maximum(best[:, None] + width[:, None] * _NODES, 1e-12 * width[:, None])
    mass = 10 + np.log10(amplitude)
    chi2 = np.square(data).sum() - np.square(best) * square
    log_like = -0.5 * (chi2[:, None] + np.square((amplitude - best[:, None]) / width[:, None]))
    inside = (mass > low) & (mass < high)
    log_prior = -np.log(amplitude * np.log(10) * (high - low))
    step = np.log(width * (_NODES[1] - _NODES[0]))[:, None]
    values = np.where(inside, log_like + log_prior + step, -np.inf)
    norm = np.log(galaxy.sigma).sum() + 0.5 * len(data) * np.log(2 * np.pi)
    return logsumexp(values, axis=1) - norm


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mocks", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=3, help="fits of each mock")
    parser.add_argument("--draws", type=int, default=1_000_000, help="of the prior")
    parser.add_argument("--weights", default="nsa-ugriz-fsps")
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    use_threads(1)
    posterior = sedflow.load_posterior(options.weights)
    model, prior = posterior.model, posterior.prior
    pulls, passed, shares, scouts = [], 0, [], []
    for k, galaxy in enumerate(mocks(options.mocks, posterior, options.seed)):
        exact, error, share = by_the_prior(galaxy, model, prior, options.draws, 1000 + k)
        ratio = float(np.median(galaxy.flux / galaxy.sigma))
        print(
            f"{' '.join(galaxy.bands)}, S/N {ratio:.0f}: log evidence {exact:.2f} ± {error:.2f}, "
            f"burst in the last Gyr {100 * share:.0f} %",
            flush=True,
        )
        for seed in range(1, options.seeds + 1):
            fit = sedflow.fit(galaxy, posterior, n=1000, seed=seed, trust="proposals")
            verdict = fit.verdict
            found, stated = verdict.log_evidence, verdict.log_evidence_error
            mine = (np.asarray(fit.draws.theta)[:, _BURST] < 1.0) @ fit.draws.weights
            passed += bool(verdict.exact)
            pulls.append((found - exact) / np.hypot(error, stated))
            shares.append(mine - share)
            many = not verdict.inside
            scouts.append(explore(galaxy, model, prior, seed, many)[1] - exact)
            print(
                f"  {verdict.kind}: {found:.2f} ± {stated:.2f}, {pulls[-1]:+.1f}; "
                f"{100 * mine:.0f} %",
                flush=True,
            )
    pulls, shares = np.array(pulls), 100 * np.array(shares)
    print(
        f"{passed} of {len(pulls)} fits are exact; log evidence minus that of the prior's draws, "
        f"in both errors: mean {pulls.mean():+.1f}, root mean square "
        f"{np.sqrt(np.mean(pulls**2)):.1f}; share of the burst: mean {shares.mean():+.1f}, "
        f"root mean square {np.sqrt(np.mean(shares**2)):.1f} points; log evidence of the scouts: "
        f"mean {np.mean(scouts):+.2f}, standard deviation {np.std(scouts):.2f}, {max(scouts):+.2f} "
        "at most"
    )


if __name__ == "__main__":
    main()
