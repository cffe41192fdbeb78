"""Which bands the labels of fluxes name, as flux_g and err_g do.

Values count by their place; what their labels say must not be another thing.
"""

import re
from pathlib import PurePath
from typing import Any

from sedflow.bands import BAND_ALIASES, is_library_band, is_own_curve, names_of, short_name
from sedflow.errors import BadPhotometry

__all__ = ["check_alike", "check_are_errors", "check_are_fluxes", "check_band_labels"]

_MOST = 12  # labels that a sentence names
_LONGEST = 64  # characters of a label in which names of bands are looked for
_OTHER = {  # quantities that no arithmetic with fluxes is called, in small letters
    **dict.fromkeys(("id", "objid", "object_id", "objectid", "targetid", "source_id"), "IDs"),
    **dict.fromkeys(("galaxy_id", "nsaid", "specobjid", "photoobjid"), "IDs"),
    **dict.fromkeys(("redshift", "zspec", "z_spec", "specz", "zphot", "z_phot"), "redshifts"),
    **dict.fromkeys(("photoz", "photo_z", "zred", "z_best", "zbest", "zerr"), "redshifts"),
    **dict.fromkeys(("ra", "dec"), "positions"),
}
_OF_ERRORS = re.compile(r"^e_|err|ivar|(?<![a-z])(unc|sigma|snr)(?![a-z])", re.IGNORECASE)
_OF_IVAR = re.compile(r"(?<!b)ivar|inv_?var", re.IGNORECASE)  # also of modelFluxIvar_u
_OF_SNR = re.compile(r"(?<![a-z])(snr|s2n|s/n|signal_to_noise)(?![a-z])", re.IGNORECASE)
_HST = re.compile(r"f(\d{3,4})[a-z]+", re.IGNORECASE)  # a filter, such as f435w
_OWN_FILE = re.compile(r"\.([a-z]{2,4}|DAT|TXT|CSV|FITS)")  # ending of a file with a curve
_PARTS = re.compile(r"[-_.]")  # between the parts of a band's name, as in CFHT_MegaCam.g


def check_band_labels(name: str, labels: list | None, bands: tuple[str, ...]) -> bool:
    """Refuse labels that are those of other bands than the ones at their places.

    Returns whether each label says that it is of the band at its place.

    >>> check_band_labels("flux", ["flux_g", "flux_r"], ("g", "r"))
    True
    >>> check_band_labels("flux", ["first", "second"], ("g", "r"))
    False
    """
    if labels is None or len(labels) != len(bands):
        return False
    texts = [*map(_text_of, labels)]
    if all(text and is_library_band(text) for text in texts):
        pairs = [
            (short_name(text), short_name(band)) for text, band in zip(texts, bands, strict=True)
        ]
        other = [band for mine, band in pairs if mine != band]
        if not other or _alike_in_letters(texts, bands):
            return True
        if any(map(is_library_band, other)):  # curves of the user may be called anything
            own = {short_name(text): text for text in texts}
            there = [own.get(short_name(band)) for band in bands]
            remedy = f"give {name}[{there}]" if all(there) else "give its columns in this order"
            raise BadPhotometry(_sentence(name, texts, bands, remedy))
    told = _told(texts, bands)
    foreign = len(told) == len(bands) and any(
        not places and _of_another(core, bands[k]) for k, (core, places) in told.items()
    )
    foreign = foreign or any(
        text in BAND_ALIASES and _of_another(text, band)
        for text, band in zip(texts, bands, strict=True)
    )
    if foreign or any(places and k not in places for k, (_, places) in told.items()):
        label_of = {min(places): labels[k] for k, (_, places) in told.items() if places}
        sorted_ = [label_of[k] for k in sorted(label_of)]
        whole = len(sorted_) == len(bands)
        remedy = f"give {name}[{sorted_}]" if whole else "give its columns in this order"
        raise BadPhotometry(_sentence(name, texts, bands, remedy))
    return len(told) == len(bands) and all(k in places for k, (_, places) in told.items())


