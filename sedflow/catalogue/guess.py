"""What the names, units and numbers of a table's columns suggest about them."""

import itertools
import re
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import replace

import numpy as np

from sedflow.atlas.catalog import NSA_BANDS
from sedflow.bands import as_bands, band_names, load_band, places_of
from sedflow.catalogue import shared_errors
from sedflow.catalogue.band_columns import corrected_by_name
from sedflow.catalogue.column_names import (
    BARE,
    GALAXY_NAMES,
    ID_NAMES,
    LIMITS,
    LOOSE,
    OF_Z,
    PAIRS,
    PATTERNS,
    PREFIXES,
    REDSHIFTS,
)
from sedflow.catalogue.columns import Columns, readable_unit, root_of, some
from sedflow.catalogue.frame_index import written_index
from sedflow.catalogue.mapping import BandColumns, ColumnMap
from sedflow.catalogue.named_units import ends_with_unit, split_name
from sedflow.catalogue.not_read import FURTHER, not_read, passed_over, unknown_bands, wide
from sedflow.catalogue.presets import named, preset_of
from sedflow.catalogue.shared_errors import TORN, is_z
from sedflow.catalogue.surveys import SurveyColumns, values_without_errors, what_surveys_tell
from sedflow.errors import SedflowError, check_kind
from sedflow.flux_units import error_step, is_percent
from sedflow.flux_units import same_flux_unit as same_unit
from sedflow.nulls import settled
from sedflow.units import BLANK
from sedflow.zero_points import SYSTEMS

_VEGA = frozenset(SYSTEMS["Vega"]) - set("ugriz")
_BESIDE = ("FUV", "NUV")  # which are read beside the bands of a survey without asking
_OF_A_Z = frozenset(name.format(b="z") for name in LOOSE[:5])  # which a redshift z may have
_OF_THE_BAND_Z = (
    "{} is taken as the error of {}, as those of the other bands are named; write a mapping where "
    "it is that of the redshift z"
)
_MOST_UNITS = 4  # in names, that are looked at
_FILTER = re.compile(r"[A-Za-z]+[0-9]*-[A-Za-z0-9]+")  # such as decam2014-g
_Z_LEAST = 6.0  # and smaller ones are redshifts
_Z_MAX = 12.0  # larger numbers in a column z, beside magnitudes by letters, are magnitudes


