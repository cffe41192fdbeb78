"""Build sedflow/data/shelf.json: a dozen famous and a dozen odd galaxies of the packaged sample.

    python tools/build_shelf.py            # fits all of them, two minutes on one core
    python tools/build_data.py --sums

shelf.toml has the lines. Every number in a line is a fact that is computed here, and every claim in
it is a condition on these facts: the tool fails where one does not hold, and
`tests/atlas/test_shelf.py` computes them again.
"""

import json
import re
import tomllib
from pathlib import Path

import numpy as np

import sedflow
from sedflow.dashboard.answer import Request
from sedflow.model.cosmology import MPC_CM, luminosity_distance_cm
from sedflow.parameters import NAMES

OUT = Path(__file__).parent.parent / "sedflow" / "data" / "shelf.json"
ASKED = Request("")  # as the app asks: its page says the same numbers
N, SEED = ASKED.n, ASKED.seed
VIRGO_MPC = 16.5  # Mei et al. 2007, ApJ 655, 144

ENTRIES = tomllib.loads((Path(__file__).parent / "shelf.toml").read_text())["galaxy"]


def facts(nsaid: int, nsa, posterior) -> dict[str, float | bool | str]:
    """What the lines say about a galaxy, by name: medians of the exact posterior (flat prior).

    Colours, errors [mag]; p_value of the posterior predictive; k_hat and share (effective draws
    per draw) of the weights; the band without which the fit is best, with its p_value; widths
    of the posterior over the prior's.
    """
    galaxy = nsa.photometry(nsaid, posterior.bands)
    check = posterior.check(galaxy)
    fit = sedflow.fit(galaxy, posterior, n=N, seed=SEED, trust=None)
    exact = sedflow.reweight(fit, min_ess=0)
    magnitude, error = galaxy.magnitude, galaxy.magnitude_error
    found = {f"{a}_{b}": magnitude[i] - magnitude[i + 1] for i, (a, b) in enumerate(("ug", "gr"))}
    found |= {f"error_{b}": error[i] for i, b in enumerate(galaxy.bands)}
    found |= {"r": magnitude[2], "redshift": galaxy.redshift, "error_least": error.min()}
    megaparsec = float(luminosity_distance_cm(galaxy.redshift)) / MPC_CM
    found["excess_dex"] = 2 * np.log10(megaparsec / VIRGO_MPC)
    known = {name: exact.draws[name] for name in NAMES} | exact.derived
    for name, values in known.items():
        low, median, high = exact.draws.quantile(values, [0.16, 0.5, 0.84])
        found |= {name: median, f"{name}_low": low, f"{name}_high": high}
    for name in ("a_v", "age_mw", "log_z_mw_solar"):
        low, high = np.quantile(exact.induced_prior[name], [0.16, 0.84])
        found[f"{name}_width"] = (found[f"{name}_high"] - found[f"{name}_low"]) / (high - low)
    equal = exact.draws.resampled()
    derived = sedflow.derive(equal.theta, galaxy.redshift, exact.model)
    found["age_mass"] = correlation(derived["age_mw"], derived["log_mass_surviving"])
    found["dust_mass"] = correlation(derived["a_v"], derived["log_mass_surviving"])
    found["dust_metals"] = correlation(derived["a_v"], derived["log_z_mw_solar"])
    found["t_burst_myr"] = 1000 * found["t_burst"]
    found["rise_factor"] = 10 ** (found["log_sfr_100myr"] - found["log_sfr_1gyr"])
    found["fall_factor"] = 1 / found["rise_factor"]
    importance = exact.draws.importance
    found |= {"k_hat": importance.k_hat, "share": importance.ess / N}
    found |= {"p_value": exact.predicted.p_value, "inside": bool(check.inside)}
    found |= without(galaxy, posterior)
    found["share_percent"], found["burst_percent"] = 100 * found["share"], 100 * found["f_burst"]
    return {k: v if isinstance(v, bool | str) else float(v) for k, v in found.items()}


def without(galaxy, posterior):
    """The band without which the posterior predicts the rest best, and how far off that band is."""
    best = {"p_value_without": -1.0}
    for k, band in enumerate(galaxy.bands):
        kept = tuple(b for b in galaxy.bands if b != band)
        less = galaxy.in_bands(kept).in_bands(posterior.bands)
        fit = sedflow.reweight(sedflow.fit(less, posterior, n=N, seed=SEED), min_ess=0)
        p = float(fit.predicted.p_value)
        if p > best["p_value_without"]:
            theta = fit.draws.resampled().theta
            flux = fit.model.photometry(theta, galaxy.redshift, (band,))[:, 0]
            excess = 2.5 * np.log10(galaxy.flux[k] / np.median(flux))
            best = {"worst_band": band, "p_value_without": p, "excess_size": abs(excess)}
            best["excess_word"] = "bright" if excess > 0 else "faint"
    return best


def correlation(a, b):
    """Pearson's; NaN where one of them is the same in all draws."""
    return np.corrcoef(a, b)[0, 1] if np.ptp(a) > 0 and np.ptp(b) > 0 else np.nan


def entries(found: dict[int, dict]) -> list[dict]:
    """The shelf, from the facts of its galaxies by NSAID; fails where a condition does not hold."""
    fitted = [n for n, f in found.items() if f["p_value"] > 0.05 and f["error_least"] < 1]
    dustiest = max(fitted, key=lambda nsaid: found[nsaid]["a_v"], default=None)
    out = []
    for entry in ENTRIES:
        nsaid = entry["nsaid"]
        known = found[nsaid] | {"dustiest": nsaid == dustiest}
        if "beside" in entry:
            known |= {f"beside_{name}": value for name, value in found[entry["beside"]].items()}
            known["age_gap"] = abs(known["age_mw"] - known["beside_age_mw"])
        for name, low, *high in entry["holds"]:
            if not (low <= known[name] <= high[0] if high else known[name] == low):
                raise SystemExit(f"NSAID {nsaid}: {name} = {known[name]}, not {[low, *high]}")
        line = re.sub(r"-(?=[0-9])", "−", entry["line"].format(**known))
        out.append({"nsaid": nsaid, "kind": entry["kind"], "line": line})
    return out


def main():
    nsa, posterior = sedflow.load_nsa(), sedflow.load_posterior()
    found = {e["nsaid"]: facts(e["nsaid"], nsa, posterior) for e in ENTRIES}
    document = {
        "title": "A dozen famous and a dozen odd galaxies of nsa_sample.fits",
        "made_by": f"tools/build_shelf.py, {N} draws of {posterior.name}, seed {SEED}, flat prior",
        "galaxies": entries(found),
    }
    OUT.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    for row in document["galaxies"]:
        print(f"{nsa.name(row['nsaid']) or row['nsaid']}: {row['line']}")


if __name__ == "__main__":
    main()
