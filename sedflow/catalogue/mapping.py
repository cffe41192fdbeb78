"""Which columns of a table hold what: stated, or read from a small TOML file.

    id = "objid"
    redshift = "zspec"

    [bands.u]
    value = "flux[0]"           # the first of a column of several numbers
    error = "flux_ivar[0]"
    error_kind = "ivar"         # or "sigma", the default, "variance", "relative", ...
    unit = "nanomaggies"        # or Jy, mJy, uJy, ..., mag (AB)
    extinction = "A_u"          # [mag] to take away, where fluxes are not corrected yet
    floor = "5 %"               # of the flux, added to the error; or "recommended"

`BandColumns` lists all entries of a band.

`guess.guess_mapping` finds the map where names and units are clear. A unit that neither the file
nor a name says is left open, and nothing is computed before someone states it.
"""

import json
import re
import tomllib
from dataclasses import dataclass, field, replace

import numpy as np

from sedflow.bands import load_band
from sedflow.catalogue.band_columns import NEGATIVE, BandColumns
from sedflow.catalogue.columns import some
from sedflow.curve_hashes import check_curves, own_curves
from sedflow.errors import SedflowError, check_kind
from sedflow.files.bounds import MAPPING_BYTES
from sedflow.files.paths import as_path
from sedflow.flux_units import flux_unit, same_flux_unit
from sedflow.model.floors import floor_share
from sedflow.nulls import NO_MAGNITUDE_WORDS


