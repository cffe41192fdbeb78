"""Inference for the rows of a table: one code path for one galaxy and for a million.

`infer_partition` is a plain function, table in and data frame out with a fixed schema, for
`dask.dataframe.map_partitions`, lsdb, or any loop. Each row climbs the ladder of `trust` by
itself, with a seed made of the run's seed and the row's ID: in which partition a row stands,
beside which others, in which order and in which process can change no bit of its result.
That is why rows are not stacked into larger matrices: linear algebra takes other kernels for
other heights, which differ in the last bit; and a thousand draws fill a core already.
"""

import hashlib
import re
import threading
import warnings
from contextlib import suppress
from functools import cache

import numpy as np

from sedflow.derived import DERIVED, derive
from sedflow.draws import weighted_quantile
from sedflow.errors import BadParameters, BadWeights, SedflowError, UnknownBand
from sedflow.likelihood import chi_square
from sedflow.mapping import Mapping, guess_mapping
from sedflow.mass import REFERENCE
from sedflow.parameters import NAMES, index
from sedflow.posterior import AmortizedPosterior, load_posterior
from sedflow.resources import DEFAULT_WEIGHTS
from sedflow.tables import known_ids, read_table, to_photometry
from sedflow.trust import RUNGS, VERDICTS, climb

__all__ = [
    "QUANTITIES", "STATUS", "infer_partition", "infer_rows", "infer_table", "meta",
    "row_seed",
]  # fmt: skip

QUANTITIES = (*NAMES, *(d.name for d in DERIVED))
#: A row that has a posterior; one that is no galaxy; one whose posterior cannot be trusted.
STATUS = ("ok", "bad row", "failed")
_Q = (0.16, 0.5, 0.84)
_FIGURES = ("k_hat", "ess", "gap", "p_value", "log_evidence", "r_hat")
_MASS = index("log_mstar")


def infer_partition(
    table, mapping: Mapping | None = None, posterior=DEFAULT_WEIGHTS, *, n: int = 1000,
    seed: int = 1, trust: str = "weights", first: int = 0, id_kind: str | None = None,
):  # fmt: skip
    """The posteriors of a table's rows, in their order, summarised.

    Parameters
    ----------
    table : pandas DataFrame, or any table that `sedflow.tables.to_photometry` takes
    mapping : Mapping, optional
        Which columns hold what; guessed by default.
    posterior : str, path or AmortizedPosterior
        The network. A name is loaded once per process.
    n : int
        Draws per galaxy.
    seed : int
        Of the run; with the row's ID it makes the row's own, by `row_seed`.
    trust : "weights", "proposals" or "auto"
        "weights" weighs the network's draws to the exact posterior, and calls a galaxy
        failed where that does not hold. "proposals" goes on to proposals that learn, "auto"
        to these and MCMC.
    first : int
        Number of the table's first row in the catalogue.
    id_kind : "int" or "str", optional
        Kind of the IDs; by default as the table has them.

    Returns
    -------
    pandas DataFrame with the columns of `meta`: row, id, status, verdict, reason, redshift,
    n_band, inside, figures of the weights, chi2 of the best draw, fluxes and errors
    [nanomaggies], and NAME_16, NAME_50, NAME_84 of every parameter and derived quantity.

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
    >>> mapping = guess_mapping(table).in_unit("nanomaggies")
    >>> infer_partition(table, mapping, n=200).status.tolist()
    ['ok']
    """
    options = {"n": n, "seed": seed, "trust": trust, "first": first, "id_kind": id_kind}
    return infer_rows(table, mapping, posterior, **options)[0]


def infer_table(
    table, mapping: Mapping | None = None, posterior=DEFAULT_WEIGHTS, *, n: int = 1000,
    seed: int = 1, trust: str = "weights", progress=None,
):  # fmt: skip
    """The posteriors of all rows of a table or of a catalogue file, summarised.

    table : path of a catalogue, or any table; progress : callable, optional, called as
    progress(done, total). Everything else, and what is returned, as for `infer_partition`.
    """
    if isinstance(table, bytes) or hasattr(table, "__fspath__") or isinstance(table, str):
        table = read_table(table)
    return infer_rows(
        table, mapping, posterior, n=n, seed=seed, trust=trust, progress=progress
    )[0]  # fmt: skip


