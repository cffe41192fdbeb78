"""From the columns of any table to photometry, row by row.

A band is absent where its flux or error is blank, NaN or masked, or says by a number that there
is none (`convert`). What is wrong with a row is a sentence beside the row, never the end of the
table; what was taken for granted is in `Rows.assumptions`.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from sedflow.catalogue.assumptions import assumed
from sedflow.catalogue.columns import BLANK, WHOLE, Columns
from sedflow.catalogue.convert import band_fluxes
from sedflow.catalogue.guess import guess_mapping
from sedflow.catalogue.mapping import BandColumns, ColumnMap, Mapping
from sedflow.catalogue.read.open import read_table
from sedflow.errors import SedflowError
from sedflow.flux_limits import believable
from sedflow.identifiers import is_whole
from sedflow.model.floors import floor_share, with_floor
from sedflow.nulls import is_code
from sedflow.photometry import Photometry
from sedflow.redshifts import believable_redshift, missing_redshift, no_galaxy_has

__all__ = [
    "BandColumns",
    "ColumnMap",
    "Mapping",
    "Problem",
    "Rows",
    "guess_mapping",
    "preview",
    "read_table",
    "to_photometry",
]

_SEVERAL = 3  # bands, which together say that something is wrong
_FAINT = (
    "the flux is below its error in every band, of three or more; are values and errors swapped, "
    "or the errors in another unit?"
)


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
    assumptions : how the columns were read, in sentences: units, systems, errors, corrections
    left_out : what is absent or taken as a limit -> in how many rows; those of parts can be added
    """

    photometry: Photometry
    rows: np.ndarray
    problems: list[Problem]
    ids: np.ma.MaskedArray
    redshift: np.ndarray = field(repr=False)
    assumptions: tuple[str, ...] = field(default=(), repr=False)
    left_out: Counter[str] = field(default_factory=Counter, repr=False)

    @property
    def report(self) -> list[str]:
        """`assumptions`, and what was left out of how many rows, in sentences."""
        rows = (f"{why} ({n:,} row{'s' * (n > 1)})" for why, n in self.left_out.items())
        return [*self.assumptions, *rows]


def to_photometry(table, mapping: ColumnMap, *, first: int = 0, id_kind: str | None = None) -> Rows:
    """The photometry of a table, and what is wrong with the rows that have none.

    Parameters
    ----------
    table : astropy Table, pandas DataFrame, Arrow table, structured array or mapping of arrays
    mapping : ColumnMap
    first : int
        Number of the first row, where the table is part of a larger one.
    id_kind : "int" or "str", optional
        Kind of the IDs; by default as the table has them.

    Raises
    ------
    SedflowError
        A column is missing, holds no numbers or has another unit than the mapping says; a
        unit is not known; or an ID appears in several rows.

    Examples
    --------
    >>> table = {"z": [0.05, -1.0], "u": [18.0, 18.0], "e": [0.1, 0.1]}
    >>> mapping = ColumnMap("z", {"u": BandColumns("u", "e", "mag")})
    >>> result = to_photometry(table, mapping)
    >>> result.photometry.flux.round(1).tolist(), result.problems[0].reason[:33]
    ([[63.1]], 'redshift = -1.0 is not between 1e')
    >>> result.assumptions[1]
    'u: u +- e: AB magnitudes, errors in mag, taken as corrected for Galactic extinction'
    """
    columns = Columns(table)
    if mapping.open:
        raise SedflowError(_open_units(columns, mapping))
    n = columns.n
    reasons = dict(columns.problems)
    ids = ids_of(columns, mapping.id, first, id_kind, reasons)
    columns.check_redshift(mapping.redshift)
    redshift = columns.numbers(mapping.redshift, reasons)
    flux, sigma = np.full((2, n, len(mapping.bands)), np.nan)
    left_out: Counter[str] = Counter()
    for k, (name, band) in enumerate(mapping.bands.items()):
        flux[:, k], sigma[:, k] = band_fluxes(columns, name, band, reasons, left_out)
        sigma[:, k] = with_floor(flux[:, k], sigma[:, k], floor_share(band.floor, name))
    _judge(flux, sigma, redshift, tuple(mapping.bands), reasons)
    bad = np.zeros(n, dtype=bool)
    bad[list(reasons)] = True
    rows = np.flatnonzero(~bad)
    photometry = Photometry(
        flux[rows], sigma[rows], redshift[rows], tuple(mapping.bands), ids.data[rows]
    )
    if faint := int(_below_errors(flux[rows], sigma[rows]).sum()):
        left_out[_FAINT] += faint
    known = known_ids(ids)
    problems = [Problem(int(row), known[row], reasons[row]) for row in sorted(reasons)]
    return Rows(photometry, rows, problems, ids, redshift, assumed(columns, mapping), left_out)