def guess_mapping(
    table, bands=None, *, redshift: str = "", id: str = "", preset: str = ""
) -> ColumnMap:
    """The mapping that the names, units and numbers of a table's columns suggest.

    Units are those of the file; where it has none, names say it (`mag_u`, `NMGY`), or the survey
    whose columns these are (`presets`), and the others stay open (`ColumnMap.open`). A survey
    tells the filters, too: flux_g beside mw_transmission_g is DECam's "decam2014-g".

    Parameters
    ----------
    table : as for `to_photometry`, or a `Catalogue`
    bands : names of the bands to look for ("ugriz", or filters of several surveys, such as "g" and
        "decam2014-g"); by default those of the atlas, or of the survey
    redshift, id : columns that are known already
    preset : name of the survey whose columns these are; by default as the columns tell it

    Raises
    ------
    SedflowError
        No column looks like a redshift, or none like the photometry of a band.

    Examples
    --------
    >>> guess_mapping({"redshift": [0.1], "mag_u": [19.0], "magerr_u": [0.1]}).bands["u"].unit
    'mag'
    """
    columns = Columns(getattr(table, "table", table))
    for what, given in (("redshift", redshift), ("id", id), ("preset", preset)):
        check_kind(what, "" if given is None else given, str, "a name, or '' to have it guessed")
    bands = None if bands is None else as_bands(bands)
    for band in bands or ():
        load_band(band)  # the sentence on an unknown name comes from there
    stated = preset_of(preset) if preset else None
    part, finders, (told, found, guessed, aside) = _best_part(columns, redshift, bands, stated)
    survey = told.survey
    if stated and not told.bands:
        values = ", ".join(dict.fromkeys(layout["value"] for layout in stated.photometry))
        raise SedflowError(
            f"there are no columns of {stated.title} ({values}, with their errors) among "
            f"{some(columns.names)}; choose another preset, or write a mapping"
        )
    if not found:
        torn = [text.removeprefix("not read: ") for text in aside if text.endswith(TORN)]
        raise SedflowError(
            f"no photometry found: {torn[0]}"
            if torn
            else _no_photometry(part, finders, bands or NSA_BANDS)
        )
    if lost := [band for band in bands or () if not _is_in(band, found)]:
        raise SedflowError(
            f"there are no columns of {', '.join(lost)}, with their errors, among "
            f"{some(columns.names)}; ask for other bands, or write a mapping"
        )
    found, notes = _without_redshift(part, found)
    found, said = _corrected_alike(found)
    notes += said
    find = _finder([name for name in columns.names if name != redshift])
    used = {c for b in found.values() for c in (b.value, b.error, b.error_upper, b.correction)}
    used |= {name.split("[")[0] for name in used}
    letters = not notes and any(len(band.value) == 1 for band in found.values())
    name = redshift or _redshift(columns, find, used, letters, survey)
    notes += [*told.notes, *aside, *wide(part, found, bands or NSA_BANDS)]
    ident = id or _ident(columns, find, used | {name}, survey)
    if not ident:
        ident, said = written_index(table, used | {name})
        notes += said
    if bands is None:
        notes += unknown_bands(columns, found, used | {name, ident}, notes)
        notes += passed_over(columns, used | {name, ident}, notes)
    if name.lower() == "z" and letters:
        notes.append(
            f"{name} is taken as the redshift by its numbers, beside magnitudes by letters"
        )
    bands = {band: _with_nulls(columns, one) for band, one in found.items()}
    return ColumnMap(name, bands, ident, tuple(notes), frozenset(guessed))


def guess_names(table, preset: str = "") -> tuple[str, str]:
    """The columns of IDs and of redshifts, "" where none looks so: they need no photometry.

    >>> guess_names({"Name": ["a"], "zsp": [0.1], "Fu": [1.0]})
    ('Name', 'zsp')
    """
    columns = Columns(getattr(table, "table", table))
    find, stated = _finder(columns.names), preset_of(preset) if preset else None
    try:
        redshift = _redshift(columns, find, set(), True, stated)
    except SedflowError:
        redshift = ""
    return _ident(columns, find, {redshift}, stated), redshift


def _finder(names):
    """A function that gives a column by its name as it is, or else whatever its case.

    names : of columns, or column by name
    """
    exact = names if isinstance(names, dict) else dict(zip(names, names, strict=True))
    lower: dict[str, str] = {}
    for name, column in exact.items():
        lower.setdefault(name.lower(), column)
    return lambda name: exact.get(name) or lower.get(name.lower())


def _finders(names):
    """Ways to find columns: by their names, and by names without the units that they end with.

    Where names have several units, each unit is a way of its own, so that a value and its error are
    of one, beside that by all names that one column alone has.
    """
    yield _finder(names)
    by_unit: dict[str, dict[str, str]] = defaultdict(dict)
    for name in names:
        base, unit = split_name(name)
        if unit:
            by_unit[unit].setdefault(base, name)
    if not by_unit:
        return
    plain = dict(zip(names, names, strict=True))
    times = Counter(base for mine in by_unit.values() for base in mine)
    both = {base: name for mine in by_unit.values() for base, name in mine.items()}
    yield _finder({**plain, **{base: name for base, name in both.items() if times[base] == 1}})
    if len(by_unit) > 1:
        for mine in sorted(by_unit.values(), key=len, reverse=True)[:_MOST_UNITS]:
            yield _finder({**plain, **mine})


def mapping_of(table, mapping: ColumnMap | None, bands=None) -> ColumnMap:
    """A mapping in the bands that are asked for: a guess, or those of the mapping given.

    >>> one = BandColumns("f", "e", "uJy")
    >>> mapping_of(None, ColumnMap("z", {"u": one}), "u").bands == {"u": one}
    True
    """
    if mapping is None:
        return guess_mapping(table, bands)
    check_kind("mapping", mapping, ColumnMap, "a sedflow.Mapping, or None to have it guessed")
    if bands is None:
        return mapping
    names = as_bands(bands)
    places_of(names, tuple(mapping.bands), "the mapping")
    return mapping.select(names)