def infer_rows(
    table, mapping=None, posterior=DEFAULT_WEIGHTS, *, n=1000, seed=1, trust="weights", first=0,
    id_kind=None, keep=0, progress=None,
):  # fmt: skip
    """What `infer_partition` returns, and `keep` draws (n_row, keep, 12) of equal weight.

    Rows without a posterior are NaN. The draws are float32.
    """
    if trust not in RUNGS:
        raise SedflowError(f"trust = {trust!r} is unknown; choose one of {', '.join(RUNGS)}")
    for name, value, low in (("n", n, 10), ("keep", keep, 0), ("seed", seed, 0)):
        if isinstance(value, bool) or int(value) != value or value < low:
            raise BadParameters(f"{name} = {value} must be a whole number >= {low}")
    _keep_memory()
    posterior = _loaded(posterior)
    mapping = usable(mapping or guess_mapping(table), posterior)
    rows = to_photometry(table, mapping, first=first, id_kind=id_kind)
    photometry = rows.photometry.in_bands(posterior.bands)
    total = len(rows.ids)
    frame = _blank(total, posterior.bands, rows.ids, rows.redshift, first)
    kept = np.full((total, keep, len(NAMES)), np.nan, dtype=np.float32)
    for row, _, reason in rows.problems:
        frame["status"][row], frame["reason"][row] = "bad row", reason
    model = _Remembering(posterior.model)
    sampler = AmortizedPosterior(posterior.flow, posterior.record, model=model)
    with _one_thread, warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for k, row in enumerate(rows.rows):
            model.forget()
            own = row_seed(seed, rows.ids[row])
            _fill(frame, row, kept, photometry[k], sampler, n, own, trust)
            if progress:
                progress(k + 1, len(rows.rows))
    return _frame(frame, rows.ids.dtype), kept


def usable(mapping, posterior) -> Mapping:
    """The mapping in those of its bands that the network was trained on."""
    if not set(mapping.bands) & set(posterior.bands):
        raise UnknownBand(
            f"the table has {', '.join(mapping.bands)}, but the network {posterior.name} was "
            f"trained on {', '.join(posterior.bands)}; choose another network"
        )
    return mapping.select(posterior.bands)


def meta(posterior=DEFAULT_WEIGHTS, id_kind: str = "int"):
    """The empty data frame whose columns and types every partition has."""
    ids = np.ma.array([], dtype=np.int64 if id_kind == "int" else object)
    return _frame(_blank(0, _loaded(posterior).bands, ids, np.array([]), 0), ids.dtype)


