"""Inference for the rows of a table: one code path for one galaxy and for a million.

`infer_partition` is a plain function, table in and data frame out with a fixed schema, for
`dask.dataframe.map_partitions`, lsdb, or any loop. Each row goes through the steps of `trust` by
itself, with a seed made of the run's seed and the row's ID: in which partition a row stands,
beside which others, in which order and in which process can change no bit of its result.
That is why rows are not stacked into larger matrices: linear algebra takes other kernels for
other heights, which differ in the last bit; and a thousand draws fill a core already.
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from sedflow.catalogue.frame_index import index_of, named_by_index
from sedflow.catalogue.guess import mapping_of
from sedflow.catalogue.mapping import ColumnMap
from sedflow.catalogue.read.open import as_written
from sedflow.catalogue.rows import Problem, Rows, known_ids, to_photometry
from sedflow.catalogue.sampler_for_bands import sampler_for, usable
from sedflow.draws import MAX_DRAWS, weighted_quantile
from sedflow.errors import (
    BadWeights,
    SedflowError,
    check_choice,
    either,
    needs,
    raise_if_of_the_run,
)
from sedflow.files.packaged import DEFAULT_WEIGHTS
from sedflow.model.derived import ALL, KNOWN, columns, derive, quantities_of
from sedflow.model.likelihood import chi_square
from sedflow.network.left_out import left_out_pulls
from sedflow.network.posterior import AmortizedPosterior
from sedflow.network.weights import cached_posterior
from sedflow.parameters import NAMES
from sedflow.sampling.edges import edges
from sedflow.sampling.verdict import FAILED, VERDICTS
from sedflow.sampling.verdict_decision import RUNGS, climb
from sedflow.threads import one_thread
from sedflow.whole_numbers import LARGEST_SEED, as_whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "QUANTITIES",
    "STATUS",
    "infer_partition",
    "infer_rows",
    "infer_table",
    "meta",
    "row_seed",
]

#: What every run has; runs of a network with gas have its lines, too.
QUANTITIES = tuple(q.name for q in ALL)
_EVER = tuple(q.name for q in KNOWN)
#: A row that has a posterior; one whose data the model does not describe; one that is not a
#: galaxy; one whose posterior cannot be trusted.
STATUS = ("ok", "misfit", "bad row", "failed")
_Q = (0.16, 0.5, 0.84)
_FIGURES = (
    "k_hat",
    "ess",
    "network_k_hat",
    "network_ess",
    "gap",
    "p_value",
    "p_calibrated",
    "log_evidence",
    "r_hat",
)


def infer_partition(
    table: Any,
    mapping: ColumnMap | None = None,
    posterior: Any = DEFAULT_WEIGHTS,
    *,
    n: int = 1000,
    seed: int = 1,
    trust: str = "weights",
    first: int = 0,
    id_kind: str | None = None,
) -> pd.DataFrame:
    """The posteriors of a table's rows, in their order, summarised.

    Parameters
    ----------
    table : pandas DataFrame, or any table that `sedflow.catalogue.rows.to_photometry` takes
    mapping : ColumnMap, optional
        Which columns hold what; guessed by default.
    posterior : str, path or AmortizedPosterior
        The network. A name is loaded once per process.
    n : int
        Draws per galaxy.
    seed : int
        Of the run; with the row's ID it makes the row's own, by `row_seed`.
    trust : "weights", "proposals" or "auto"
        "weights" weighs the network's draws to the exact posterior, and calls a galaxy
        approximate (with the status failed) where the weights do not pass. "proposals" goes on to
        adaptive importance sampling, "auto" also to MCMC, as do galaxies in bands of which the
        network knows none.
    first : int
        Number of the table's first row in the catalogue. Rows without an ID have their numbers,
        which repeat in another partition of the same `first`: give IDs, as a column or as the
        index of a DataFrame.
    id_kind : "int" or "str", optional
        Kind of the IDs; by default as the table has them.

    Returns
    -------
    pandas DataFrame with the columns of `meta`: row, id, status, verdict, reason, redshift,
    n_band, inside, figures of the weights, p-values, chi2 of the best draw, pull_BAND of each
    band against what the others predict, fluxes and errors [nanomaggies], and NAME_p16, NAME_p50,
    NAME_p84 of every parameter and derived quantity. Its index is that of the table, where this is
    a pandas DataFrame, so that `table["mass"] = result["log_mstar_p50"]` and `table.join` give each
    row its own; else 0, 1, 2 ...

    Raises
    ------
    SedflowError
        The whole table cannot be used; a row that cannot is a row with status and reason.

    Examples
    --------
    >>> import pandas as pd
    >>> bands = {"flux_u": [30.3], "flux_g": [75.7], "flux_r": [104.2]}
    >>> errors = {"flux_err_u": [2.0], "flux_err_g": [1.6], "flux_err_r": [2.1]}
    >>> table = pd.DataFrame({"id": [72], "redshift": [0.0488], **bands, **errors})
    >>> from sedflow.catalogue.guess import guess_mapping
    >>> mapping = guess_mapping(table).in_unit("nanomaggies")
    >>> infer_partition(table, mapping, n=200).status.tolist()
    ['ok']
    """
    table, mapping = named_by_index(table, mapping_of(table, mapping))
    return infer_rows(
        table, mapping, posterior, n=n, seed=seed, trust=trust, first=first, id_kind=id_kind
    )[0]


def infer_table(
    table: Any,
    mapping: ColumnMap | None = None,
    posterior: Any = DEFAULT_WEIGHTS,
    *,
    n: int = 1000,
    seed: int = 1,
    trust: str = "weights",
    unit: str | None = None,
    bands: Sequence[str] | str | None = None,
    progress: Callable[[int, int], object] | None = None,
    sampler: Any = None,
) -> pd.DataFrame:
    """The posteriors of all rows of a table or of a catalogue file, summarised.

    table : path of a catalogue, or any table; unit : of fluxes or magnitudes whose unit the table
    does not tell ("nanomaggies", "uJy", "mag"); bands : names of the bands to read, of one survey
    or of several ("g", "decam2014-g"); progress : callable, optional, called as
    progress(done, total); sampler : the network by the name that `sedflow.fit` has for it, in
    place of `posterior`. Everything else, and what is returned, as for `infer_partition`, with the
    index of a pandas DataFrame, too; `attrs["assumptions"]` of the frame lists how the columns were
    read.

    Where no column has the IDs, the index of a DataFrame serves, if it names each row by a whole
    number or text of its own; the assumptions say so. Without either, IDs are the rows' numbers.

    Fewer draws than those of `sedflow.fit` (1,000, not 10,000), and no step beyond the weights:
    quantiles of a catalogue need no more, and the steps beyond take seconds for each galaxy that
    needs them. `trust="auto"` takes them.
    """
    if isinstance(table, bytes) or hasattr(table, "__fspath__") or isinstance(table, str):
        table = as_written(table)
    mapping = mapping_of(table, mapping, bands)
    if unit is not None:
        mapping = mapping.in_unit(unit)
    table, mapping = named_by_index(table, mapping)
    posterior = either(DEFAULT_WEIGHTS, sampler=sampler, posterior=posterior)
    return infer_rows(table, mapping, posterior, n=n, seed=seed, trust=trust, progress=progress)[0]


def infer_rows(
    table: Any,
    mapping: ColumnMap | None = None,
    posterior: Any = DEFAULT_WEIGHTS,
    *,
    trust: str = "weights",
    first: int = 0,
    id_kind: str | None = None,
    **options: Any,
) -> tuple[pd.DataFrame, np.ndarray]:
    """What `infer_partition` returns, and `keep` draws (n_row, keep, 12) of equal weight.

    Rows without a posterior are NaN. The draws are float32.

    options : n, seed, keep and progress of `infer_read`
    """
    trust = "auto" if trust is True else trust  # as sedflow.fit has it
    check_choice("trust", trust, RUNGS)
    posterior = _loaded(posterior)
    mapping = usable(mapping_of(table, mapping), posterior, trust)
    rows = to_photometry(table, mapping, first=first, id_kind=id_kind)
    frame, kept = infer_read(rows, mapping, posterior, trust=trust, first=first, **options)
    if (index := index_of(table)) is not None:  # by it pandas would align the rows
        taken = any(name in frame.columns for name in index.names)  # a name is of one of the two
        frame.index = index.set_names([None] * index.nlevels) if taken else index
    frame.attrs["assumptions"] = list(rows.report)
    return frame, kept


def infer_read(
    rows: Rows,
    mapping: ColumnMap,
    posterior: AmortizedPosterior,
    *,
    n: int = 1000,
    seed: int = 1,
    trust: str = "weights",
    first: int = 0,
    keep: int = 0,
    progress: Callable[[int, int], object] | None = None,
) -> tuple[pd.DataFrame, np.ndarray]:
    """As `infer_rows`, of rows that were read by a mapping whose bands can be used."""
    check_choice("trust", trust, RUNGS)
    n, keep = as_whole("n", n, 10, MAX_DRAWS), as_whole("keep", keep, 0, MAX_DRAWS)
    seed, first = as_whole("seed", seed, 0, LARGEST_SEED), as_whole("first", first, 0, 2**62)
    _keep_memory()
    if trust == "auto":
        _import_arviz()
    sampler = sampler_for(mapping, posterior)
    photometry = rows.photometry.in_bands(sampler.bands)
    total = len(rows.ids)
    frame = _blank(total, sampler, rows.ids, rows.redshift, first)
    kept = np.full((total, keep, len(NAMES)), np.nan, dtype=np.float32)
    for row, _, reason in rows.problems:
        frame["status"][row], frame["reason"][row] = "bad row", reason
    with one_thread, warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for k, row in enumerate(rows.rows):
            own = row_seed(seed, rows.ids[row])
            _fill(frame, row, kept, photometry[k], sampler, n, own, trust)
            if progress:
                progress(k + 1, len(rows.rows))
    return _frame(frame, rows.ids.dtype), kept


def bad_rows(
    rows: Rows, problems: Sequence[Problem], mapping: ColumnMap, posterior: Any
) -> pd.DataFrame:
    """Results of rows that cannot be used: nothing but the reason of each."""
    at = np.array([problem.row for problem in problems], dtype=int)
    frame = _blank(len(at), sampler_for(mapping, posterior), rows.ids[at], rows.redshift[at], 0)
    frame["row"] = at
    frame["status"][:] = "bad row"
    frame["reason"][:] = [problem.reason for problem in problems]
    return _frame(frame, rows.ids.dtype)


def meta(posterior: Any = DEFAULT_WEIGHTS, id_kind: str = "int") -> pd.DataFrame:
    """The empty data frame whose columns and types every partition has."""
    check_choice("id_kind", id_kind, ("int", "str"))
    ids: np.ma.MaskedArray = np.ma.array([], dtype=np.int64 if id_kind == "int" else object)
    return _frame(_blank(0, _loaded(posterior), ids, np.array([]), 0), ids.dtype)


def row_seed(seed: int, ident: object) -> int:
    """Seed of a galaxy: with it, `sedflow.fit` repeats what a run found for this ID.

    The same for an ID as a number and as text, so that it does not depend on the format.

    >>> row_seed(1, 72) == row_seed(1, "72") != row_seed(2, 72)
    True
    """
    seed = as_whole("seed", seed, -(2**63))
    digest = hashlib.blake2b(f"{seed}:{ident}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def todays_name(column: str) -> str:
    """A column of results as it is called now: runs of formats 1 and 2 had NAME_16, ...

    >>> todays_name("log_mstar_16"), todays_name("log_mstar_p16"), todays_name("n_band")
    ('log_mstar_p16', 'log_mstar_p16', 'n_band')
    """
    name, _, q = column.rpartition("_")
    return f"{name}_p{q}" if name in _EVER and q in ("16", "50", "84") else column


def reason_kind(reason: str) -> str:
    """A reason without its numbers and quotations, to count rows by."""
    text = re.sub(r"'[^']*'", "'...'", reason)
    return re.sub(r"(?<![\w.])[-+]?(\d[\d,]*\.?\d*(e[-+]?\d+)?|nan|inf)\b", "#", text)


# One row


def _fill(frame, row, kept, galaxy, sampler, n, seed, trust):
    """Write what the ladder finds for one galaxy into the row of the frame."""
    frame["n_band"][row] = galaxy.present.sum()
    for k, band in enumerate(sampler.bands):
        frame[f"flux_{band}"][row], frame[f"sigma_{band}"][row] = galaxy.flux[k], galaxy.sigma[k]
    model, prior = sampler.model, sampler.prior
    try:
        mcmc = None
        if trust == "auto":
            from sedflow.sampling.mcmc import MCMCSampler

            mcmc = MCMCSampler(model=model, prior=prior, doublings=1)
        draws, verdict = climb(galaxy, sampler, model, prior, n, seed, trust, mcmc)
        if not np.isnan(draws.theta).any():
            _summarise(frame, row, draws, galaxy, model)
            pulls = left_out_pulls(sampler, galaxy, draws, seed)
            for band, pull in zip(sampler.bands, pulls, strict=True):
                frame[f"pull_{band}"][row] = pull
            if kept.shape[1]:
                kept[row] = draws.resampled(kept.shape[1], seed).theta
    except Exception as error:  # a bug that one galaxy brings out must not lose the others
        raise_if_of_the_run(error)
        frame["status"][row], frame["verdict"][row] = "failed", FAILED
        frame["reason"][row] = f"unexpected {type(error).__name__}: {error}; please report it"
        return
    frame["verdict"][row] = str(verdict.kind)
    frame["status"][row] = str(verdict.status)
    frame["reason"][row] = " ".join(filter(None, (str(verdict.reason), str(verdict.warning))))
    frame["inside"][row] = bool(verdict.inside)
    frame["edge"][row] = "; ".join(map(str, edges(draws.theta, draws.weights, prior)))
    for name in _FIGURES:
        frame[name][row] = getattr(verdict, name)


def _summarise(frame, row, draws, galaxy, model):
    theta = draws.theta
    frame["chi2"][row] = chi_square(draws.with_flux(galaxy, model).flux, galaxy).min()
    rows = quantities_of(model)
    values = columns(rows, theta, derive(theta, galaxy.redshift, model))
    for k, column in enumerate(weighted_quantile(values.T, _Q, draws.weights)):
        for quantity, value in zip(rows, column, strict=True):
            frame[f"{quantity.name}_p{100 * _Q[k]:.0f}"][row] = value


# The frame


def _blank(n, posterior, ids, redshift, first):
    """Columns of n rows of which nothing is known."""
    columns = {
        "row": np.arange(first, first + n),
        "id": ids,
        "status": np.full(n, "failed", dtype=object),
        "verdict": np.full(n, "", dtype=object),
        "reason": np.full(n, "", dtype=object),
        "edge": np.full(n, "", dtype=object),
        "redshift": np.array(redshift, dtype=float),
        "n_band": np.zeros(n, dtype=np.int16),
        "inside": np.zeros(n, dtype=bool),
    }
    for name in (*_FIGURES, "chi2"):
        columns[name] = np.full(n, np.nan, dtype=np.float32)
    for band in posterior.bands:
        columns[f"pull_{band}"] = np.full(n, np.nan, dtype=np.float32)
    for band in posterior.bands:
        columns[f"flux_{band}"], columns[f"sigma_{band}"] = np.full((2, n), np.nan)
    for quantity in quantities_of(posterior.model):
        for q in _Q:
            columns[f"{quantity.name}_p{100 * q:.0f}"] = np.full(n, np.nan, dtype=np.float32)
    return columns


def _frame(columns, id_dtype):
    import pandas as pd

    data = dict(columns)
    for name in ("status", "verdict", "reason", "edge"):
        data[name] = pd.array(columns[name], dtype="string")
    ids = known_ids(columns["id"])
    data["id"] = pd.array(ids, dtype="Int64" if np.issubdtype(id_dtype, np.integer) else "string")
    return pd.DataFrame(data)


def count_rows(frame: pd.DataFrame) -> dict:
    """How many rows have which status, verdict and, where not "ok", which kind of reason."""
    reasons = {}
    for row in frame[frame.status != "ok"].itertuples():
        kind = reason_kind(row.reason)
        if kind not in reasons:
            reasons[kind] = {"rows": 0, "id": str(row.id), "reason": row.reason}
        reasons[kind]["rows"] += 1
    return {
        "rows": len(frame),
        "status": {name: int((frame.status == name).sum()) for name in STATUS},
        "verdict": {name: int((frame.verdict == name).sum()) for name in VERDICTS},
        "reasons": reasons,
    }


# The network and its threads


def _loaded(posterior):
    if isinstance(posterior, AmortizedPosterior):
        return posterior
    if not isinstance(posterior, str | os.PathLike):
        raise SedflowError(
            f"a table is inferred by a network, not by {type(posterior).__name__}; give the name "
            "or the path of one, or sedflow.load_posterior(). Galaxies go through MCMC by "
            "trust='auto' where the network does not suffice, or one by one by sedflow.fit"
        )
    return cached_posterior(str(posterior))


def _import_arviz():
    """Load what judges chains; it makes a folder in HOME, and must not fail in every row."""
    needs("arviz", what="MCMC")


@cache
def _keep_memory():
    """Let the C library keep what was freed, for the next array of that size.

    Workers of dask run with MALLOC_TRIM_THRESHOLD_=65536, which gives every array back to the
    system and fetches it again: 56,000 page faults a row, and two and a half times the processor
    time. These are the limits that glibc comes to by itself where nobody interferes.
    """
    import ctypes

    trim, mmap = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
    with suppress(AttributeError, OSError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(mmap, 2**25)
        mallopt(trim, 2**26)


def checked_posterior(name: Any, sha256: str | None = None) -> AmortizedPosterior:
    """The network of that name, loaded once per process; refused if its record has another."""
    posterior = _loaded(name)
    if sha256 is not None and posterior.record_sha256 != sha256:
        raise BadWeights(
            f"the weights {name} on this machine are not those that the run began with; install "
            "the same version everywhere, or give the file of the network of the run"
        )
    return posterior