def _below_errors(flux, sigma):
    """Rows (n,) of several bands in each of which the flux is below its error; limits are 0."""
    there = np.isfinite(flux) & (flux != 0)
    with np.errstate(invalid="ignore"):
        return (there.sum(1) >= _SEVERAL) & ((flux < sigma) | ~there).all(1)


def _open_units(columns, mapping):
    """What to state, where units are not known."""
    names = [mapping.bands[band].value for band in mapping.open]
    told = {columns.stated_unit(name) for name in names if name in columns.names} - {""}
    heard = f" (the file says {', '.join(map(repr, sorted(told)))})" if told else ""
    return (
        f"the unit of {', '.join(names)}{heard} is not known; state it as the unit: nanomaggies, "
        "Jy, mJy, uJy, nJy, mag or another"
    )


def known_ids(ids) -> np.ndarray:
    """Masked IDs (n,) as objects, None where there is none."""
    known = ids.data.astype(object)
    known[np.ma.getmaskarray(ids)] = None
    return known


def preview(table, mapping: ColumnMap, n: int = 10):
    """The first n rows as they are understood, as an astropy Table.

    Columns id, redshift, flux and error of each band [nanomaggies], and what is wrong.
    """
    from astropy.table import Table

    first = table[:n]
    if bad := (getattr(first, "meta", None) or {}).get("problems"):  # of lines of the whole table
        first.meta["problems"] = {row: why for row, why in bad.items() if row < n}
    rows = to_photometry(first, mapping)
    total = len(rows.ids)
    out = Table({"id": rows.ids, "redshift": rows.redshift})
    out["redshift"].info.format = ".6g"
    for k, band in enumerate(rows.photometry.bands):
        for name, source in (("flux", rows.photometry.flux), ("sigma", rows.photometry.sigma)):
            values = np.full(total, np.nan)
            values[rows.rows] = source[:, k]
            out[f"{name}_{band}"] = values
            out[f"{name}_{band}"].info.format = ".5g"
    problem = [""] * total
    for row, _, reason in rows.problems:
        problem[row] = reason
    out["problem"] = np.array(problem, dtype=str)
    return out


def _judge(flux, sigma, redshift, bands, reasons):
    """Write down what is wrong with rows that `Photometry` would refuse."""
    for row in np.flatnonzero(is_code(redshift)):
        reasons.setdefault(int(row), missing_redshift(redshift[row]))
    for row in np.flatnonzero(~believable_redshift(redshift)):
        reasons.setdefault(int(row), no_galaxy_has(redshift[row]))
    absent = np.isnan(flux) & np.isnan(sigma)
    for row in np.flatnonzero(absent.all(1)):
        reasons.setdefault(
            int(row), f"there is no flux with an error in any of {', '.join(bands)}; give one"
        )
    for row, k in np.argwhere(~absent & ~believable(flux, sigma)):
        reasons.setdefault(
            int(row),
            f"the flux in {bands[k]} is {flux[row, k]:.3g} +- {sigma[row, k]:.3g} nanomaggies, "
            "which no galaxy has; check value and unit",
        )


def ids_of(columns, name, first, kind, reasons) -> np.ma.MaskedArray:
    """IDs (n,) of a table, masked where there is none: int64, or text."""
    if not name:
        n = columns.n
        return np.ma.array(np.arange(first, first + n), mask=np.zeros(n, bool))
    values = columns.column(name)
    mask = np.ma.getmaskarray(values).copy()
    values = np.ma.getdata(values)
    if values.dtype.kind == "f":
        mask |= np.isnan(values)
        whole = np.where(mask, values.dtype.type(0), values)
        if not is_whole(whole).all():
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
        raise SedflowError(f"the column {name!r} holds {values.dtype} values, which are not IDs")
    values = _of_kind(values, mask, kind, name)
    for row in np.flatnonzero(mask):
        reasons.setdefault(int(row), f"the row has no ID in {name}; give it one")
    given = values[~mask]
    unique, place, count = np.unique(given, return_index=True, return_counts=True)
    if len(unique) < len(given):
        again = int(place[count > 1].min())
        rows = [str(first + int(r)) for r in np.flatnonzero(~mask) if values[r] == given[again]]
        raise SedflowError(
            f"the ID {str(given[again])[:60]} appears in {len(rows)} rows ({', '.join(rows[:5])}, "
            "counted from 0); give each galaxy one row and one ID, or choose no column of IDs "
            "(--no-id), so that rows are numbered"
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
    text = np.where(mask, "0", values)  # objects: one long ID must not make all wide
    if kind == "int" or (len(text) and all(WHOLE.fullmatch(t) for t in text)):
        try:
            return np.array([str(t)[:40] for t in text], dtype=str).astype(np.int64)
        except ValueError:
            raise SedflowError(f"an ID in {name!r} is not a whole number, but others are") from None
    return values