def row_seed(seed: int, ident) -> int:
    """Seed of a galaxy: with it, `sedflow.fit` repeats what a run found for this ID.

    The same for an ID as a number and as text, so that it does not depend on the format.

    >>> row_seed(1, 72) == row_seed(1, "72") != row_seed(2, 72)
    True
    """
    digest = hashlib.blake2b(f"{int(seed)}:{ident}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


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
            from sedflow.mcmc import MCMCSampler

            mcmc = MCMCSampler(model=model.whole, prior=prior, doublings=1)
        draws, verdict = climb(galaxy, sampler, model, prior, n, seed, trust, mcmc)
        if not np.isnan(draws.theta).any():
            _summarise(frame, row, draws, galaxy, model)
            if kept.shape[1]:
                kept[row] = draws.resampled(kept.shape[1], seed).theta
    except Exception as error:  # a bug that one galaxy brings out must not lose the others
        frame["status"][row], frame["verdict"][row] = "failed", "failed"
        frame["reason"][row] = f"unexpected {type(error).__name__}: {error}; please report it"
        return
    frame["verdict"][row] = str(verdict.kind)
    frame["status"][row] = "failed" if verdict.kind == "failed" else "ok"
    frame["reason"][row] = " ".join(filter(None, (str(verdict.reason), str(verdict.warning))))
    frame["inside"][row] = bool(verdict.inside)
    for name in _FIGURES:
        frame[name][row] = getattr(verdict, name)


def _summarise(frame, row, draws, galaxy, model):
    theta = draws.theta
    flux = model.photometry(theta, galaxy.redshift, galaxy.bands, method="fast")
    frame["chi2"][row] = chi_square(flux, galaxy).min()
    values = np.stack([*theta.T, *derive(theta, galaxy.redshift, model).values()])
    for k, column in enumerate(weighted_quantile(values, _Q, draws.weights)):
        for name, value in zip(QUANTITIES, column, strict=True):
            frame[f"{name}_{100 * _Q[k]:.0f}"][row] = value


class _Remembering:
    """An `SEDModel` that computes the fluxes of the same draws only once.

    Network, weights, predictive check and summary all ask for the fluxes of a galaxy's draws,
    and only the mass differs: the network draws it last, from the fluxes at a reference mass.
    """

    def __init__(self, model):
        self.whole = model
        self.forget()

    def __getattr__(self, name):
        return getattr(self.whole, name)

    def forget(self):
        """Begin with another galaxy."""
        self._known = None

    def fast(self, bands=None):
        """As `SEDModel.fast`."""
        compute = self.whole.fast(bands)

        def flux(theta, redshift):
            out = compute(theta, redshift)
            if (theta[:, _MASS] == REFERENCE).all():
                self._known = (np.delete(theta, _MASS, axis=1), redshift, tuple(bands), out)
            return out

        return flux

    def photometry(self, theta, redshift, bands=None, *, method="exact"):
        """As `SEDModel.photometry`, to rounding."""
        known = self._known
        if method == "fast" and known is not None and np.ndim(theta) == 2:
            shape, z, names, flux = known
            same = names == tuple(bands) and np.all(z == redshift)
            if same and np.array_equal(shape, np.delete(theta, _MASS, axis=1)):
                return flux * 10 ** (theta[:, [_MASS]] - REFERENCE)
        return self.whole.photometry(theta, redshift, bands, method=method)


# The frame


def _blank(n, bands, ids, redshift, first):
    """Columns of n rows of which nothing is known."""
    columns = {
        "row": np.arange(first, first + n),
        "id": ids,
        "status": np.full(n, "failed", dtype=object),
        "verdict": np.full(n, "", dtype=object),
        "reason": np.full(n, "", dtype=object),
        "redshift": np.array(redshift, dtype=float),
        "n_band": np.zeros(n, dtype=np.int16),
        "inside": np.zeros(n, dtype=bool),
    }
    for name in (*_FIGURES, "chi2"):
        columns[name] = np.full(n, np.nan, dtype=np.float32)
    for band in bands:
        columns[f"flux_{band}"], columns[f"sigma_{band}"] = np.full((2, n), np.nan)
    for name in QUANTITIES:
        for q in _Q:
            columns[f"{name}_{100 * q:.0f}"] = np.full(n, np.nan, dtype=np.float32)
    return columns


def _frame(columns, id_dtype):
    import pandas as pd

    data = dict(columns)
    for name in ("status", "verdict", "reason"):
        data[name] = pd.array(columns[name], dtype="string")
    ids = known_ids(columns["id"])
    data["id"] = pd.array(ids, dtype="Int64" if np.issubdtype(id_dtype, np.integer) else "string")
    return pd.DataFrame(data)


def count_rows(frame) -> dict:
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
    return _load(str(posterior))


@cache
def _keep_memory():
    """Let the C library keep what was freed, for the next array of that size.

    Workers of dask run with MALLOC_TRIM_THRESHOLD_=65536, which gives every array back to the
    system and fetches it anew: 56,000 page faults a row, and two and a half times the processor
    time. These are the limits that glibc comes to by itself where nobody interferes.
    """
    import ctypes

    trim, mmap = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
    with suppress(AttributeError, OSError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(mmap, 2**25)
        mallopt(trim, 2**26)


@cache
def _load(name):
    return load_posterior(name)


def checked_posterior(name, sha256=None) -> AmortizedPosterior:
    """The network of that name, loaded once per process; refused if it has not that hash."""
    posterior = _loaded(name)
    if sha256 is not None and posterior.record["weights_sha256"] != sha256:
        raise BadWeights(
            f"the weights {name} on this machine are not those that the run began with; install "
            "the same version everywhere"
        )
    return posterior


class _OneThread:
    """One thread for linear algebra: with more, sums are cut elsewhere and the last bits differ.

    Several threads of a process may be inside at once; the last to leave restores what was.
    """

    def __init__(self):
        self._lock, self._inside = threading.Lock(), 0

    def __enter__(self):
        import torch
        from threadpoolctl import threadpool_limits

        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._torch, self._limits = torch.get_num_threads(), threadpool_limits(1)
                torch.set_num_threads(1)

    def __exit__(self, *error):
        import torch

        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                torch.set_num_threads(self._torch)
                self._limits.restore_original_limits()


_one_thread = _OneThread()