def _best_part(columns, redshift, bands, stated):
    """The part of a table that has the most bands: its own columns first, or those of results.

    Bands that were asked for by name and that it lacks are those of another part. Returns the
    part, ways to find columns, and its photometry.
    """
    read, rank = [], []
    for k, part in enumerate(columns.parts()):
        finders = list(_finders([name for name in part.names if name != redshift]))
        for find in finders:
            told, found, *_ = photometry = _photometry(part, find, bands, stated)
            read.append((part, finders, photometry))
            rank.append((bool(stated and told.bands), len(found), -k))
    best = read[rank.index(max(rank))]
    _, found, guessed, aside = best[2]
    known = {column for one in found.values() for column in (one.value, one.error)}
    for other in read:
        if other is best:
            continue
        _, others, by_name, _ = other[2]
        for band in [band for band in bands or () if band in others and not _is_in(band, found)]:
            found[band] = others.pop(band)
            guessed += [band] if band in by_name else []
        names = [band.value for band in others.values() if band.value not in known]
        known.update(names)
        if names:
            theirs = columns.of_results.issuperset(names)
            whose = "which are of results" if theirs else "beside the fluxes that are read"
            aside.append(not_read(names, whose))
    known |= {band.value for _, _, one in read for band in one[1].values()}
    theirs = [n for n in columns.names if n in columns.of_results and n not in known]
    if renamed := [n for n in theirs if n.lower().startswith("flux") and not _is_of_a_band(n)]:
        aside.append(not_read(renamed, "which are of results, and renamed by a join"))
    return best


def _is_of_a_band(name):
    """Whether results name a flux so: one that is not read was not asked for."""
    bands = {band.lower() for band in band_names()}
    return name.lower().removeprefix("flux_") in bands


def _photometry(columns, find, bands, stated):
    """What surveys tell, all bands, those whose unit a name told, and what is not read.

    A survey's values with errors that are named by them, as dered_u_err, are read where neither its
    own names nor any pattern gives as many bands.
    """
    best = None
    for by_value in (False, True):
        told = what_surveys_tell(columns, find, bands, stated, by_value)
        if told.bands and not stated and _is_aside(columns, find, bands, told):
            told = SurveyColumns()
        found, guessed = dict(told.bands), list(told.by_name)
        aside = _add_by_name(columns, find, bands, found, guessed)
        if best is None or len(found) > len(best[1]) or (stated and told.bands):
            best = told, found, guessed, aside
        if best[0].bands:
            break
    return best


def _is_aside(columns, find, bands, told):
    """Whether a survey tells less than half of the bands that the table's own names do."""
    if len(told.bands) > 2:
        return False
    values = {one.value for one in told.bands.values()}
    own = _guess_bands(columns, find, bands or NSA_BANDS)[0].values()
    return len([one for one in own if one.value not in values]) > 2 * len(values)


