"""What the galaxies have in common whose first weights are worst.

    python benchmarks/hardest.py                                # ten minutes on a core
    python benchmarks/hardest.py --weights PATH --galaxies 300 --nsa 200

Simulated galaxies are drawn as the validation report draws them, and NSA galaxies at random; of
each the network's draws are weighted to the exact posterior. The worst fiftieth and the worst
tenth by k-hat, and of the simulated ones by the gap to the exact posterior, are then compared
with the rest: medians of the properties, ordered by the rank correlation with k-hat or gap.
"""

import argparse

import numpy as np
from scipy.stats import spearmanr

import sedflow
from sedflow.model.likelihood import log_likelihood
from sedflow.parameters import NAMES
from sedflow.sampling.importance import weigh
from sedflow.threads import use_threads
from sedflow.trust_limits import K_HAT_MAX

_DRAWS = 1000
_WORST = (0.02, 0.1)  # shares of the galaxies
_RECENT, _RED = 0.3, 2.2  # Gyr; u - r beyond which galaxies are on the red sequence


def observed(galaxy, check):
    """Properties of a galaxy's data, by name."""
    with np.errstate(invalid="ignore", divide="ignore"):
        snr = dict(zip(galaxy.bands, galaxy.flux / galaxy.sigma, strict=True))
        m = dict(zip(galaxy.bands, 22.5 - 2.5 * np.log10(galaxy.flux), strict=True))
    residual = check.sigma_residual
    return {
        "redshift": float(galaxy.redshift),
        "r [mag]": m["r"],
        "u - r": m["u"] - m["r"],
        "r - z": m["r"] - m["z"],
        "snr u": snr["u"],
        "snr r": snr["r"],
        "snr z": snr["z"],
        "smallest error / usual [dex]": np.nanmin(residual),
        "largest error / usual [dex]": np.nanmax(residual),
    }


def inferred(draws):
    """Properties of the exact posterior, by name."""
    mean = dict(zip(NAMES, (draws.weights[:, None] * draws.theta).sum(0), strict=True))
    recent = draws["t_burst"] < _RECENT
    heavy = recent & (draws["f_burst"] > 0.05)
    keys = ("log_mstar", "tau_ism", "tau_bc", "n_dust", "f_burst", "log_gamma1")
    return {f"mean {key}": mean[key] for key in keys} | {
        "p(burst in 300 Myr)": float(draws.weights[recent].sum()),
        "p(the same, over 5 % of the mass)": float(draws.weights[heavy].sum()),
    }


def measured(posterior, galaxy, truth=None):
    """Properties, k-hat and, where the truth is known, the gap [nats] of a galaxy."""
    draws = posterior.sample(galaxy, n=_DRAWS, seed=1)
    draws = weigh(draws, galaxy, posterior.model, posterior.prior)
    check = posterior.check(galaxy, draws)
    row = observed(galaxy, check) | inferred(draws)
    row["chi2 of the best draw"] = float(check.chi2_best)
    row["inside"] = float(bool(check.inside))
    row["k_hat"] = draws.importance.k_hat
    if truth is not None:
        row |= {f"true {name}": value for name, value in zip(NAMES, truth, strict=True)}
        flux = posterior.model.photometry(truth[None], galaxy.redshift, galaxy.bands, method="fast")
        target = posterior.prior.log_prob(truth[None]) + log_likelihood(flux, galaxy)
        own = float(posterior.log_prob(truth, galaxy))
        row["gap"] = float(target[0]) - draws.importance.log_evidence - own
    return row


def report(title, rows, score):
    """Print the properties of the worst rows against the others'."""
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    value = columns[score]
    groups = [value >= np.quantile(value, 1 - share) for share in _WORST]
    groups.append(~groups[-1])
    limits = ", ".join(f"{g.sum()} with {score} >= {value[g].min():.2f}" for g in groups[:-1])
    print(f"\n{title}: {limits}\n")
    names = [*(f"worst {100 * share:.0f} %" for share in _WORST), "others"]
    print(f"| | {' | '.join(names)} | rank correlation |\n|---|---|---|---|---|")
    lines = []
    for key, column in columns.items():
        if key in ("k_hat", "gap", "inside"):
            continue
        good = np.isfinite(column) & np.isfinite(value)
        rank = spearmanr(column[good], value[good]).statistic if np.ptp(column[good]) else 0.0
        middle = " | ".join(f"{np.nanmedian(column[group]):.3g}" for group in groups)
        lines.append((-abs(rank), f"| {key} | {middle} | {rank:+.2f} |"))
    print("\n".join(line for _, line in sorted(lines)))
    kinds = {
        "recent burst likely (p > 0.5)": columns["p(burst in 300 Myr)"] > 0.5,
        f"red (u - r > {_RED})": columns["u - r"] > _RED,
        "faint in u (snr < 5)": columns["snr u"] < 5,
        "no model near (chi2 of the best draw > 10)": columns["chi2 of the best draw"] > 10,
        "outside the training domain": columns["inside"] < 1,
        f"k-hat > {K_HAT_MAX}": columns["k_hat"] > K_HAT_MAX,
    }
    for name, there in kinds.items():
        each = " | ".join(f"{100 * there[group].mean():.0f} %" for group in groups)
        print(f"| {name} | {each} | |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", default="nsa-ugriz-fsps")
    parser.add_argument("--galaxies", type=int, default=600)
    parser.add_argument("--nsa", type=int, default=500)
    args = parser.parse_args()
    use_threads(1)
    posterior = sedflow.load_posterior(args.weights)
    truth, galaxies = sedflow.model.simulate(
        args.galaxies, 2022, model=posterior.model, noise=posterior.noise
    )
    simulated = [measured(posterior, galaxies[k], truth[k]) for k in range(args.galaxies)]
    nsa = sedflow.load_nsa()
    ids = np.random.default_rng(2022).choice(nsa.ids, args.nsa, replace=False)
    atlas = [measured(posterior, nsa.photometry(i, posterior.bands)) for i in ids]
    report("Simulated", simulated, "gap")
    report("Simulated", simulated, "k_hat")
    report("NSA", atlas, "k_hat")


if __name__ == "__main__":
    main()
