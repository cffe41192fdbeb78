"""The verdict on a posterior: how good the posterior of one galaxy, or of many, is.

`KINDS` is the one table of verdicts: figures, the app, the command line and the documents take
their words, meanings and colours from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sedflow.batches import galaxies_at
from sedflow.palette import GREEN, GREY, INK_BLUE, VERMILION
from sedflow.sampling.misfit import is_misfit
from sedflow.settled import Frozen, frozen


@dataclass(frozen=True)
class Kind:
    """A row of the table of verdicts.

    name : what files, tables and pages say
    exact : whether the draws follow the posterior of the model
    meaning : a sentence
    sign, color : of the mark in the app and in figures
    old : what files of versions before this table say
    """

    name: str
    exact: bool
    meaning: str
    sign: str
    color: str
    old: tuple[str, ...] = ()


EXACT_WEIGHTS, EXACT_ADAPTED = "exact (weights)", "exact (adapted weights)"
EXACT_MCMC = "exact (MCMC)"
APPROXIMATE, MISFIT, FAILED = "approximate", "misfit", "failed"
#: Of a fit without a verdict: nobody asked.
UNCHECKED = "unchecked"

#: The table of verdicts, from the least work to the most, then what is not exact.
KINDS = (
    Kind(
        EXACT_WEIGHTS,
        True,
        "The network's draws are weighted to the posterior, and enough of them count.",
        "✔",
        GREEN,
        ("amortized",),
    ),
    Kind(
        EXACT_ADAPTED,
        True,
        "The network's draws were too few or too far off; those of adaptive importance sampling, "
        "weighted to the posterior, are enough.",
        "✔",
        INK_BLUE,
        ("reweighted",),
    ),
    Kind(EXACT_MCMC, True, "Weights did not pass; MCMC converged.", "✔", INK_BLUE, ("mcmc",)),
    Kind(
        APPROXIMATE,
        False,
        "The weights do not pass, and no more was asked for: treat the quantiles as a guess.",
        "≈",
        VERMILION,
    ),
    Kind(
        MISFIT,
        False,
        "No model comes near these data, not even with errors five times larger.",
        "≠",
        VERMILION,
    ),
    Kind(FAILED, False, "No step gave the posterior; the reason says why.", "✘", VERMILION),
)

#: What may be said of a galaxy, in the order of the table.
VERDICTS = tuple(kind.name for kind in KINDS)
_BY_NAME = {kind.name: kind for kind in KINDS}
_OLD = {old: kind.name for kind in KINDS for old in kind.old}
_UNKNOWN = Kind("", False, "There is no verdict.", "?", GREY)


def as_kind(name: str) -> str:
    """The name of a verdict, as files of any version have it, in today's words.

    >>> as_kind("amortized"), as_kind("failed")
    ('exact (weights)', 'failed')
    """
    return _OLD.get(str(name), str(name))


def kind_of(name: str) -> Kind:
    """The row of the table for a name of any version; one without a name if there is none."""
    return _BY_NAME.get(as_kind(name), _UNKNOWN)


@dataclass(frozen=True, eq=False)
class Verdict(Frozen):
    """What one galaxy's posterior rests on, or many galaxies' (...).

    kind : one of `VERDICTS`; the table `KINDS` says what each means. Names of older versions
        are translated.
    reason : a sentence
    warning : a sentence where the model itself does not describe the data, else empty
    inside : whether the network was trained on such data
    k_hat, ess : of the draws that are returned: of the weights that they have or were resampled
        by; of chains, the least effective number of draws, and no k-hat
    network_k_hat, network_ess : of the first weights, of the network's draws alone
    share : `network_ess` per draw
    gap : Kullback-Leibler divergence [nats] from the network's draws to the posterior
    log_evidence, log_evidence_error : from the highest rung, natural log; NaN where its weights
        or chains do not pass
    p_value : of the data under the posterior predictive distribution
    p_calibrated : the same, calibrated on simulated galaxies to be uniform where the model is
        true (`sedflow.sampling.misfit`); NaN where the sampler has no such table
    r_hat : largest of the parameters, and ess_bulk, ess_tail the smallest, where MCMC ran
    seconds (..., 3) : for the network and its weights, for adaptive importance sampling, for MCMC
    """

    kind: np.ndarray
    reason: np.ndarray
    warning: np.ndarray
    inside: np.ndarray
    k_hat: np.ndarray
    ess: np.ndarray
    share: np.ndarray
    gap: np.ndarray
    log_evidence: np.ndarray
    log_evidence_error: np.ndarray
    p_value: np.ndarray
    r_hat: np.ndarray
    ess_bulk: np.ndarray
    ess_tail: np.ndarray
    seconds: np.ndarray = field(compare=False)  # which no second fit takes
    network_k_hat: np.ndarray
    network_ess: np.ndarray
    p_calibrated: np.ndarray = None  # type: ignore[assignment]

    def __post_init__(self):
        if self.p_calibrated is None:  # of a file from before there was any
            object.__setattr__(self, "p_calibrated", np.full(np.shape(self.p_value), np.nan)[()])
        kind = np.asarray(self.kind)
        if np.isin(kind.astype(str), list(_OLD)).any():
            names = [as_kind(name) for name in kind.ravel()]
            today = np.array(names, dtype=kind.dtype if kind.dtype == object else None)
            kind = today.reshape(kind.shape) if kind.ndim else names[0]
            object.__setattr__(self, "kind", kind)
        for name in self.names():
            value = getattr(self, name)
            if isinstance(value, np.ndarray):
                object.__setattr__(self, name, frozen(value))

    @property
    def status(self) -> np.ndarray:
        """What the posterior (...) is good for: "ok", "misfit" or "failed".

        A misfit has a posterior of the model, but the model does not describe the data:
        p-values that small have one in a thousand good galaxies. Where the posterior is not
        exact, the status is failed.
        """
        kind = np.asarray(self.kind, dtype=str)
        misfit = (kind == MISFIT) | (self.exact & is_misfit(self.p_value, self.p_calibrated))
        return np.where(misfit, MISFIT, np.where(self.exact, "ok", FAILED))[()]

    @property
    def exact(self) -> np.ndarray:
        """Whether the draws (...) follow the posterior of the model."""
        return np.isin(np.asarray(self.kind, dtype=str), [k.name for k in KINDS if k.exact])

    def __getitem__(self, item: Any) -> "Verdict":
        """The verdicts at an index, slice or mask of the leading axis."""
        item = galaxies_at(item, np.shape(self.kind))
        return Verdict(*(np.asarray(getattr(self, name))[item] for name in self.names()))

    def __str__(self):
        if np.ndim(self.kind):
            return ", ".join(f"{n:,} {kind}" for kind, n in self.counts().items() if n)
        text = f"{self.kind}: {self.reason}"
        return f"{text} {self.warning}" if self.warning else text

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names of the fields."""
        return tuple(cls.__dataclass_fields__)

    def counts(self) -> dict[str, int]:
        """Number of galaxies with each verdict."""
        return {kind: int(np.sum(self.kind == kind)) for kind in VERDICTS}

    def figures(self) -> dict[str, float]:
        """The numbers behind the verdict of one galaxy, by name."""
        return {
            name: float(getattr(self, name))
            for name in self.names()
            if np.issubdtype(np.asarray(getattr(self, name)).dtype, np.floating)
            and np.ndim(getattr(self, name)) == 0
        }

    @classmethod
    def stack(cls, rows: Sequence["Verdict"], shape: tuple[int, ...]) -> "Verdict":
        """One `Verdict` of a batch from those of its galaxies."""
        if not shape:
            return rows[0]
        columns = {}
        for name in cls.names():
            kind = object if name in ("kind", "reason", "warning") else None
            values = np.array([getattr(row, name) for row in rows], dtype=kind)
            columns[name] = values.reshape(*shape, *values.shape[1:])
        return cls(**columns)
