"""Validation of a network: how good its posteriors are, measured.

On simulated galaxies that no training has seen: calibration of every parameter and derived
quantity, for the network and for the exact posterior, the answer that `trust="auto"` accepts:
the weighted draws, or those of a higher rung where they do not pass; coverage of credible
regions; the same in bins of magnitude, signal-to-noise, redshift, colour and number
of bands; the distance to the exact posterior in nats; what the data teach, and how well known
truths are recovered. On galaxies of the NSA, where nobody knows the truth: how often the
importance weights pass.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sedflow.atlas.catalog import load_nsa
from sedflow.atlas.columns import NSA_BANDS
from sedflow.draws import systematic, weighted_quantile
from sedflow.errors import needs
from sedflow.model.derived import VALIDATED, columns, derive
from sedflow.model.likelihood import log_likelihood
from sedflow.model.simulation import draw_presence, simulate
from sedflow.network.posterior import AmortizedPosterior
from sedflow.network.weights import load_posterior
from sedflow.parameters import NAMES
from sedflow.photometry import Photometry
from sedflow.sampling.importance import weigh
from sedflow.sampling.verdict import EXACT_WEIGHTS, VERDICTS
from sedflow.sampling.verdict_decision import climb
from sedflow.trust_limits import JUDGED_ON, K_HAT_MAX
from sedflow.validation.bins import PROPERTIES, groups, properties
from sedflow.validation.calibration import (
    central_coverage,
    hpd_levels,
    ks_band,
    ks_distances,
    local_test,
    percentile_scores,
    tarp_levels,
)
from sedflow.validation.populations import (
    coverage_figures,
    named,
    region_figures,
    rounded,
    survey_like,
    worst_bin,
)
from sedflow.validation.report import KINDS, NOMINAL, QUANTITIES, ValidationReport
from sedflow.validation.workers import in_turn
from sedflow.whole_numbers import LARGEST_SEED, as_whole

_RECOVERED = ("log_mass_surviving", "log_sfr_100myr", "age_mw", "log_z_mw_solar")
_LOCAL = 10  # NSA galaxies at which L-C2ST looks
_N_BIN = 4
_CONTRACTION_PRIOR = 20_000


def validate(
    posterior: AmortizedPosterior | None = None,
    n: int = 2000,
    n_draw: int = 1000,
    seed: int = 2022,
    n_nsa: int = 500,
    progress: Callable[[int, int], object] | None = None,
    local: bool = True,
    workers: int = 1,
) -> ValidationReport:
    """Validate a network on n simulated galaxies with all bands, n / 2 with some, and the NSA.

    And on n / 2 simulated galaxies that look like those of the NSA: `sedflow.validation.population`
    gives the figures of each population. A network with bands that the atlas lacks is validated on
    simulated galaxies alone.

    Parameters
    ----------
    posterior : AmortizedPosterior, optional
    n, n_draw : int
    seed : int
        Of the simulated galaxies and the draws.
    n_nsa : int
        Galaxies of the NSA with a flux in one of the bands, chosen at random, whose weights are
        judged.
    progress : callable, optional
        Called as progress(done, total) after each galaxy.
    local : bool
        Whether to run L-C2ST, which takes a minute or two.
    workers : int
        Processes that share the galaxies; the report does not depend on how many.

    Raises
    ------
    MissingLibrary
        sbi or torch is not installed, which L-C2ST needs.
    """
    seed = as_whole("seed", seed, 0, LARGEST_SEED)
    if local:  # before the work, not after it
        needs("sbi", "torch", extra="train", what="L-C2ST")
    posterior = posterior or load_posterior()
    of_atlas = {*posterior.bands} <= {*NSA_BANDS}
    total = n + n // 2 + (n // 2 + n_nsa if of_atlas else 0)
    run = _Measurement(posterior, n_draw, seed, progress, total, workers)
    if of_atlas:
        run.ids = run.nsa.seen(posterior.bands)
        what = f" galaxies of the NSA, which sees {len(run.ids):,} in {', '.join(posterior.bands)}"
        n_nsa = as_whole("n_nsa", n_nsa, 1, len(run.ids), what)
    full = run.simulated(n, None)
    some = run.simulated(n // 2, draw_presence)
    like = run.fitted(*survey_like(posterior, run.nsa, n // 2, seed)) if of_atlas else None
    summary: dict = {}
    band = ks_band(n)
    summary.update(
        weights=posterior.name,
        weights_sha256=posterior.record.get("weights_sha256", ""),
        galaxies=n,
        draws=n_draw,
        seed=seed,
        band_95=round(band, 5),
        band_95_all=round(ks_band(n, tests=len(QUANTITIES)), 5),
        ks=_by_kind(full, lambda s: named(ks_distances(s.scores)[0])),
        p_value=_by_kind(full, lambda s: named(ks_distances(s.scores)[1])),
        hpd=_by_kind(full, lambda s: region_figures(s.hpd)),
        tarp=_by_kind(full, lambda s: region_figures(s.tarp)),
        coverage=_by_kind(full, lambda s: coverage_figures(s.scores)),
        bins={kind: _bins(full, some, kind) for kind in KINDS},
        gap=_spread(full.gap) | {"error": rounded(full.gap.std() / np.sqrt(n))},
        weights_hold={
            "simulated": _weights_hold(full.importance),
            "some_bands": _weights_hold(some.importance),
        },
        answers={"prior": _counted(full), "some_bands": _counted(some)},
        contraction=dict(zip(NAMES, rounded(np.median(full.contraction, 0)), strict=True)),
        recovery=_recovery(full),
    )
    summary["worst_bin"] = {kind: worst_bin(summary["bins"][kind]) for kind in KINDS}
    if like is None:
        return ValidationReport(summary, _columns(full, some))
    summary["weights_hold"]["nsa"] = _weights_hold(run.survey(n_nsa))
    summary["answers"]["survey"] = _counted(like)
    summary["nsa_inside"] = run.inside()
    if local:
        summary["local"] = run.local(full)
    return ValidationReport(summary, _columns(full, some), _columns(like))


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
    answer: list  # kinds of verdict
    contraction: np.ndarray


class _Measurement:
    def __init__(self, posterior, n_draw, seed, progress, total, workers=1):
        self.posterior, self.model, self.prior = posterior, posterior.model, posterior.prior
        self.n_draw, self.seed, self.progress, self.total = n_draw, seed, progress, total
        self.done, self.workers = 0, workers
        self.nsa, self.ids = load_nsa(), np.zeros(0, int)  # of its galaxies with one of the bands
        draws = self.prior.sample(_CONTRACTION_PRIOR, np.random.default_rng(seed))
        self.prior_sd = draws.std(0)

    def simulated(self, n, presence):
        truth, galaxies = simulate(
            n,
            seed=np.random.default_rng([self.seed, 0 if presence is None else 1]),
            prior=self.prior,
            model=self.model,
            noise=self.posterior.noise,
            redshift=tuple(self.posterior.domain.redshift),
            presence=presence,
        )
        return self.fitted(truth, galaxies)

    def fitted(self, truth, galaxies):
        """What simulated galaxies (n,) with known parameters (n, 12) tell."""
        n = len(galaxies)
        first = self.done
        rows = self._each(lambda k: self._one(truth[k], galaxies[k], first + k), n)
        columns = dict(zip(rows[0], zip(*(r.values() for r in rows), strict=True), strict=True))
        stacked = {k: np.array(v) for k, v in columns.items() if k not in ("importance", "answer")}
        levels = {
            kind: _Levels(
                stacked[f"scores_{kind}"], stacked[f"hpd_{kind}"], stacked[f"tarp_{kind}"]
            )
            for kind in KINDS
        }
        return _Simulated(
            galaxies=galaxies,
            truth=stacked["truth"],
            x=stacked["x"],
            one_draw={kind: stacked[f"draw_{kind}"] for kind in KINDS},
            median=stacked["median"],
            levels=levels,
            gap=stacked["gap"],
            importance=list(columns["importance"]),
            answer=list(columns["answer"]),
            contraction=stacked["contraction"],
        )

    def survey(self, n):
        """Importance figures of n random galaxies of the NSA."""
        ids = np.random.default_rng(self.seed).choice(self.ids, n, replace=False)

        def importance(k):
            galaxy = self.nsa.photometry(ids[k], self.posterior.bands)
            return self._sampled(galaxy).importance

        return self._each(importance, n)

    def inside(self):
        """How many of the NSA's galaxies lie in the ranges of the training models."""
        galaxies = self.nsa.photometry(self.ids, self.posterior.bands)
        inside = self.posterior.check(galaxies, draws=False).inside
        return {"galaxies": len(inside), "inside": int(inside.sum())}

    def local(self, full):
        """p-values of L-C2ST at galaxies of the NSA, by kind."""
        rng = np.random.default_rng(self.seed)
        ids = rng.choice(self.ids, _LOCAL, replace=False)
        observed = [self.nsa.photometry(i, self.posterior.bands) for i in ids]
        context = self.posterior.context(full.galaxies)
        at = np.concatenate([self.posterior.context(g) for g in observed])
        draws = {kind: [] for kind in KINDS}
        for galaxy in observed:
            made = self._sampled(galaxy)
            x = self.prior.to_unbounded(made.theta)
            draws["network"].append(x)
            draws["exact"].append(x[systematic(made.weights, self.n_draw, rng)])
        p_value = {
            kind: rounded(local_test(full.x, context, full.one_draw[kind], at, draws[kind]))
            for kind in KINDS
        }
        return {"nsaid": [int(i) for i in ids], "p_value": p_value}

    def _sampled(self, galaxy):
        """The network's draws, weighted."""
        draws = self.posterior.sample(galaxy, n=self.n_draw, seed=self.seed)
        return weigh(draws, galaxy, self.model, self.prior)

    def _accepted(self, galaxy, draws):
        """The draws that people get, and the kind of their verdict.

        draws : weighted, of the network; the answer itself where nothing is wrong with them, and
            where no rung is exact
        """
        if draws.importance.good() and draws.n >= JUDGED_ON:
            return draws, EXACT_WEIGHTS
        n = max(self.n_draw, JUDGED_ON)
        found, verdict = climb(galaxy, self.posterior, self.model, self.prior, n, self.seed)
        exact = found.with_flux(galaxy, self.model) if verdict.exact else draws
        return exact, str(verdict.kind)

    def _one(self, truth, galaxy, number):
        """What a simulated galaxy tells; its number is the seed of what is drawn at random."""
        draws = self._sampled(galaxy)
        exact, answer = self._accepted(galaxy, draws)
        log_target = self.prior.log_prob(exact.theta) + log_likelihood(exact.flux, galaxy)
        own = self.posterior.log_prob(truth, galaxy)
        flux = self.model.photometry(truth[None], galaxy.redshift, galaxy.bands, method="fast")
        best = float((self.prior.log_prob(truth[None]) + log_likelihood(flux, galaxy))[0])
        true, x_true = self._quantities(truth[None], galaxy)[0], self.prior.to_unbounded(truth)
        rng = np.random.default_rng([self.seed, number])
        out = {
            "truth": true,
            "x": x_true,
            "importance": draws.importance,
            "answer": answer,
            "gap": best - draws.importance.log_evidence - own,
            "contraction": 1.0 - (draws.theta.std(0) / self.prior_sd) ** 2,
        }
        for kind, made, w, density, at in (
            ("network", draws, None, draws.log_density, own),
            ("exact", exact, exact.weights, log_target, best),
        ):
            many = None if w is None else w[None]
            values, x = self._quantities(made.theta, galaxy), self.prior.to_unbounded(made.theta)
            out[f"scores_{kind}"] = percentile_scores(true[None], values[None], many, number)[0]
            out[f"hpd_{kind}"] = hpd_levels(np.array([at]), density[None], many)[0]
            out[f"tarp_{kind}"] = tarp_levels(x_true[None], x[None], many, number)[0]
            out[f"draw_{kind}"] = x[0 if w is None else systematic(w, 1, rng)[0]]
        out["median"] = weighted_quantile(values.T, 0.5, exact.weights)
        return out

    def _quantities(self, theta, galaxy):
        """Values (n, n_quantity) of `QUANTITIES`."""
        return columns(VALIDATED, theta, derive(theta, galaxy.redshift, self.model))

    def _each(self, work, n):
        """work(k) of the next n galaxies, told of one by one."""
        rows = []
        for row in in_turn(work, n, self.workers):
            rows.append(row)
            self.done += 1
            if self.progress:
                self.progress(self.done, self.total)
        return rows


