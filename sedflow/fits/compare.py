"""One galaxy with several SSP grids: evidences, posteriors side by side, and their average.

The evidence says how well a grid predicted the data, averaged over its prior. A grid weighs
exp(ln evidence / T). The temperature T is 1 where some grid describes the data, and otherwise the
least mean chi-square per band: as if every error were sqrt(T) times larger, since evidences of
models that are all wrong differ by far more than they should.
"""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sedflow import views
from sedflow.bands import curve_name
from sedflow.draws import weighted_quantile
from sedflow.errors import Cancelled, SedflowError
from sedflow.files.packaged import SSP_NAMES
from sedflow.fits.fit import Fit, fit
from sedflow.fits.grid_files import read_fits, write_fits
from sedflow.fits.samples import fractions
from sedflow.fits.summary import Summary, indented, quantile_name
from sedflow.model.derived import ALL
from sedflow.model.sed import SEDModel, default_model
from sedflow.parameters import Prior
from sedflow.photometry import Photometry
from sedflow.sampling.misfit import is_misfit, p_values_of
from sedflow.sampling.oddity import odd_fits
from sedflow.sampling.verdict import MISFIT
from sedflow.settled import ByValue
from sedflow.whole_numbers import as_whole

__all__ = ["Comparison", "compare"]

_COUNTS = 0.01  # weight from which a grid that does not describe the data is named
GRIDS = ("fsps", "fsps-gas", "bc03")


