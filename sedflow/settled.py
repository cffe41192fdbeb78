"""Attributes that stay as an object was made: what was computed from them would not follow."""

from typing import Any, ClassVar

from sedflow.errors import SedflowError


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
