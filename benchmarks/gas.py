"""What the lines of gas do to fits: leave-one-band-out pulls with and without them.

    python benchmarks/gas.py --galaxies 40 --out runs/gas.jsonl     # a rerun goes on
    python benchmarks/gas.py --report --out runs/gas.jsonl          # the tables of docs/gas.md

Galaxies of the packaged NSA sample, as many in each bin of colour and redshift, are fitted on
both grids: in all bands, and without each band of `--bands`, which the others then predict. A
pull is (data - prediction) / sqrt(error^2 + variance of the prediction). The sample ends at z =
0.05. So for each galaxy one is simulated, too: the draw of the prior with gas, at any redshift
from 0.01 to 0.2, that looks most like it in all bands but i, with its relative errors.

The draws are those of a network without gas, weighted to the exact posterior of either grid; a
fit counts where its weights pass, by adaptive importance sampling if needed.
"""

import argparse
import json
import os
import warnings
from itertools import product
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

import sedflow
from sedflow.draws import galaxy_rng
from sedflow.model.sed import default_model
from sedflow.photometry import Photometry
from sedflow.threads import use_threads

GRIDS = ("fsps", "fsps-gas")
COLOR = 0.65  # g - r between blue and red
REDSHIFTS = (0.0, 0.02, 0.035, 0.06, 0.15, 0.2)
HALFWAY = 0.06  # redshift from which H-alpha is well inside i
MOCKS = 0.01, 0.2  # redshifts
N_PRIOR = 4000  # draws of the prior, of which one is like a galaxy of the atlas
QUANTITIES = ("log_mass_surviving", "log_sfr_100myr", "log_z_mw_solar", "a_v", "age_mw", "tau_bc")


def bins_of(color, redshift):
    """Number of the bin (...) of galaxies; -1 outside."""
    place = np.digitize(redshift, REDSHIFTS) - 1
    inside = (place >= 0) & (place < len(REDSHIFTS) - 1) & np.isfinite(color)
    return np.where(inside, 2 * place + (color >= COLOR), -1)


def chosen(nsa, per_bin):
    """NSAIDs of the sample, as many in each bin."""
    galaxies = nsa.photometry(nsa.ids)
    g, r = (galaxies.magnitude[:, galaxies.bands.index(b)] for b in "gr")
    places = bins_of(g - r, galaxies.redshift)
    rng = np.random.default_rng(22)
    ids = [rng.permutation(nsa.ids[places == k])[:per_bin] for k in range(2 * len(REDSHIFTS) - 2)]
    # One of each bin in turn, so that a run that is cut short has some of all.
    turns = [column[k] for k in range(per_bin) for column in ids if k < len(column)]
    return [int(one) for one in turns]


def without(galaxy, band):
    """The galaxy with one band absent."""
    flux, sigma = galaxy.flux.copy(), galaxy.sigma.copy()
    flux[galaxy.bands.index(band)] = sigma[galaxy.bands.index(band)] = np.nan
    return Photometry(flux, sigma, galaxy.redshift, galaxy.bands, galaxy.ids)


def study(galaxy, posterior, bands, n):
    """Fits of one galaxy on both grids: numbers by grid."""
    row = {}
    for grid in GRIDS:
        model = default_model(grid)
        fit = sedflow.fit(galaxy, posterior, n=n, seed=1, model=model, trust="proposals")
        middle, half = {}, {}
        for name in QUANTITIES:
            low, middle[name], high = (float(v) for v in fit.quantile(name))
            half[name] = (high - low) / 2
        row[grid] = {
            "exact": bool(fit.verdict.exact),
            "chi2": float(fit.predicted.chi2.min()),
            "log_evidence": float(fit.verdict.log_evidence),
            "p_value": float(fit.verdict.p_value),
            "median": middle,
            "half": half,
            "pull": {band: left_out(galaxy, band, posterior, model, n) for band in bands},
        }
    return row


def left_out(galaxy, band, posterior, model, n):
    """Pull of a band that the others predict, and its excess in per cent; None if not exact."""
    rest = without(galaxy, band)
    fit = sedflow.fit(rest, posterior, n=n, seed=1, model=model, trust="proposals")
    if not fit.verdict.exact:
        return None
    k = galaxy.bands.index(band)
    flux = model.photometry(fit.draws.theta, galaxy.redshift, (band,), method="fast")[:, 0]
    weights = fit.draws.weights
    weights = np.full(flux.size, 1 / flux.size) if weights is None else weights
    mean = weights @ flux
    spread = np.sqrt(weights @ (flux - mean) ** 2 + galaxy.sigma[k] ** 2)
    data = galaxy.flux[k]
    return float((data - mean) / spread), float(100 * (data / mean - 1))


