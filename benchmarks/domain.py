"""How often `posterior.check` raises a false alarm, and what it detects, in one table.

    python benchmarks/domain.py                          # some minutes on one core
    python benchmarks/domain.py --galaxies 50 --json     # quick, for a program

Corrupted galaxies are simulated ones whose signal exceeds ten times the error in every band,
half of them, and galaxies of the NSA sample that `check` calls inside, the other half. Stars
and quasars get the errors usual at their flux (NSA), and the redshift of the galaxy whose r-band
flux they have.
"""

import argparse
import json
import time

import numpy as np

from sedflow import Photometry, load_nsa, load_posterior, simulate
from sedflow.bands import FLUX_UNIT, band_weights, load_band
from sedflow.model.simulation import nsa_noise
from sedflow.threads import use_threads

_MIN_SNR = 10.0
_WAVE_EDGES = np.arange(2900.0, 11600.0, 2.0)  # [A], past the ends of u and z
_CAUSES = {
    "range": {"redshift", "flux", "color", "magnitude"},
    "sigma": {"sigma"},
    "chi2": {"chi2"},
}


def blackbody(temperature):
    """F_lambda of a blackbody [arbitrary] at wavelengths [A]."""
    return lambda wave: wave**-5.0 / np.expm1(1.43877e8 / (wave * temperature))


def power_law(slope):
    """F_lambda of f_nu ~ nu^slope [arbitrary] at wavelengths [A]."""
    return lambda wave: wave ** (-2.0 - slope)


def band_ratios(spectrum, bands):
    """Fluxes (n_band,) of an observed spectrum, in units of that in r."""
    centre = 0.5 * (_WAVE_EDGES[1:] + _WAVE_EDGES[:-1])
    weights = band_weights([load_band(b) for b in bands], _WAVE_EDGES)
    flux = spectrum(centre) / FLUX_UNIT @ weights
    return flux / flux[bands.index("r")]


