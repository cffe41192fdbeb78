"""Which columns of a table hold what: stated, read from a small TOML file, or guessed.

    id = "objid"
    redshift = "zspec"

    [bands.u]
    value = "flux[0]"           # the first of a column of several numbers
    error = "flux_ivar[0]"
    error_kind = "ivar"         # or "sigma", the default
    unit = "nanomaggies"        # or Jy, mJy, uJy, ..., mag (AB)
    extinction = "A_u"          # [mag] to take away, where fluxes are not corrected yet

`guess_mapping` finds it where names and units are clear. A unit that neither the file nor a
name tells is left open, and nothing is computed before someone states it.
"""

import json
import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from sedflow.columns import Columns, root_of, same_unit, scale_of, some
from sedflow.errors import SedflowError
from sedflow.nsa import NSA_BANDS
from sedflow.photometry import UGRIZ

__all__ = ["BandColumns", "Mapping", "guess_mapping"]

_ERROR_KINDS = ("sigma", "ivar")


@dataclass(frozen=True)
class BandColumns:
    """Where the photometry of one band stands.

    value, error : columns; "NMGY[2]" is the third number of the column NMGY
    unit : of the value, e.g. "nanomaggies", "uJy", "mag" (AB); "" if not known
    error_unit : of the error, if another; of an inverse variance, the unit whose -2nd power it has
    error_kind : "sigma" or "ivar", the inverse variance
    extinction : column of Galactic extinction [mag] that is still in the value; "" if none is
    """

    value: str
    error: str
    unit: str = ""
    error_unit: str = ""
    error_kind: str = "sigma"
    extinction: str = ""

    def __post_init__(self):
        for name in self.__dataclass_fields__:
            if not isinstance(getattr(self, name), str):
                raise SedflowError(f"{name} = {getattr(self, name)!r} of a band must be text")
        if self.error_kind not in _ERROR_KINDS:
            raise SedflowError(
                f"error_kind = {self.error_kind!r} of {self.error} is unknown; choose one of "
                f"{', '.join(_ERROR_KINDS)}"
            )
        if not self.value or not self.error:
            raise SedflowError(f"a band needs the columns of value and error, not {self}")
        kinds = [scale_of(unit) for unit in (self.unit, self.error_unit) if unit]
        if len(kinds) == 2 and (kinds[0] is None) != (kinds[1] is None):
            raise SedflowError(
                f"{self.value} is in {self.unit}, but {self.error} in {self.error_unit}; give both "
                "as fluxes or both as magnitudes"
            )