def simulated(like, model, seed, left="i"):
    """A galaxy of the prior, observed as one of the atlas: photometry and its theta.

    Of many draws, at any redshift of `MOCKS`, the one whose observed colours are nearest. Colours
    with the band `left` have no say, so that it is still a draw of what the others predict.
    """
    rng, r = galaxy_rng(seed, like), like.bands.index("i" if left == "r" else "r")
    theta, redshift = sedflow.Prior().sample(N_PRIOR, rng), rng.uniform(*MOCKS, N_PRIOR)
    flux = model.photometry(theta, redshift, like.bands, method="fast")
    scale = like.flux[r] / flux[:, r]  # the prior of log M is flat
    theta[:, 0] += np.log10(scale)
    flux *= scale[:, None]
    sigma = flux * like.sigma / like.flux
    seen = flux + sigma * rng.standard_normal(flux.shape)
    others = [k for k, band in enumerate(like.bands) if band != left]
    with np.errstate(invalid="ignore", divide="ignore"):
        colors = [np.diff(np.log(f[..., others])) for f in (seen, like.flux)]
        off = np.square(colors[0] - colors[1])
    inside = (theta[:, 0] > 7.0) & (theta[:, 0] < 12.5)
    best = int(np.where(inside & np.isfinite(off).all(1), off.sum(1), np.inf).argmin())
    mock = Photometry(seen[best], sigma[best], redshift[best], like.bands, like.ids)
    return mock, theta[best]


def report(rows, bands):
    """Tables of pulls and of quantities, by population, colour and redshift."""
    for row in rows:
        row["bin"] = int(bins_of(row["color"], row["redshift"]))
    for kind, mine in ((k, [r for r in rows if r["kind"] == k]) for k in ("nsa", "mock")):
        columns = list(product(GRIDS, bands if kind == "nsa" else "i"))
        print(f"\n### {kind}: median pull of the band left out, its error, excess in per cent\n")
        heads = " | ".join(f"{band}, {grid}" for grid, band in columns)
        print(f"| g-r | redshift | galaxies | {heads} |\n{'|---' * (3 + len(columns))}|")
        for place, side in product(range(len(REDSHIFTS) - 1), (0, 1)):
            some = [r for r in mine if r["bin"] == 2 * place + side]
            if some:
                cells = [_pull([r[grid]["pull"].get(band) for r in some]) for grid, band in columns]
                low, high = REDSHIFTS[place : place + 2]
                about = f"{'red' if side else 'blue'} | {low} to {high} | {len(some)}"
                print(f"| {about} | {' | '.join(cells)} |")
        _calibration(kind, mine)
        for side, far in product((0, 1), (False, True)):
            some = [r for r in mine if r["bin"] % 2 == side and (r["redshift"] > HALFWAY) == far]
            some = [r for r in some if r["bin"] >= 0 and all(r[g]["exact"] for g in GRIDS)]
            if some:
                where = f"z {'above' if far else 'below'} {HALFWAY}"
                print(f"\n### {kind}: {'red' if side else 'blue'} galaxies, {where}\n")
                _compare(some)


def _calibration(kind, mine):
    """Whether the pulls of i are those of a normal distribution: mean 0, 68 and 95 % inside."""
    print(f"\n| {kind}, i left out | grid | galaxies | mean pull | within 1, 2 sigma |")
    print("|---|---|---|---|---|")
    far = [r for r in mine if r["redshift"] > HALFWAY]
    blue, red = ([r for r in far if (r["color"] >= COLOR) == is_red] for is_red in (False, True))
    for (what, some), grid in product(
        (("all", mine), (f"blue, z above {HALFWAY}", blue), (f"red, z above {HALFWAY}", red)), GRIDS
    ):
        found = np.array([v[0] for r in some if (v := r[grid]["pull"]["i"])])
        if len(found) > 2:
            inside = ", ".join(f"{np.mean(np.abs(found) < k):.0%}" for k in (1, 2))
            mean = f"{found.mean():+.2f} ± {found.std() / np.sqrt(len(found)):.2f}"
            print(f"| {what} | {grid} | {len(found)} | {mean} | {inside} |")


