"""The validation report of a network: how good its posteriors are, as numbers.

On simulated galaxies that no training has seen: calibration of every parameter and derived
quantity, for the network and for the exact posterior that its weighted draws give; coverage of
credible regions; the same in bins of magnitude, signal-to-noise, redshift, colour and number
of bands; the distance to the exact posterior in nats; what the data teach, and how well known
truths are recovered. On galaxies of the NSA, where nobody knows the truth: how well the
weights hold.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from sedflow.calibration import (
    central_coverage,
    hpd_levels,
    ks_band,
    ks_distances,
    local_test,
    percentile_scores,
    tarp_levels,
)
from sedflow.derived import DERIVED, derive
from sedflow.draws import systematic, weighted_quantile
from sedflow.errors import SedflowError
from sedflow.importance import K_HAT_MAX, smooth
from sedflow.likelihood import log_likelihood
from sedflow.nsa import load_nsa
from sedflow.parameters import NAMES
from sedflow.photometry import Photometry
from sedflow.posterior import AmortizedPosterior, load_posterior
from sedflow.resources import DEFAULT_WEIGHTS, data_path
from sedflow.simulation import draw_presence, simulate

__all__ = ["QUANTITIES", "ValidationReport", "load_report", "validate"]

#: Parameters and derived quantities, less two that only repeat another.
QUANTITIES = (*NAMES, *(d.name for d in DERIVED if d.name not in ("log_mass_formed", "log_z_mw")))
NOMINAL = (0.68, 0.95)
_RECOVERED = ("log_mass_surviving", "log_sfr_100myr", "age_mw", "log_z_mw_solar")
_KINDS = ("network", "exact")
_LOCAL = 10  # NSA galaxies at which L-C2ST looks
_N_BIN = 4
_CONTRACTION_PRIOR = 20_000


@dataclass(frozen=True)
class ValidationReport:
    """Figures of a validation, all plain numbers.

    summary : what `save` writes: see docs/validation.md for every entry
    galaxies : columns by name, one value for each simulated galaxy: redshift, r, snr, color,
        n_band, inputs of the bins; levels by kind ("network", "exact") of every quantity
        (n, n_quantity), of "hpd" and of "tarp"
    """

    summary: dict
    galaxies: dict

    def save(self, path) -> Path:
        """Write the report as JSON; the levels of each galaxy in thousandths."""
        columns = {
            name: np.rint(1000 * values).astype(int).tolist()
            if name.endswith(_KINDS)
            else np.where(np.isfinite(values), np.round(values, 3), None).tolist()
            for name, values in self.galaxies.items()
        }
        path = Path(path)
        path.write_text(json.dumps({**self.summary, "each": columns}) + "\n")
        return path

    def __str__(self):
        s = self.summary
        lines = [
            f"{s['weights']}: {s['galaxies']} simulated galaxies, {s['draws']} draws each, "
            f"seed {s['seed']}",
            f"{'KS distance':20} {'network':>8} {'exact':>8}   95 % below {s['band_95']:.4f}",
        ]
        for name in QUANTITIES:
            ks = [s["ks"][kind][name] for kind in _KINDS]
            mark = "  outside" if max(ks) > s["band_95"] else ""
            lines.append(f"{name:20} {ks[0]:8.4f} {ks[1]:8.4f}{mark}")
        for test in ("hpd", "tarp"):
            ks = [s[test][kind]["ks"] for kind in _KINDS]
            mark = "  outside" if max(ks) > s["band_95"] else ""
            lines.append(f"{test.upper() + ' regions':20} {ks[0]:8.4f} {ks[1]:8.4f}{mark}")
        for kind in _KINDS:
            cover = s["coverage"][kind]
            lines.append(
                f"coverage, {kind}: "
                + ", ".join(
                    f"{100 * q:.0f} % intervals hold {100 * cover[str(q)]['mean']:.1f} % "
                    f"(worst {100 * cover[str(q)]['worst']:.1f})"
                    for q in NOMINAL
                )
            )
        worst = s["worst_bin"]["network"]
        lines.append(
            f"in bins, network: at worst {100 * worst['off']:+.1f} points, {worst['where']}"
        )
        gap = s["gap"]
        lines.append(
            f"gap to the exact posterior: mean {gap['mean']:.3f} +- {gap['error']:.3f} nats, "
            f"median {gap['median']:.3f}"
        )
        for name in ("simulated", "nsa"):
            w = s["weights_hold"][name]
            lines.append(
                f"{name}: k-hat < {K_HAT_MAX} for {100 * w['held']:.1f} % of {w['galaxies']}, "
                f"effective share of the draws {100 * w['ess_share']['50']:.0f} % (median)"
            )
        inside = s["nsa_inside"]
        lines.append(f"NSA: {inside['inside']:,} of {inside['galaxies']:,} inside the ranges")
        return "\n".join(lines)


def load_report(name_or_path: str | Path = DEFAULT_WEIGHTS) -> ValidationReport:
    """The validation report of a packaged network by name, or of a file that `save` wrote.

    Read once per process; to be treated as read-only. Levels are as exact as they were written,
    to a thousandth.

    Raises
    ------
    SedflowError
        No such report, or not one.

    Examples
    --------
    >>> load_report("nsa-ugriz-fsps").galaxies["scores_network"].shape
    (3000, 20)
    """
    path = Path(name_or_path)
    if path.suffix != ".json":
        path = data_path(f"{name_or_path}.report.json")
    if not path.is_file():
        raise SedflowError(
            f"no validation report {str(name_or_path)!r}; make one with sedflow validate "
            f"--weights {path.name.removesuffix('.report.json')}"
        )
    return _read_report(path.resolve())


@cache
def _read_report(path):
    try:
        summary = json.loads(path.read_text())
        each = summary.pop("each")
        galaxies = {
            name: np.array(values, float) / (1000.0 if name.endswith(_KINDS) else 1.0)
            for name, values in each.items()
        }
        columns = np.shape(galaxies["scores_network"])[1:]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SedflowError(
            f"{path.name} is not a validation report ({error}); make one with sedflow validate"
        ) from None
    if columns != (len(QUANTITIES),):
        raise SedflowError(
            f"{path.name} has levels of shape {columns} for each galaxy, not of the "
            f"{len(QUANTITIES)} quantities; it is of another version, so run sedflow validate again"
        )
    for values in galaxies.values():
        values.flags.writeable = False
    return ValidationReport(summary, galaxies)


def validate(
    posterior: AmortizedPosterior | None = None,
    n: int = 2000,
    n_draw: int = 1000,
    seed: int = 2022,
    n_nsa: int = 500,
    progress=None,
    local: bool = True,
) -> ValidationReport:
    """Validate a network on n simulated galaxies with all bands, n / 2 with some, and the NSA.

    Parameters
    ----------
    posterior : AmortizedPosterior, optional
    n, n_draw : int
    seed : int
        Of the simulated galaxies and the draws.
    n_nsa : int
        Galaxies of the NSA, chosen at random, whose weights are judged.
    progress : callable, optional
        Called as progress(done, total) after each galaxy.
    local : bool
        Whether to run L-C2ST, which takes a minute or two.
    """
    posterior = posterior or load_posterior()
    run = _Run(posterior, n_draw, seed, progress, n + n // 2 + n_nsa)
    full = run.simulated(n, None)
    some = run.simulated(n // 2, draw_presence)
    nsa, summary = run.survey(n_nsa), {}
    band = ks_band(n)
    summary.update(
        weights=posterior.name,
        weights_sha256=posterior.record.get("weights_sha256", ""),
        galaxies=n,
        draws=n_draw,
        seed=seed,
        band_95=round(band, 5),
        band_95_all=round(ks_band(n, tests=len(QUANTITIES)), 5),
        ks=_by_kind(full, lambda s: _named(ks_distances(s.scores)[0])),
        p_value=_by_kind(full, lambda s: _named(ks_distances(s.scores)[1])),
        hpd=_by_kind(full, lambda s: _region(s.hpd)),
        tarp=_by_kind(full, lambda s: _region(s.tarp)),
        coverage=_by_kind(full, lambda s: _coverage(s.scores)),
        bins={kind: _bins(full, some, kind) for kind in _KINDS},
        gap=_spread(full.gap) | {"error": _round(full.gap.std() / np.sqrt(n))},
        weights_hold={
            "simulated": _held(full.importance),
            "some_bands": _held(some.importance),
            "nsa": _held(nsa),
        },
        contraction=dict(zip(NAMES, _round(np.median(full.contraction, 0)), strict=True)),
        recovery=_recovery(full),
        nsa_inside=run.inside(),
    )
    summary["worst_bin"] = {kind: _worst(summary["bins"][kind]) for kind in _KINDS}
    if local:
        summary["local"] = run.local(full)
    return ValidationReport(summary, _columns(full, some))


@dataclass(frozen=True)
class _Levels:
    """Levels of n galaxies: scores (n, n_quantity), hpd (n,), tarp (n,)."""

    scores: np.ndarray
    hpd: np.ndarray
    tarp: np.ndarray


@dataclass(frozen=True)
class _Simulated:
    """What simulated galaxies tell; arrays over the galaxies."""

    galaxies: Photometry
    truth: np.ndarray  # (n, n_quantity)
    x: np.ndarray  # (n, 11)
    one_draw: dict  # kind -> x (n, 11)
    median: np.ndarray  # (n, n_quantity), exact
    levels: dict  # kind -> _Levels
    gap: np.ndarray
    importance: list
    contraction: np.ndarray


class _Run:
    def __init__(self, posterior, n_draw, seed, progress, total):
        self.posterior, self.model, self.prior = posterior, posterior.model, posterior.prior
        self.n_draw, self.seed, self.progress, self.total = n_draw, seed, progress, total
        self.done = 0
        self.nsa = load_nsa()
        draws = self.prior.sample(_CONTRACTION_PRIOR, np.random.default_rng(seed))
        self.prior_sd = draws.std(0)

    def simulated(self, n, presence):
        truth, galaxies = simulate(
            n, seed=np.random.default_rng([self.seed, 0 if presence is None else 1]),
            prior=self.prior, model=self.model, noise=self.posterior.noise,
            redshift=tuple(self.posterior.domain.redshift), presence=presence,
        )  # fmt: skip
        rows = [self._one(truth[k], galaxies[k]) for k in range(n)]
        columns = dict(zip(rows[0], zip(*(r.values() for r in rows), strict=True), strict=True))
        stacked = {k: np.array(v) for k, v in columns.items() if k not in ("importance",)}
        levels = {
            kind: _Levels(
                stacked[f"scores_{kind}"], stacked[f"hpd_{kind}"], stacked[f"tarp_{kind}"]
            )
            for kind in _KINDS
        }
        return _Simulated(
            galaxies=galaxies,
            truth=stacked["truth"],
            x=stacked["x"],
            one_draw={kind: stacked[f"draw_{kind}"] for kind in _KINDS},
            median=stacked["median"],
            levels=levels,
            gap=stacked["gap"],
            importance=list(columns["importance"]),
            contraction=stacked["contraction"],
        )

    def survey(self, n):
        """Importance figures of n random galaxies of the NSA."""
        ids = np.random.default_rng(self.seed).choice(self.nsa.ids, n, replace=False)
        out = []
        for k in range(n):
            galaxy = self.nsa.photometry(ids[k], self.posterior.bands)
            draws = self.posterior.sample(galaxy, n=self.n_draw, seed=self.seed)
            out.append(self._weighted(galaxy, draws)[1])
            self._tick()
        return out

    def inside(self):
        """How many of the NSA's galaxies lie in the ranges of the training models."""
        galaxies = self.nsa.photometry(self.nsa.ids, self.posterior.bands)
        inside = self.posterior.check(galaxies, draws=False).inside
        return {"galaxies": len(inside), "inside": int(inside.sum())}

    def local(self, full):
        """p-values of L-C2ST at galaxies of the NSA, by kind."""
        rng = np.random.default_rng(self.seed)
        ids = rng.choice(self.nsa.ids, _LOCAL, replace=False)
        observed = [self.nsa.photometry(i, self.posterior.bands) for i in ids]
        context = self.posterior.context(full.galaxies).numpy()
        at = np.concatenate([self.posterior.context(g).numpy() for g in observed])
        draws = {kind: [] for kind in _KINDS}
        for galaxy in observed:
            made = self.posterior.sample(galaxy, n=self.n_draw, seed=self.seed)
            x = self.prior.to_unbounded(made.theta)
            weights, _, _ = self._weighted(galaxy, made)
            draws["network"].append(x)
            draws["exact"].append(x[systematic(weights, self.n_draw, rng)])
        p_value = {
            kind: _round(local_test(full.x, context, full.one_draw[kind], at, draws[kind]))
            for kind in _KINDS
        }
        return {"nsaid": [int(i) for i in ids], "p_value": p_value}

    def _weighted(self, galaxy, draws):
        """Weights, their `Importance`, and log prior x likelihood of the draws."""
        flux = self.model.photometry(draws.theta, galaxy.redshift, galaxy.bands, method="fast")
        log_target = self.prior.log_prob(draws.theta) + log_likelihood(flux, galaxy)
        weights, importance = smooth(log_target - draws.log_density, self.prior.sfh)
        return weights, importance, log_target

    def _one(self, truth, galaxy):
        draws = self.posterior.sample(galaxy, n=self.n_draw, seed=self.seed)
        weights, importance, log_target = self._weighted(galaxy, draws)
        own = self.posterior.log_prob(truth, galaxy)
        flux = self.model.photometry(truth[None], galaxy.redshift, galaxy.bands, method="fast")
        best = float((self.prior.log_prob(truth[None]) + log_likelihood(flux, galaxy))[0])
        values = self._quantities(draws.theta, galaxy)
        true = self._quantities(truth[None], galaxy)[0]
        x, x_true = self.prior.to_unbounded(draws.theta), self.prior.to_unbounded(truth)
        rng = np.random.default_rng([self.seed, self.done])
        out = {
            "truth": true, "x": x_true, "importance": importance,
            "gap": best - importance.log_evidence - own,
            "median": weighted_quantile(values.T, 0.5, weights),
            "contraction": 1.0 - (draws.theta.std(0) / self.prior_sd) ** 2,
        }  # fmt: skip
        for kind, w, density, at in (
            ("network", None, draws.log_density, own),
            ("exact", weights, log_target, best),
        ):
            many = None if w is None else w[None]
            out[f"scores_{kind}"] = percentile_scores(true[None], values[None], many, self.done)[0]
            out[f"hpd_{kind}"] = hpd_levels(np.array([at]), density[None], many)[0]
            out[f"tarp_{kind}"] = tarp_levels(x_true[None], x[None], many, self.done)[0]
            out[f"draw_{kind}"] = x[systematic(weights, 1, rng)[0] if kind == "exact" else 0]
        self._tick()
        return out

    def _quantities(self, theta, galaxy):
        """Values (n, n_quantity) of `QUANTITIES`."""
        derived = derive(theta, galaxy.redshift, self.model)
        return np.column_stack([theta, *(derived[name] for name in QUANTITIES[len(NAMES) :])])

    def _tick(self):
        self.done += 1
        if self.progress:
            self.progress(self.done, self.total)