@dataclass(frozen=True)
class Mapping:
    """Which columns of a table hold IDs, redshifts and photometry.

    redshift : column
    bands : band name -> `BandColumns`
    id : column; "" numbers the rows from 0
    """

    redshift: str
    bands: dict[str, BandColumns]
    id: str = ""

    def __post_init__(self):
        if not self.bands:
            raise SedflowError("a mapping needs one band at least")

    def columns_in(self, names) -> list[str]:
        """The columns to read of a table that has these; `SedflowError` if one is missing."""
        wanted = [self.id, self.redshift]
        for band in self.bands.values():
            wanted += [band.value, band.error, band.extinction]
        found = {}
        for name in filter(None, wanted):
            base = name if name in names else re.sub(r"\[\d+\]$", "", name)
            if base not in names:
                raise SedflowError(f"there is no column {base!r}; there are {some(list(names))}")
            found[base] = None
        return list(found)

    @property
    def open(self) -> tuple[str, ...]:
        """Bands whose unit is not known."""
        return tuple(name for name, band in self.bands.items() if not band.unit)

    def in_unit(self, unit: str) -> "Mapping":
        """The mapping with this unit where none is known."""
        scale_of(unit)
        bands = {
            name: band if band.unit else replace(band, unit=unit)
            for name, band in self.bands.items()
        }
        return replace(self, bands=bands)

    def select(self, names) -> "Mapping":
        """The mapping with those of its bands that are named."""
        return replace(self, bands={k: v for k, v in self.bands.items() if k in names})

    def to_toml(self) -> str:
        """The mapping as TOML, which `from_toml` reads."""
        lines = [f"id = {_quoted(self.id)}"] if self.id else []
        lines.append(f"redshift = {_quoted(self.redshift)}")
        for name, band in self.bands.items():
            lines += ["", f"[bands.{_quoted(name)}]"]
            for key in band.__dataclass_fields__:
                value = getattr(band, key)
                if value and (key, value) != ("error_kind", "sigma"):
                    lines.append(f"{key} = {_quoted(value)}")
        return "\n".join(lines) + "\n"

    def to_dict(self) -> dict:
        """The mapping as plain values, which `from_dict` takes."""
        return tomllib.loads(self.to_toml())

    @classmethod
    def from_toml(cls, source) -> "Mapping":
        """The mapping in a TOML file, by its path."""
        path = Path(source)
        try:
            return cls.from_dict(tomllib.loads(path.read_text("utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SedflowError(f"cannot read the mapping {path.name}: {error}") from None

    @classmethod
    def from_dict(cls, data) -> "Mapping":
        """The mapping of plain values such as a TOML file holds."""
        try:
            bands = {str(name): BandColumns(**band) for name, band in data["bands"].items()}
            extra = sorted(set(data) - {"id", "redshift", "bands"})
            if extra:
                raise SedflowError(f"the mapping has an unknown entry {extra[0]!r}; remove it")
            return cls(str(data["redshift"]), bands, str(data.get("id", "")))
        except (KeyError, TypeError, AttributeError) as error:
            raise SedflowError(
                f"the mapping is incomplete ({error}); it needs redshift, and [bands.NAME] with "
                "value, error and unit"
            ) from None


# Guessing

_IDS = (
    "id", "nsaid", "objid", "object_id", "objectid", "targetid", "source_id", "galaxy_id",
    "galid", "specobjid", "bestobjid", "photoobjid", "cataid", "iauname", "name", "galaxy",
)  # fmt: skip
_REDSHIFTS = (
    "redshift", "zspec", "z_spec", "specz", "zred", "z_best", "zbest", "z_helio", "z_cmb", "z",
    "zphot", "z_phot", "photoz", "zdist",
)  # fmt: skip
_PREFIXES = ("", "model", "cmodel", "petro", "auto", "elpetro", "sersic")
#: Names of value and error for band {b}, compared without case; then unit and kind of the error.
_PATTERNS = (
    ("nmgy_{b}", ("nmgy_ivar_{b}",), "nanomaggies", "ivar"),
    ("nmgy_{b}", ("nmgy_err_{b}", "nmgyerr_{b}"), "nanomaggies", "sigma"),
    ("{p}flux_{b}", ("{p}flux_ivar_{b}", "{p}fluxivar_{b}", "ivar_{b}"), "", "ivar"),
    ("{p}flux_{b}", ("{p}flux_err_{b}", "{p}fluxerr_{b}", "{p}flux_error_{b}", "{p}flux_{b}_err",
                     "{p}flux_{b}_error", "e_{p}flux_{b}", "err_{p}flux_{b}", "sigma_{b}",
                     "flux_sigma_{b}"), "", "sigma"),
    ("{b}_flux", ("{b}_flux_ivar", "{b}_ivar"), "", "ivar"),
    ("{b}_flux", ("{b}_flux_err", "{b}_fluxerr", "{b}_flux_error", "{b}_err"), "", "sigma"),
    ("{p}mag_{b}", ("{p}magerr_{b}", "{p}mag_err_{b}", "{p}mag_{b}_err", "{p}mag_error_{b}",
                    "err_{p}mag_{b}", "e_{p}mag_{b}"), "mag", "sigma"),
    ("{b}_mag", ("{b}_magerr", "{b}_mag_err", "{b}_mag_error", "e_{b}_mag"), "mag", "sigma"),
    ("{b}mag", ("e_{b}mag", "{b}magerr", "{b}mag_err"), "mag", "sigma"),
    ("{b}", ("magerr_{b}", "{b}_magerr"), "mag", "sigma"),
    ("{b}", ("ivar_{b}", "{b}_ivar"), "", "ivar"),
    ("{b}", ("{b}_err", "err_{b}", "{b}_error", "e_{b}", "sigma_{b}", "{b}_sigma", "{b}err"),
     "", "sigma"),
)  # fmt: skip
#: Columns of several numbers: fluxes, inverse variances, extinction [mag] if still to be removed.
_VECTORS = (
    ("nmgy", "nmgy_ivar", ""), ("elpetro_flux", "elpetro_flux_ivar", "extinction"),
    ("sersic_flux", "sersic_flux_ivar", "extinction"), ("modelflux", "modelflux_ivar", ""),
    ("cmodelflux", "cmodelflux_ivar", ""),
)  # fmt: skip


def guess_mapping(table, bands=NSA_BANDS, *, redshift: str = "", id: str = "") -> Mapping:
    """The mapping that the names and units of a table's columns suggest.

    Units are those of the file; where it has none, only names tell (`mag_u`, `NMGY`), and the
    others stay open (`Mapping.open`).

    Parameters
    ----------
    table : as for `to_photometry`, or a `Catalogue`
    bands : names of the bands to look for
    redshift, id : columns that are known already

    Raises
    ------
    SedflowError
        No redshift or no band is to be found.

    Examples
    --------
    >>> guess_mapping({"redshift": [0.1], "mag_u": [19.0], "magerr_u": [0.1]}).bands["u"].unit
    'mag'
    """
    columns = Columns(getattr(table, "table", table))
    lower = {}
    for name in columns.names:
        lower.setdefault(name.lower(), name)
    exact = set(columns.names)

    def find(name):
        """A column by its name as it is, or else whatever its case."""
        return name if name in exact else lower.get(name.lower())

    found = _guess_vectors(columns, find, bands)
    for band in bands if not found else ():
        columns_of = _guess_band(columns, find, band)
        if columns_of is not None:
            found[band] = columns_of
    if not found:
        raise SedflowError(
            f"no photometry found among the columns {some(columns.names)}; name them like flux_u "
            "and flux_err_u, or mag_u and magerr_u, or write a mapping"
        )
    used = {c for b in found.values() for c in (b.value, b.error)}
    redshift = redshift or _first(_REDSHIFTS, find, used)
    if redshift is None:  # with a band z, the redshift may be a Z beside it
        redshift = next((name for name in ("Z", "z") if name in exact - used), None)
    if redshift is None:
        raise SedflowError(
            f"no redshift found among the columns {some(columns.names)}; name it redshift, or say "
            "which column it is"
        )
    return Mapping(redshift, found, id or _first(_IDS, find, used | {redshift}) or "")


def _first(names, find, used):
    found = (find(name) for name in names)
    return next((column for column in found if column and column not in used), None)


def _guess_vectors(columns, find, bands):
    for value, error, extinction in _VECTORS:
        value, error = find(value), find(error)
        width = columns.width(value) if value and error else 0
        names = {7: NSA_BANDS, 5: UGRIZ}.get(width)
        if names is None or columns.width(error) != width:
            continue
        dust = find(extinction) if extinction else ""
        if extinction and (not dust or columns.width(dust) != width):
            continue
        unit = columns.unit(value) or "nanomaggies"
        return {
            band: BandColumns(
                f"{value}[{k}]", f"{error}[{k}]", unit, error_kind="ivar",
                extinction=f"{dust}[{k}]" if dust else "",
            )
            for k, band in enumerate(names)
            if band in bands
        }  # fmt: skip
    return {}


def _guess_band(columns, find, band):
    for pattern, errors, unit, kind in _PATTERNS:
        for prefix in _PREFIXES if "{p}" in pattern else ("",):
            value = find(pattern.format(b=band, p=prefix))
            error = next(filter(None, (find(e.format(b=band, p=prefix)) for e in errors)), None)
            if not value or not error or columns.width(value) or columns.width(error):
                continue
            stated, theirs = columns.unit(value), columns.unit(error)
            if kind == "ivar":
                theirs = root_of(theirs)
            own = stated or unit
            other = theirs if theirs and own and not same_unit(theirs, own) else ""
            return BandColumns(value, error, own or theirs, other, kind)
    return None


def _quoted(text):
    return json.dumps(text, ensure_ascii=False)