def check_are_fluxes(
    name: str, labels: list | None, of_errors: bool = False, bands: tuple[str, ...] = ()
) -> None:
    """Refuse labels of IDs, redshifts or positions, and of errors beside those of fluxes.

    Names of magnitudes and inverse variances say nothing: pandas keeps them for what is computed of
    such columns.

    of_errors : whether these are the labels of errors
    bands : names; zerr beside gerr and rerr is an error of the band z

    >>> check_are_fluxes("flux", ["flux_g", "flux_r"])
    """
    texts = [*map(_text_of, labels or ())]
    places = [k for k, text in enumerate(texts) if text.lower() in _OTHER]
    if places and len(texts) == len(bands):
        told = _told(texts, bands) if len(bands) > 1 else {}
        of_z = [of_errors and text.lower() == "zerr" for text in texts]
        is_z = [_letter(short_name(band)) == "z" for band in bands]
        places = [k for k in places if k not in told and not (of_z[k] and is_z[k])]
    kinds = [(texts[k], _OTHER[texts[k].lower()]) for k in places]
    errors = [text for text in texts if _OF_ERRORS.search(text)]
    if not of_errors and 0 < len(errors) < len(texts):
        kinds += [(text, "errors") for text in errors[:1]]
    for text, kind in kinds[:1]:
        raise BadPhotometry(
            f"{name} has the labels {', '.join(texts[:_MOST])}, of which {text} is that of {kind}; "
            "give the columns of one band each"
        )


def check_are_errors(name: str, labels: list | None, computed: bool = False) -> None:
    """Refuse labels of inverse variances and of signal-to-noise ratios, which are not errors.

    computed : whether the values are plausible as errors and their container keeps the labels of
        what it is computed from, as pandas does with 1 / sqrt of inverse variances

    >>> check_are_errors("sigma", ["err_g", "err_r"])
    """
    texts = [*map(_text_of, labels or ())]
    for pattern, kind, remedy in (
        (_OF_IVAR, "inverse variances", "1 / sqrt of each, the error"),
        (_OF_SNR, "signal-to-noise ratios", "flux / ratio, the error"),
    ):
        found = [text for text in texts if pattern.search(text)]
        if found and not (computed and pattern is _OF_IVAR):
            raise BadPhotometry(
                f"{name} has the labels {', '.join(texts[:_MOST])}, of which {found[0]} is that of "
                f"{kind}; give {remedy}, as an array or in columns of another name"
            )


def check_alike(flux: list | None, sigma: list | None, names: tuple[str, str]) -> None:
    """Refuse labels of errors that are those of the fluxes in another order.

    >>> check_alike(["flux_a", "flux_b"], ["err_a", "err_b"], ("flux", "sigma"))
    """
    if flux is None or sigma is None or len(flux) != len(sigma):
        return
    for mine, theirs in ((flux, sigma), (_stems(flux), _stems(sigma))):
        keys = [[repr(label) for label in labels] for labels in (mine, theirs)]
        if keys[0] != keys[1] and sorted(keys[0]) == sorted(keys[1]):
            shown = [", ".join(map(str, labels[:_MOST])) for labels in (flux, sigma)]
            raise BadPhotometry(
                f"{names[0]} has the labels {shown[0]}, but {names[1]} {shown[1]}, and both go by "
                "place here; give their columns in one order"
            )


def _sentence(name, texts, bands, remedy):
    return (
        f"{name} has the labels {', '.join(texts[:_MOST])}, but the bands are "
        f"{', '.join(bands)}, in this order; {remedy}, or other bands"
    )


def _text_of(label: Any) -> str:
    """A label as text: its parts, where it has several; "" of numbers."""
    if isinstance(label, tuple):
        return " ".join(filter(None, map(_text_of, label)))
    if isinstance(label, bytes):
        return label.decode("utf-8", "replace")
    return label if isinstance(label, str) else ""


def _stems(labels):
    """What is left of labels without what all of them begin and end with."""
    texts = [*map(_text_of, labels)]
    begin = _alike(texts)
    texts = [text[begin:] for text in texts]
    end = _alike([text[::-1] for text in texts])
    return [text[: len(text) - end] for text in texts]


