"""Whose error a column is, where columns of one quantity in several units stand side by side."""

import re
from collections import defaultdict
from collections.abc import Sequence

from sedflow.catalogue.named_units import split_name
from sedflow.flux_units import flux_unit

_WORDS = "err|error|ivar|var|variance|sigma|sig|std|unc"
_OF_ERRORS = frozenset([*_WORDS.split("|"), "e", "E", "relerr", "snr"])
_GLUED = re.compile(rf"(.+?)(?:{_WORDS})")  # "magerr", "fluxivar", "uerr"


class Owners:
    """Which value each error of a table belongs to, by the words and the units of their names.

    `u_magerr` is of `u_mag`, or of `u_mag (AB)`, not of a flux `u` beside it; of `flux_u` and
    `flux_u_uJy`, `flux_err_u_uJy` is of the second, and `flux_err_u` of the first.

    >>> owners = Owners(["u", "u_mag", "u_magerr", "flux_u", "flux_u_uJy", "flux_err_u_uJy"])
    >>> owners.fit("u_mag", "u_magerr"), owners.fit("u", "u_magerr")
    (True, False)
    >>> owners.fit("flux_u_uJy", "flux_err_u_uJy"), owners.fit("flux_u", "flux_err_u_uJy")
    (True, False)
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._named: dict[tuple[str, ...], list[str]] = defaultdict(list)  # in their order
        self._values: dict[tuple[str, ...], list[str]] = defaultdict(list)  # in any
        self._of_unit: dict[str, list[str]] = defaultdict(list)
        self._errors: set[tuple[str, ...]] = set()
        for name in names:
            words, error = words_of(name)
            if error:
                self._errors.add(_any_order(words))
                continue
            self._named[words].append(name)
            self._values[_any_order(words)].append(name)
            self._of_unit[split_name(name)[1]].append(name)

    def fit(self, value: str, error: str) -> bool:
        """Whether the error may be that of the value."""
        words, said = words_of(error)
        unit, theirs = split_name(error)[1], split_name(value)[1]
        named: list[str] = []
        if said and len(words) > 1:
            named = self._named.get(words) or self._values.get(_any_order(words), [])
        elif unit:  # of a band alone: of any of its values with the unit
            named = [name for name in self._of_unit.get(unit, []) if set(words) & _words(name)]
        else:  # or else of that which is called as the band is, as "u (mag)"; u may be anything
            named = self._named.get(words, [])
            if any(not split_name(name)[1] for name in named):
                return not theirs or value not in named
        units = {split_name(name)[1] for name in named}
        if unit in units:
            return value in named and theirs == unit
        if unit and theirs == unit:
            return True
        if named:  # of two units, it may be of either
            return value in named and len(units) == 1
        return not (unit and theirs) or _is_logarithmic(unit) == _is_logarithmic(theirs)

    def with_errors(self) -> list[str]:
        """The columns beside which there is one that is their error by its name."""
        mine = (names for words, names in self._values.items() if words in self._errors)
        return [name for names in mine for name in names]


def _any_order(words):
    return tuple(sorted(words))


def _words(name):
    return set(words_of(name)[0])


def _is_logarithmic(unit):
    return flux_unit(unit).logarithmic


def words_of(name: str) -> tuple[tuple[str, ...], bool]:
    """The words of a name without its unit, and whether some said that it is an error.

    >>> words_of("flux_err_u (uJy)"), words_of("u_magerr"), words_of("FLUX_U")
    ((('flux', 'u'), True), (('u', 'mag'), True), (('flux', 'U'), False))
    """
    base = split_name(name)[0]
    words, error = [], False
    for word in filter(None, re.split(r"[\W_]+", base)):
        low = word if len(word) == 1 else word.lower()  # U is another band than u
        if low in _OF_ERRORS:
            error = True
            continue
        if low == "ef":  # of "f"
            low, error = "f", True
        elif found := _GLUED.fullmatch(low):
            low, error = found[1], True
        words.append(low)
    return tuple(words), error
