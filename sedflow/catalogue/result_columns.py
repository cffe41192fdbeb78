"""Which fluxes and errors of a table are those of results, alone or joined to another table.

A join keeps the order of the columns of each table, and renames those whose names both have. So
the fluxes of results are known by what is before and behind them, not by their names alone, which
catalogues have, too: chi2, pull_BAND of each band, flux_BAND and sigma_BAND of each, quantiles.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from sedflow.model.derived import KNOWN

_PULL = "pull_"
_QUANTILE = re.compile(rf"\b({'|'.join(q.name for q in KNOWN)})_p?\d+(?!\d)", re.IGNORECASE)
_ONLY_THEIRS = re.compile(r"k_hat|pull_|p_calibrated", re.IGNORECASE)


def fluxes_of_results(names: Sequence[str]) -> frozenset[str]:
    """The columns of these that hold fluxes and errors of results [nanomaggies].

    They may be fewer than there were, and renamed by a join. Names without chi2 before them and
    quantiles behind them are not told: fluxes of a table that was joined to pulls alone, or put
    between columns that were chosen of results, may be there, too.

    >>> names = ["flux_u", "chi2", "pull_u", "flux_u_2", "sigma_u", "a_v_p50", "FLUX_R"]
    >>> sorted(fluxes_of_results(names)), sorted(fluxes_of_results(names[2:]))
    (['flux_u_2', 'sigma_u'], [])
    """
    lower = [name.lower() for name in names]
    found: set[str] = set()
    k = 0
    while k < len(lower):
        bands = []
        theirs = k > 0 and _is_of("chi2", lower[k - 1])
        while k < len(lower) and lower[k].startswith(_PULL):
            bands.append(lower[k].removeprefix(_PULL))
            k += 1
        first = k
        for own in [f"{what}_{band}" for band in bands for what in ("flux", "sigma")]:
            k += k < len(lower) and (_is_of(own, lower[k]) or _is_of(lower[k], own))
        if theirs and first < k < len(lower) and _QUANTILE.search(lower[k]):
            found.update(names[first:k])
        k += not bands
    return frozenset(found)


def unclear_fluxes(names: Sequence[str]) -> frozenset[str]:
    """Fluxes and errors that may be of results, beside a table's own in other letters' case.

    They are named as in results, and other columns are of results, or their order is.

    >>> sorted(unclear_fluxes(["FLUX_U", "FLUXERR_U", "flux_u", "sigma_u", "flux_r", "flux_R"]))
    ['flux_u', 'sigma_u']
    """
    theirs = _some_of_results(names)
    followed = {
        band for one, other in pairwise(names) if (band := _band(one)) and other == f"sigma_{band}"
    }
    twins = {
        band
        for other in names
        if (band := _band(other.lower())) and other != f"flux_{band}" and _same_band(other, band)
    }
    bands = {band for band in map(_band, names) if band in twins and (theirs or band in followed)}
    return frozenset(names) & {f"{what}_{band}" for band in bands for what in ("flux", "sigma")}


def _some_of_results(names):
    return any(_ONLY_THEIRS.search(name) or _QUANTILE.search(name) for name in names)


def _band(name):
    """The band of a flux in results; "" of all else."""
    return name.removeprefix("flux_") if name.startswith("flux_") else ""


def _same_band(name, band):
    """Whether a name in other letters' case is of the same band: flux_R and flux_I are not."""
    return name.isupper() or name.endswith(band)


def is_quantile(name: str) -> bool:
    """Whether a column of results with this name is a quantile of a quantity.

    >>> is_quantile("log_mstar_p50"), is_quantile("log_mstar")
    (True, False)
    """
    return _QUANTILE.fullmatch(name) is not None


class Pairs:
    """Which error may be that of which value, by the order and the case of their names.

    Where several bands have flux_u followed by sigma_u, and beside them is what is there in
    results, each is the other's; of flux_u and FLUX_U, errors are of the one that is spelled like
    them.

    >>> names = ["FLUX_U", "FLUXERR_U", "e_flux_u", "flux_u", "sigma_u", "flux_r", "sigma_r"]
    >>> for pairs in (Pairs([*names, "k_hat"]), Pairs(names)):
    ...     [pairs.fit("flux_u", error) for error in ("sigma_u", "e_flux_u", "FLUXERR_U")]
    [True, False, False]
    [True, True, False]
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._twins = _twins(names)
        self._error = _errors_by_order(names)
        self._value: dict[str, str] = {}
        lower = [name.lower() for name in names]
        for k, name in enumerate(names if _some_of_results(names) else ()):
            what, _, band = lower[k].partition("_")
            first = k
            while what == "sigma" and first and _is_of(f"flux_{band}", lower[first - 1], "[a-z]*"):
                first -= 1
            if f"flux_{band}" in lower[first:k]:  # rather than raw_flux_u in front of it
                first = lower.index(f"flux_{band}", first)
            if first < k:
                self._value[name] = names[first]

    def fit(self, value: str, error: str) -> bool:
        """Whether the error may be that of the value."""
        if self._error.get(value, error) != error or self._value.get(error, value) != value:
            return False
        alike = value in error or _case(value) == _case(error)
        return alike or value.lower() not in self._twins


def _errors_by_order(names):
    """The errors of fluxes whose columns are in the order of results, beside columns of these.

    A quantile somewhere is not enough: tables have a sigma_u of their own behind flux_u, too, which
    need not be its error.
    """
    lower = [name.lower() for name in names]
    found: dict[str, str] = {}
    k = 0
    while k < len(lower):
        first = k
        while _is_pair(lower[k : k + 2]):
            k += 2
        before, behind = lower[:first][-1:], lower[k : k + 1]
        theirs = any(map(_ONLY_THEIRS.search, before)) or any(map(_is_theirs, behind))
        if before == ["chi2"]:  # which others have, too
            theirs = any(map(_is_theirs, lower))
        if k - first > 2 and theirs:
            found.update(zip(names[first:k:2], names[first + 1 : k : 2], strict=True))
        k += k == first
    return found


def _is_theirs(name):
    """Whether a name in small letters is that of a column which results alone have."""
    return bool(_ONLY_THEIRS.search(name) or _QUANTILE.search(name))


def _is_pair(names):
    """Whether two names, one behind the other, are a flux and its error in results."""
    return len(names) == 2 and bool(band := _band(names[0])) and names[1] == f"sigma_{band}"


def _twins(names):
    """Names in small letters that several columns have, which differ in case alone."""
    return {name for name, times in Counter(map(str.lower, names)).items() if times > 1}


def _case(name):
    return name.isupper(), name.islower()


def _is_of(name, other, before=""):
    """Whether a column is the named one, perhaps with what a join put before or behind it."""
    pattern = rf"(.*[^a-z0-9])?{before}{re.escape(name)}([^a-z0-9].*)?"
    return re.fullmatch(pattern, other) is not None