@dataclass(frozen=True)
class ColumnMap:
    """Which columns of a table hold IDs, redshifts and photometry.

    redshift : column
    bands : band name -> `BandColumns`; "decam2014-g" is another filter than "g", the SDSS's
    id : column; "" numbers the rows from 0
    notes : what was guessed, in sentences, for whoever reads the columns
    by_name : bands whose unit only the name of the column told, so that a stated unit comes first
    """

    redshift: str
    bands: dict[str, BandColumns]
    id: str = ""
    notes: tuple[str, ...] = field(default=(), compare=False, repr=False)
    by_name: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    def __post_init__(self):
        check_kind("redshift", self.redshift, str, "the name of a column")
        check_kind("bands", self.bands, dict, "BandColumns by the name of the band")
        if not self.bands:
            raise SedflowError("a mapping needs at least one band")
        used: dict[str, str] = {self.redshift: "redshift"}
        for name, band in self.bands.items():
            check_kind(f"the band {name}", band, BandColumns, "BandColumns")
            load_band(name)  # the sentence on an unknown name comes from there
            for what in ("value", "error", "error_upper", "extinction", "transmission"):
                column, role = getattr(band, what), f"{what} of {name}"
                if column and column in used:
                    raise SedflowError(
                        f"the column {column!r} is mapped twice, as {used[column]} and as {role}; "
                        "give each its own (where two bands do share one, copy the column under "
                        "another name)"
                    )
                used[column] = role

    def columns_in(self, names) -> list[str]:
        """The columns to read of a table that has these; `SedflowError` if one is missing."""
        wanted = [self.id, self.redshift]
        for band in self.bands.values():
            wanted += [band.value, band.error, band.error_upper, band.correction]
            wanted += [band.limit] if band.limit != NEGATIVE else []
        found: dict[str, None] = {}
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

    def in_unit(self, unit: str) -> "ColumnMap":
        """The mapping with this unit where the file tells none.

        A name such as mag_u tells the unit less surely than the user does. "mag" leaves the
        system open, which may be in a name (the SDSS's asinh magnitudes); "mag(AB)" does not.
        """
        stated, bands, aside = flux_unit(unit), {}, []
        for name, band in self.bands.items():
            if band.unit:
                told = name not in self.by_name
                told |= band.flux_unit.logarithmic != stated.logarithmic
                told |= unit.strip().lower() == "mag"
            keep = bool(band.unit) and told
            if keep and not same_flux_unit(band.unit, unit):
                aside.append(f"{name} ({band.full_unit})")
            bands[name] = band if keep else replace(band, unit=unit, error_unit="", system="")
        notes = self.notes
        if aside:
            which = ", ".join(aside[:8]) + ", ..." * (len(aside) > 8)
            notes += (f"the stated unit {unit} is not that of {which}, which the table tells",)
        return replace(self, bands=bands, notes=notes)

    def with_entries(self, entries: dict[str, str]) -> "ColumnMap":
        """The mapping with entries of `BandColumns` changed: "unit" of all bands, "u.unit" of one.

        >>> one = BandColumns("f", "e", "uJy")
        >>> ColumnMap("z", {"u": one}).with_entries({"error_kind": "ivar"}).bands["u"].error_kind
        'ivar'
        """
        check_kind("entries", entries, dict, "values by the name of the entry")
        changes: dict[str, dict[str, str]] = {name: {} for name in self.bands}
        for key, value in entries.items():
            name, _, entry = key.rpartition(".")
            if entry not in BandColumns.__dataclass_fields__ or (name and name not in self.bands):
                raise SedflowError(
                    f"{key!r} is not an entry of the mapping; give ENTRY=VALUE for all bands, or "
                    f"BAND.ENTRY=VALUE for one of {', '.join(self.bands)}, with the entry one of "
                    f"{', '.join(BandColumns.__dataclass_fields__)}"
                )
            for band in (name,) if name else self.bands:
                changes[band][entry] = value.replace("{b}", band.rsplit("-", 1)[-1])
        for change in changes.values():
            if {"extinction", "transmission", "ebv"} & set(change):  # a survey's own state is over
                change.setdefault("corrected", "")
        bands = {name: replace(band, **changes[name]) for name, band in self.bands.items()}
        return replace(self, bands=bands)

    def with_floor(self, text: str) -> "ColumnMap":
        """The mapping with floors: "recommended", "3 %" for every band, or "u=5 %,r=0.02".

        Raises
        ------
        SedflowError
            A band is not in the mapping, or a floor is not a share of the flux.
        """
        check_kind("text", text, str, "a share of the flux, such as '2 %'")
        given = dict.fromkeys(self.bands, text)
        if "=" in text:
            pairs = [one.partition("=")[::2] for one in text.split(",")]
            given = {name.strip(): value.strip() for name, value in pairs}
        unknown = sorted(set(given) - set(self.bands))
        if unknown:
            raise SedflowError(
                f"the floor is of {unknown[0]!r}, but the mapping has {', '.join(self.bands)}"
            )
        for name, value in given.items():
            floor_share(value, name)
        bands = {
            name: replace(band, floor=given.get(name, band.floor))
            for name, band in self.bands.items()
        }
        return replace(self, bands=bands)

    def select(self, names) -> "ColumnMap":
        """The mapping with those of its bands that are named."""
        if not np.iterable(names):
            check_kind("names", names, str, "names of bands")
        return replace(self, bands={k: v for k, v in self.bands.items() if k in names})

    def in_words(self) -> str:
        """Which columns are read as what, in a sentence."""
        bands = []
        for name, band in self.bands.items():
            kind = "" if band.error_kind == "sigma" else f" ({band.error_kind})"
            dust = f", less {band.correction}" if band.correction else ""
            dust += f", floor {100 * share:g} %" if (share := floor_share(band.floor, name)) else ""
            unit = band.full_unit or "unit not known"
            bands.append(f"{name} = {band.value} +- {band.error}{kind} [{unit}]{dust}")
        none = ""
        if any(band.unit and band.magnitudes for band in self.bands.values()):
            none = f"; magnitudes of {NO_MAGNITUDE_WORDS} count as missing"
        who = self.id or "numbers of the rows"
        return f"columns: id = {who}; redshift = {self.redshift}; {'; '.join(bands)}{none}"

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
        if curves := own_curves(self.bands):  # a path alone does not say which curve was meant
            lines += ["", "[curves]"]
            lines += [f"{_quoted(name)} = {_quoted(digest)}" for name, digest in curves.items()]
        return "\n".join(lines) + "\n"

    def to_dict(self) -> dict:
        """The mapping as plain values, which `from_dict` takes."""
        return tomllib.loads(self.to_toml())

    @classmethod
    def from_toml(cls, source) -> "ColumnMap":
        """The mapping in a TOML file, by its path."""
        path = as_path(source)
        try:
            if not path.is_file() or path.stat().st_size > MAPPING_BYTES:
                raise ValueError(
                    f"it is not a regular file of {MAPPING_BYTES / 1e6:g} MB at most"
                    if path.exists()
                    else "there is no such file"
                )
            data = tomllib.loads(path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as error:  # of TOML, numbers and text
            problem = " ".join(str(error).split())[:200]
            raise SedflowError(f"cannot read the mapping {path.name}: {problem}") from None
        return cls.from_dict(data)

    @classmethod
    def from_dict(cls, data) -> "ColumnMap":
        """The mapping of plain values such as a TOML file holds."""
        try:
            bands = {str(name): BandColumns(**band) for name, band in data["bands"].items()}
            extra = sorted(set(data) - {"id", "redshift", "bands", "curves"})
            if extra:
                raise SedflowError(f"the mapping has an unknown entry {extra[0]!r}; remove it")
            curves = data.get("curves", {})
            if not all(isinstance(digest, str) for digest in curves.values()):
                raise TypeError("curves must be text")
            check_curves(curves, curves, "the mapping", SedflowError)
            return cls(str(data["redshift"]), bands, str(data.get("id", "")))
        except (KeyError, TypeError, AttributeError) as error:
            raise SedflowError(
                f"the mapping is incomplete ({error}); it needs redshift, and [bands.NAME] with "
                "value, error and unit"
            ) from None


def _quoted(text):
    return json.dumps(text, ensure_ascii=False)


Mapping = ColumnMap  # the name that it had, and that programs use
