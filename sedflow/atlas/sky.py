"""Where to look at a galaxy: addresses of public sky viewers. Nothing is loaded from them here."""

from dataclasses import dataclass
from urllib.parse import urlencode

import numpy as np

from sedflow.errors import BadPhotometry, check_choice

#: What an HTML link that opens a viewer needs: a new tab that knows nothing of this page.
LINK_ATTRIBUTES = {"target": "_blank", "rel": "noopener noreferrer"}


@dataclass(frozen=True)
class Viewer:
    """A sky viewer: its name, its address, and the query that shows a position."""

    label: str
    address: str
    query: dict[str, str]


#: Viewers by name; "{ra}" and "{dec}" stand for degrees.
VIEWERS = {
    "legacy": Viewer(
        "Legacy Surveys",
        "https://www.legacysurvey.org/viewer",
        {"ra": "{ra}", "dec": "{dec}", "layer": "ls-dr9", "zoom": "14", "mark": "{ra},{dec}"},
    ),
    "sdss": Viewer(
        "SDSS SkyServer",
        "https://skyserver.sdss.org/dr18/VisualTools/navi",
        {"ra": "{ra}", "dec": "{dec}", "scale": "0.4"},
    ),
    "aladin": Viewer(
        "Aladin Lite",
        "https://aladin.cds.unistra.fr/AladinLite/",
        {"target": "{ra} {dec}", "fov": "0.1", "survey": "CDS/P/SDSS9/color"},
    ),
}


def sky_link(ra: float, dec: float, viewer: str = "legacy") -> str:
    """Address of a sky viewer at a position [deg, J2000].

    Open it in a new tab with `LINK_ATTRIBUTES`, and only when a reader asks for it.

    viewer : "legacy" (DESI Legacy Surveys), "sdss" or "aladin"

    Raises
    ------
    BadPhotometry
        The position is not known (NSAID 72), or beyond the sky.
    SedflowError
        No such viewer.

    Examples
    --------
    >>> sky_link(166.6686, 20.0856).split("?")[1][:25]
    'ra=166.66860&dec=20.08560'
    """
    check_choice("viewer", viewer, VIEWERS)
    try:
        ra, dec = float(ra), float(dec)
    except (TypeError, ValueError):
        ra = dec = np.nan
    if not (0 <= ra <= 360 and -90 <= dec <= 90):
        raise BadPhotometry(
            f"ra = {ra:.6g}, dec = {dec:.6g} is not a position on the sky (0 to 360, -90 to 90 "
            "degrees); choose a galaxy whose position is published"
        )
    chosen = VIEWERS[viewer]
    place = {"ra": f"{ra:.5f}", "dec": f"{dec:.5f}"}
    return f"{chosen.address}?{urlencode({k: v.format(**place) for k, v in chosen.query.items()})}"
