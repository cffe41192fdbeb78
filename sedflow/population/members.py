"""The galaxies of a population: what a run or fits know of each, as draws of the quantities."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
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

__all__ = ["Members", "members_of"]

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


def members_of(source: Any, names: tuple[str, ...], status: Sequence[str] = ("ok",)) -> Members:
    """The galaxies of a run's folder, of a fit, or of several fits."""
    status = (status,) if isinstance(status, str) else tuple(status)
    if isinstance(source, str | Path):
        return _of_run(Path(source), names, status)
    fits = [source] if isinstance(source, Fit) else list(source)
    if not fits or not all(isinstance(one, Fit) for one in fits):
        raise SedflowError(
            "a population is made of the folder of a run, a Fit of many galaxies or a list of "
            f"Fits; got {type(source).__name__}"
        )
    return _of_fits(fits, names, status)


def _check_names(names, model):
    known = [*(q.name for q in quantities_of(model)), *SPECIFIC]
    for name in names:
        if name not in known:
            raise missing_quantity(name, model)


def _of_run(out, names, status):
    needs("pyarrow", extra="scale", what="sedflow.Population of a run")
    manifest = load_manifest(out)
    keep = manifest["settings"]["keep"]
    if not keep:
        raise SedflowError(
            f"the run {out} kept no draws; run sedflow infer with --keep 200 into another folder"
        )
    about = manifest["weights"]
    posterior = checked_posterior(about["name"], about["record_sha256"])
    _check_names(names, posterior.model)
    parts = check_files(out, manifest)
    ids, redshift, values, states = [], [], [], []
    for number in parts:
        table, _ = read_results(out / "results" / part_name(number), ["id", "status", "redshift"])
        state = np.array(table["status"].to_pylist(), dtype=object)
        theta = _thetas(out / "draws" / part_name(number), keep)
        there = ~np.isnan(theta).any((1, 2))
        used = np.isin(state, status) & there
        states += [s if h else "no draws" for s, h in zip(state[~used], there[~used], strict=True)]
        z = table["redshift"].to_numpy()[used].astype(float)
        ids += [i for i, u in zip(table["id"].to_pylist(), used, strict=True) if u]
        redshift.append(z)
        values.append(_values(names, theta[used], z, posterior.model))
    value = np.concatenate(values) if values else np.zeros((0, keep, len(names)))
    return Members(
        np.array(ids, dtype=object if any(isinstance(i, str) for i in ids) else None),
        np.concatenate(redshift) if redshift else np.zeros(0),
        value,
        np.full(value.shape[:2], 1.0 / keep),
        posterior.prior,
        posterior.model,
        dict(Counter(states)),
        f"run sedflow infer again with --keep {5 * keep} --draws {max(5 * keep, 1000)} into "
        "another folder",
    )


def _thetas(path, keep):
    """Draws (n_row, keep, 12) of a partition; NaN where there are none."""
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=list(NAMES), page_checksum_verification=True)
    theta = np.full((table.num_rows, keep, len(NAMES)), np.nan)
    for k, name in enumerate(NAMES):
        column = table[name].combine_chunks()
        there = ~column.is_null().to_numpy(zero_copy_only=False)
        theta[there, :, k] = column.flatten().to_numpy().reshape(-1, keep)
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
