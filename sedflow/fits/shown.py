"""What a fit shows of itself: values and quantiles by name, one line, a table, and plots."""

from functools import cached_property
from typing import Any

import numpy as np

from sedflow import views
from sedflow.draws import systematic
from sedflow.errors import SedflowError
from sedflow.fits.far_bands import far_bands
from sedflow.fits.plotted import PlottedFit
from sedflow.fits.samples import Samples, fractions
from sedflow.fits.summary import Summary, indented, quantile_name
from sedflow.model.derived import missing_quantity, quantities_of
from sedflow.model.floors import far_below_floor
from sedflow.model.missing_lines import missing_lines
from sedflow.parameters import NAMES
from sedflow.sampling.edges import edges
from sedflow.sampling.objection import refused_kind
from sedflow.sampling.oddity import odd_fits
from sedflow.sampling.titles import sampler_title
from sedflow.sampling.verdict import (
    APPROXIMATE,
    EXACT_MCMC,
    EXACT_WEIGHTS,
    FAILED,
    MISFIT,
    UNCHECKED,
    kind_of,
)

__all__ = ["ShownFit"]

_SAID = ("name", "unit")  # of a quantity, in a summary
_EXAMPLES = 6
_RATES = "log_ssfr_1gyr is per mass formed, not per surviving mass."
_MOSTLY = 0.7  # of the prior's width, above which a posterior is mostly the prior
_HALF = [0.16, 0.84]