def _alike(texts):
    """How many characters texts begin with alike."""
    differ = (k for k, signs in enumerate(zip(*texts, strict=False)) if len(set(signs)) > 1)
    return next(differ, min(map(len, texts), default=0))


def _alike_in_letters(texts, bands):
    """Whether labels and bands are the same except for the survey, as g and "decam2014-g"."""
    mine, theirs = ([_letter(short_name(name)) for name in names] for names in (texts, bands))
    return mine == theirs and len({*mine}) == len(mine)


def _letter(name):
    """The last part of a band's name: g of "decam2014-g", of sedpy's "sdss_g0", of my.g.dat."""
    return _PARTS.split(_without_folder(name))[-1].removesuffix("0")


def _without_folder(name):
    """The name of a file with a curve, without its folder and its ending; or the name as it is."""
    path = PurePath(name)
    return path.stem if _OWN_FILE.fullmatch(path.suffix) else name


def _told(texts, bands):
    """Place -> name of a band in the label there, and the places of the bands that have it.

    Of labels that differ in this name alone, the most that do; then of the others, as of columns of
    two surveys. A name of a band that was not given has no places.
    """
    exact, small = _names(bands)
    alike: dict[tuple, dict[int, tuple]] = {}
    for k, text in enumerate(texts):
        if len(text) > _LONGEST:
            continue
        for begin in range(len(text)):
            for end in range(begin + 1, len(text) + 1):
                core = text[begin:end]
                places = exact.get(core) or small.get(core.lower())
                if places or core in BAND_ALIASES:
                    around = text[:begin], text[end:]
                    alike.setdefault(around, {})[k] = core, places or set()
    found: dict[int, tuple] = {}
    while True:
        groups = []
        for around, told in alike.items():
            others = {k: one for k, one in told.items() if k not in found}
            if _is_pattern(around, others, len(bands)):
                groups.append((len(others), sum(len(core) for core, _ in others.values()), others))
        if not groups:
            return found
        found |= max(groups, key=lambda group: group[:2])[-1]


def _is_pattern(around, told, n):
    """Whether labels show that what differs is the band's name: several, or one word of one."""
    cores = [core for core, _ in told.values()]
    if len(set(cores)) < len(cores):
        return False
    before, after = around
    alone = not before[-1:].isalnum() and not after[:1].isalnum()
    return len(cores) > 1 or (n == 1 and alone and bool(cores))


def _names(bands):
    """Each text that may name one of the bands -> their places; and the same in small letters.

    A band's last part does, too: flux_g beside "decam2014-g", or "sdss_g0" of sedpy, and 435 beside
    "acs_wfc_f435w"; and so do survey and letter in either order: sdss_g, g_decam. A file with a
    curve is named by what it is called without folder and ending, by each part of that, and by what
    it has where the other files differ from it: g of MegaCamg.dat.
    """
    exact: dict[str, set[int]] = {}
    small: dict[str, set[int]] = {}
    own = [k for k, band in enumerate(bands) if is_own_curve(band)]
    differing = dict(zip(own, _stems([_without_folder(bands[k]) for k in own]), strict=True))
    for k, band in enumerate(bands):
        stem = _without_folder(band)
        last = _PARTS.split(stem)[-1]
        texts = {*names_of(band), short_name(band), stem, last, _letter(band)}
        texts |= {*_PARTS.split(stem), differing[k]} if k in differing else set()
        if hst := _HST.fullmatch(last):
            texts |= {hst[1], last[:-1], last[1:]}
        texts |= {"K"} if last == "Ks" else set()
        for name in names_of(band):
            survey, dash, letter = name.partition("-")
            if dash:
                texts |= {f"{one}_{other}" for one, other in ((survey, letter), (letter, survey))}
        for text in filter(None, texts):
            exact.setdefault(text, set()).add(k)
            small.setdefault(text.lower(), set()).add(k)
    return exact, small


def _of_another(core, band):
    """Whether a name and a band of the known surveys are of different letters."""
    mine, theirs = (short_name(name).rsplit("-", 1)[-1] for name in (core, band))
    known = band in BAND_ALIASES or band in BAND_ALIASES.values()
    return known and mine.lower() != theirs.lower()