def _add_by_name(columns, find, bands, found, guessed):
    """Add the bands that only names tell, where no survey does or beside those that it tells.

    Returns sentences on what is not read: columns named by another pattern, and those of a
    survey's companions whose unit nobody tells.
    """
    said = []
    if not found:
        wanted = bands or (*NSA_BANDS, *_filters_in(columns))
        more, by_name, others, bare, errors, torn = _guess_bands(columns, find, wanted)
        said += torn
        open_ = []
        alike = ", ".join(one.value for one in more.values())
        if others:
            said.append(
                f"not read: {', '.join(others)}, named otherwise than {alike}; name them alike, or "
                "write a mapping"
            )
        if bare:
            said.append(f"not read: {', '.join(bare)}, without errors named as those of {alike}")
        if errors:
            whose = f"beside the errors {', '.join(one.error for one in more.values())}"
            said.append(not_read(errors, whose))
        further = {} if bands else _guess_bands(columns, find, FURTHER)[0]
        if further:
            values = ", ".join(one.value for one in further.values())
            asked = f"name {', '.join(further)} as bands (--bands) beside the others"
            said.append(f"not read: {values}; {asked}, to have them read")
    else:
        known = {name for one in found.values() for name in (one.value, one.error)}
        rest = (*_BESIDE, *_filters_in(columns)) if bands is None else bands
        rest = [band for band in rest if not _is_in(band, found)]
        more, by_name, *_ = _guess_bands(columns, find, rest)
        more = {band: one for band, one in more.items() if one.value not in known}
        if bands and more:
            values = ", ".join(one.value for one in more.values())
            said.append(f"read beside the columns of the survey, as they were asked for: {values}")
        open_ = [band for band, one in more.items() if not one.unit and bands is None]
    if "z" in more and more["z"].error.lower() in _OF_A_Z and more["z"].value.lower() != "z":
        said += [_OF_THE_BAND_Z.format(more["z"].error, more["z"].value)] * bool(find("z"))
    names = ", ".join(more[band].value for band in open_)
    found.update({band: one for band, one in more.items() if band not in open_})
    guessed += [band for band in by_name if band in found and band in more]
    if open_:
        asked = f"name {', '.join(open_)} as bands (--bands), and state it"
        said.append(f"not read: {names}, whose unit is not known; {asked}")
    return said


def _filters_in(columns):
    """Filters that names of columns say in full: decam2014-g of flux_decam2014-g."""
    said = (text for name in columns.names for text in _FILTER.findall(name))
    found = list(dict.fromkeys(said))
    return [name for name in found if name in set(band_names())] if found else []


def _is_in(band, found):
    """Whether a band, or a filter of another survey with its letter, is among those found."""
    return band in found or (len(band) == 1 and any(b.rpartition("-")[2] == band for b in found))


def _no_photometry(columns, finders, bands):
    """What is missing, where there is no flux with an error."""
    every = (values_without_errors(columns, f) or _alone(columns, f, bands) for f in finders)
    if alone := next(filter(None, every), None):
        err = "_ERR" if alone[0].isupper() else "_err"
        return (
            f"no photometry found: {some(alone)} have no columns of errors beside them, without "
            f"which nothing can be inferred; add them under names such as {alone[0]}{err}"
        )
    return (
        f"no photometry found among the columns {some(columns.names)}; name them like flux_u "
        "and flux_err_u, or mag_u and magerr_u, or write a mapping (U, R and I in capitals "
        "are the bands of Johnson and Cousins, not those of the SDSS)"
    )


def _alone(columns, find, bands):
    """Columns with the names of fluxes or magnitudes, of which none has an error."""
    for pattern in dict.fromkeys(own for own, *_ in PATTERNS):
        for prefix in PREFIXES if "{p}" in pattern else ("",):
            names = [_of_band(find, _prefixed(pattern, prefix), band) for band in bands]
            found = [name for name in names if name]
            if len(found) > 1:  # one alone, such as z, may be anything
                return found
    return []


def _without_redshift(columns, found):
    """The bands without a z that is a redshift with its error, beside magnitudes by letters."""
    mine = [band for band, one in found.items() if one.value in ("z", "Z")]
    others = [one.value for band, one in found.items() if band not in mine]
    if not mine or not others or not _like_redshifts(columns, found[mine[0]].value, _Z_LEAST):
        return found, []
    if not all(_like_magnitudes(columns, name) for name in others):
        return found, []
    kept = {band: one for band, one in found.items() if band not in mine}
    lost = found[mine[0]]
    said = f"{lost.value} holds redshifts by its numbers, and is not read as a magnitude"
    named = (name for name in columns.names if name.lower() in OF_Z)
    value = next((name for name in named if _like_magnitudes(columns, name)), None)
    if value is not None:
        kept[mine[0]] = replace(lost, value=value)
        said += f"; {value} is, with the errors {lost.error}"
    return kept, [said]