@dataclass(frozen=True, repr=False, eq=False)
class Comparison(ByValue):
    """Fits of one galaxy that differ in the SSP grid alone.

    fits : name of the grid -> Fit

    Raises
    ------
    SedflowError
        The fits are not of one galaxy and one prior: their evidences say nothing of the grids.
    """

    fits: dict[str, Fit]

    def __post_init__(self) -> None:
        fits = self.fits
        if not fits or not all(isinstance(one, Fit) for one in fits.values()):
            raise SedflowError("a comparison is made of Fits by the name of their grid; give some")
        first, *others = fits
        for name, one in fits.items():
            if one.photometry.shape:
                raise SedflowError(
                    f"the fit of {name} has {one.photometry.redshift.size} galaxies, and a "
                    "comparison has one; give fit[k] of many"
                )
            grid = one.model.grid.name
            if grid in fits and grid != name:
                raise SedflowError(
                    f"the fit of {name!r} is one of the grid {grid!r}; give each fit by the name "
                    "of its own grid"
                )
            if one.likelihood:
                raise SedflowError(
                    f"the fit of {name} is a robust one, whose evidence is of another likelihood; "
                    "give the fit that it was made from"
                )
        for name in others:
            what = _difference(fits[first], fits[name])
            if what:
                raise SedflowError(
                    f"the fits of {first} and {name} {what}, so that their evidences say nothing "
                    "of the grids; give fits of one galaxy and prior"
                )

    @property
    def photometry(self) -> Photometry:
        """The galaxy."""
        return next(iter(self.fits.values())).photometry

    @property
    def log_evidence(self) -> dict[str, tuple[float, float]]:
        """Natural log of the evidence and its error, by grid; NaN where a fit has none."""
        out = {}
        for name, one in self.fits.items():
            verdict = one.verdict
            out[name] = (np.nan, np.nan)
            if verdict is not None and (verdict.exact or verdict.kind == MISFIT):
                out[name] = (float(verdict.log_evidence), float(verdict.log_evidence_error))
        return out

    @property
    def fitting(self) -> tuple[str, ...]:
        """The grids that describe the data (p of 0.001 at least, calibrated where it is known)."""
        p = {name: p_values_of(one, None) for name, one in self.fits.items()}
        unknown = (name for name, (raw, _) in p.items() if np.isnan(raw))  # of no exact draws
        p |= {name: (float(self.fits[name].predicted.p_value), np.nan) for name in unknown}
        return tuple(name for name, pair in p.items() if not is_misfit(*pair))

    @property
    def temperature(self) -> float:
        """What log evidences are divided by: 1 where some grid describes the data."""
        if self.fitting:
            return 1.0
        n_band = int(self.photometry.present.sum())
        chi2 = [
            float(np.average(one.predicted.chi2, weights=one.draws.weights))
            for one in self.fits.values()
        ]
        return max(1.0, min(chi2) / n_band)

    @property
    def has_average(self) -> bool:
        """Whether an evidence is known, so that there are weights and an average."""
        return len(self._lost) < len(self.fits)

    @property
    def weights(self) -> dict[str, float]:
        """Share of each grid in the average, summing to 1; a grid without an evidence has none."""
        known = np.array([value for value, _ in self.log_evidence.values()])
        if not self.has_average:
            if all(one.verdict is None for one in self.fits.values()):
                raise SedflowError(
                    "no grid has an evidence, so none can be weighed: these fits were not checked; "
                    'compare with trust="auto", which is the default'
                )
            reasons = "; ".join(f"{k}: {f.verdict or f.quality}" for k, f in self.fits.items())
            raise SedflowError(f"no grid has an evidence, so none can be weighed: {reasons}")
        top = np.where(np.isfinite(known), known, -np.inf)
        shares = np.exp((top - top.max()) / self.temperature)
        return dict(zip(self.fits, (shares / shares.sum()).tolist(), strict=True))

    @property
    def note(self) -> str:
        """What to know about the average, as a sentence; empty if nothing."""
        said, unknown = [], ", ".join(self._lost)
        if not self.has_average:
            said.append(f"No evidence is known for {unknown}, so there is no average.")
        elif unknown:
            said.append(f"No evidence is known for {unknown}, whose weight is 0 for that alone.")
        if not self.fitting:
            average = (
                ": the average is over-confident, although evidences were tempered (divided by "
                f"{self.temperature:.2g})"
            )
            said.append(f"No grid describes these data{average if self.has_average else ''}.")
            return " ".join(said)
        weights = self.weights if self.has_average else {}
        wrong = [k for k in self.fits if k not in self.fitting and weights.get(k, 0) >= _COUNTS]
        if wrong:
            do = "do" if len(wrong) > 1 else "does"
            said.append(f"{', '.join(wrong)} {do} not describe these data.")
        without = [name for name, one in self.fits.items() if str(one.lacks)]
        if without and self.has_average:
            share = sum(self.weights[name] for name in without)
            said.append(
                f"{self.fits[without[0]].lacks}. Grids without gas ({', '.join(without)}) have "
                f"{share:.2g} of the weight of this average."
            )
        odd = {
            name: str(odd_fits(one.verdict)[()]) for name, one in self.fits.items() if one.verdict
        }
        said += [f"{name}: {text}." for name, text in odd.items() if text]
        return " ".join(said)

    def quantile(self, name: str, q: Any = (16, 50, 84)) -> np.ndarray:
        """Quantiles (len(q),) of a quantity, averaged over the grids by their weights.

        q : in per cent, [16, 50, 84], or from 0 to 1
        """
        return self._average(name, fractions(q))

    def _average(self, name, levels):
        """Quantiles at some levels, from 0 to 1."""
        used = [(self.fits[grid], share) for grid, share in self.weights.items() if share > 0]
        values = np.concatenate([one.values(name) for one, _ in used])
        weights = np.concatenate([share * _shares(one) for one, share in used])
        return weighted_quantile(values, levels, weights)

    @property
    def quantities(self) -> list:
        """Rows of the quantities that every grid has."""
        known = set.intersection(*(set(one.keys()) for one in self.fits.values()))
        return [p for p in ALL if p.name in known]

    def summary(self, q: Any = (0.16, 0.5, 0.84)) -> Summary:
        """Quantiles of every quantity, by grid and averaged, as an astropy Table.

        Columns GRID_p16, ... and average_p16, ..., NaN where no evidence is known; the metadata
        have evidences and weights.
        """
        q = np.atleast_1d(fractions(q))
        rows = self.quantities
        columns: dict[str, list] = {"name": [p.name for p in rows], "unit": [p.unit for p in rows]}
        sources: dict[str, Callable] = {
            grid: lambda name, one=one: one.draws.quantile(one.values(name), q)
            for grid, one in self.fits.items()
        }
        sources["average"] = lambda name: (
            self._average(name, q) if self.has_average else np.full(len(q), np.nan)
        )
        for grid, quantiles in sources.items():
            values = np.array([quantiles(p.name) for p in rows])
            for k, x in enumerate(q):
                columns[f"{grid}_{quantile_name(x)}"] = values[:, k].tolist()
        weights = self.weights if self.has_average else {}
        meta = {"log_evidence": self.log_evidence, "weights": weights, "note": self.note}
        return Summary(columns, meta=meta)

    def save(self, folder: str | Path) -> Path:
        """Write a folder: a file for each grid, GRID.h5, and a list of them.

        `sedflow.Comparison.load(folder)` reads it.

        Raises
        ------
        SedflowError
            The name is one of a file, or the folder holds other fits, which would count as grids
            of this galaxy.
        """
        return write_fits(folder, self.fits)

    @classmethod
    def load(cls, folder: str | Path, models: SEDModel | Sequence[SEDModel] = ()) -> "Comparison":
        """The comparison that `save` left in a folder.

        models : those of grids that are not packaged, found by the names of their grids

        Raises
        ------
        SedflowError
            Files are gone, replaced or renamed, or no model of a grid of your own is given.
        """
        return cls(read_fits(folder, models))

    def plot(self, names: Any = None, *, backend: str = "matplotlib") -> Any:
        """Evidences, and the main quantities by grid and averaged: a matplotlib Figure.

        names : parameters or derived quantities; default, the main ones
        """
        return views.plot("grid_comparison", self, names=names, backend=backend)

    @property
    def _lost(self):
        """The grids whose evidence is not known."""
        return [name for name, (value, _) in self.log_evidence.items() if not np.isfinite(value)]

    def _lines(self):
        weights = self.weights if self.has_average else {}
        for name, (value, error) in self.log_evidence.items():
            evidence = f"{value:.2f} ± {error:.2f}" if np.isfinite(value) else "unknown"
            yield name, evidence, f"{weights[name]:.3f}" if weights else "unknown"

    def __repr__(self):
        if not self.has_average:
            text = f"{', '.join(self.fits)}, without an evidence"
        else:
            shares = sorted(self.weights.items(), key=lambda item: -item[1])
            text = ", ".join(f"{name} {share:.3f}" for name, share in shares)
        return f"<Comparison of {self.photometry.title}: {text}>"

    def __str__(self):
        lines = textwrap.wrap(repr(self), 80, subsequent_indent="  ")
        for name, evidence, weight in self._lines():
            text = f"{name}: {self.fits[name].judgement}, weight {weight}, ln evidence {evidence}"
            lines.append(indented(text))
        if self.note:
            lines.append(indented(self.note))
        return "\n".join(lines)

    def _repr_html_(self):
        heads = ("grid", "ln evidence", "weight", "verdict")
        rows = [(*line, self.fits[line[0]].judgement) for line in self._lines()]
        averages = []
        for p in self.quantities if self.has_average else ():
            low, middle, high = self.quantile(p.name)
            text = f"{middle:.3f}  +{high - middle:.3f} \N{MINUS SIGN}{middle - low:.3f}"
            medians = (f"{one.quantile(p.name, 50):.3f}" for one in self.fits.values())
            averages.append((p.name, text, p.unit, *medians))
        quantities = ("quantity", "average, 68 %", "unit", *self.fits)
        return views.markup(
            repr(self),
            views.table((), [(self.note,)] if self.note else []),
            views.table(heads, rows),
            *([views.table(quantities, averages)] if averages else []),
        )