def _round(values):
    return np.round(np.asarray(values, float), 5).tolist()


def _named(values):
    return dict(zip(QUANTITIES, _round(values), strict=True))


def _by_kind(simulated, of):
    return {kind: of(simulated.levels[kind]) for kind in _KINDS}


def _region(levels):
    ks, p_value = ks_distances(levels)
    # Area between expected and nominal coverage: > 0 where regions are too wide.
    return {
        "ks": _round(ks), "p_value": _round(p_value), "area": _round(0.5 - levels.mean()),
        "coverage": {str(q): _round((levels < q).mean()) for q in NOMINAL},
    }  # fmt: skip


def _coverage(scores):
    out = {}
    for q in NOMINAL:
        share = central_coverage(scores, q)
        worst = share[np.argmax(np.abs(share - q))]
        out[str(q)] = {"mean": _round(share.mean()), "worst": _round(worst), "by": _named(share)}
    return out


def _spread(values):
    return {"mean": _round(values.mean()), "median": _round(np.median(values))}


def _held(importance):
    k_hat = np.array([float(i.k_hat) for i in importance])
    share = np.array([float(i.ess / i.n) for i in importance])
    gap = np.array([float(i.gap) for i in importance])

    def quantiles(values):
        points = np.percentile(values, (5, 16, 50, 84))
        return dict(zip(("5", "16", "50", "84"), _round(points), strict=True))

    return {
        "galaxies": len(importance),
        "held": _round((k_hat < K_HAT_MAX).mean()),
        "ess_share": quantiles(share),
        "k_hat": quantiles(k_hat),
        "gap": _spread(gap[np.isfinite(gap)]),
    }


