"""What stays as it was made, since what was computed from it would not follow a change.

`read_only` is for an array of our own, `frozen` for one that somebody else may hold, `Frozen` for
dataclasses of arrays, `Settled` for other objects. Dataclasses of arrays are compared `ByValue`.
"""

from dataclasses import fields
from typing import Any, ClassVar

import numpy as np

from sedflow.errors import SedflowError


def read_only(values: Any) -> Any:
    """A view of an array that cannot be changed in place; anything else as it is.

    What was judged stays: a cached array that somebody writes to would be part of later answers.
    """
    if not isinstance(values, np.ndarray):
        return values
    values = values.view()
    values.flags.writeable = False
    return values


def frozen(values: np.ndarray) -> np.ndarray:
    """An array that nobody can change in place; a copy, where its owner could."""
    part: Any = values
    while isinstance(part, np.ndarray) and not part.flags.writeable:
        part = part.base
    if part is not None:
        values = values.copy()
        values.flags.writeable = False
    return values


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, NaN being equal to NaN; arrays as a whole.

    >>> same({"flux": np.array([1.0, np.nan])}, {"flux": np.array([1.0, np.nan])})
    True
    """
    if one is other:
        return True
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        a, b = np.asarray(one), np.asarray(other)
        if a.shape != b.shape:
            return False
        return bool(np.all((a == b) | ((a != a) & (b != b))))
    if isinstance(one, tuple | list) and type(one) is type(other):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if hasattr(one, "same_as") and type(one) is type(other):  # models
        return one.same_as(other)
    return bool(one == other) or bool(one != one and other != other)


class ByValue:
    """A dataclass that is equal to one of the same values: its own comparison fails on arrays.

    Derive with `@dataclass(eq=False)`.
    """

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        names = [field.name for field in fields(self) if field.compare]  # type: ignore[arg-type]
        return all(same(getattr(self, name), getattr(other, name)) for name in names)


class Frozen(ByValue):
    """A dataclass whose arrays cannot be changed in place, in its copies and pickles either.

    numpy makes writeable what it copies or unpickles. What was computed of the arrays and kept is
    computed again.
    """

    def __getstate__(self):
        names = [field.name for field in fields(self)]
        return {name: getattr(self, name) for name in names}

    def __setstate__(self, state):
        for name, value in state.items():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False  # made for this copy
            object.__setattr__(self, name, value)


class Settled:
    """Base of objects some of whose public attributes cannot be set again.

    settled : their names
    remedy : what to do instead, for the sentence

    >>> class Disc(Settled):
    ...     settled, remedy = ("radius",), "make another Disc(radius)"
    ...     def __init__(self, radius):
    ...         self.radius = radius
    >>> try:
    ...     Disc(2.0).radius = 3.0
    ... except SedflowError as error:
    ...     print(error)
    radius cannot be set: this Disc keeps what it was made with; make another Disc(radius)
    """

    settled: ClassVar[tuple[str, ...]] = ()
    remedy: ClassVar[str] = "make another"

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.settled and (name in vars(self) or hasattr(type(self), name)):
            raise self._refusal(name)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        if name in self.settled:
            raise self._refusal(name)
        super().__delattr__(name)

    def _refusal(self, name):
        kind = type(self).__name__
        return SedflowError(
            f"{name} cannot be set: this {kind} keeps what it was made with; {self.remedy}"
        )
