"""The galaxies of a population: what a run or fits know of each, as draws of the quantities."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from sedflow.catalogue.infer import STATUS
from sedflow.errors import SedflowError, check_choice
from sedflow.fits.fit import Fit
from sedflow.model.sed import SEDModel
from sedflow.parameters import Prior
from sedflow.population.named_ids import as_text, check_known, named_ids
from sedflow.population.run_parts import (
    NOT_INFERRED,
    RunParts,
    check_names,
    values_of,
    with_exact,
)
from sedflow.sampling.verdict import FAILED, KINDS, MISFIT, UNCHECKED

NOT_IN_SAMPLE = "not in the sample"  # of why galaxies are left out


@dataclass(frozen=True)
class Members:
    """Galaxies with draws.

    ids (n,)
    redshift (n,)
    values (n, n_draw, n_quantity) : of the draws
    shares (n, n_draw) : weight of each draw, summing to 1
    effective (n,) : draws of equal weight that are worth as much, repeated draws counted once
    prior : that the galaxies were fitted with
    model : that the draws are of
    left_out : why galaxies are not among these -> how many
    remedy : what makes more draws
    absent : ID of each galaxy that was inferred and is not among these -> why
    awaited : rows of reruns that are not inferred yet; their galaxies have the draws of before
    strangers : IDs that were to be left out, and are none of these galaxies
    """

    ids: np.ndarray
    redshift: np.ndarray
    values: np.ndarray
    shares: np.ndarray
    prior: Prior
    model: SEDModel
    left_out: dict[str, int]
    remedy: str
    absent: dict[str, str] = field(default_factory=dict)
    awaited: int = 0
    strangers: int = 0

    def __len__(self):
        return len(self.ids)

    def subset(self, rows: Any) -> "Members":
        """Some of them, by index, slice or mask."""
        arrays = {k: getattr(self, k)[rows] for k in ("ids", "redshift", "values", "shares")}
        return replace(self, **arrays)

    def without(self, ids: Collection) -> "Members":
        """Those that do not have one of these IDs, as numbers or as text."""
        gone, mine = named_ids("without", ids), [as_text(i) for i in self.ids.tolist()]
        strangers = gone.difference(mine, self.absent)
        if not self.left_out.get(NOT_INFERRED):  # they may be among the rows that are to come
            check_known("without", gone, strangers)
        rows = np.array([ident not in gone for ident in mine], dtype=bool)
        left_out = {**self.left_out, NOT_IN_SAMPLE: int((~rows).sum())}
        left_out = self.left_out if rows.all() else left_out
        return replace(self.subset(rows), left_out=left_out, strangers=len(strangers))

    def replaced_by(self, other: "Members") -> "Members":
        """These, and where another run has the same IDs, its galaxies: a rerun with more draws.

        Galaxies with fewer draws than others have further ones without weight.
        """
        _check_alike("runs", self, other)
        before = dict(zip(map(as_text, self.ids.tolist()), self.redshift.tolist(), strict=True))
        again = dict(zip(map(as_text, other.ids.tolist()), other.redshift.tolist(), strict=True))
        for name, z in again.items():
            if not np.isclose(before.get(name, z), z, rtol=1e-5, atol=0):
                raise SedflowError(
                    f"{name[:40]} has z = {before[name]:.6g} in one run and {z:.6g} in another, so "
                    "that neither is a rerun of the other, whose galaxies it would replace; give "
                    "IDs of one catalogue to both, or make one run of them"
                )
        kept = self.subset(
            np.array([as_text(i) not in again for i in self.ids.tolist()], dtype=bool)
        )
        n_draw = max(self.values.shape[1], other.values.shape[1])
        parts = [kept._padded(n_draw), other._padded(n_draw)]
        inside = {*before, *again}
        absent = {k: v for k, v in (self.absent | other.absent).items() if k not in inside}
        left_out = Counter(absent.values())
        mine, new = (one.left_out.get(NOT_INFERRED, 0) for one in (self, other))
        # What is to come of a rerun is of galaxies that are here already.
        known = {*before, *self.absent}
        is_rerun = known.issuperset(again) and known.issuperset(other.absent)
        left_out[NOT_INFERRED] = mine + (0 if is_rerun else new)
        ids = [i for part in parts for i in part.ids.tolist()]
        return replace(
            self,
            ids=np.array(ids, dtype=object if any(isinstance(i, str) for i in ids) else None),
            redshift=np.concatenate([part.redshift for part in parts]),
            values=np.concatenate([part.values for part in parts]),
            shares=np.concatenate([part.shares for part in parts]),
            left_out=dict(+left_out),
            remedy=other.remedy,
            absent=absent,
            awaited=self.awaited + other.awaited + (new if is_rerun else 0),
        )

    def _padded(self, n_draw):
        more = n_draw - self.values.shape[1]
        last = np.repeat(self.values[:, -1:], more, axis=1)
        values = np.concatenate([self.values, last], 1)
        return replace(self, values=values, shares=np.pad(self.shares, ((0, 0), (0, more))))


def members_of(
    source: Any,
    names: tuple[str, ...],
    status: Sequence[str] = ("ok",),
    *,
    most: int | None = None,
    draws: int | None = None,
    network: str | Path | None = None,
) -> Members:
    """The galaxies of a run's folder, of a fit, or of several fits.

    Of several folders, the galaxies of a later one replace those of the same ID: it is a rerun of
    some with more draws.

    most, draws : of a run, so many galaxies and draws of each at most; the galaxies are those of
        partitions in random order
    network : path of the one that made a run, where it is not a packaged one
    """
    status = checked_status(status)
    if isinstance(source, str | Path):
        return members_in(RunParts(Path(source), names, status, most, draws, network))
    fits: list[Any] = [source] if isinstance(source, Fit) or not np.iterable(source) else [*source]
    if fits and all(isinstance(one, str | Path) for one in fits):
        first, *others = (
            members_in(RunParts(Path(one), names, status, most, draws, network)) for one in fits
        )
        return reduce(Members.replaced_by, others, first)
    if not fits or not all(isinstance(one, Fit) for one in fits):
        raise SedflowError(
            "a population is made of the folder of a run or several, a Fit of many galaxies or a "
            f"list of Fits; got {type(source).__name__}"
        )
    return _of_fits(fits, names, status)


def checked_status(status: str | Sequence[str]) -> tuple[str, ...]:
    """Of which rows enter, one or several."""
    names = (status,) if isinstance(status, str) or not np.iterable(status) else tuple(status)
    for name in names:
        check_choice("status", name, STATUS)
    return names


def members_in(run: RunParts) -> Members:
    """The galaxies in partitions of a run."""
    parts, names = list(run), run.draws.names
    ids = [i for part in parts for i in part.ids]
    value = np.concatenate(
        [part.values for part in parts] or [np.zeros((0, run.kept, len(names)), np.float32)]
    )
    return Members(
        np.array(ids, dtype=object if any(isinstance(i, str) for i in ids) else None),
        np.concatenate([part.redshift for part in parts] or [np.zeros(0)]),
        value,
        np.full(value.shape[:2], 1.0 / run.kept),
        run.posterior.prior,
        run.posterior.model,
        dict(run.left_out),
        run.remedy,
        dict(pair for part in parts for pair in part.absent),
    )


def _of_fits(fits, names, status):
    first = fits[0]
    check_names(names, first.model)
    for fit in fits:
        if fit.likelihood:
            raise SedflowError(
                f"the fit of {fit.title[:60]} is a robust one, and a population is of plain ones; "
                "give the fit that it was made from"
            )
    if not sum(fit.photometry.redshift.size for fit in fits):
        raise SedflowError("the fits hold no galaxies; give those of one at least")
    ids = _ids_of(fits)
    parts, states = [], []
    for fit in fits:
        _check_alike("fits", first, fit)
        if fit.draws.n != first.draws.n:
            raise SedflowError(
                f"the fits have {first.draws.n:,} and {fit.draws.n:,} draws; give as many each"
            )
        n, n_draw = int(np.prod(fit.photometry.shape)), fit.draws.n
        theta = fit.draws.theta.reshape(n, n_draw, -1)
        there = ~np.isnan(theta).any((1, 2))
        z = np.broadcast_to(fit.photometry.redshift, fit.photometry.shape).reshape(n)
        value = np.full((n, n_draw, len(names)), np.nan, np.float32)
        value[there] = values_of(names, theta[there], z[there], fit.model)
        w = fit.draws.weights
        w = np.full((n, n_draw), 1.0 / n_draw) if w is None else w.reshape(n, n_draw)
        state = _states(fit, n, status)
        used = np.isin(state, status) & there
        states += [s if h else "no draws" for s, h in zip(state[~used], there[~used], strict=True)]
        parts.append((value[used], w[used], z[used], used))
    value, w, z, kept = (np.concatenate(p) for p in zip(*parts, strict=True))
    return Members(
        ids[kept],
        z,
        value,
        w,
        first.prior,
        first.model,
        dict(Counter(map(str, states))),
        f"fit again with n={5 * first.draws.n:,}",
        dict(zip(map(as_text, ids[~kept].tolist()), map(str, states), strict=True)),
    )


def _check_alike(what, first, other):
    """Refuse fits or runs of two priors or models, whose galaxies make no population."""
    if first.prior.sfh != other.prior.sfh:
        raise SedflowError(
            f"the {what} have the priors {first.prior.sfh!r} and {other.prior.sfh!r}; give {what} "
            "of one prior"
        )
    if first.model.same_as(other.model):
        return
    one, two = first.model, other.model
    if one.grid.name != two.grid.name:
        differ = f"have the SSP grids {one.grid.name!r} and {two.grid.name!r}"
    elif one.birth_cloud_age_gyr != two.birth_cloud_age_gyr:
        differ = (
            f"have birth clouds of {one.birth_cloud_age_gyr:g} and {two.birth_cloud_age_gyr:g} Gyr"
        )
    else:
        differ = f"are of two SSP grids that are both called {one.grid.name!r}"
    raise SedflowError(f"the {what} {differ}; give {what} of one model")


def _ids_of(fits):
    """IDs of all galaxies of fits, or their places (n,) if a fit has none.

    Raises
    ------
    SedflowError
        A galaxy is there twice, and would count twice.
    """
    given = [fit.photometry.ids for fit in fits]
    if any(ids is None for ids in given):
        places = np.arange(sum(int(np.prod(fit.photometry.shape)) for fit in fits))
        if len({id(fit) for fit in fits}) < len(fits):
            raise SedflowError("a Fit is given twice, and would count twice; give each once")
        return places
    values = [value for ids in given for value in np.ravel(ids).tolist()]
    often, times = Counter(map(as_text, values)).most_common(1)[0] if values else ("", 0)
    if times > 1:
        raise SedflowError(
            f"the galaxy {often[:40]} appears in the fits {times} times, and would count as often; "
            "give each galaxy once"
        )
    found = np.array(values, dtype=object if any(isinstance(v, str) for v in values) else None)
    if found.dtype.kind == "f":  # of numbers above 2^63 and others
        found = np.array([*map(str, values)], dtype=object)
    return found


def _states(fit, n, status):
    """The status of each galaxy; of weighted draws without a verdict, by their figures."""
    if fit.verdict is not None:
        state, kind, evidence = (
            np.broadcast_to(getattr(fit.verdict, name), fit.photometry.shape).reshape(n)
            for name in ("status", "kind", "log_evidence")
        )
        unknown = (kind == MISFIT) & np.isnan(evidence.astype(float))
        return with_exact(np.array([*map(str, state)], dtype=object), status, unknown)
    shape = fit.photometry.shape
    kinds = [fit[i].quality if shape else fit.quality for i in np.ndindex(shape)]
    if UNCHECKED in kinds:
        raise SedflowError(
            f"the fit of {fit.title[:60]} is unchecked: its draws may not follow the posterior "
            'that a population is made of; fit again with trust="weights" or "auto", or give '
            "sedflow.reweight(fit)"
        )
    states = {kind.name: "ok" for kind in KINDS if kind.exact} | {MISFIT: MISFIT}
    return np.array([states.get(kind, FAILED) for kind in kinds])