def _corrected_alike(found):
    """The bands without corrections for extinction that few of them have, and a sentence on those.

    One band that is corrected alone is bluer or redder than the galaxy is.
    """
    some = {band: one for band, one in found.items() if one.correction}
    if not some or 2 * len(some) >= len(found):
        return found, []
    plain = {band: replace(one, extinction="", transmission="") for band, one in some.items()}
    named = ", ".join(one.correction for one in some.values())
    said = f"not used: {named}, as the other bands have no such column; write a mapping that has it"
    return found | plain, [said]


def _like_magnitudes(columns, name):
    try:
        values = columns.numbers(name, {})
    except SedflowError:
        return False
    values = values[np.isfinite(values) & (np.abs(values) < 90)]
    return len(values) > 0 and np.median(values) > _Z_MAX


def _redshift(columns, find, used, letters, preset):
    """The column of redshifts: by its name, and z by its numbers, where bands are letters."""
    names = [*(preset.redshift if preset else ()), *REDSHIFTS]
    names = [n for n in names if not (letters and n == "z")]
    name = _first(names, find, used)
    if name is None:  # with a band z, the redshift may be a Z beside it
        free = [z for z in ("Z", "z") if z in set(columns.names) - used]
        name = next((z for z in free if _like_redshifts(columns, z)), None)
        if name is None and free:
            raise SedflowError(
                f"the column {free[0]!r} holds numbers that are more like magnitudes or fluxes "
                "than redshifts; say which column the redshift is, and give the band z an error"
            )
    if name is None:
        raise SedflowError(
            f"no redshift found among the columns {some(columns.names)}; name it redshift, or say "
            "which column it is"
        )
    return name


def _like_redshifts(columns, name, most=_Z_MAX):
    try:
        values = columns.numbers(name, {})
    except SedflowError:
        return True  # whoever reads it says what is wrong
    values = values[np.isfinite(values) & (values > 0)]
    return not len(values) or np.median(values) < most


def _with_nulls(columns, band):
    """The band with the codes for "no value" that only the distribution of a column tells."""
    if band.nulls or (band.unit and band.flux_unit.logarithmic):
        return band
    try:
        codes = settled(columns.numbers(band.value, {}))
    except SedflowError:
        return band
    return replace(band, nulls=", ".join(f"{code:.10g}" for code in codes)) if codes else band


def _first(names, find, used):
    found = (find(name) for name in names)
    return next((column for column in found if column and column not in used), None)


def _ident(columns, find, used, survey):
    """The column of IDs: a survey's, one with a usual name, or one that names each galaxy."""
    known = _first(survey.id if survey else ID_NAMES, find, used)
    free = (name for name in map(find, GALAXY_NAMES) if name and name not in used)
    return known or next((name for name in free if _tells_apart(columns, name)), "")


def _tells_apart(columns, name):
    """Whether each row has a text of its own; many have one "source", which is not an ID."""
    if columns.width(name):
        return False
    values = columns.column(name)
    if values.dtype.kind not in "OUS" or np.ma.is_masked(values) or not len(values):
        return False
    texts = {v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values.tolist()}
    if not all(isinstance(text, str) and text.strip().lower() not in BLANK for text in texts):
        return False
    return len({text.strip() for text in texts}) == len(values)


