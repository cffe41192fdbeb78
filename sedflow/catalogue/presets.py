"""Catalogues of well-known surveys and programs, known by their columns (`data/presets.toml`)."""

import tomllib
from dataclasses import dataclass
from functools import cache

from sedflow.catalogue.band_columns import BandColumns
from sedflow.catalogue.column_names import BARE, LOOSE, OF_VALUE
from sedflow.errors import check_choice
from sedflow.files.packaged import checked_path

_OPTICAL = "ugrizy"  # letters of bands that a table may have beside those of its survey
_KEYS = ("unit", "system", "error_kind", "error_unit", "corrected")


@dataclass(frozen=True)
class Preset:
    """A named layout of columns.

    name, title : of the catalogue, as a key and in words
    marks : columns that tell it; all of any one group
    unless : columns that tell that it is another
    bands : letter in the names -> filter
    vector : filters of the elements, where fluxes are columns of several numbers
    photometry : names and units of value, error and correction, the best ones first
    redshift, id : names, the best ones first
    corrected : "no" where it has Galactic extinction in its fluxes, unless a column says how much
    note : what to know of it
    """

    name: str
    title: str
    marks: list
    photometry: list
    bands: dict
    vector: tuple = ()
    unless: tuple = ()
    redshift: tuple = ()
    id: tuple = ()
    corrected: str = ""
    note: str = ""

    def fits(self, columns, find) -> bool:
        """Whether the columns are those of this catalogue."""
        letters = self.bands or {"": ""}

        def there(group):
            return any(all(named(find, n, b) for n in group) for b in letters)

        return any(map(there, self.marks)) and not any(map(there, self.unless))

    def columns_of(self, columns, find, by_value=False) -> dict[str, BandColumns]:
        """The columns of its bands, by the names that give the most of them.

        by_value : take errors whose names are made of those of their values, as dered_u_err, and
            not the survey's own
        """
        layouts = _by_value(self.photometry) if by_value else self.photometry
        found = [self._by(layout, columns, find) for layout in layouts]
        return max(found, key=len) if found else {}

    def without_errors(self, found, columns, find) -> list[str]:
        """Values of further bands that are named as those found, and have no errors."""
        read = {one.value for one in found.values()}
        for layout in self.photometry:
            names = [named(find, layout["value"], letter) for letter in self.bands]
            if layout["value"] != BARE and read & set(names):
                return [n for n in names if n and n not in read and not columns.width(n)]
        return []

    def beyond(self, found, columns, find) -> list[str]:
        """Values of optical bands that this catalogue has not, named as those found are."""
        read = {one.value for one in found.values()}
        own = {letter.lower() for letter in self.bands}
        for layout in self.photometry:
            value = layout["value"]
            if value != BARE and read & {named(find, value, letter) for letter in self.bands}:
                names = [named(find, value, letter) for letter in _OPTICAL if letter not in own]
                return [n for n in names if n and n not in read and not columns.width(n)]
        return []

    def _by(self, layout, columns, find):
        if self.vector:
            return self._vectors(layout, columns, find)
        out = {}
        for letter, band in self.bands.items():
            names = {
                what: named(find, layout.get(what, ""), letter)
                for what in ("value", "error", "extinction", "transmission")
            }
            loose = layout["error"] in LOOSE and layout.get("error_kind", "sigma") == "sigma"
            if names["value"] and loose and layout["value"] != BARE:  # rather one that names it
                full = (find(name.format(v=names["value"])) for name in OF_VALUE)
                names["error"] = next(filter(None, full), names["error"])
            both = names["value"] and names["error"]
            both = both and columns.fit(names["value"], names["error"])
            if both and not any(columns.width(name) for name in names.values() if name):
                out[band] = self._band(layout, names)
        return {} if self._is_of_redshift(layout, out, find) else out

    def _is_of_redshift(self, layout, found, find):
        """Whether z alone has an error here that may be the redshift's, beside other bands."""
        if set(found) != {self.bands.get("z")}:
            return False
        others = [letter for letter in self.bands if letter != "z"]
        return (layout["error"] in LOOSE or layout["value"] == BARE) and any(
            named(find, another["value"], letter)
            for another in self.photometry
            for letter in others
        )

    def _vectors(self, layout, columns, find):
        names = {k: find(layout[k]) for k in ("value", "error", "extinction") if layout.get(k)}
        if not (names["value"] and names["error"]):
            return {}
        if not columns.fit(names["value"], names["error"]):
            return {}
        width = columns.width(names["value"])
        bands = {len(self.vector): self.vector, 5: self.vector[-5:]}.get(width, ())
        if any(columns.width(name) != width for name in names.values() if name):
            return {}
        return {
            band: self._band(layout, {what: f"{name}[{k}]" for what, name in names.items() if name})
            for k, band in enumerate(bands)
        }

    def _band(self, layout, names):
        entries = {key: layout[key] for key in _KEYS if key in layout}
        if not (names.get("extinction") or names.get("transmission")):
            entries.setdefault("corrected", self.corrected)
        return BandColumns(**entries, **{what: name for what, name in names.items() if name})


def _by_value(photometry):
    """The names of a survey's values with errors that are named by them."""
    for layout in photometry:
        own = {key: text for key, text in layout.items() if key not in ("error_kind", "error_unit")}
        if layout["value"] != BARE:
            yield from ({**own, "error": name.format(v=layout["value"])} for name in OF_VALUE)


def named(find, pattern, letter):
    """The column that a pattern names for a band; None if there is none.

    Case says nothing, but for a letter alone: U, R and I are other bands than u, r and i. Where a
    whole name is in capitals, so is everything in that file.
    """
    name = find(pattern.format(b=letter)) if pattern else None
    if name is None or len(letter) != 1 or "{b}" not in pattern or not name.isascii():
        return name
    at = pattern.index("{b}")
    if name[at] == letter or not letter.islower():
        return name
    rest = name[:at] + name[at + 1 :]
    return name if rest.isupper() else None


def preset_of(name: str) -> Preset:
    """The preset of this name; `SedflowError` with the names that there are.

    >>> preset_of("hsc").title
    'the Hyper Suprime-Cam survey'
    """
    found = {preset.name: preset for preset in presets()}
    check_choice("preset", name, found)
    return found[name]


@cache
def presets() -> tuple[Preset, ...]:
    """All presets, in the order in which columns are compared with them."""
    table = tomllib.loads(checked_path("presets.toml").read_text("utf-8"))
    return tuple(Preset(name, **{"bands": {}, **entries}) for name, entries in table.items())
