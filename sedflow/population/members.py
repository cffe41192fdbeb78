"""The galaxies of a population: what a run or fits know of each, as draws of the quantities."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from sedflow.catalogue.infer import checked_posterior
from sedflow.catalogue.ledger import part_name
from sedflow.catalogue.manifest import check_files, load_manifest
from sedflow.catalogue.part import read_results
from sedflow.errors import SedflowError, needs
from sedflow.fits.fit import Fit
from sedflow.model.derived import missing_quantity, quantities_of
from sedflow.model.sed import SEDModel
from sedflow.parameters import NAMES, Prior
from sedflow.population.prior import SPECIFIC, quantity_values

__all__ = ["NOT_IN_SAMPLE", "Members", "RunParts", "members_of", "redshifts_of"]

NOT_IN_SAMPLE = "not in the sample"  # of why galaxies are left out
_AT_ONCE = 20_000  # draws that are derived at once


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
    """

    ids: np.ndarray
    redshift: np.ndarray
    values: np.ndarray
    shares: np.ndarray
    prior: Prior
    model: SEDModel
    left_out: dict[str, int]
    remedy: str

    def __len__(self):
        return len(self.ids)

    def subset(self, rows: Any) -> "Members":
        """Some of them, by index, slice or mask."""
        arrays = {k: getattr(self, k)[rows] for k in ("ids", "redshift", "values", "shares")}
        return replace(self, **arrays)

    def without(self, ids: Collection) -> "Members":
        """Those that do not have one of these IDs, as numbers or as text."""
        gone = {str(ident).strip() for ident in ids}
        rows = np.array([str(ident) not in gone for ident in self.ids.tolist()], dtype=bool)
        if rows.all():
            return self
        left_out = {**self.left_out, NOT_IN_SAMPLE: int((~rows).sum())}
        return replace(self.subset(rows), left_out=left_out)

    def replaced_by(self, other: "Members") -> "Members":
        """These, and where another run has the same IDs, its galaxies: a rerun with more draws.

        Galaxies with fewer draws than others have further ones without weight.
        """
        one, two = self.model.grid, other.model.grid
        if self.prior.sfh != other.prior.sfh or one.sha256 != two.sha256:
            raise SedflowError(
                f"the runs have the priors {self.prior.sfh!r} and {other.prior.sfh!r}, the grids "
                f"{one.name!r} and {two.name!r}; give runs of one kind"
            )
        again = set(map(str, other.ids.tolist()))
        kept = self.subset(np.array([str(i) not in again for i in self.ids.tolist()], dtype=bool))
        n_draw = max(self.values.shape[1], other.values.shape[1])
        parts = [kept._padded(n_draw), other._padded(n_draw)]
        ids = [i for part in parts for i in part.ids.tolist()]
        return replace(
            self,
            ids=np.array(ids, dtype=object if any(isinstance(i, str) for i in ids) else None),
            redshift=np.concatenate([part.redshift for part in parts]),
            values=np.concatenate([part.values for part in parts]),
            shares=np.concatenate([part.shares for part in parts]),
            remedy=other.remedy,
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
) -> Members:
    """The galaxies of a run's folder, of a fit, or of several fits.

    Of several folders, the galaxies of a later one replace those of the same ID: it is a rerun of
    some with more draws.

    most, draws : of a run, so many galaxies and draws of each at most; the galaxies are those of
        partitions in random order
    """
    status = (status,) if isinstance(status, str) else tuple(status)
    if isinstance(source, str | Path):
        return _of_run(Path(source), names, status, most, draws)
    fits: list[Any] = [source] if isinstance(source, Fit) else list(source)
    if fits and all(isinstance(one, str | Path) for one in fits):
        first, *others = (_of_run(Path(one), names, status, most, draws) for one in fits)
        return reduce(Members.replaced_by, others, first)
    if not fits or not all(isinstance(one, Fit) for one in fits):
        raise SedflowError(
            "a population is made of the folder of a run or several, a Fit of many galaxies or a "
            f"list of Fits; got {type(source).__name__}"
        )
    return _of_fits(fits, names, status)


def _check_names(names, model):
    known = [*(q.name for q in quantities_of(model)), *SPECIFIC]
    for name in names:
        if name not in known:
            raise missing_quantity(name, model)