def _properties(galaxies):
    """What the bins are made by (n,), by name."""
    magnitude = galaxies.magnitude
    r, g = (galaxies.bands.index(b) for b in "rg")
    return {
        "r": magnitude[:, r],
        "snr": np.nanmedian(galaxies.flux / galaxies.sigma, axis=1),
        "redshift": galaxies.redshift,
        "g-r": magnitude[:, g] - magnitude[:, r],
        "n_band": galaxies.present.sum(1),
    }


def _bins(full, some, kind):
    """Coverage of all quantities together in bins of each property."""
    out = {}
    for name, values in _properties(full.galaxies).items():
        levels, edges = full.levels[kind].scores, None
        if name == "n_band":
            values, levels = _properties(some.galaxies)[name], some.levels[kind].scores
            groups = [values == k for k in np.unique(values)]
            edges = [[int(k), int(k)] for k in np.unique(values)]
        else:
            cuts = np.nanquantile(values, np.linspace(0, 1, _N_BIN + 1))
            which = np.clip(np.searchsorted(cuts, values, side="right") - 1, 0, _N_BIN - 1)
            groups = [(which == k) & np.isfinite(values) for k in range(_N_BIN)]
            edges = _round(np.column_stack([cuts[:-1], cuts[1:]]))
        out[name] = [
            {
                "range": edge, "galaxies": int(group.sum()),
                "coverage": {
                    str(q): _round(central_coverage(levels[group], q).mean()) for q in NOMINAL
                },
                "ks_max": _round(ks_distances(levels[group])[0].max()),
            }
            for edge, group in zip(edges, groups, strict=True)
        ]  # fmt: skip
    return out