def good_galaxies(posterior, n, seed):
    """n galaxies with signal in every band: simulated, then of the NSA sample."""
    rng = np.random.default_rng(seed)
    _, mock = simulate(6 * n, seed=rng)
    mock = mock[(mock.flux > _MIN_SNR * mock.sigma).all(-1)][: n - n // 2]
    nsa = load_nsa()
    real = nsa.photometry(rng.choice(nsa.ids, 2 * n, replace=False))
    real = real[(real.flux > _MIN_SNR * real.sigma).all(-1)]
    real = real[posterior.check(real, draws=False).inside][: n // 2]
    return Photometry(
        np.concatenate([mock.flux, real.flux]),
        np.concatenate([mock.sigma, real.sigma]),
        np.concatenate([mock.redshift, real.redshift]),
        mock.bands,
    )


def offset(galaxies, magnitude, rng):
    """One random band of each galaxy off by this many magnitudes, up or down; and which."""
    n, n_band = galaxies.flux.shape
    band, rows = rng.integers(n_band, size=n), np.arange(n)
    factor = np.ones((n, n_band))
    factor[rows, band] = 10 ** (0.4 * magnitude * rng.choice([-1.0, 1.0], n))
    # The relative error stays, as where a magnitude is mistyped.
    return _with(galaxies, galaxies.flux * factor, galaxies.sigma * factor), band


def wrong_sigma(galaxies, factor, rng=None):
    """Errors times a factor: in one random band where `rng` is given, else in all."""
    factors = np.full(galaxies.sigma.shape, factor)
    if rng is not None:
        n, n_band = factors.shape
        factors = np.where(rng.integers(n_band, size=n)[:, None] == np.arange(n_band), factor, 1.0)
    return _with(galaxies, galaxies.flux, galaxies.sigma * factors)


def bluer(galaxies, magnitude, bands=("u", "g")):
    """Bands brighter by this: u by twice as much, so that u-g and g-r both turn bluer."""
    factor = np.ones(len(galaxies.bands))
    for steps, band in zip((2.0, 1.0), bands, strict=True):
        factor[galaxies.bands.index(band)] = 10 ** (0.4 * magnitude * steps)
    return _with(galaxies, galaxies.flux * factor, galaxies.sigma * factor)


def not_a_galaxy(galaxies, spectrum, rng):
    """The spectrum's colours at each galaxy's r-band flux and redshift, with usual errors."""
    r = galaxies.flux[:, [galaxies.bands.index("r")]]
    true_flux = r * band_ratios(spectrum, galaxies.bands)
    sigma = 10 ** -nsa_noise().residual(np.ones_like(true_flux), true_flux)
    return _with(galaxies, true_flux + sigma * rng.standard_normal(sigma.shape), sigma)


def _with(galaxies, flux, sigma):
    return Photometry(flux, sigma, galaxies.redshift, galaxies.bands)


def cases(posterior, n, seed):
    """(name, galaxies, wrong band of each or None) of every row of the table."""
    rng = np.random.default_rng(seed + 1)
    nsa = load_nsa()
    yield "simulated galaxies", simulate(3 * n, seed=seed)[1], None
    yield "NSA galaxies", nsa.photometry(rng.choice(nsa.ids, n, replace=False)), None
    good = good_galaxies(posterior, n, seed + 2)
    yield "  with signal in all bands", good, None
    for magnitude in (0.3, 1.0, 3.0):
        galaxies, band = offset(good, magnitude, rng)
        yield f"one band off by {magnitude:g} mag", galaxies, band
    for factor in (10.0, 0.1, 0.01):
        yield f"sigma x {factor:g}, one band", wrong_sigma(good, factor, rng), None
        yield f"sigma x {factor:g}, all bands", wrong_sigma(good, factor), None
    for magnitude in (0.3, 1.0):
        yield f"u-g, g-r {magnitude:g} mag bluer", bluer(good, magnitude), None
    for kelvin in (3500, 6000, 10_000, 30_000):
        yield f"blackbody {kelvin:,} K", not_a_galaxy(good, blackbody(kelvin), rng), None
    for slope in (-0.5, 0.3, 1.0):
        galaxies = not_a_galaxy(good, power_law(slope), rng)
        yield f"power law nu^{slope:+g}", galaxies, None


def row(posterior, name, galaxies, wrong):
    """One row of the table, rates in percent."""
    start = time.perf_counter()
    check = posterior.check(galaxies)
    seconds = (time.perf_counter() - start) / len(galaxies)
    found = {
        by: float(100 * np.mean([bool(kinds & set(c)) for c in check.causes]))
        for by, kinds in _CAUSES.items()
    }
    named = None
    if wrong is not None and (by_chi2 := check.worst >= 0).any():
        named = float(100 * np.mean((check.worst == wrong)[by_chi2]))
    return {
        "case": name,
        "galaxies": len(galaxies),
        "outside": float(100 * np.mean(~check.inside)),
        **found,
        "named": named,
        "chi2_best": float(np.nanmedian(check.chi2_best)),
        "chi2_best_99": float(np.nanpercentile(check.chi2_best, 99)),
        "distance_above_2": float(100 * np.mean(check.distance > 2.0)),
        "seconds": seconds,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--galaxies", type=int, default=300, help="of each row [300]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    use_threads(1)
    posterior = load_posterior()
    rows = []
    if not options.json:
        print(
            f"{'%':28} {'outside':>8} {'range':>6} {'sigma':>6} {'chi2':>6} "
            f"{'named':>6} {'chi2 50':>9} {'chi2 99':>9} {'dist>2':>6} {'ms':>5}"
        )
    for case in cases(posterior, options.galaxies, options.seed):
        rows.append(r := row(posterior, *case))
        if not options.json:
            named = "" if r["named"] is None else f"{r['named']:.0f}"
            print(
                f"{r['case']:28} {r['outside']:8.1f} {r['range']:6.1f} {r['sigma']:6.1f} "
                f"{r['chi2']:6.1f} {named:>6} {r['chi2_best']:9.1f} "
                f"{r['chi2_best_99']:9.1f} {r['distance_above_2']:6.1f} {1e3 * r['seconds']:5.0f}",
                flush=True,
            )
    if options.json:
        print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