def _counted(simulated):
    """How many answers there are of each kind of verdict."""
    return {kind: simulated.answer.count(kind) for kind in VERDICTS if kind in simulated.answer}


def _by_kind(simulated, of):
    return {kind: of(simulated.levels[kind]) for kind in KINDS}


def _spread(values):
    return {"mean": rounded(values.mean()), "median": rounded(np.median(values))}


def _weights_hold(importance):
    k_hat = np.array([float(i.k_hat) for i in importance])
    share = np.array([float(i.ess / i.n) for i in importance])
    gap = np.array([float(i.gap) for i in importance])

    def quantiles(values):
        points = np.percentile(values, (5, 16, 50, 84))
        return dict(zip(("5", "16", "50", "84"), rounded(points), strict=True))

    return {
        "galaxies": len(importance),
        "held": rounded((k_hat < K_HAT_MAX).mean()),
        "ess_share": quantiles(share),
        "k_hat": quantiles(k_hat),
        "gap": _spread(gap[np.isfinite(gap)]),
    }


def _bins(full, some, kind):
    """Coverage of all quantities together in bins of each property."""
    out = {}
    for name in PROPERTIES:
        # Bands are counted among the galaxies that may lack some, all else among the others.
        part = some if name == "n_band" else full
        values, levels = properties(part.galaxies)[name], part.levels[kind].scores
        if not np.isfinite(values).any():  # of bands that the network does not take
            continue
        if name == "n_band":
            edges = [[int(k), int(k)] for k in np.unique(values)]
            inside = groups(name, values, edges)
        else:
            cuts = np.nanquantile(values, np.linspace(0, 1, _N_BIN + 1))
            exact = np.column_stack([cuts[:-1], cuts[1:]])
            edges, inside = rounded(exact), groups(name, values, exact)
        out[name] = [
            {
                "range": edge,
                "galaxies": int(group.sum()),
                "coverage": {
                    str(q): rounded(central_coverage(levels[group], q).mean()) for q in NOMINAL
                },
                "ks_max": rounded(ks_distances(levels[group])[0].max()),
            }
            for edge, group in zip(edges, inside, strict=True)
        ]
    return out


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
            "bias": rounded(np.median(off)),
            "scatter": rounded(np.diff(spread)[0] / 2),
            "r2": rounded(r2),
        }
    return out


def _columns(*parts):
    out = {}
    for name in PROPERTIES:
        out[name] = np.concatenate([properties(part.galaxies)[name] for part in parts])
    for kind in KINDS:
        for what in ("scores", "hpd", "tarp"):
            levels = [getattr(part.levels[kind], what) for part in parts]
            out[f"{what}_{kind}"] = np.concatenate(levels)
    return out
