"""Whether the parts that a file of a fit holds make a fit: kinds and shapes, before anyone asks."""

import numpy as np

from sedflow.parameters import N_PARAM
from sedflow.sampling.verdict import VERDICTS
from sedflow.trust_limits import Convergence, Importance

__all__ = ["check_structure", "todays_verdict"]

_TEXT = ("kind", "reason", "warning")
_FIGURES = ("k_hat", "ess")


def todays_verdict(values: dict) -> dict:
    """What a file holds, by name, with the figures of its verdict under today's names.

    Older files call `k_hat` and `ess` what is now `network_k_hat` and `network_ess`; those of the
    draws that were returned are in `draws/`.
    """
    if "verdict/k_hat" not in values or "verdict/network_k_hat" in values:
        return values
    blank = np.full(np.shape(values["verdict/k_hat"]), np.nan)[()]
    now = {f"verdict/network_{name}": values[f"verdict/{name}"] for name in ("k_hat", "ess")}
    now |= {f"verdict/{name}": values.get(f"draws/importance/{name}", blank) for name in _FIGURES}
    chains = [values.get(f"verdict/ess_{part}", blank) for part in ("bulk", "tail")]
    ess = np.where(np.isnan(now["verdict/ess"]), np.minimum(*chains), now["verdict/ess"])[()]
    return values | now | {"verdict/ess": ess}


def check_structure(photometry, draws, verdict) -> None:
    """Refuse parts that are missing, are not arrays of numbers, or have shapes of their own.

    Raises
    ------
    ValueError
        Naming the part.
    """
    for name, part in (("photometry", photometry), ("draws", draws)):
        _require(part is not None, f"there is no {name}")
    shape = photometry.shape
    theta = draws.theta
    _numbers("draws/theta", theta)
    _require(
        theta.ndim >= 2 and theta.shape == (*shape, theta.shape[-2], N_PARAM) and theta.shape[-2],
        f"draws/theta has the shape {theta.shape}, but the photometry {shape}, and there are "
        f"{N_PARAM} parameters",
    )
    for name in ("log_density", "weights"):
        _of_shape(f"draws/{name}", getattr(draws, name), theta.shape[:-1])
    for name, part, kind in (
        ("importance", draws.importance, Importance),
        ("convergence", draws.convergence, Convergence),
    ):
        for field in kind._ARRAYS if part is not None else ():
            each = (N_PARAM,) if field in ("r_hat", "ess_bulk", "ess_tail") else ()
            _of_shape(f"draws/{name}/{field}", getattr(part, field), (*shape, *each))
    if verdict is not None:
        for name in verdict.names():
            value = np.asarray(getattr(verdict, name))
            last = (3,) if name == "seconds" else ()
            _require(
                value.shape == (*shape, *last),
                f"verdict/{name} has the shape {value.shape}, but the photometry {shape}",
            )
            if name not in _TEXT:
                _numbers(f"verdict/{name}", value, "biuf")
        unknown = set(map(str, np.ravel(np.asarray(verdict.kind, dtype=object)))) - set(VERDICTS)
        _require(not unknown, f"the verdict {next(iter(unknown), '')[:40]!r} is unknown")


def _of_shape(name, value, shape):
    if value is None:
        return
    _numbers(name, value)
    found = np.shape(value)
    _require(found == shape, f"{name} has the shape {found}, not {shape}")


def _numbers(name, value, kinds="iuf"):
    good = isinstance(value, np.ndarray | np.generic | float | int)
    good = good and np.asarray(value).dtype.kind in kinds
    _require(good, f"{name} is not an array of numbers")


def _require(good, problem):
    if not good:
        raise ValueError(problem)
