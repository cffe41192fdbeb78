"""Batches of galaxies: parameters and redshifts of any leading axes, checked, and in one row."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sedflow.batches import check_draws, check_labels
from sedflow.errors import BadParameters
from sedflow.parameters import N_PARAM, as_theta, numbers_of_theta, theta_of
from sedflow.redshifts import MAX_REDSHIFT, MIN_REDSHIFT, outside_model
from sedflow.units import plain


def batch(
    theta: Any, redshift: Any, parameters: Mapping | None = None
) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """Theta (n, 12), redshift (n,) and the batch shape that they broadcast to.

    parameters : some by name, in place of theta, as for `theta_of`

    Raises
    ------
    BadParameters
        One of them is outside its range, or they do not broadcast.
    """
    named = theta if isinstance(theta, Mapping) else {}
    if not named and getattr(theta, "ndim", 0) > 1:  # of one galaxy the labels are its parameters
        named = {"theta": theta}
    given = {str(name): value for name, value in {**named, **(parameters or {})}.items()}
    check_labels(BadParameters, **(given | {"redshift": redshift}))
    theta = as_theta(theta_of(theta, parameters))
    z = plain(redshift, "redshift", "", BadParameters)
    try:
        shape = np.broadcast_shapes(theta.shape[:-1], z.shape)
    except ValueError:
        raise BadParameters(
            f"redshift must be a number or an array that broadcasts to {theta.shape[:-1]}, "
            f"the shape of theta without its last axis"
        ) from None
    known_redshift(z)
    theta = np.broadcast_to(theta, (*shape, N_PARAM)).reshape(-1, N_PARAM)
    return theta, np.broadcast_to(z, shape).reshape(-1), shape


def batch_of_draws(theta: Any, redshift: Any) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """As `batch`, of draws theta (..., n, 12) of galaxies at redshift (...)."""
    z = plain(redshift, "redshift", "", BadParameters)
    if z.ndim:
        check_draws(numbers_of_theta(theta).shape, z.shape)
    return batch(theta, z[..., None])


def known_redshift(redshift: Any) -> np.ndarray:
    """Redshifts as floats, where all are in the range of the model."""
    z = plain(redshift, "redshift", "", BadParameters)
    bad = ~((z >= MIN_REDSHIFT) & (z <= MAX_REDSHIFT))
    if bad.any():
        raise BadParameters(outside_model(z[bad].flat[0]))
    return z


def chunks(n: int, size: int) -> list[slice]:
    """Slices of at most `size` that n rows fall into."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]