def compare(
    galaxy: Photometry,
    grids: Sequence[str | SEDModel] = GRIDS,
    *,
    n: int = 10_000,
    seed: int | None = 1,
    prior: Prior | str | None = None,
    trust: str = "auto",
    progress: Callable[[float, str], object] | None = None,
    cancel: Any = None,
) -> Comparison:
    """One galaxy with several SSP grids, compared by their evidence.

    A grid's own network draws first; without one, another grid's network does, and the steps of
    `sedflow.fit` correct its draws.

    Parameters
    ----------
    galaxy : Photometry of shape ()
    grids : sequence of names of packaged grids, or of SEDModel
    n, seed, prior, trust : as for `sedflow.fit`
    progress : callable, optional
        Called as progress(share, text).
    cancel : optional
        Anything with `is_set()`; once it is set, the comparison ends with `Cancelled` at the next
        grid, or within half a second of MCMC.

    Examples
    --------
    >>> import sedflow
    >>> found = compare(sedflow.load_nsa().photometry(72), grids=("fsps", "bc03"), n=1000)
    >>> sorted(found.weights), round(sum(found.weights.values()), 6)
    (['bc03', 'fsps'], 1.0)
    """
    if not isinstance(galaxy, Photometry) or galaxy.shape:
        raise SedflowError("compare takes the photometry of one galaxy; give photometry[k] of many")
    as_whole("n", n, 1)
    models: dict[str, SEDModel] = {}
    for grid in (grids,) if isinstance(grids, str | SEDModel) or not np.iterable(grids) else grids:
        if not isinstance(grid, SEDModel) and not (isinstance(grid, str) and grid in SSP_NAMES):
            raise SedflowError(
                f"the SSP grid {str(grid)[:64]!r} is unknown; choose from "
                f"{', '.join(SSP_NAMES)}, or give a SEDModel"
            )
        model = grid if isinstance(grid, SEDModel) else default_model(grid)
        if model.grid.name in models:
            raise SedflowError(
                f"two of the grids are called {model.grid.name!r}; give one of them another name"
            )
        models[model.grid.name] = model
    if len(models) < 2:
        raise SedflowError("one grid cannot be compared; give two different ones at least")
    about: dict[str, Any] = {"n": n, "seed": seed, "prior": prior, "trust": trust}
    fits: dict[str, Fit] = {}
    for name, model in models.items():
        network = _network(name, galaxy.observed.bands)
        if progress is not None or cancel is not None:
            tell = _telling(progress, len(fits), len(models), name)
            about["mcmc"] = _watched(network, model, prior, tell, cancel)
        fits[name] = fit(galaxy, network, model=model, **about)
    return Comparison(fits)


