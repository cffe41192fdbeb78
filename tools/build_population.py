"""Build sedflow/data/population.npz: some draws of every galaxy of the packaged atlas, small.

    python tools/build_population.py                    # fits all of them, a quarter of an hour
    python tools/build_population.py --fits draws.npz   # the same, and keeps what was fitted
    python tools/build_population.py --priors           # counts the priors alone again
    python tools/build_data.py --sums

The draws are exact ones of the default network, by weighting. Of each galaxy `KEPT` are kept, even
in the order of their masses, and only the quantities that the presets of the page Population need;
how they are written is in `sedflow/population/packaged.py`. The prior of the fits in the cells of
each preset is counted here as well.
"""

import argparse
from pathlib import Path

import numpy as np

import sedflow
from sedflow.parameters import index
from sedflow.population.packaged import FILE, STATES, encoded
from sedflow.population.presets import AXES, PRESETS
from sedflow.population.prior import prior_shares, quantity_values
from sedflow.threads import use_threads

OUT = Path(__file__).parent.parent / "sedflow" / "data" / FILE
N, SEED, MOST, AT_ONCE = 600, 1, 200, 100
KEPT = 50


def fitted(nsa, posterior):
    """Draws theta (n, `MOST`, 12), in the order of their masses, and the status (n,) of each."""
    theta, status = [], []
    for start in range(0, len(nsa), AT_ONCE):
        galaxies = nsa.photometry(nsa.ids[start : start + AT_ONCE], posterior.bands)
        fit = sedflow.fit(galaxies, posterior, n=N, seed=SEED, trust="weights")
        draws = fit.draws.resampled(N).theta
        order = np.argsort(draws[..., index("log_mstar")], axis=1, kind="stable")
        some = order[:, (np.arange(MOST) * N // MOST) + N // MOST // 2]
        theta.append(np.take_along_axis(draws, some[..., None], 1).astype(np.float32))
        status += [str(s) for s in np.broadcast_to(fit.verdict.status, len(draws))]
        print(f"{start + len(draws):,} of {len(nsa):,}", flush=True)
    return np.concatenate(theta), np.array(status)


def quantities(theta, redshift, model):
    """Values (n, `KEPT`) of each quantity of `AXES`, of draws that are even in their masses."""
    some = theta[:, np.arange(KEPT) * MOST // KEPT + MOST // KEPT // 2].astype(float)
    parts = []
    for start in range(0, len(some), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        parts.append(quantity_values(tuple(AXES), some[rows], redshift[rows], model))
    return dict(zip(AXES, np.moveaxis(np.concatenate(parts), -1, 0), strict=True))


def priors(redshift, posterior):
    """The prior's shares in the cells of those presets where they are counted."""
    out = {}
    for preset in PRESETS:
        key = ",".join(preset.names)
        if f"{key}:shares" in out or len(preset.names) == 1:
            continue
        found = prior_shares(preset.names, preset.edges, redshift, posterior.prior, posterior.model)
        out[f"{key}:redshift"] = found.redshift
        out[f"{key}:shares"] = found.shares.astype(np.float32)
        out[f"{key}:error"] = found.error.astype(np.float16)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fits", type=Path, help="where the fits are, or are to be written")
    parser.add_argument("--priors", action="store_true", help="keep the draws that are there")
    options = parser.parse_args()
    use_threads(1)
    nsa, posterior = sedflow.load_nsa(), sedflow.load_posterior()
    if options.priors:
        with np.load(OUT) as known:
            parts = {name: known[name] for name in known}
        drawn = parts["state"] != STATES.index("no draws")
        redshift = np.asarray(nsa.table["Z"], float)[drawn]
        written({**parts, **priors(redshift, posterior)})
        return
    if options.fits is not None and options.fits.exists():
        with np.load(options.fits) as known:
            theta, status = known["theta"], known["status"]
    else:
        theta, status = fitted(nsa, posterior)
        if options.fits is not None:
            np.savez(options.fits, theta=theta, status=status)
    there = ~np.isnan(theta).any((1, 2))
    status = np.where(there, status, "no draws")
    redshift = np.asarray(nsa.table["Z"], float)
    known = np.where(there[:, None, None], theta, theta[there][0])
    values = quantities(known, redshift, posterior.model)
    values = {name: np.where(there[:, None], v, np.nan) for name, v in values.items()}
    written(
        {
            "ids": nsa.ids,
            "state": np.array([STATES.index(s) for s in status], np.uint8),
            **{name: encoded(v, name) for name, v in values.items()},
            **priors(redshift[there], posterior),
        }
    )


def written(parts):
    """Write the file."""
    np.savez_compressed(OUT, **parts)
    print(f"{OUT.name}: {OUT.stat().st_size / 1e6:.3f} MB, {KEPT} draws")


if __name__ == "__main__":
    main()
