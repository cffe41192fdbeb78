"""A curve of the forward model that is kept to compare with: what it is of, in the address too."""

import math

from sedflow.dashboard.curves import model_curves
from sedflow.dashboard.numbers import clamped
from sedflow.dashboard.state import NO_SHARES, ForwardState
from sedflow.files.packaged import SSP_NAMES
from sedflow.model.sed import default_model
from sedflow.parameters import BETAS, NAMES

__all__ = ["decode_pinned", "encode_pinned", "pinned_curves", "pinned_values"]

_NUMBERS = (*NAMES, "redshift")

Pinned = dict[str, float | str]


def pinned_values(state: ForwardState) -> Pinned:
    """What a curve is of: the parameters and redshift of the model now, and its grid."""
    return {name: getattr(state, name) for name in (*_NUMBERS, "grid")}


def pinned_curves(values: Pinned) -> dict:
    """The curves of `model_curves`, with the redshift as "z"."""
    state = ForwardState(**values)
    z = float(state.redshift)
    return {**model_curves(default_model(state.grid), state.theta(), z), "z": z}


def encode_pinned(values: Pinned) -> str:
    """What a curve is of, as text: the numbers in the order of the parameters, then the grid."""
    return ",".join([*(f"{values[name]:.6g}" for name in _NUMBERS), str(values["grid"])])


def decode_pinned(text: str) -> tuple[Pinned | None, list[str]]:
    """What an address has pinned, inside the limits of the sliders, and notices.

    >>> decode_pinned("1,2")
    (None, ['pinned in the address is not the 12 parameters, redshift and grid of a model'])
    """
    if not text:
        return None, []
    *numbers, grid = text.split(",")
    try:
        found = [float(value) for value in numbers]
    except ValueError:
        found = []
    if len(found) != len(_NUMBERS) or not all(map(math.isfinite, found)) or grid not in SSP_NAMES:
        wrong = f"the {len(NAMES)} parameters, redshift and grid of a model"
        return None, [f"pinned in the address is not {wrong}"]
    values: Pinned = {"grid": grid}
    notices: list[str] = []
    for name, value in zip(_NUMBERS, found, strict=True):
        low, high = ForwardState.param[name].bounds
        values[name] = clamped(f"{name} of the pinned curve", value, low, high, notices)
    if not any(values[name] for name in NAMES[BETAS]):
        return None, [*notices, f"the pinned curve is left out: {NO_SHARES}"]
    return values, notices
