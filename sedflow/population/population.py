"""A population inferred from the posteriors of its galaxies, with the prior divided out."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sedflow import views
from sedflow.errors import SedflowError, check_kind
from sedflow.population import tables
from sedflow.population.cell_density import CellDensity
from sedflow.population.density import Density, fit_density
from sedflow.population.evidence import Evidence, evidence_of
from sedflow.population.given_weights import checked_weights
from sedflow.population.grid import cell_counts, check_ends, edges_of, merged, names_of
from sedflow.population.inference_data import inference_data
from sedflow.population.members import Members, members_of
from sedflow.population.named_ids import chosen_rows
from sedflow.population.notes import counted, notes_of
from sedflow.population.prior import PriorShares, cell_numbers, prior_shares
from sedflow.population.selected import selected_density
from sedflow.population.told import EFFECTIVE_MIN
from sedflow.whole_numbers import LARGEST_SEED, as_whole

OUTSIDE = "outside the axes"  # of why galaxies are left out
_FEWEST = 10  # galaxies


class Population(CellDensity):
    """The density of one or two quantities in a population of galaxies, from their draws.

    The prior that the galaxies were fitted with is divided out, and the density is a smooth
    histogram (`sedflow.population.density`). What was selected is the population that is described:
    nothing is corrected for but what `weights` say. All other quantities are taken to follow the
    prior of the fits at given values of these: the mass alone is biased if galaxies of each mass
    have other star formation than the prior, so infer the two together and take `marginal`.

    Parameters
    ----------
    source : path, Fit or sequence of Fits
        Folder of a run with draws (`sedflow infer --keep 200`), a Fit of many galaxies, or Fits.
    of : str or sequence of str
        One or two parameters or derived quantities, "log_mstar,log_ssfr_1gyr".
    weights : array (n,), or mapping ID -> weight, optional
        How many galaxies each one is for: 1 / Vmax, 1 / completeness. Arrays follow `ids` of an
        unweighted population; a pandas Series whose index has the IDs goes by these.
    without : collection of IDs
        Galaxies that do not enter, such as those that are fainter than a flux limit.
    ranges : mapping name -> (low, high), optional
        Where an axis begins and ends; default, where the draws are. Ends that go through the
        posteriors of galaxies are refused.
    cells : int or pair of ints, optional
        Cells along each axis; default 40 of one quantity, 24 x 24 of two.
    status : sequence of str
        Rows of the run that enter, by their status.
    n : int
        Draws of the density, for the bands.
    seed : int
    network : path, optional
        The network that a run was made with, where it is not a packaged one.

    Raises
    ------
    SedflowError
        No draws, too few galaxies, an unknown quantity, weights that are not above zero.

    Examples
    --------
    >>> import sedflow
    >>> galaxies = sedflow.load_nsa().photometry(sedflow.load_nsa().ids[:30])
    >>> fits = sedflow.fit(galaxies, n=200, trust="weights")
    >>> population = Population(fits, of="log_mstar")
    >>> bool(9 < population.moments()["p50"][0] < 11)
    True
    """

    #: Galaxies that these are a part of, if they are one; and whether their data chose it.
    n_whole: int = 0
    is_selected: bool = False
    #: Whether the galaxies' IDs and draws are on disk alone.
    is_streamed: bool = False

    def __init__(
        self,
        source: Any,
        of: str | Sequence[str],
        *,
        weights: Any = None,
        without: Collection = (),
        ranges: Mapping[str, tuple[float, float]] | None = None,
        cells: int | tuple[int, ...] | None = None,
        status: Sequence[str] = ("ok",),
        n: int = 400,
        seed: int = 1,
        network: str | Path | None = None,
    ):
        self.names = names_of(of)
        self._n, self._seed = as_whole("n", n, 50, 100_000), as_whole("seed", seed, 0, LARGEST_SEED)
        members = members_of(source, self.names, status, network=network).without(without)
        ranges = {} if ranges is None else ranges
        check_kind("ranges", ranges, Mapping, "(LOW, HIGH) by the name of a quantity")
        edges = edges_of(members, self.names, dict(ranges), cell_counts(cells, self.names))
        check_ends(members, edges, self.names, ranges)
        self._enter(members, edges, weights, None)

    @classmethod
    def of_members(
        cls,
        members: Members,
        names: tuple[str, ...],
        edges: tuple[np.ndarray, ...],
        *,
        weights: Any = None,
        prior: PriorShares | None = None,
        n: int = 400,
        seed: int = 1,
    ) -> "Population":
        """The population of galaxies whose draws are known already.

        members : their draws, with these names in this order
        edges : of the cells along each axis
        prior : its shares in these cells; counted if it is not given
        """
        out = object.__new__(cls)
        out.names = names_of(names)
        out._n, out._seed = as_whole("n", n, 50, 100_000), as_whole("seed", seed, 0, LARGEST_SEED)
        out._enter(members, edges, weights, prior)
        return out

    def _enter(self, members, edges, weights, prior):
        """Fit those of the members that have draws between the edges."""
        numbers = cell_numbers(members.values, edges)
        inside = ((numbers >= 0) & (members.shares > 0)).any(1)
        self.left_out = dict(members.left_out)
        if not inside.all():
            self.left_out[OUTSIDE] = int((~inside).sum())
        if inside.sum() < _FEWEST:
            raise SedflowError(
                f"{inside.sum()} galaxies have draws here, where a population needs {_FEWEST}; "
                f"left out were {counted(self.left_out) or 'none'}"
            )
        w = checked_weights(weights, members.ids)
        members = members.subset(inside)
        if prior is None:
            z = members.redshift
            prior = prior_shares(self.names, edges, z, members.prior, members.model)
        evidence = evidence_of(members, edges, numbers[inside], prior)
        self.edges, self._prior = edges, prior
        self._fit(members, evidence, None if w is None else w[inside])

    def _fit(
        self,
        members: Members,
        evidence: Evidence,
        weights: np.ndarray | None,
        begin: Density | None = None,
    ) -> None:
        self._hold(members, evidence, weights)
        self.fitted = fit_density(
            evidence.likelihood,
            self._shape,
            weights,
            counts=evidence.counts,
            n=self._n,
            seed=self._seed,
            start=begin,
        )
        self._weigh(self.fitted)

    def _hold(self, members, evidence, weights) -> None:
        self._members, self._evidence, self.weights = members, evidence, weights
        self.ids, self.redshift = members.ids, members.redshift
        self._shape = tuple(len(e) - 1 for e in self.edges)
        self._spreads = np.median(evidence.spreads, axis=0)

    def _weigh(self, prior) -> None:
        self._of_draws = self._evidence.weights(prior.shares)
        self.effective_draws = 1.0 / np.square(merged(self._members.values, self._of_draws)).sum(1)

    def subset(self, rows: Any, weights: np.ndarray | None = None) -> "Population":
        """The population of some of these galaxies: by mask, index or slice, on the same axes.

        Choose them by what has no error, such as the redshift; by what has one, take `selected`.

        weights (n_subset,) : other weights for them; default, those that they had
        """
        out = self._part(chosen_rows(rows, self.ids))
        w = out.weights if weights is None else checked_weights(weights, out.ids)
        out._fit(out._members, out._evidence, w, self.fitted)
        return out

    def selected(self, rows: Any) -> "Population":
        """The true values of some of these galaxies that were chosen by their data.

        A cut on medians, magnitudes or colours cuts their errors too, and a population inferred
        from what is left (`subset`) would be a row of needles. Here the population of all is the
        prior of each galaxy, and the density the mean of these posteriors.

        rows : mask, index or slice
        """
        at = chosen_rows(rows, self.ids)
        out = self._part(at)
        likelihood, every = self._evidence.likelihood, self.fitted
        more = {"weights": self.weights, "counts": self._evidence.counts, "seed": self._seed}
        out.fitted = selected_density(likelihood, at, every, self._shape, **more)
        out.is_selected = True
        out._weigh(every)
        return out

    def _part(self, rows):
        """Some of these galaxies, without a density."""
        if self.is_selected:
            raise SedflowError("these were selected by their data; select from all galaxies")
        out = object.__new__(Population)
        for name in ("names", "edges", "left_out", "_prior", "_n", "_seed"):
            setattr(out, name, getattr(self, name))
        members = self._members.subset(rows)
        if len(members) < _FEWEST:
            raise SedflowError(f"{len(members)} galaxies are too few; choose {_FEWEST} at least")
        w = None if self.weights is None else self.weights[rows]
        out._hold(members, self._evidence.subset(rows), w)
        out.n_whole = self.n_whole or len(self)
        return out

    # The density, beyond what its cells say

    @property
    def prior_density(self) -> np.ndarray:
        """Density of the prior of the fits, at the mean of the galaxies' redshifts."""
        return self._prior.at(self.redshift).mean(0).reshape(self._shape) / self.area

    @property
    def prior_error(self) -> float:
        """Relative error of the prior where the population is; 0 where it is known exactly."""
        error = self._prior.error_at(np.array([self.redshift.mean()]))[0]
        shares = self.fitted.shares
        return float(np.sqrt(shares @ np.square(np.minimum(error, 1.0))))

    @property
    def known_to(self) -> np.ndarray:
        """Standard deviation (n_quantity,) of a galaxy's own posterior, the median over them."""
        return self._spreads

    @property
    def total(self) -> tuple[float, float]:
        """Sum of the weights and its error: the number density, if they are 1 / Vmax."""
        w = np.ones(len(self.ids)) if self.weights is None else self.weights
        return float(w.sum()), float(np.sqrt(np.square(w).sum()))

    # Each galaxy

    @property
    def shrunk(self) -> np.ndarray:
        """Weights (n, n_draw) that make each galaxy's draws follow the population as prior."""
        return self._of_draws

    def draws_of(self, row: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One galaxy's draws (n_draw, n_quantity), its own weights of them, and the shrunk ones."""
        members = self._members
        return members.values[row], members.shares[row], self._of_draws[row]

    @property
    def few(self) -> list:
        """IDs of the galaxies whose draws cannot represent the population."""
        return self.ids[self.effective_draws < EFFECTIVE_MIN].tolist()

    def galaxies(self, path: str | Path | None = None, *, overwrite: bool = False) -> Any:
        """Each galaxy's own quantiles and the shrunk ones, as an astropy Table.

        Columns: id, redshift, weight, effective_draws, NAME_p16, ..., NAME_shrunk_p16, ...
        Shrunk quantiles of galaxies in `few` rest on so few effective draws that they say little.
        path : .parquet, .ecsv, .fits or .vot to write it to
        """
        return tables.written(tables.galaxies(self, self._members), path, overwrite)

    def medians(self) -> np.ndarray:
        """Density of the galaxies' own medians, to compare: it is wider than the population."""
        return self._counted(self._evidence.medians)

    def stack(self) -> np.ndarray:
        """Density of all draws together, to compare: wider still, and pulled by the prior."""
        return self._counted(self._evidence.cells, self._members.shares)

    # To look at and to keep

    @property
    def notes(self) -> list[str]:
        """What to know before these figures are used, in sentences."""
        return self.sentences()

    def sentences(self, advice: bool = True) -> list[str]:
        """The `notes`; without advice, they do not say what to do in Python and in the shell."""
        members = self._members
        waiting = members.awaited, members.strangers
        return notes_of(self, self.known_to.tolist(), members.remedy, *waiting, advice)

    def to_table(self, path: str | Path | None = None, *, overwrite: bool = False) -> Any:
        """The density in each cell with its 68 and 95 % bands, as an astropy Table.

        path : .parquet, .ecsv, .fits or .vot to write it to
        """
        return tables.written(tables.density(self), path, overwrite)

    def plot(self, **options: Any) -> Any:
        """The density beside the histogram of medians and the stack: a matplotlib Figure."""
        return views.plot("population_density", self, **options)

    def to_inference_data(self) -> Any:
        """The draws of the density as `arviz.InferenceData`: one chain.

        Groups: posterior (density in each cell, mean_NAME and sd_NAME of each quantity) and
        constant_data (prior_density, medians_density and stack_density, to compare, the edges
        of the cells, and the redshift and effective_draws of each galaxy, by its ID; by its
        number where the population is streamed).

        Examples
        --------
        >>> import sedflow
        >>> population = sedflow.population.atlas_population("mass-function")
        >>> population.to_inference_data().posterior.density.shape
        (1, 400, 40)
        """
        return inference_data(self)

    def __len__(self):
        return len(self.ids)

    def __repr__(self):
        return f"<Population of {len(self):,} galaxies in {' and '.join(self.names)}>"

    def _repr_html_(self):
        lines = [
            (row["quantity"], row["moment"], f"{row['p50']:.3f}", f"{row['p16']:.3f}",
             f"{row['p84']:.3f}")
            for row in self.moments()
        ]  # fmt: skip
        heads = ("quantity", "moment", "median", "16 %", "84 %")
        notes = views.table((), [(note,) for note in self.notes])
        return views.markup(repr(self), notes, views.table(heads, lines))

    # Shapes

    def _counted(self, cells, shares=None):
        """Density of what is in cells (n, ...), each galaxy with its weight."""
        w = np.ones(len(cells)) if self.weights is None else self.weights
        each = w if shares is None else w[:, None] * shares
        inside = cells >= 0
        found = np.bincount(cells[inside], each[inside], minlength=len(self.fitted.shares))
        return (found / w.sum()).reshape(self._shape) / self.area