class ShownFit(PlottedFit):
    """Base of `Fit`: nothing here computes a posterior."""

    photometry: Any
    draws: Any
    derived: Any
    model: Any
    prior: Any
    predicted: Any
    induced_prior: Any
    _prior_theta: Any
    verdict: Any
    sampler: str
    likelihood: str | None

    @property
    def title(self) -> str:
        """Name and redshift of the galaxy shown, and the likelihood if it is another."""
        return f"{self.photometry.title}{self._likelihood}"

    @property
    def _likelihood(self):
        """Words for a likelihood that is not the plain one."""
        return ", any band may be off" if self.likelihood == "robust" else ""

    @property
    def quality(self) -> str:
        """How good the draws are, in a word of the table of verdicts, or "unchecked".

        Of many galaxies, the worst word in use, or the only one.
        """
        if self.verdict is not None:
            kinds = [k for k, n in self.verdict.counts().items() if n] if self.draws.shape else []
            return kinds[-1] if kinds else str(self.verdict.kind)
        weights, chains = self.draws.importance, self.draws.convergence
        if weights is not None:
            if not np.all(weights.good()):
                return APPROXIMATE
            problems = {refused_kind(one) for one in self._each()} - {""}
            return next((k for k in (FAILED, MISFIT) if k in problems), EXACT_WEIGHTS)
        if chains is not None:
            return EXACT_MCMC if np.all(chains.converged) else FAILED
        return UNCHECKED

    @property
    def judgement(self) -> str:
        """`quality`, and of one galaxy whether no model describes it: "exact (weights), misfit"."""
        alone = not self.draws.shape and self.verdict is not None
        misfit = alone and self.verdict.status == MISFIT and self.quality != MISFIT
        return f"{self.quality}, {MISFIT}" if misfit else self.quality

    def _each(self):
        """The fits of the galaxies, one by one."""
        whole: Any = self
        shape = self.draws.shape
        return (whole[i] for i in np.ndindex(shape)) if shape else (whole,)

    @property
    def k_hat(self) -> np.ndarray | None:
        """Shape (...) of the largest weights of these draws; None if they never had weights."""
        return None if self.draws.importance is None else self.draws.importance.k_hat

    @property
    def ess(self) -> np.ndarray | None:
        """Effective number of draws (...): of the weights, or the least of the chains'.

        Draws of equal weight may be fewer than that, as they were drawn by those weights: errors
        of means follow the lesser of the two. None where it is not known.
        """
        weights, chains = self.draws.importance, self.draws.convergence
        if chains is not None and (weights is None or self.quality in (EXACT_MCMC, FAILED)):
            return np.minimum(chains.ess_bulk, chains.ess_tail).min(-1)
        return None if weights is None else weights.ess

    @property
    def heading(self) -> str:
        """Title with the quality, for the top of plots and tables."""
        if self.draws.shape and self.verdict is not None:
            return f"{self.title}: {self.verdict}"
        return f"{self.title}: {self.judgement}"

    @cached_property
    def lacks(self) -> np.ndarray:
        """Sentences (...) on the emission line that the model of each galaxy lacks; "" for none."""
        return missing_lines(self.photometry, self.model.grid)

    @cached_property
    def far(self) -> np.ndarray:
        """Sentences (...) on bands more than 3 sigma from what an exact fit predicts; "" for none.

        Of a misfit, and of draws that are not exact, the verdict says more.
        """
        exact = kind_of(self.quality).exact if self.verdict is None else self.verdict.exact
        return np.where(exact, far_bands(self.predicted), "")

    @cached_property
    def notes(self) -> Any:
        """What to know about a galaxy's posterior, in sentences: a tuple, or tuples (...) of many.

        Whether an exact fit is odd, its bands that are far from what it predicts, the lines that
        the model lacks, errors that are too small to be true, and the edges of the prior on which
        the posterior leans.
        """
        lacks, small = self.lacks, far_below_floor(self.photometry)
        odd = np.full(lacks.shape, "") if self.verdict is None else odd_fits(self.verdict)
        out = np.empty(lacks.shape, dtype=object)
        for i in np.ndindex(lacks.shape):
            draws = self.draws.galaxy(i)
            found = edges(draws.theta, draws.weights, self.prior)
            said = [odd[i], self.far[i], lacks[i], small[i], *(edge.in_words() for edge in found)]
            out[i] = tuple(filter(None, said))
        return out if out.shape else out[()]

    @cached_property
    def examples(self) -> np.ndarray:
        """Numbers (6,) of draws of one galaxy to show as they are: the best first, five at random.

        The best comes closest to the data; the others are drawn by their weights.
        """
        if self.photometry.shape:
            raise SedflowError(f"examples are of one galaxy, not of {self.title}; choose fit[i]")
        weights, n = self.draws.weights, self.draws.n
        weights = np.full(n, 1.0 / n) if weights is None else weights
        others = systematic(weights, _EXAMPLES - 1, np.random.default_rng(0))
        return np.append(self.predicted.chi2.argmin(), others)

    # Values by name

    def values(self, name: str) -> np.ndarray:
        """A parameter or derived quantity (..., n_draw) of the raw draws, which may have weights.

        For medians, histograms or scatter plots use `fit[name]` or `fit.quantile`.
        """
        known = isinstance(name, str)  # not an array of names
        if known and name in NAMES:
            return self.draws[name]
        if not known or name not in self.keys():
            raise missing_quantity(name, self.model)
        return self.derived[name]

    @property
    def quantities(self) -> tuple[Any, ...]:
        """Rows of the tables of parameters and derived quantities that this fit has.

        Those of emission lines are there only where the SSP grid has gas.
        """
        return quantities_of(self.model)

    @cached_property
    def samples(self) -> Samples:
        """Draws of equal weight, by name: parameters and derived quantities (..., n_draw)."""
        return Samples(self)

    def quantile(self, name: str, q: Any = (16, 50, 84)) -> np.ndarray:
        """Quantiles (len(q), ...) of a parameter or derived quantity, weights included.

        q : in per cent, [16, 50, 84], or from 0 to 1

        Raises
        ------
        UnknownName
            No such quantity; the message lists those that there are.
        """
        return self.draws.quantile(self.values(name), fractions(q))

    @cached_property
    def of_prior(self) -> dict[str, float]:
        """Width of the 68 % interval of one galaxy, as a share of the prior's, by quantity.

        Near 0 the data decide; near 1 they say little, and the posterior is mostly the prior,
        however exact it is. Rates scale with the mass, whose prior is wide: log_ssfr_1gyr tells
        whether the data say more of star formation than the mass does.
        """
        if self.photometry.shape:
            raise SedflowError(f"of_prior is of one galaxy, not of {self.title}; choose fit[i]")
        known = self.induced_prior | dict(zip(NAMES, self._prior_theta.T, strict=True))
        return {
            p.name: _share(self.quantile(p.name, _HALF), known[p.name]) for p in self.quantities
        }

    def summary(self, q: Any = (0.16, 0.5, 0.84)) -> Summary:
        """Quantiles of every parameter and derived quantity, as an astropy Table.

        One galaxy: a row for each quantity, columns p16, p50, p84 and `of_prior` (the width of the
        68 % interval as a share of the prior's: near 1, the data say little of the quantity);
        `summary["log_mstar"]` is a row, `summary.loc["log_mstar", "p50"]` a number. A batch: a row
        for each galaxy, and columns NAME_p16, NAME_p50, NAME_p84, as in the results of a catalogue,
        with the verdict; up to four galaxies print beside each other. Below the numbers stand the
        initial mass function, the cosmology and which mass is which.
        """
        q = np.atleast_1d(fractions(q))
        labels = [quantile_name(x) for x in q]
        values = {p.name: self.draws.quantile(self.values(p.name), q) for p in self.quantities}
        meta = {"title": self.title, "quality": self.quality}
        if not self.photometry.shape:
            columns = {what: [getattr(p, what) for p in self.quantities] for what in _SAID}
            for k, label in enumerate(labels):
                columns[label] = [value[k] for value in values.values()]
            columns["of_prior"] = list(self.of_prior.values())
            return Summary(columns, meta=meta | {"foot": self._foot()})
        table = Summary(meta=meta | {"foot": (self.model.about,)})
        if self.photometry.ids is not None:
            table["id"] = self.photometry.ids.reshape(-1)
        known = self.verdict is not None
        n = self.photometry.redshift.size
        table["verdict"] = self.verdict.kind.reshape(-1) if known else np.full(n, self.quality)
        for name, value in values.items():
            for k, label in enumerate(labels):
                table[f"{name}_{label}"] = value[k].reshape(-1)
        return table

    def _foot(self):
        """Sentences below the numbers of one galaxy."""
        odd = "" if self.verdict is None else str(odd_fits(self.verdict)[()])
        return *filter(None, [odd]), _said_of_prior(self.of_prior), _RATES, self.model.about

    # In a cell

    def __str__(self):
        """The line of `repr`, then the verdict and what else to know, in sentences."""
        said = [] if self.verdict is None else [str(self.verdict)]
        if not self.photometry.shape:
            said += self.notes
        return "\n".join([repr(self), *(indented(text) for text in said)])

    def __format__(self, spec):
        """One line among other words."""
        return format(repr(self), spec)

    def __repr__(self):
        n = self.draws.n
        if self.photometry.shape:
            return f"<Fit of {self.heading}; {n:,} draws each>"
        galaxy = self.photometry
        name = self.title
        if galaxy.ids is not None:
            name = f"{galaxy.id_name} {galaxy.ids}".strip() + self._likelihood
        return f"<Fit {name}: {self.quality}{self._figures()}>"

    def _figures(self):
        """k-hat or R-hat, and how many draws count, behind the word."""
        n, weights, chains = self.draws.n, self.draws.importance, self.draws.convergence
        if self.quality == FAILED and not np.isfinite(self.draws.theta).any():
            why = "" if self.verdict is None else str(self.verdict.reason)
            return f", no draws: {why}" if why else ", no draws"
        if weights is not None and self.quality not in (EXACT_MCMC, FAILED):
            return (
                f", k-hat {float(weights.k_hat):.2f}, {self.ess:,.0f} of "
                f"{int(weights.n):,} draws effective"
            )
        if chains is not None:
            worst = float(chains.r_hat.max())
            known = min(float(self.ess), n)  # the chains may be longer than what is handed out
            return f", R-hat {worst:.3f}, {known:,.0f} of {n:,} draws effective"
        return f", {n:,} draws" + (
            f" of {sampler_title(self.sampler)}" if self.quality == UNCHECKED else ""
        )

    def _repr_html_(self):
        if self.photometry.shape:
            counts = self.verdict.counts() if self.verdict is not None else {}
            rows = [(kind, f"{n:,}") for kind, n in counts.items() if n]
            return views.markup(repr(self), views.table((), rows))
        rows = []
        for p in self.quantities:
            low, middle, high = self.quantile(p.name)
            text = f"{middle:.3f}  +{high - middle:.3f} \N{MINUS SIGN}{middle - low:.3f}"
            rows.append((p.name, text, p.unit, f"{self.of_prior[p.name]:.2f}"))
        reason = "" if self.verdict is None else str(self.verdict)
        heads = ("quantity", "median and 68 %", "unit", "of_prior")
        about = (_said_of_prior(self.of_prior), _RATES, self.model.about)
        said = [(text,) for text in (reason, *self.notes, *about)]
        return views.markup(repr(self), views.table((), said), views.table(heads, rows))

    def keys(self) -> tuple[str, ...]:
        """Names of the quantities that `fit[name]` and `fit.quantile` take."""
        return tuple(q.name for q in self.quantities)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.keys())


def _share(found, prior):
    """Width of an interval (2,) as a share of that of the prior's draws (n,)."""
    low, high = np.quantile(prior, _HALF)
    with np.errstate(invalid="ignore", divide="ignore"):
        return float((found[1] - found[0]) / (high - low))


def _said_of_prior(of_prior):
    """A sentence on what the data do not decide."""
    mostly = [name for name, share in of_prior.items() if share > _MOSTLY]
    return (
        "of_prior: width of the 68 % interval as a share of the prior's. Mostly prior (above "
        f"{_MOSTLY:g}): {', '.join(mostly) or 'none'}."
    )