def _guess_bands(columns, find, bands):
    """The columns of all bands, by the one pattern that fits the most of them.

    Patterns are not mixed: beside flux_u and flux_g, a column z is not a flux. Where a name is the
    band's letter alone, the name of the error must be of the same pattern, too; for the others,
    `_by_error` chooses. Returns the bands whose unit only a name told as well, the columns of bands
    that another pattern alone has, those without errors, other errors of the values, and sentences
    on errors that may be of several columns.
    """
    found: dict[tuple, dict[str, BandColumns]] = {}
    errors_of: dict[tuple, dict[tuple, dict[str, BandColumns]]] = {}
    beside: dict[tuple, bool] = {}
    named_so: dict[str, dict[str, tuple[bool, int]]] = defaultdict(dict)  # see `settle`
    everywhere = dict.fromkeys((*bands, *NSA_BANDS))  # z is compared with bands not asked for, too
    for pattern, errors, unit, kind in PATTERNS:
        for prefix in PREFIXES if "{p}" in pattern else ("",):
            own, others = (_prefixed(text, prefix) for text in (pattern, errors))
            values = {band: _of_band(find, own, band) for band in everywhere}
            values = {band: name for band, name in values.items() if name}
            times = sum(not is_z(band) for band in values)
            for band, name in values.items() if pattern != BARE else ():
                named_so[band][name] = "mag" in pattern, times
            for error in others if values else ():
                key = (pattern, prefix, error if pattern == BARE else "")
                found.setdefault(key, {})  # in the order of the patterns
                beside[key] = any(not is_z(band) for band in values)
                mine = errors_of.setdefault(key, {}).setdefault((error, kind), {})
                for band, value in values.items():
                    pair = value, _of_band(find, error, band)
                    fit = pair[1] and columns.fit(*pair) and not any(map(columns.width, pair))
                    with suppress(SedflowError):  # a flux and an error in magnitudes are no pair
                        mine |= {band: _columns_of(columns, *pair, unit, kind, band)} if fit else {}
            if values:
                mine = found.setdefault((pattern, prefix), {})
                _pairs_of_errors(columns, find, own, bands, unit, mine)
    torn = shared_errors.settle(columns, errors_of, named_so)
    for key, forms in errors_of.items():
        chosen = _by_error(forms, beside[key])
        found[key] = {band: chosen[band] for band in bands if band in chosen}
    found = {key: mine for key, mine in found.items() if key[0] != BARE or set(mine) != {"z"}}
    if not found:
        return {}, [], [], [], [], torn
    best = max(found, key=lambda key: len(found[key]))  # the first of several
    most, own = found[best], _prefixed(*best[:2])
    told = {
        band: _with_companions(columns, find, most[band], band) for band in bands if band in most
    }
    by_name = [b for b, c in told.items() if c.unit and not readable_unit(columns.unit(c.value))]
    rest = {one.value for mine in found.values() for b, one in mine.items() if b not in told}
    others = [n for n in columns.names if n in rest and n.lower() not in REDSHIFTS]
    alone = [_of_band(find, own, band) for band in bands if told and band not in told]
    bare = [n for n in alone if n and n not in rest and n.lower() not in REDSHIFTS]
    errors = _other_errors(find, own, told)
    return told, by_name, others, list(dict.fromkeys(bare)), errors, torn


def _other_errors(find, pattern, found):
    """Columns beside the errors that are read which are named as errors of these values, too.

    One of z alone may be of the redshift.
    """
    read = {name for one in found.values() for name in (one.value, one.error, one.error_upper)}
    others: list[str] = []
    for form in dict.fromkeys(
        _prefixed(error, prefix)
        for own, errors, _, kind in PATTERNS
        for prefix in PREFIXES
        for error in errors
        if kind == "sigma" and _prefixed(own, prefix) == pattern
    ):
        names = {band: _of_band(find, form, band) for band in found}
        mine = {band: name for band, name in names.items() if name and name not in read}
        if any(not is_z(band) for band in mine):
            others += mine.values()
    return list(dict.fromkeys(others))


def _by_error(named, beside):
    """Each band with one of its errors, of those that fit a pattern of values.

    named : (name of the error, kind) -> band -> columns; the best ones first
    beside : whether there are values of other bands than z, with errors or without

    An error that names its value, as f_z_err, goes before one that names the band alone, as e_z,
    where more bands have it. Of z such a one may be of the redshift: it is of the band only if it
    is of others as well, or z is the only band, and if there is none that names the value.
    """
    loose = {form: mine for form, mine in named.items() if form[0] in LOOSE}
    full = {form: mine for form, mine in named.items() if form[0] not in LOOSE}
    most = max(map(len, full.values()), default=0)
    weak = [form for form, mine in loose.items() if len(mine) < most]
    chosen: dict[str, BandColumns] = {}
    for form in sorted(named, key=lambda form: (form in weak, -len(named[form]), form in loose)):
        for band, one in named[form].items():
            if band not in chosen:
                sure = form in full or not is_z(band)
                if its := one if sure else _of_z(form, named, band, beside):
                    chosen[band] = its
    return chosen


