"""Sentences on columns of photometry that are not read."""

import re

from sedflow.atlas.catalog import NSA_BANDS
from sedflow.catalogue.columns import some
from sedflow.catalogue.owners import words_of

FURTHER = ("J", "H", "Ks", "W1", "W2")  # which are read where they are asked for
_LEAST_AROUND = 3  # letters of a name beside those of the band, by which it is known
_LONGEST_BAND = 8  # letters
_OF_FLUXES = re.compile(
    r"(c?model|petro|psf|auto|iso|kron|fiber|aper\w*|sersic|tot(al)?|dered|sdss)?(flux|mag|f|fnu)?"
)


def not_read(names, whose) -> str:
    """A sentence on columns; whose : what they are, or what they stand beside."""
    return f"not read: {', '.join(names)}, {whose}; write a mapping to have them read"


def wide(columns, found, bands):
    """A sentence on columns of several numbers that are named as those of the bands are."""
    like = {
        one.value[:at] + other.rsplit("-", 1)[-1] + one.value[at + len(letter) :]
        for band, one in found.items()
        for letter in (band.rsplit("-", 1)[-1],)
        for at in range(len(one.value))
        if one.value.startswith(letter, at)
        for other in bands
    }
    several = [name for name in columns.names if name in like and columns.width(name)]
    if not several:
        return []
    asked = f"write a mapping with one of them, such as {several[0]}[0]"
    return [f"not read: {', '.join(several)}, which hold several numbers a row; {asked}"]


def unknown_bands(columns, found, used, said):
    """A sentence on columns with errors that are named as those of the bands are, but for the band.

    said : sentences, in which some of them are named already
    """
    errors, told = {name.lower() for name in columns.names}, " ".join(said)
    unknown = set()
    for band, one in found.items():
        letter = band.rsplit("-", 1)[-1]
        forms = [form for form in _around(one.value, letter) if len("".join(form)) >= _LEAST_AROUND]
        for name in set(columns.names) - used:
            others = [other for form in forms if (other := _between(name, *form))]
            alike = {
                f"{before}{other}{after}".lower()
                for other in others
                for before, after in _around(one.error, letter)
            }
            if alike & errors - {name.lower()} and name not in told:
                unknown.add(name)
    if not unknown:
        return []
    each = [name for name in columns.names if name in unknown]
    which = "of no band that is known here by that name; a mapping may say which"
    return [f"not read: {some(each)}, {which}"]


def passed_over(columns, used, said):
    """A sentence on columns of bands with errors that no other sentence names."""
    told = set(re.split(r"[\s,]+", " ".join(said)))
    over = [name for name in columns.with_errors() if name not in used and not _is_told(name, told)]
    over = [name for name in over if name.lower() != "z" and _is_of_some_band(name)]
    return [not_read([some(over)], "beside the fluxes that are read")] if over else []


def _is_told(name, words):
    """Whether all words of a name are among those of sentences."""
    return set(name.split()) <= words


def _is_of_some_band(name):
    """Whether a name is made of a band and of words for fluxes, unlike z_phot and petroR50_r."""
    words = words_of(name)[0]
    bands = [w for w in words if w.removesuffix("mag") in (*NSA_BANDS, *FURTHER)]
    return len(bands) == 1 and all(w in bands or _OF_FLUXES.fullmatch(w) for w in words)


def _around(name, letter):
    """What stands before and after a letter in a name, wherever it comes."""
    return [(name[: k.start()], name[k.end() :]) for k in re.finditer(re.escape(letter), name)]


def _between(name, before, after):
    """The band that a name has between what other names have there; "" if it is not one of them."""
    if not (name.startswith(before) and name.endswith(after)):
        return ""
    other = name[len(before) : len(name) - len(after)]
    return other if len(other) <= _LONGEST_BAND else ""
