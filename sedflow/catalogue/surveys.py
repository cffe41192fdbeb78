"""The columns of known surveys in a table: of the first that fits, and of others beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sedflow.catalogue.band_columns import BandColumns
from sedflow.catalogue.columns import Columns, readable_unit, root_of
from sedflow.catalogue.presets import Preset, named, presets
from sedflow.flux_units import is_percent
from sedflow.flux_units import same_flux_unit as same_unit

_MOST = 8  # columns that a sentence names


@dataclass(frozen=True)
class SurveyColumns:
    """What the surveys among a table's columns tell.

    survey : that of the redshift and the IDs; None if no survey fits
    bands : name -> `BandColumns`
    by_name : bands whose unit the survey told, and not the file
    notes : whose columns they are, and whose are not read
    """

    survey: Preset | None = None
    bands: dict[str, BandColumns] = field(default_factory=dict)
    by_name: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def what_surveys_tell(
    columns: Columns,
    find: Callable,
    bands: Sequence[str] | None,
    stated: Preset | None = None,
    by_value: bool = False,
) -> SurveyColumns:
    """The bands of the first survey whose columns these are, or those asked for of any survey.

    find : gives a column by its name, whatever its case
    bands : names of filters, or letters of a survey's bands; None for all of the first survey
    stated : the survey, where the user says it
    by_value : take errors named by their values, as dered_u_err, and not the survey's own
    """
    fitting = []
    for preset in (stated,) if stated else presets():
        fits = stated or preset.fits(columns, find)
        if fits and (found := preset.columns_of(columns, find, by_value)):
            fitting.append((preset, found))
    chosen = fitting[:1] if bands is None else _asked(fitting, bands)
    if not chosen:
        return SurveyColumns()
    told: dict[str, BandColumns] = {}
    by_name, notes = [], []
    for preset, found in chosen:
        own = {band: _in_own_unit(columns, one) for band, one in found.items()}
        by_name += [b for b, c in own.items() if c.unit and c.unit is found[b].unit]
        notes += _of_survey(preset, found, bool(stated))
        told |= own
    if bands is None:
        notes += _bare(chosen[0], columns, find)
        notes += _beside(fitting)
    return SurveyColumns(chosen[0][0], told, tuple(by_name), tuple(notes))


def _asked(fitting, bands):
    """Surveys with those of their bands that are asked for: by name first, then by letter."""
    left = list(dict.fromkeys(bands))
    chosen = [{} for _ in fitting]
    for mine, (_, found) in zip(chosen, fitting, strict=True):
        mine.update({band: found[band] for band in left if band in found})
        left = [band for band in left if band not in mine]
    for mine, (preset, found) in zip(chosen, fitting, strict=True):
        by_letter = {letter: preset.bands.get(letter) for letter in left}
        mine.update({band: found[band] for band in by_letter.values() if band in found})
        left = [letter for letter in left if by_letter[letter] not in found]
    pairs = zip(fitting, chosen, strict=True)
    return [(preset, mine) for (preset, _), mine in pairs if mine]


def _of_survey(preset, found, stated):
    foreign = [band for band in found if len(band) > 3]
    filters = f", and the filters are {', '.join(foreign)}" if foreign else ""
    seem = "are read as" if stated else "look like"
    yield f"the columns {seem} those of {preset.title}{filters}"
    if preset.note:
        yield preset.note


def _bare(chosen, columns, find):
    """Which values are not read, as they have no errors, or are of bands that the survey lacks."""
    preset, found = chosen
    if bare := preset.without_errors(found, columns, find):
        like = ", ".join(one.value for one in found.values())
        yield f"not read: {', '.join(bare)}, without errors named as those of {like}"
    if beyond := preset.beyond(found, columns, find):
        yield (
            f"not read: {', '.join(beyond)}, not of a band that is known of {preset.title}; write "
            "a mapping that names the filter to read it"
        )


def _beside(fitting):
    """What other surveys' columns there are, none of which is read."""
    used = {column for one in fitting[0][1].values() for column in (one.value, one.error)}
    for preset, found in fitting[1:]:
        theirs = [one.value for one in found.values()]
        if not used & set(theirs):
            used |= set(theirs)
            more = ", ..." * (len(theirs) > _MOST)
            yield (
                f"not read: {', '.join(theirs[:_MOST])}{more}, which look like those of "
                f"{preset.title}; name {', '.join(list(found)[:3])}, ... as bands (--bands) to "
                "read them"
            )


def _in_own_unit(columns, band):
    """Columns of a preset in the units that the file states, where it does."""
    stated = readable_unit(columns.stated_unit(band.value))
    theirs = columns.stated_unit(band.error)
    if band.error_kind == "sigma" and is_percent(theirs):
        band = replace(band, error_kind="percent")
    theirs = readable_unit(root_of(theirs) if band.error_kind == "ivar" else theirs)
    if stated and not (band.unit and same_unit(stated, band.unit)):
        band = replace(band, unit=stated, system="")
    other = theirs and band.unit and not same_unit(theirs, band.sigma_unit)
    return replace(band, error_unit=theirs) if other else band


def values_without_errors(columns: Columns, find: Callable) -> list[str]:
    """Columns of a survey's fluxes or magnitudes without columns of their errors."""
    for preset in presets():
        if not preset.fits(columns, find):
            continue
        for layout in preset.photometry:
            letters = preset.bands or {"": ""}
            names = [named(find, layout["value"], letter) for letter in letters]
            if found := [name for name in names if name]:
                return found
    return []
