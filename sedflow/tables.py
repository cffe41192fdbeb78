"""From the columns of any table to photometry, row by row.

A band is absent where its flux or error is blank, NaN or masked, where the error or inverse
variance is not positive, and where a magnitude is 90 or more either way (99, -99). What is
wrong with a row is a sentence beside the row, never the end of the table.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from sedflow.catalogue import read_table
from sedflow.columns import BLANK, Columns, scale_of
from sedflow.cosmology import MIN_REDSHIFT
from sedflow.errors import SedflowError
from sedflow.mapping import BandColumns, Mapping, guess_mapping
from sedflow.photometry import Photometry, nanomaggies

__all__ = [
    "BandColumns", "Mapping", "Problem", "Rows", "guess_mapping", "preview", "read_ids",
    "read_table", "to_photometry",
]  # fmt: skip

_SENTINEL = 90.0  # magnitudes at least as large, either way, say that there is none
_FLUX_MAX, _SIGMA_MIN = 1e15, 1e-15  # [nanomaggies]; beyond, the unit is wrong
_POGSON = 2.5 / np.log(10)


class Problem(NamedTuple):
    """What keeps a row from being used: its number from 0, its ID, and a sentence."""

    row: int
    id: object
    reason: str


@dataclass(frozen=True)
class Rows:
    """What a table holds.

    photometry : Photometry of the good rows, in their order
    rows (n_good,) : their numbers in the table
    problems : list of `Problem`, one for each of the others
    ids (n,) : of all rows, integers or text; masked where there is none
    redshift (n,) : of all rows; NaN where there is none
    """

    photometry: Photometry
    rows: np.ndarray
    problems: list[Problem]
    ids: np.ma.MaskedArray
    redshift: np.ndarray = field(repr=False)


def to_photometry(table, mapping: Mapping, *, first: int = 0, id_kind: str | None = None) -> Rows:
    """The photometry of a table, and what is wrong with the rows that have none.

    Parameters
    ----------
    table : astropy Table, pandas DataFrame, Arrow table, structured array or mapping of arrays
    mapping : Mapping
    first : int
        Number of the first row, where the table is part of a larger one.
    id_kind : "int" or "str", optional
        Kind of the IDs; by default as the table has them.

    Raises
    ------
    SedflowError
        A column is missing, holds no numbers or has another unit than the mapping says; a
        unit is not known; or an ID stands in several rows.

    Examples
    --------
    >>> table = {"z": [0.05, -1.0], "u": [18.0, 18.0], "e": [0.1, 0.1]}
    >>> mapping = Mapping("z", {"u": BandColumns("u", "e", "mag")})
    >>> result = to_photometry(table, mapping)
    >>> result.photometry.flux.round(1).tolist(), result.problems[0].reason
    ([[63.1]], 'redshift = -1.0 must be finite and >= 1e-06; give a spectroscopic redshift')
    """
    if mapping.open:
        columns = ", ".join(mapping.bands[band].value for band in mapping.open)
        raise SedflowError(
            f"the unit of {columns} is not known; state it: nanomaggies, Jy, mJy, uJy, nJy or mag"
        )
    columns = Columns(table)
    n = columns.n
    reasons = dict(columns.problems)
    ids = _ids(columns, mapping.id, first, id_kind, reasons)
    redshift = columns.numbers(mapping.redshift, reasons)
    flux, sigma = np.full((2, n, len(mapping.bands)), np.nan)
    for k, band in enumerate(mapping.bands.values()):
        flux[:, k], sigma[:, k] = _band(columns, band, reasons)
    _judge(flux, sigma, redshift, tuple(mapping.bands), reasons)
    bad = np.zeros(n, dtype=bool)
    bad[list(reasons)] = True
    rows = np.flatnonzero(~bad)
    photometry = Photometry(
        flux[rows], sigma[rows], redshift[rows], tuple(mapping.bands), ids.data[rows]
    )
    known = known_ids(ids)
    problems = [Problem(int(row), known[row], reasons[row]) for row in sorted(reasons)]
    return Rows(photometry, rows, problems, ids, redshift)


def read_ids(table, mapping: Mapping, first: int = 0) -> np.ma.MaskedArray:
    """IDs (n,) of the rows of a table: int64, or text; masked where there is none."""
    return _ids(Columns(table), mapping.id, first, None, {})


def known_ids(ids) -> np.ndarray:
    """Masked IDs (n,) as objects, None where there is none."""
    known = ids.data.astype(object)
    known[np.ma.getmaskarray(ids)] = None
    return known


def preview(table, mapping: Mapping, n: int = 10):
    """The first n rows as they are understood, as an astropy Table.

    Columns id, redshift, flux and error of each band [nanomaggies], and what is wrong.
    """
    from astropy.table import Table

    rows = to_photometry(table[:n], mapping)
    total = len(rows.ids)
    out = Table({"id": rows.ids, "redshift": rows.redshift})
    for k, band in enumerate(rows.photometry.bands):
        for name, source in (("flux", rows.photometry.flux), ("sigma", rows.photometry.sigma)):
            values = np.full(total, np.nan)
            values[rows.rows] = source[:, k]
            out[f"{name}_{band}"] = values
    problem = [""] * total
    for row, _, reason in rows.problems:
        problem[row] = reason
    out["problem"] = np.array(problem, dtype=str)
    return out


def _band(columns, band, reasons):
    """Flux and sigma (n,) [nanomaggies]; NaN in both where the band is absent."""
    value, error = (columns.numbers(name, reasons) for name in (band.value, band.error))
    error_unit = band.error_unit or band.unit
    columns.check_unit(band.value, band.unit)
    columns.check_unit(band.error, error_unit, -2 if band.error_kind == "ivar" else 1)
    with np.errstate(all="ignore"):
        sigma = 1.0 / np.sqrt(error) if band.error_kind == "ivar" else error
        absent = ~(np.isfinite(sigma) & (sigma > 0)) | np.isnan(value)
        scale = scale_of(band.unit)
        if scale is None:
            absent |= np.abs(value) >= _SENTINEL
            flux = nanomaggies(value)
            sigma = flux * sigma / _POGSON
        else:
            flux, sigma = value * scale, sigma * scale_of(error_unit)
        if band.extinction:
            dimming = columns.numbers(band.extinction, reasons)
            brighter = 10 ** (0.4 * dimming)
            flux, sigma = flux * brighter, sigma * brighter
            for row in np.flatnonzero(~absent & ~np.isfinite(dimming)):
                reasons.setdefault(int(row), f"{band.extinction} = {dimming[row]} must be finite")
    return np.where(absent, np.nan, flux), np.where(absent, np.nan, sigma)


def _judge(flux, sigma, redshift, bands, reasons):
    """Write down what is wrong with rows that `Photometry` would refuse."""
    for row in np.flatnonzero(~(np.isfinite(redshift) & (redshift >= MIN_REDSHIFT))):
        reasons.setdefault(
            int(row),
            f"redshift = {redshift[row]} must be finite and >= {MIN_REDSHIFT:g}; give a "
            "spectroscopic redshift",
        )
    absent = np.isnan(flux) & np.isnan(sigma)
    for row in np.flatnonzero(absent.all(1)):
        reasons.setdefault(
            int(row), f"there is no flux with an error in any of {', '.join(bands)}; give one"
        )
    with np.errstate(invalid="ignore"):
        off = ~absent & ~(
            (np.abs(flux) < _FLUX_MAX) & (sigma > _SIGMA_MIN) & (sigma < _FLUX_MAX)
        )  # fmt: skip
    for row, k in np.argwhere(off):
        reasons.setdefault(
            int(row),
            f"the flux in {bands[k]} is {flux[row, k]:.3g} +- {sigma[row, k]:.3g} nanomaggies, "
            "which no galaxy has; check value and unit",
        )


def _ids(columns, name, first, kind, reasons):
    """IDs (n,), masked where there is none: int64, or text."""
    if not name:
        n = columns.n
        return np.ma.array(np.arange(first, first + n), mask=np.zeros(n, bool))
    values = columns.column(name)
    mask = np.ma.getmaskarray(values).copy()
    values = np.ma.getdata(values)
    if values.dtype.kind == "f":
        mask |= np.isnan(values)
        whole = np.where(mask, 0.0, values)
        if not (np.abs(whole) < 2**53).all() or (whole != np.round(whole)).any():
            raise SedflowError(
                f"the IDs in {name!r} are floating-point numbers, which are not exact; store them "
                "as whole numbers or as text"
            )
        values = whole.astype(np.int64)
    elif values.dtype.kind in "OUS":
        texts = [
            v.decode("utf-8", "replace") if isinstance(v, bytes) else "" if v is None else str(v)
            for v in values
        ]
        values = np.array([text.strip() for text in texts], dtype=object)
        mask |= np.array([text.lower() in BLANK for text in values], dtype=bool)
    elif values.dtype.kind not in "iu":
        raise SedflowError(f"the column {name!r} holds {values.dtype} values, which are no IDs")
    values = _of_kind(values, mask, kind, name)
    for row in np.flatnonzero(mask):
        reasons.setdefault(int(row), f"the row has no ID in {name}; give it one")
    given = values[~mask]
    unique, place, count = np.unique(given.astype(str) if given.dtype == object else given,
                                     return_index=True, return_counts=True)  # fmt: skip
    if len(unique) < len(given):
        again = int(place[count > 1].min())
        rows = [str(first + int(r)) for r in np.flatnonzero(~mask) if values[r] == given[again]]
        raise SedflowError(
            f"the ID {given[again]} stands in {len(rows)} rows ({', '.join(rows[:5])}, counted "
            "from 0); give each galaxy one row and one ID"
        )
    return np.ma.array(values, mask=mask)


def _of_kind(values, mask, kind, name):
    """IDs as whole numbers ("int") or text ("str"); None takes numbers where all are."""
    if values.dtype.kind in "iu" and kind != "str":
        if values.dtype.kind == "u" and len(values) and values.max() > np.iinfo(np.int64).max:
            return np.array([str(v) for v in values], dtype=object)
        return values.astype(np.int64)
    if kind == "str":
        return np.array([*map(str, values.tolist()), None], dtype=object)[:-1]
    text = np.where(mask, "0", values).astype(str)
    if kind == "int" or (len(text) and all(re.fullmatch(r"-?(0|[1-9]\d{0,17})", t) for t in text)):
        try:
            return text.astype(np.int64)
        except ValueError:
            raise SedflowError(f"an ID in {name!r} is no whole number, but others are") from None
    return values
