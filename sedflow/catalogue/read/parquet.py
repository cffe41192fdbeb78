"""Parquet, one file or a folder of files."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sedflow.catalogue.arrow import from_arrow
from sedflow.catalogue.columns import check_names, unit_among
from sedflow.catalogue.read.pandas_index import index_of_file
from sedflow.catalogue.read.parquet_file import ParquetFile
from sedflow.catalogue.read.source import Catalogue, Part, files_in, not_read
from sedflow.catalogue.read.text import parsed_yaml, plain_yaml
from sedflow.errors import SedflowError
from sedflow.units import column_unit


@dataclass(frozen=True)
class _Parquet(Part):
    """index : name of a column whose numbers are the metadata's alone, and those of each file"""

    index: tuple[str, tuple[range, ...]] = field(default=("", ()), kw_only=True)

    def _read(self, names):
        name, numbers = self.index
        if not name or (names is not None and name not in names):
            return self._read_columns(names)
        table = self._read_columns(None if names is None else [n for n in names if n != name])
        table[name] = np.concatenate(numbers)[self.start : self.stop]
        return table

    def _read_columns(self, names):
        import pyarrow as pa
        from astropy.table import Table

        table, parts, units = Table(meta={"problems": {}}), [], {}
        chosen = self._groups(names)
        for k, file in enumerate(_parquet_files(self.source, self.name)):
            names = file.flat_names if names is None else list(names)
            units = units or _parquet_units(file.schema)
            for group, low, high in chosen[k]:
                parts += file.rows(group, names, low, high, self.bounds)
            empty = file.schema.empty_table().select(names)
        for name in names:
            pieces = [part.column(part.schema.get_field_index(name)) for part in parts]
            table[name] = from_arrow(pa.chunked_array(pieces) if pieces else empty.column(name))
            if table[name].ndim > 1:
                self.bounds.check_vector(table[name].shape[1], self.name, name)
            table[name].unit = column_unit(units.get(name))
        return table

    def _groups(self, names):
        """Of each file: its row groups with rows of this part, and which; none is decoded yet."""
        chosen, first, size = [], 0, 0
        for file in _parquet_files(self.source, self.name):
            mine = file.flat_names if names is None else names
            chosen.append([])
            for group, n in enumerate(file.group_rows):
                low, high = max(self.start - first, 0), min(self.stop - first, n)
                if low < high:
                    size += file.decoded(group, mine, high - low, self.bounds)
                    chosen[-1].append((group, low, high))
                first += n
        self.bounds.check_decoded(size, self.name)
        return chosen


def open_parquet(source, name, bounds) -> Catalogue:
    if isinstance(source, Path) and source.is_dir() and not files_in(source):
        raise SedflowError(f"the folder {name} holds no Parquet file; give one that does")
    n_rows, columns, first, lost = 0, None, None, {}
    units: dict[str, str] = {}
    indexes: list[tuple[str, range]] = []
    for file in _parquet_files(source, name):
        check_names(file.schema.names, name, bounds)
        mine, own = file.flat_names, sum(file.group_rows)
        index, numbers = index_of_file(file.schema.metadata, file.schema.names, own)
        indexes.append((index, range(own) if numbers is None else numbers))
        if columns is not None and mine != columns:
            raise SedflowError(f"the files of {name} differ in their columns; fix them")
        if first is None:
            columns, units, first = mine, _parquet_units(file.schema), file
            lost = {f.name: str(f.type)[:40] for f in file.schema if f.name not in mine}
        _check_alike(file, first, units, name)
        n_rows += own
    bounds.check_rows(n_rows, name)
    index = next((index for index, _ in indexes if index), "")
    ranges = tuple(numbers for _, numbers in indexes)
    alone = bool(index) and index not in (columns or ())
    part = _Parquet(source, name, 0, n_rows, bounds, index=(index, ranges) if alone else ("", ()))
    columns = (*(columns or ()), *([index] if alone else []))
    notes = not_read(lost)
    return Catalogue(name, "Parquet", columns, units, n_rows, part, notes=notes, index=index)


def _check_alike(file, first, units, name):
    """Refuse a file of a folder whose columns have other types or units than in the first."""
    if file.schema.equals(first.schema, check_metadata=True):
        return
    mine = _parquet_units(file.schema)
    for column in file.flat_names:
        types = [str(f.schema.field(column).type) for f in (file, first)]
        for what, (a, b) in (
            ("has the type", types),
            ("is in", [u.get(column) or "no unit" for u in (mine, units)]),
        ):
            if a != b:
                raise SedflowError(
                    f"the column {column[:40]!r} of {file.place.name} in {name} {what} {a[:40]}, "
                    f"but in {first.place.name} {b[:40]}; write the files again alike"
                )


def _parquet_files(source, name):
    """The open files of a catalogue, one after the other."""
    if isinstance(source, bytes):
        places = [source]
    else:
        places = files_in(source) if source.is_dir() else [source]
    for place in places:
        if isinstance(place, Path):
            _check_place(place, source)
        with ParquetFile(place, name) as file:
            yield file


def _check_place(path, source):
    """Refuse what is not a file, and links out of the folder that was given."""
    if not path.is_file():
        raise SedflowError(f"{path} is not a regular file; give the file itself, or a copy of it")
    if source.is_dir() and not path.resolve().is_relative_to(source.resolve()):
        raise SedflowError(
            f"{path.name} is a link to a file outside the folder {source.name}, which is not "
            "followed; give the folder that holds the files, or copy them"
        )


def _parquet_units(schema):
    """Units beside the fields, or that astropy left in a file of its own."""
    fields = {field.name: unit_among(field.metadata)[:100] for field in schema}
    units = {name: unit for name, unit in fields.items() if unit}
    text = (schema.metadata or {}).get(b"table_meta_yaml")
    if text is None:
        return units
    columns = parsed_yaml(text.decode())["datatype"]
    return units | {plain_yaml(c["name"]): plain_yaml(c["unit"]) for c in columns if c.get("unit")}
