"""What other work found for galaxies of the packaged sample.

Surviving masses and star-formation rates by kcorrect (Blanton & Roweis 2007, AJ 133, 734),
iSEDfit (Moustakas et al. 2013, ApJ 767, 50) and GSWLC (Salim et al. 2016, ApJS 227, 2). They use
other libraries, other priors and in part other photometry: for comparison, not as the truth.
"""

from functools import cache

import numpy as np

from sedflow.files.packaged import checked_path
from sedflow.whole_numbers import as_whole

#: Column of the table -> (quantity of `sedflow.model.derived`, name of the work).
SOURCES = {
    "log_mass_kcorrect": ("log_mass_surviving", "kcorrect"),
    "log_mass_isedfit": ("log_mass_surviving", "iSEDfit"),
    "log_mass_gswlc": ("log_mass_surviving", "GSWLC"),
    "log_sfr_isedfit": ("log_sfr_100myr", "iSEDfit"),
    "log_sfr_gswlc": ("log_sfr_100myr", "GSWLC"),
}


@cache
def literature_table() -> dict[str, np.ndarray]:
    """NSAID and the columns of `SOURCES` as arrays by name, NaN where there is no value."""
    from astropy.io import fits

    with fits.open(checked_path("nsa_literature.fits")) as file:
        data = file[1].data
        return {name: np.array(data[name]) for name in ("NSAID", *SOURCES)}


def literature(nsaid: int) -> dict[str, str]:
    """Values of one galaxy as text, by the name of the derived quantity; empty if unknown.

    >>> literature(2490)
    {'log_mass_surviving': '10.11 kcorrect'}
    """
    nsaid = as_whole("nsaid", nsaid, -(2**63))
    table = literature_table()
    rows = np.flatnonzero(table["NSAID"] == nsaid)
    out: dict[str, str] = {}
    if rows.size:
        for column, (quantity, work) in SOURCES.items():
            value = float(table[column][rows[0]])
            if np.isfinite(value):
                text = f"{value:.2f} {work}"
                out[quantity] = f"{out[quantity]}, {text}" if quantity in out else text
    return out
