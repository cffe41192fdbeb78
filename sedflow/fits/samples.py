"""Posterior draws for everyone: of equal weight, by name, parameters and derived alike."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sedflow.draws import systematic
from sedflow.errors import UnknownName, unknown
from sedflow.settled import read_only, same
from sedflow.whole_numbers import LARGEST_SEED, as_whole

__all__ = ["Quantities", "Samples", "equal_rows", "fractions"]


class Quantities(dict):
    """Values by name of a quantity, read only; an unknown name is answered with the known ones."""

    def __init__(self, values: Mapping[str, np.ndarray]):
        super().__init__({name: read_only(column) for name, column in values.items()})

    def __missing__(self, name):
        raise unknown("quantity", name, self)

    def __eq__(self, other):
        return isinstance(other, dict) and same(dict(self), dict(other))

    def __ne__(self, other):
        return not self == other

    __hash__ = None


class Samples(Mapping[str, np.ndarray]):
    """Draws of equal weight of one galaxy's posterior, or of many: name -> array (..., n).

    Where the fit has weights, it is resampled by them (a draw of weight w comes n w times), so
    that medians, histograms and scatter plots of these numbers are those of the posterior.

    Examples
    --------
    >>> import numpy as np, sedflow
    >>> result = sedflow.fit(sedflow.load_nsa()[72], n=1000)
    >>> samples = result.samples
    >>> samples["log_mstar"].shape, bool(9 < np.median(samples["log_mstar"]) < 11)
    ((1000,), True)
    """

    def __init__(self, fit: Any):
        self._fit = fit
        self._rows = equal_rows(fit.draws)

    def __getitem__(self, name: str) -> np.ndarray:
        values = self._fit.values(name)
        return values if self._rows is None else np.take_along_axis(values, self._rows, axis=-1)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Samples) and same(dict(self), dict(other))

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fit.keys())

    def __len__(self) -> int:
        return len(self._fit.keys())

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._fit.keys())

    @property
    def theta(self) -> np.ndarray:
        """The 12 parameters (..., n, 12) of the same draws."""
        theta = self._fit.draws.theta
        if self._rows is None:
            return theta
        return np.take_along_axis(theta, self._rows[..., None], axis=-2)

    def to_pandas(self) -> Any:
        """A pandas DataFrame of one galaxy: a row for each draw, a column for each quantity."""
        import pandas as pd

        if self._fit.photometry.shape:
            raise UnknownName("a data frame holds one galaxy; choose one with fit[i]")
        return pd.DataFrame(dict(self))

    def __repr__(self):
        unchecked = "unchecked, " if self._fit.quality == "unchecked" else ""
        what = f"{len(self)} quantities of {self._fit.title}"
        return f"<Samples: {unchecked}{self._fit.draws.n:,} draws of equal weight, {what}>"


def equal_rows(draws: Any, seed: int = 0) -> np.ndarray | None:
    """Which draws (..., n) to take for equal weight; None if they have that already."""
    if draws.weights is None:
        return None
    flat = draws.weights.reshape(-1, draws.n)
    if not (np.ptp(flat, axis=-1) > 0).any():
        return None
    rng = np.random.default_rng(as_whole("seed", seed, 0, LARGEST_SEED))
    every = np.arange(draws.n)
    rows = [systematic(w, draws.n, rng) if np.ptp(w) > 0 else every for w in flat]
    return np.stack(rows).reshape(*draws.shape, draws.n)


def fractions(q: Any) -> np.ndarray:
    """Quantiles as fractions: numbers up to 1 are fractions, up to 100 per cent.

    >>> fractions([16, 50, 84]).tolist(), fractions(0.5).tolist()
    ([0.16, 0.5, 0.84], 0.5)
    """
    try:
        values = np.asarray(q, dtype=float)
    except (TypeError, ValueError):
        values = np.asarray(np.nan)
    if values.size and np.all(values >= 0) and np.all(values <= 1):
        if np.any(values == 1) and not np.any((values > 0) & (values < 1)):
            raise UnknownName(
                f"q = {str(q)[:64]} may be 1 % or the largest draw; give 0.01 for the one, 100 for "
                "the other"
            )
        return values
    if values.size and np.all(values >= 0) and np.all(values <= 100) and not _mixed(values):
        return values / 100
    mixed = values.size and np.all(values >= 0) and np.all(values <= 100)
    raise UnknownName(
        f"q = {str(q)[:200]}; q must be quantiles in per cent, such as [16, 50, 84], or from 0 to "
        "1, such as [0.16, 0.5, 0.84]"
        + ("; per cents below 1 can be given from 0 to 1 alone, 0.1 % as 0.001" if mixed else "")
    )


def _mixed(values):
    """Whether fractions stand among the per cents."""
    return bool(np.any((values > 0) & (values < 1)))
