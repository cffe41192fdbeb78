"""The errors that a caller may want to distinguish, and the one for a missing library.

Each is a `ValueError` too, so code that only wants "bad input" need not know them; the
message of each names the value, the limit and the remedy.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = [
    "BadFitFile",
    "BadParameters",
    "BadPhotometry",
    "BadSSP",
    "BadWeights",
    "Cancelled",
    "DamagedPackage",
    "DownloadFailed",
    "FSPSUnavailable",
    "MissingLibrary",
    "SedflowError",
    "UnknownBand",
    "UnknownName",
    "check_choice",
    "check_kind",
    "check_like",
    "closest_first",
    "either",
    "needs",
    "raise_if_of_the_run",
    "unknown",
]


class SedflowError(ValueError):
    """Any failure that this package expects and explains."""


class BadParameters(SedflowError):
    """Parameters of the wrong shape, not finite, or outside the prior."""


class BadPhotometry(SedflowError):
    """Fluxes, errors or redshifts that no galaxy can have."""


class UnknownBand(SedflowError):
    """A band with no filter curve, or one that the SSP grid does not reach."""


class UnknownName(SedflowError, KeyError):
    """A quantity, column or curve that there is not; the message lists those that there are."""

    __str__ = ValueError.__str__  # KeyError's puts the sentence in quotes


class BadSSP(SedflowError):
    """An SSP file without the data sets or the axes of the DSPS layout."""


class BadWeights(SedflowError):
    """Network weights that are damaged or belong to another parameter table."""


class BadFitFile(SedflowError):
    """A saved fit that is missing, cut short, changed, or that this version cannot read."""


class DamagedPackage(SedflowError):
    """A file of the package itself is missing, cut short or altered."""


class DownloadFailed(SedflowError):
    """A file could not be downloaded from its address, or is not what it should be."""


class FSPSUnavailable(SedflowError):
    """python-fsps, or the stellar data that it needs, is not on this machine."""


class Cancelled(SedflowError):
    """A run was told to stop, and did."""


class MissingLibrary(SedflowError, ImportError):
    """A library of one of the extras is needed, but not installed."""


def raise_if_of_the_run(error: Exception) -> None:
    """Raise an error again that is of a whole run, not of the galaxy that it came up with.

    Damaged weights and a cancellation are: no galaxy becomes a failed row for them.
    """
    if isinstance(error, BadWeights | Cancelled):
        raise error


def closest_first(name: object, known: Iterable[str]) -> list[str]:
    """The known names, those most like a name first.

    >>> closest_first("sfr", ["age_mw", "log_sfr_1gyr", "a_v"])[0]
    'log_sfr_1gyr'
    """
    names = list(known)
    text = str(name).lower()
    inside = [n for n in names if text and (text in n.lower() or n.lower() in text)]
    near = get_close_matches(text, [n.lower() for n in names], 3, 0.6)
    like = [n for n in names if n.lower() in near]
    return list(dict.fromkeys([*inside, *like, *names]))


def unknown(kind: str, name: object, known: Iterable[str]) -> UnknownName:
    """The error for a name that there is not, to be raised."""
    text = str(name)[:60]
    return UnknownName(
        f"no {kind} is called {text!r}; there are {', '.join(closest_first(name, known))}"
    )


def check_choice(
    name: str, value: object, known: Iterable[str], error: type[SedflowError] = SedflowError
) -> None:
    """Refuse an option that is not one of those known.

    >>> check_choice("flux", "petro", ("elpetro", "sersic"))
    Traceback (most recent call last):
    ...
    sedflow.errors.SedflowError: flux = 'petro' is unknown; choose one of elpetro, sersic
    """
    names = list(known)
    try:
        there = bool(value in names)
    except (TypeError, ValueError):  # of an array, which is compared with each of them
        there = False
    if not there:
        shown = repr(value if value is None else " ".join(str(value).split())[:64])
        raise error(f"{name} = {shown} is unknown; choose one of {', '.join(names)}")


def check_kind(
    name: str,
    value: object,
    kinds: type | tuple[type, ...],
    wanted: str,
    error: type[SedflowError] = SedflowError,
) -> None:
    """Refuse an argument that is of none of these types.

    wanted : what to give, for the sentence

    >>> check_kind("name", 5, str, "the name of a band, such as 'g'")
    Traceback (most recent call last):
    ...
    sedflow.errors.SedflowError: name = 5 is of the type int; give the name of a band, such as 'g'
    """
    if not isinstance(value, kinds):
        shown = " ".join(repr(value).split())[:64]
        raise error(f"{name} = {shown} is of the type {type(value).__name__}; give {wanted}")


def check_like(
    name: str,
    value: object,
    attribute: str,
    wanted: str,
    error: type[SedflowError] = SedflowError,
) -> None:
    """Refuse an argument without an attribute that tells what it can do; as `check_kind`.

    >>> check_like("model", 5, "photometry", "a sedflow.SEDModel")
    Traceback (most recent call last):
    ...
    sedflow.errors.SedflowError: model = 5 is of the type int; give a sedflow.SEDModel
    """
    if isinstance(value, type) or not hasattr(value, attribute):
        check_kind(name, value, (), wanted, error)


def either(default: object, **given: object) -> Any:
    """The value of an argument that has two names, whichever was given.

    Examples
    --------
    >>> either("a", sampler="a", posterior=None), either("a", sampler="a", posterior="b")
    ('a', 'b')
    """
    chosen = [v for v in given.values() if not (v is None or (isinstance(v, str) and v == default))]
    if len(chosen) > 1:
        raise SedflowError(f"{' and '.join(given)} are two names of one argument; give one of them")
    return chosen[0] if chosen else default


def needs(*names: str, what: str, extra: str = "") -> ModuleType:
    """Import libraries of this package, or of an extra of it; returns the first.

    names : modules; what : needs them, the subject of the sentence; extra : that has them

    Raises
    ------
    MissingLibrary
        One of them cannot be imported, or not with these variables of the environment.

    Examples
    --------
    >>> needs("json", extra="app", what="a figure").dumps(1)
    '1'
    """
    found, missing = [], []
    for name in names:
        try:
            found.append(import_module(name))
        except ImportError:  # not there, or of a version that the rest does not go with
            missing.append(name)
        except OSError as error:  # it makes a folder in HOME, as arviz does
            raise MissingLibrary(
                f"{what} needs {name}, which cannot be imported here: the home folder cannot be "
                f"written ({error}); set HOME to a folder that can"
            ) from None
        except ValueError as error:  # of a setting in the environment: BOKEH_LOG_LEVEL, MPLBACKEND
            raise MissingLibrary(
                f"{what} needs {name}, which cannot be imported here: "
                f"{' '.join(str(error).split())[:200]}; unset the variable of the environment "
                "that says so"
            ) from None
    if missing:
        raise MissingLibrary(
            f"{what} needs {' and '.join(missing)}, which cannot be imported here; install it with "
            f"pip install 'sedflow-explorer{f'[{extra}]' if extra else ''}'"
        )
    return found[0]