def _pull(found):
    """Median of pulls with its error, and of excesses, of those that there are."""
    found = np.array([v for v in found if v])
    if len(found) < 3:
        return "-"
    pull, excess = np.median(found, axis=0)
    half = np.median(np.abs(found[:, 0] - pull))
    return f"{pull:+.2f} ± {1.86 * half / np.sqrt(len(found)):.2f} ({excess:+.1f})"


def _compare(some):
    """Evidence, chi-square, and by how much the grids differ: medians over galaxies."""
    gain = np.array([r["fsps-gas"]["log_evidence"] - r["fsps"]["log_evidence"] for r in some])
    both = ", ".join(f"{g} {np.median([r[g]['chi2'] for r in some]):.2f}" for g in GRIDS)
    print(f"{len(some)} galaxies; ln evidence with gas minus without: median {np.median(gain):.2f}")
    print(f"(sum {gain.sum():.1f}, above 0 for {np.mean(gain > 0):.0%}); best chi-square: {both}")
    print(
        "\n| | without minus with gas | share of galaxies below 0 | minus truth: fsps, fsps-gas |"
    )
    print("|---|---|---|---|")
    for name in QUANTITIES:
        value = {g: np.array([r[g]["median"][name] for r in some]) for g in GRIDS}
        shift = value["fsps"] - value["fsps-gas"]
        truth = np.array([r.get("truth", {}).get(name, np.nan) for r in some])
        off = [np.median(value[g] - truth) for g in GRIDS]
        text = "" if np.isnan(off[0]) else "{:+.2f}, {:+.2f}".format(*off)
        print(f"| {name} | {np.median(shift):+.2f} | {np.mean(shift < 0):.0%} | {text} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galaxies", type=int, default=40, help="in each bin")
    parser.add_argument("--draws", type=int, default=3000)
    parser.add_argument("--bands", default="ri", help="bands to leave out, one at a time")
    parser.add_argument("--kinds", default="nsa,mock", help="which: nsa, mock, or both")
    parser.add_argument("--weights", default="nsa-ugriz-fsps", help="network whose draws are used")
    parser.add_argument("--out", type=Path, default=Path("runs/gas.jsonl"))
    parser.add_argument("--report", action="store_true", help="print the tables, and end")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    if options.out.exists():
        rows = [json.loads(line) for line in options.out.read_text().splitlines()]
    if not options.report:
        warnings.simplefilter("ignore")
        use_threads(1)
        nsa, posterior = sedflow.load_nsa(), sedflow.load_posterior(options.weights)
        done = {(r["nsaid"], r["kind"]) for r in rows}
        with options.out.open("a") as file:
            for nsaid, kind in product(chosen(nsa, options.galaxies), options.kinds.split(",")):
                if (nsaid, kind) not in done:
                    rows.append(_row(kind, nsa[nsaid], posterior, options))
                    file.write(json.dumps(rows[-1]) + "\n")
                    file.flush()
    report(rows, options.bands)


def _row(kind, galaxy, posterior, options):
    """The row of a galaxy of the atlas, or of the mock like it."""
    if kind == "nsa":
        row = study(galaxy, posterior, options.bands, options.draws)
        return {"kind": kind, **_about(galaxy), **row}
    model = default_model("fsps-gas")
    mock, theta = simulated(galaxy, model, 22)
    derived = sedflow.derive(theta[None], mock.redshift, model)
    truth = {q: float(derived[q][0]) for q in QUANTITIES if q in derived}
    truth["tau_bc"] = float(theta[sedflow.NAMES.index("tau_bc")])
    row = study(mock, posterior, "i", options.draws)
    return {"kind": kind, "truth": truth, **_about(mock), **row}


def _about(galaxy):
    """What a row is found by."""
    magnitude, redshift = galaxy.magnitude, float(galaxy.redshift)
    color = float(magnitude[galaxy.bands.index("g")] - magnitude[galaxy.bands.index("r")])
    place = int(bins_of(color, redshift))
    return {"nsaid": int(galaxy.ids), "redshift": redshift, "color": color, "bin": place}


if __name__ == "__main__":
    main()