class RunParts:
    """The partitions of a run that kept draws, read one after the other.

    most, draws : galaxies and draws of each at most; with `most`, partitions come in random order,
        and of the files of draws only the sizes are checked
    """

    def __init__(self, out, names, status, most=None, draws=None):
        needs("pyarrow", extra="scale", what="sedflow.Population of a run")
        manifest = load_manifest(out)
        self._keep = keep = manifest["settings"]["keep"]
        if not keep:
            raise SedflowError(
                f"the run {out} kept no draws; run sedflow infer with --keep 200 into another "
                "folder"
            )
        about = manifest["weights"]
        self.posterior = checked_posterior(about["name"], about["record_sha256"])
        _check_names(names, self.posterior.model)
        if most is None:
            self.parts = check_files(out, manifest)
        else:
            found = check_files(out, manifest, hashed=("results",))
            self.parts = np.random.default_rng(1).permutation(found).tolist()
        self._out, self._names, self._status, self._most = out, names, status, most
        self.kept = keep if draws is None else min(keep, draws)
        self.left_out: Counter[str] = Counter()
        self.remedy = (
            f"run sedflow infer again with --keep {5 * keep} --draws {max(5 * keep, 1000)} into "
            "another folder, or these alone: sedflow population with --few FILE.parquet says how"
        )

    def __iter__(self):
        """IDs, redshifts (n,) and values (n, n_draw, n_quantity) of each partition."""
        left = self._most
        for number in self.parts:
            if left is not None and left <= 0:
                return
            path = self._out / "results" / part_name(number)
            table, _ = read_results(path, ["id", "status", "redshift"])
            state = np.array(table["status"].to_pylist(), dtype=object)
            theta = _thetas(self._out / "draws" / part_name(number), self._keep)
            theta = theta[:, (np.arange(self.kept) * self._keep) // self.kept]
            there = ~np.isnan(theta).any((1, 2))
            used = np.isin(state, self._status) & there
            why = zip(state[~used], there[~used], strict=True)
            self.left_out.update(s if h else "no draws" for s, h in why)
            if left is not None:
                used &= np.cumsum(used) <= left
                left -= int(used.sum())
            z = table["redshift"].to_numpy()[used].astype(float)
            ids = [i for i, u in zip(table["id"].to_pylist(), used, strict=True) if u]
            yield ids, z, _values(self._names, theta[used], z, self.posterior.model)


def redshifts_of(out: Path) -> dict[str, float]:
    """Redshift of each ID of a run."""
    found: dict[str, float] = {}
    for number in check_files(out, load_manifest(out), hashed=("results",)):
        table, _ = read_results(out / "results" / part_name(number), ["id", "redshift"])
        found |= zip(map(str, table["id"].to_pylist()), table["redshift"].to_pylist(), strict=True)
    return found


def _of_run(out, names, status, most, draws):
    run = RunParts(out, names, status, most, draws)
    ids, redshift, values = [], [], []
    for some, z, value in run:
        ids += some
        redshift.append(z)
        values.append(value)
    value = np.concatenate(values) if values else np.zeros((0, run.kept, len(names)))
    return Members(
        np.array(ids, dtype=object if any(isinstance(i, str) for i in ids) else None),
        np.concatenate(redshift) if redshift else np.zeros(0),
        value,
        np.full(value.shape[:2], 1.0 / run.kept),
        run.posterior.prior,
        run.posterior.model,
        dict(run.left_out),
        run.remedy,
    )


def _thetas(path, keep):
    """Draws (n_row, keep, 12) of a partition; NaN where there are none."""
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=list(NAMES), page_checksum_verification=True)
        theta = np.full((table.num_rows, keep, len(NAMES)), np.nan)
        for k, name in enumerate(NAMES):
            column = table[name].combine_chunks()
            there = ~column.is_null().to_numpy(zero_copy_only=False)
            theta[there, :, k] = column.flatten().to_numpy().reshape(-1, keep)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:  # Arrow's, too
        problem = " ".join(str(error).split())[:100]
        raise SedflowError(
            f"{path} does not hold {keep:,} draws of each row ({problem}); remove it and run "
            "sedflow infer again"
        ) from None
    return theta


def _values(names, theta, z, model):
    """Values (n, n_draw, n_quantity), some galaxies at once."""
    n, n_draw = theta.shape[:2]
    out = np.empty((n, n_draw, len(names)), np.float32)
    step = max(1, _AT_ONCE // max(n_draw, 1))
    for k in range(0, n, step):
        some = slice(k, k + step)
        out[some] = quantity_values(names, theta[some], z[some], model)
    return out


def _of_fits(fits, names, status):
    first = fits[0]
    _check_names(names, first.model)
    ids = _ids_of(fits)
    parts, states = [], []
    for fit in fits:
        if fit.prior.sfh != first.prior.sfh or fit.model.grid.name != first.model.grid.name:
            raise SedflowError(
                f"the fits have the priors {first.prior.sfh!r} and {fit.prior.sfh!r}, the grids "
                f"{first.model.grid.name!r} and {fit.model.grid.name!r}; give fits of one kind"
            )
        if fit.model.grid.sha256 != first.model.grid.sha256:
            raise SedflowError(
                f"the fits are of two SSP grids that are both called {first.model.grid.name!r}; "
                "give fits of one grid"
            )
        if fit.draws.n != first.draws.n:
            raise SedflowError(
                f"the fits have {first.draws.n:,} and {fit.draws.n:,} draws; give as many each"
            )
        n, n_draw = int(np.prod(fit.photometry.shape)), fit.draws.n
        theta = fit.draws.theta.reshape(n, n_draw, -1)
        there = ~np.isnan(theta).any((1, 2))
        z = np.broadcast_to(fit.photometry.redshift, fit.photometry.shape).reshape(n)
        value = np.full((n, n_draw, len(names)), np.nan, np.float32)
        value[there] = _values(names, theta[there], z[there], fit.model)
        w = fit.draws.weights
        w = np.full((n, n_draw), 1.0 / n_draw) if w is None else w.reshape(n, n_draw)
        state = np.broadcast_to("ok", (n,)) if fit.verdict is None else _states(fit, n)
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
    )


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
    often, times = Counter(map(str, values)).most_common(1)[0] if values else ("", 0)
    if times > 1:
        raise SedflowError(
            f"the galaxy {often[:40]} appears in the fits {times} times, and would count as often; "
            "give each galaxy once"
        )
    return np.array(values, dtype=object if any(isinstance(v, str) for v in values) else None)


def _states(fit, n):
    return np.array([str(s) for s in np.broadcast_to(fit.verdict.status, (n,))])
