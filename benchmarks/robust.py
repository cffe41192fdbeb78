"""Mocks with one band off: is the right one named, and do the intervals hold?

    python benchmarks/robust.py --galaxies 100 --off 0.3     # ten minutes on a core

Simulated galaxies with the atlas' noise and signal-to-noise above --snr in r; one band at random
is made brighter or fainter by --off magnitudes. With --off 0 nothing is off. The bound is what the
ideal answer names: that of the likelihood which knows that exactly one band is off, and by how
much, but not which one and in which direction.
"""

import argparse
import warnings

import numpy as np
from scipy.special import logsumexp
from scipy.stats import norm

import sedflow
from sedflow.draws import Draws
from sedflow.sampling.importance import smooth
from sedflow.threads import use_threads

_NAMES = ("log_mstar", "log_sfr_100myr", "age_mw", "log_z_mw_solar", "tau_ism", "beta1", "a_v")


def ideal(draws, galaxy, prior, off):
    """Probabilities (n_band,) that a band is the one off by +-`off` mag, all else known."""
    times = 10 ** (0.4 * off * np.array([1, -1]))[:, None, None]
    good = norm.logpdf(galaxy.flux, draws.flux, galaxy.sigma)
    bad = norm.logpdf(galaxy.flux / times, draws.flux, galaxy.sigma) - np.log(times)
    each = good.sum(-1, keepdims=True) - good + logsumexp(bad, axis=0)
    log_target = prior.log_prob(draws.theta) + logsumexp(each, axis=-1)
    weights, _ = smooth(log_target - draws.log_density, prior.sfh, log_target)
    return weights @ np.exp(each - logsumexp(each, axis=-1, keepdims=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galaxies", type=int, default=100)
    parser.add_argument("--off", type=float, default=0.3)
    parser.add_argument("--snr", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=5)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    use_threads(1)
    network = sedflow.load_posterior()
    rng = np.random.default_rng(args.seed)
    truth, mocks = sedflow.simulate(
        40 * args.galaxies, args.seed, model=network.model, noise=network.noise
    )
    bright = np.flatnonzero(mocks.flux[:, 2] > args.snr * mocks.sigma[:, 2])[: args.galaxies]
    named = right = blamed = good = 0
    chances, inside, plain, best = [], [], [], []
    for k in bright:
        one = mocks[k]
        band = int(rng.integers(5))
        flux = np.array(one.flux)
        flux[band] *= 10 ** (0.4 * args.off * rng.choice([-1, 1]))
        galaxy = sedflow.Photometry(flux, one.sigma, one.redshift, one.bands)
        fit = sedflow.fit(galaxy, network, n=1000, seed=1, trust="weights")
        found = fit.robust()
        good += bool(found.fit.draws.importance.good())
        chances.append(found.off[one.bands[band]])
        if args.off:
            known = ideal(found.fit.draws, galaxy, network.prior, args.off)
            best.append((known.argmax() == band, known.max()))
        named += bool(found.band)
        right += found.band == one.bands[band]
        blamed += max(found.off, key=found.off.get) == one.bands[band]
        true = sedflow.fits.Fit(galaxy, Draws(truth[k][None]), network.model)
        for source, out in ((found.fit, inside), (fit, plain)):
            q = [source.quantile(name, [2.5, 16, 84, 97.5]) for name in _NAMES]
            at = [float(true.values(name)[0]) for name in _NAMES]
            out.append(
                [(a > x[1] and a < x[2], a > x[0] and a < x[3]) for a, x in zip(at, q, strict=True)]
            )
    n = len(bright)
    print(f"{n} mocks with S/N > {args.snr:g} in r, one band off by {args.off:g} mag")
    print(f"  weights pass: {100 * good / n:.0f} %")
    print(
        f"  a band is named (p > 0.5): {100 * named / n:.0f} %; of those, the right one: "
        f"{100 * right / max(named, 1):.0f} %"
    )
    print(f"  most probable band is the right one: {100 * blamed / n:.0f} %")
    if args.off:
        got, expected = 100 * np.mean(best, axis=0)
        print(f"  the ideal answer's is: {got:.0f} % (by its own probabilities {expected:.0f} %)")
    print(f"  probability of the band that is off, median: {np.median(chances):.2f}")
    for label, out in (("robust", inside), ("plain", plain)):
        share = 100 * np.mean(out, axis=(0, 1))
        print(
            f"  {label} intervals hold the truth: {share[0]:.1f} / {share[1]:.1f} %"
            f" (of 68 / 95, {len(_NAMES)} quantities)"
        )


if __name__ == "__main__":
    main()
