"""Units in the names of columns: "flux_u (uJy)", "u [mag]", "flux_u_uJy"."""

import re
from functools import lru_cache

from sedflow.errors import SedflowError
from sedflow.flux_units import flux_unit

_IN_BRACKETS = re.compile(r"(.*[^\s_])[\s_]*(?:\(([^()]+(?:\([^()]*\))?)\)|\[([^\[\]]+)\])")
_BEHIND = re.compile(r"(.+)_([munp]?Jy|[munp]?jy|nanomaggies|nanomaggy|nmgy)")
#: What an error or a flag adds behind the unit of its value: "flux_u_uJy_err".
_ADDED = re.compile(
    r"(.*[^\s_)\]])(?:[\s_]*(?:\(([^()]+)\)|\[([^\[\]]+)\])|_([munp]?[Jj]y|nanomaggies|nmgy))"
    r"(_(?:e|err|error|sig|sigma|std|unc|limit|ul|uplim|upper_limit)(?:_\w{1,8})?)"
)
_SYSTEMS = {"AB": "mag(AB)", "ST": "mag(ST)"}  # of magnitudes


@lru_cache(4000)
def split_name(name: str) -> tuple[str, str]:
    """A column's name without the unit of fluxes or magnitudes that it ends with, and the unit.

    >>> split_name("flux_u (uJy)"), split_name("u [mag]"), split_name("mag_u (AB)")
    (('flux_u', 'uJy'), ('u', 'mag'), ('mag_u', 'mag(AB)'))
    >>> split_name("flux_u_mjy"), split_name("flux[0]"), split_name("flux_u")
    (('flux_u', 'mJy'), ('flux[0]', ''), ('flux_u', ''))
    >>> split_name("flux_u_uJy_err"), split_name("flux_u (uJy)_err")
    (('flux_u_err', 'uJy'), ('flux_u_err', 'uJy'))
    """
    if found := _IN_BRACKETS.fullmatch(name):
        base, unit = found[1], (found[2] or found[3]).strip()
        unit = _SYSTEMS.get(unit, unit) if "mag" in base.lower() else unit
    elif found := _BEHIND.fullmatch(name):
        base, unit = found[1], found[2].replace("jy", "Jy")
    elif found := _ADDED.fullmatch(name):
        base, unit = f"{found[1]}{found[5]}", (found[2] or found[3] or found[4]).strip()
        unit = unit.replace("jy", "Jy")
    else:
        return name, ""
    try:
        flux_unit(unit)
    except SedflowError:
        return name, ""
    return base, unit


def ends_with_unit(name: str) -> bool:
    """Whether a name ends with its unit, and not with what is added behind that.

    >>> ends_with_unit("flux_u_limit (uJy)"), ends_with_unit("flux_u_uJy_limit")
    (True, False)
    """
    at_end = _IN_BRACKETS.fullmatch(name) or _BEHIND.fullmatch(name)
    return bool(at_end and split_name(name)[1])
