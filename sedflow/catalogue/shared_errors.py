"""Errors that name a band alone, as err_u, where several columns of the band may have them."""

from collections import defaultdict
from collections.abc import Mapping

from sedflow.catalogue.band_columns import BandColumns
from sedflow.catalogue.column_names import BARE, LOOSE
from sedflow.catalogue.columns import Columns, readable_unit, root_of
from sedflow.flux_units import error_step, is_percent

#: Errors of each value: key of a pattern -> (name of errors, kind) -> band -> columns.
Errors = Mapping[tuple, Mapping[tuple, dict[str, BandColumns]]]
#: What ends such a sentence.
TORN = "; write a mapping, or rename it after its value"


def settle(
    columns: Columns, errors_of: Errors, named_so: Mapping[str, Mapping[str, tuple[bool, int]]]
) -> list[str]:
    """Leave each error that names a band alone to one quantity; sentences on those left to none.

    Of several columns of a band that may have it, sigma_u, inverse variances and the like are of
    fluxes that are named so, not of a plain u; an error is of what its unit is of; and of what more
    bands have. Those of which nothing tells are taken from all.

    named_so : band -> columns that are named as its fluxes or magnitudes -> whether as the latter,
        and of how many bands there are such columns
    """
    claims: dict[str, list] = defaultdict(list)
    for key, forms in errors_of.items():
        for form, mine in forms.items():
            for band, one in mine.items() if form[0] in LOOSE else ():
                if not is_z(band):  # which may be a redshift, and goes with the others
                    claims[one.error].append((key, form, band, one))
    times = {
        (key, form): sum(not is_z(band) for band in mine)
        for key, forms in errors_of.items()
        for form, mine in forms.items()
    }
    sure = {
        one.value
        for forms in errors_of.values()
        for form, mine in forms.items()
        for one in mine.values()
        if form[0] not in LOOSE
    }
    torn: dict[str, list[str]] = {}
    for error, rivals in claims.items():
        values = dict.fromkeys(one.value for *_, one in rivals)
        left = _left(columns, rivals, times) if len(values) > 1 else rivals
        most = max((times[key, form] for key, form, *_ in left), default=0)
        beside = {} if rivals[0][1][1] != "sigma" else named_so.get(rivals[0][2], {})
        more = {
            value: log
            for value, (log, n) in beside.items()
            if value not in sure and value not in values and n >= most
        }
        if left and not _unit_of(columns, rivals[0]):  # nobody says that it is not of one of these
            quantities = {_is_logarithmic(key, one) for key, _, _, one in left}
            if any({log} != quantities for log in more.values()):
                left, values = [], {**values, **dict.fromkeys(more)}
        if not left:
            torn[error] = list(values)
        for key, form, band, one in rivals:
            if not any(one is other for *_, other in left):
                del errors_of[key][form][band]
    for forms in errors_of.values():  # z alone has nothing that it could go with
        for mine in forms.values():
            if torn and mine and all(map(is_z, mine)):
                mine.clear()
    return [
        f"not read: {error}, which may be the error of {' or of '.join(values)}{TORN}"
        for error, values in torn.items()
    ]


def _left(columns, rivals, times):
    """Those of the rivals that an error is left to, of one quantity; none if nothing tells."""
    error, kind = rivals[0][1]
    if kind != "sigma" or error.startswith("sigma"):
        rivals = [one for one in rivals if one[0][0] != BARE] or rivals
    rivals = _of_its_unit(columns, rivals)
    most = max(times[key, form] for key, form, *_ in rivals)
    rivals = [one for one in rivals if times[one[0], one[1]] == most]
    quantities = {_is_logarithmic(key, one) for key, _, _, one in rivals}
    return rivals if len(quantities) == 1 else []


def _unit_of(columns, rival):
    """The unit of an error, where it tells that it is of a flux or of a magnitude; else empty."""
    _, (_, kind), _, one = rival
    unit = columns.unit(one.error)
    if kind in ("ivar", "variance"):
        unit = root_of(unit, -2 if kind == "ivar" else 2)
    unit = readable_unit(unit)
    return "" if is_percent(unit) else unit


def _of_its_unit(columns, rivals):
    """Those whose unit is of the kind of the error's; all where none is, or it has none."""
    unit = _unit_of(columns, rivals[0])
    if not unit:
        return rivals
    wanted = error_step(unit) is not None
    known = [one for one in rivals if _is_logarithmic(one[0], one[3]) == wanted]
    open_ = [one for one in rivals if _is_logarithmic(one[0], one[3]) is None]
    return known or open_ or rivals  # fluxes may have errors in mag


def _is_logarithmic(key, one):
    """Whether values are magnitudes; None where neither unit nor name tells."""
    if one.unit:
        return one.flux_unit.logarithmic
    return None if key[0] == BARE else "mag" in key[0]


def is_z(band: str) -> bool:
    """Whether a band is the z of some survey, whose name a redshift may have."""
    return band.rsplit("-", 1)[-1] == "z"
