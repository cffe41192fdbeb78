"""JSON that came from a disk: read within bounds, and held to the form that it must have.

A form is plain Python: a dict of the entries that must be there (a name that ends in "?" may be
missing, others do not matter), a list with the form of each item, or one of the functions below.
"""

import json
import math
from collections.abc import Callable
from typing import Any

from sedflow.files.regular import read_regular

_DEEPEST = 40  # lists and tables inside one another; ours have five


def read(path, form: Any) -> Any:
    """The document in a regular file.

    Raises
    ------
    OSError
        As from `open`.
    ValueError
        It is not JSON, too deep, or not of that form.
    """
    return checked(parsed(read_regular(path)), form)


def parsed(content: bytes | str) -> Any:
    """The values in a text of JSON.

    Raises
    ------
    ValueError
        It is not JSON, or nested so deep that who walks it could not return.
    """
    try:
        document = json.loads(content)
    except RecursionError:
        raise ValueError(f"it is nested more than {_DEEPEST} deep") from None
    level, depth = [document], 0
    while level := [
        item
        for value in level
        if isinstance(value, dict | list)
        for item in (value.values() if isinstance(value, dict) else value)
    ]:
        depth += 1
        if depth > _DEEPEST:
            raise ValueError(f"it is nested more than {_DEEPEST} deep")
    return document


def checked(value: Any, form: Any, name: str = "it") -> Any:
    """The value, if it has that form.

    Raises
    ------
    ValueError
        Naming the entry, what it holds, and what it must hold.
    """
    if isinstance(form, dict):
        _expect(isinstance(value, dict), value, name, "a table")
        for key, inner in form.items():
            bare = key.removesuffix("?")
            inside = bare if name == "it" else f"{name}.{bare}"
            if bare in value:
                checked(value[bare], inner, inside)
            elif bare == key:
                raise ValueError(f"{inside} is missing")
    elif isinstance(form, list):
        _expect(isinstance(value, list), value, name, "a list")
        for k, item in enumerate(value):
            checked(item, form[0], f"{name}[{k}]")
    else:
        form(value, name)
    return value


def _expect(good, value, name, what):
    if not good:
        shown = repr(value) if isinstance(value, str | int | float | None) else "a list or a table"
        raise ValueError(f"{name} must be {what}, and is {shown[:40]}")


Form = Callable[[Any, str], None]


def whole(low: int = 0, high: int = 2**63) -> Form:
    """The form of a whole number in a range."""

    def form(value, name):
        good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        _expect(good, value, name, f"a whole number from {low} to {high}")

    return form


def number(low: float = -math.inf, high: float = math.inf) -> Form:
    """The form of a finite number in a range."""

    def form(value, name):
        good = isinstance(value, int | float) and not isinstance(value, bool)
        good = good and -1e300 < value < 1e300 and low <= value <= high
        _expect(good, value, name, f"a number from {low:g} to {high:g}")

    return form


def text(most: int = 10_000, least: int = 0) -> Form:
    """The form of a text of `least` to `most` characters."""

    def form(value, name):
        good = isinstance(value, str) and least <= len(value) <= most
        _expect(good, value, name, f"a text of {least} to {most} characters")

    return form


def table(inner: Any) -> Form:
    """The form of a table of any names, with values of one form."""

    def form(value, name):
        _expect(isinstance(value, dict), value, name, "a table")
        for key, item in value.items():
            checked(item, inner, f"{name}.{key[:40]}")

    return form


def either(*forms: Any) -> Form:
    """One of several forms; None for nothing."""

    def form(value, name):
        problem = None
        for inner in forms:
            if inner is None:
                if value is None:
                    return
                continue
            try:
                checked(value, inner, name)
                return
            except ValueError as error:
                problem = error
        raise problem or ValueError(f"{name} must be nothing")

    return form


def anything(value, name) -> None:
    """The form of whatever there is."""