def _telling(progress, done, total, grid):
    """Progress of one grid as that of all; says at once that its turn has come."""

    def tell(share, text):
        if progress is not None:
            progress((done + share) / total, f"{grid}, {done + 1} of {total}: {text}")

    tell(0.0, "network")
    return tell


def _watched(network, model, prior, tell, cancel):
    """The MCMC that `fit` uses by default, watched; nothing more begins once it is cancelled."""
    from sedflow.sampling.mcmc import MCMCSampler  # needs torch

    if cancel is not None and cancel.is_set():
        raise Cancelled("the comparison was cancelled; start it again to have its result")
    its = network.prior if prior is None else prior
    return MCMCSampler(model=model, prior=its, doublings=1, progress=tell, cancel=cancel)


def _network(grid, bands):
    """The packaged network for a grid, or else for another one, that knows most of the bands."""
    from sedflow.network.weights import cached_posterior, packaged_weights

    found = [cached_posterior(name) for name in packaged_weights()]
    there = {*map(curve_name, bands)}
    return max(found, key=lambda one: (len(there & {*map(curve_name, one.bands)}), one.ssp == grid))


def _difference(one, other):
    """In what two fits differ that a comparison of grids takes to be the same; None for nothing."""
    if one.prior.sfh != other.prior.sfh:
        return f"have the priors {one.prior.sfh!r} and {other.prior.sfh!r}"
    ages = [fit.model.birth_cloud_age_gyr for fit in (one, other)]
    if ages[0] != ages[1]:
        return f"have birth clouds of {ages[0]:g} and {ages[1]:g} Gyr"
    galaxies = [_numbers(fit.photometry.observed) for fit in (one, other)]
    if galaxies[0] != galaxies[1]:
        return f"are of other data ({one.photometry.title}; {other.photometry.title})"
    return None


def _numbers(galaxy):
    """Redshift, and flux and error by band."""
    bands = zip(galaxy.bands, galaxy.flux.tolist(), galaxy.sigma.tolist(), strict=True)
    return float(galaxy.redshift), {band: numbers for band, *numbers in bands}


def _shares(one):
    weights = one.draws.weights
    return np.full(one.draws.n, 1 / one.draws.n) if weights is None else weights
