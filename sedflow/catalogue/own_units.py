"""Units of errors that only the table tells, where a mapping names that of the flux alone."""

import re
from dataclasses import replace

from sedflow.catalogue.band_columns import BandColumns
from sedflow.catalogue.columns import Columns, readable_unit
from sedflow.flux_units import error_step, is_percent


def as_stated(columns: Columns, band: BandColumns) -> BandColumns:
    """The band with the unit of its errors as the table has it, where the mapping does not say.

    Errors of a flux in mag, mmag, dex or dB are of its logarithm, and those in % are shares of it;
    a header that says so is not at odds with a mapping that names the unit of the flux alone.

    Examples
    --------
    >>> from astropy.table import Table
    >>> table = Table({"f": [50.0], "e": [2.0]}, units={"f": "uJy", "e": "%"})
    >>> as_stated(Columns(table), BandColumns("f", "e", "uJy")).error_kind
    'percent'
    """
    known = {band.error, re.sub(r"\[\d+\]$", "", band.error)} & set(columns.names)
    if not known or band.error_unit or band.error_kind != "sigma" or not band.unit:
        return band
    stated = columns.stated_unit(band.error)
    if is_percent(stated):
        return replace(band, error_kind="percent")
    if not stated or not readable_unit(stated) or error_step(stated) is None:
        return band
    step = error_step(band.sigma_unit)
    return band if error_step(stated) == step else replace(band, error_unit=stated)
