"""Catalogues of well-known surveys and programs, known by their columns (`data/presets.toml`)."""

import tomllib
from dataclasses import dataclass
from functools import cache

from sedflow.catalogue.band_columns import BandColumns
from sedflow.errors import check_choice
from sedflow.files.packaged import checked_path

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

    def columns_of(self, columns, find) -> dict[str, BandColumns]:
        """The columns of its bands, by the names that give the most of them."""
        found = [self._by(layout, columns, find) for layout in self.photometry]
        return max(found, key=len) if found else {}

    def _by(self, layout, columns, find):
        if self.vector:
            return self._vectors(layout, columns, find)
        out = {}
        for letter, band in self.bands.items():
            names = {
                what: named(find, layout.get(what, ""), letter)
                for what in ("value", "error", "extinction", "transmission")
            }
            both = names["value"] and names["error"]
            if both and not any(columns.width(name) for name in names.values() if name):
                out[band] = self._band(layout, names)
        return out

    def _vectors(self, layout, columns, find):
        names = {k: find(layout[k]) for k in ("value", "error", "extinction") if layout.get(k)}
        if not (names["value"] and names["error"]):
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