def _worst(bins):
    """The bin whose coverage is furthest off, and by how much."""
    found = max(
        (
            (abs(row["coverage"][str(q)] - q), row["coverage"][str(q)] - q, name, row["range"], q)
            for name, rows in bins.items()
            for row in rows
            for q in NOMINAL
        ),
        key=lambda item: item[0],
    )
    _, off, name, (low, high), q = found
    where = f"{name} from {low:.4g} to {high:.4g}, {100 * q:.0f} % intervals"
    return {"off": _round(off), "where": where}


def _recovery(full):
    """Bias and scatter of the exact medians about the truth, and the variance explained."""
    out = {}
    for name in _RECOVERED:
        k = QUANTITIES.index(name)
        off = full.median[:, k] - full.truth[:, k]
        spread = np.percentile(off, [16, 84])
        r2 = (
            1.0 - np.square(off).sum() / np.square(full.truth[:, k] - full.truth[:, k].mean()).sum()
        )
        out[name] = {
            "bias": _round(np.median(off)), "scatter": _round(np.diff(spread)[0] / 2),
            "r2": _round(r2),
        }  # fmt: skip
    return out


def _columns(full, some):
    out = {}
    for name, values in _properties(full.galaxies).items():
        out[name] = np.concatenate([values, _properties(some.galaxies)[name]])
    for kind in _KINDS:
        for part in ("scores", "hpd", "tarp"):
            both = [getattr(s.levels[kind], part) for s in (full, some)]
            out[f"{part}_{kind}"] = np.concatenate(both)
    return out