def _of_z(form, named, band, beside):
    """The band z by an error that names it alone, by a better one, or None: see `_by_error`."""
    others = {form: len([b for b in mine if not is_z(b)]) for form, mine in named.items()}
    for better, mine in named.items():
        if better[0] not in LOOSE and band in mine and not 0 < others[form] <= others[better]:
            return mine[band]
    return named[form][band] if others[form] or not beside else None


def _prefixed(text, prefix):
    if isinstance(text, tuple):
        return tuple(_prefixed(one, prefix) for one in text)
    return text.replace("{p}", prefix)


def _of_band(find, pattern, band):
    """The column that a pattern names for a band, or for its letter in names like decam2014-g."""
    return named(find, pattern, band) or named(find, pattern, band.rsplit("-", 1)[-1])


def _pairs_of_errors(columns, find, pattern, bands, unit, mine):
    for lower, upper in PAIRS:
        for band in bands:
            names = [_of_band(find, text.replace("{v}", pattern), band) for text in (lower, upper)]
            value = _of_band(find, pattern, band)
            fit = value and all(names) and all(columns.fit(value, name) for name in names)
            if band not in mine and fit:
                one = _columns_of(columns, value, names[0], unit, "sigma", band)
                mine[band] = replace(one, error_upper=names[1])


def _with_companions(columns, find, band, name):
    """The band with the columns beside it of upper errors, limits and extinction."""
    more: dict[str, str] = {}
    upper = "E_" + band.error[2:]
    if band.error.startswith("e_") and find(upper) == upper:
        more["error_upper"] = upper  # as the CDS writes errors of two sides
    letter = name.rsplit("-", 1)[-1]
    values = dict.fromkeys((band.value, split_name(band.value)[0]))
    for pattern, value in itertools.product(LIMITS, values):
        limit = find(pattern.format(v=value, b=letter))
        # A column with a unit is the depth itself.
        mine = limit and limit not in (band.value, band.error) and not ends_with_unit(limit)
        if mine and columns.may_be_flags(limit):  # not the depth itself
            more["limit"] = limit
            break
    if not corrected_by_name(band.value):
        if column := find(f"extinction_{letter}"):
            more["extinction"] = column
        elif column := find(f"mw_transmission_{letter}"):
            more["transmission"] = column
    return replace(band, **more)


def _tells_value(unit, value, band):
    """Whether an error has the unit of a value without one.

    Fluxes may have errors in mag; and a letter alone is most often a magnitude, whatever the unit
    of what may be the error of another column.
    """
    step = error_step(unit) if unit else 0.0
    if step is None:
        return value.lower() != band.rsplit("-", 1)[-1].lower() and "mag" not in value.lower()
    return step == 0.4 and "flux" not in value.lower()


def _columns_of(columns, value, error, unit, kind, band):
    stated, theirs = readable_unit(columns.unit(value)), columns.unit(error)
    if kind in ("ivar", "variance"):
        theirs = root_of(theirs, -2 if kind == "ivar" else 2)
    if kind == "sigma" and is_percent(theirs):
        kind = "percent"
    theirs = readable_unit(theirs)
    if kind == "sigma" and theirs and error_step(theirs) is None and "mag" in value.lower():
        raise SedflowError(f"{error} is in {theirs}, and {value} is a magnitude by its name")
    if unit == "mag" and (value.isupper() or band in _VEGA):
        unit = ""  # MAG_R may be Vega's
    own = stated or unit or (theirs if _tells_value(theirs, value, band) else "")
    if band in _VEGA and own.lower() in ("mag", "mmag"):
        own = ""  # "mag" does not say whether they are Vega's, as those of 2MASS and WISE
    other = theirs if theirs and own and not same_unit(theirs, own) else ""
    if other and error_step(other) == error_step(own) and "mag" in (other.lower(), own.lower()):
        other = ""  # errors of magnitudes of any system are in mag
    return BandColumns(value, error, own, other, kind)
