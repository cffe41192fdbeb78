"""HDF5: a data set of records, as astropy and pandas' `to_records` write, or a group of columns."""

from dataclasses import dataclass

import numpy as np

from sedflow.catalogue.columns import check_names, text_array, unit_among
from sedflow.catalogue.read.source import Catalogue, Part, not_read
from sedflow.catalogue.read.text import parsed_yaml, plain_yaml
from sedflow.errors import SedflowError
from sedflow.files.guard import reading
from sedflow.files.hdf5 import own
from sedflow.units import column_unit

_DEEPEST, _MOST = 6, 2000  # groups inside one another, and items, that are looked at
_ABOUT = ".__table_column_meta__"  # astropy's description of a table


@dataclass(frozen=True)
class _HDF5(Part):
    place: str = ""
    columns: tuple[str, ...] = ()
    units: tuple[tuple[str, str], ...] = ()

    def _read(self, names):
        import h5py
        from astropy.table import Table

        names, units = list(self.columns if names is None else names), dict(self.units)
        table = Table(meta={"problems": {}})
        with self._file() as handle, reading(), h5py.File(handle, "r") as file:
            rows = slice(self.start, self.stop)
            if isinstance(file[self.place or "/"], h5py.Dataset):
                item = own(file, self.place)
                size = (self.stop - self.start) * item.dtype.itemsize
                self.bounds.check_decoded(size, self.name)
                records = item[rows]
                values = {n: records[n] for n in names}
            else:
                values = {n: _scaled(own(file, _path(self.place, n)), rows) for n in names}
        for name, column in values.items():
            table[name] = self._plain(name, column)
            table[name].unit = column_unit(units.get(name))
        return table

    def _plain(self, name, column):
        if column.dtype.kind in "OS":
            texts = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in column]
            if not all(isinstance(text, str) for text in texts):
                return np.full(len(column), "a list of any length", dtype=object)
            self.bounds.check_text(max(map(len, texts), default=0), self.name, name)
            return text_array(texts)
        return column


def _path(place, name):
    return f"{place}/{name}".lstrip("/")


def _scaled(item, rows):
    """Values as netCDF's conventions say: nulls by the stored number, then scale and offset."""
    from astropy.table import MaskedColumn

    values, attrs = item[rows], item.attrs
    if values.dtype.kind not in "iuf":
        return values
    null = np.zeros(values.shape, dtype=bool)
    for key in ("_FillValue", "missing_value"):
        for number in np.ravel(attrs.get(key, ())):
            null |= values == np.asarray(number).astype(values.dtype)
    scale, offset = (np.ravel(attrs.get(k, ())) for k in ("scale_factor", "add_offset"))
    if scale.size == 1 or offset.size == 1:
        values = values.astype(float)
        values = values * float(scale[0]) if scale.size == 1 else values
        values = values + float(offset[0]) if offset.size == 1 else values
    return MaskedColumn(values, mask=null) if null.any() else values


def open_hdf5(source, name, bounds) -> list[Catalogue]:
    import h5py

    found = []
    with (
        _HDF5(source, name, 0, 0)._file() as handle,
        reading(),
        h5py.File(handle, "r") as file,
    ):
        for place, columns, n_rows, widths, lost in _tables(file, name):
            check_names(columns, name, bounds)
            bounds.check_rows(n_rows, name)
            for column, width in widths.items():
                bounds.check_vector(width, name, column)
            units = _units(file, place, columns)
            part = _HDF5(
                source, name, 0, n_rows, bounds, place, tuple(columns), tuple(units.items())
            )
            title = place or "/"
            found.append(
                Catalogue(
                    name,
                    "HDF5",
                    tuple(columns),
                    units,
                    n_rows,
                    part,
                    table_name=title,
                    notes=not_read(lost),
                )
            )
    if not found:
        raise SedflowError(
            f"{name} is an HDF5 file without a table; give one with a data set of records, or with "
            "a group of columns of one length"
        )
    return found


def _tables(file, name):
    """Place, columns, rows, widths of each table, and what beside its columns is not read.

    What is linked from elsewhere is not looked at.
    """
    import h5py

    found, seen = [], 0

    def walk(group, place, depth):
        nonlocal seen
        columns, inner, lost = {}, [], {}
        for key in group:
            seen += 1
            if seen > _MOST:
                return
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                lost[key] = "a link, which is not followed"
                continue
            path, item = f"{place}/{key}".lstrip("/"), group[key]
            if isinstance(item, h5py.Group):
                inner.append((item, path))
            elif key.endswith(_ABOUT):
                continue
            elif not item.shape:
                lost[key] = "one value" if item.shape is not None else "no value"
            elif item.dtype.names and len(item.shape) == 1:
                own(file, path)
                kinds = {n: item.dtype[n] for n in item.dtype.names}
                good = [n for n, t in kinds.items() if t.kind in "OSbiuf" or t.subdtype]
                widths = {n: int(np.prod(kinds[n].shape)) for n in good if kinds[n].shape}
                others = {n: str(t)[:40] for n, t in kinds.items() if n not in good}
                found.append((path, good, item.shape[0], widths, others))
            elif len(item.shape) <= 2 and item.dtype.kind in "OSbiuf":
                columns[key] = item
            else:
                lost[key] = f"values {' x '.join(map(str, item.shape))} of {str(item.dtype)[:40]}"
        rows = {item.shape[0] for item in columns.values()}
        if len(columns) > 1 and len(rows) == 1:
            for key in columns:
                own(file, _path(place, key))
            widths = {k: i.shape[1] for k, i in columns.items() if len(i.shape) == 2}
            found.append((place, list(columns), rows.pop(), widths, lost))
        if depth < _DEEPEST:
            for item, path in inner:
                walk(item, path, depth + 1)

    walk(file, "", 0)
    return found


def _units(file, place, columns):
    """Units that astropy described beside a table, or that are attributes of its columns."""
    import h5py

    units = {}
    if isinstance(file[place or "/"], h5py.Group):
        for column in columns:
            attrs = file[_path(place, column)].attrs
            unit = unit_among(attrs)[:100]
            units |= {column: unit} if unit else {}
        return units
    about = own(file, place + _ABOUT, 100_000)
    if about is not None:
        lines = [v.decode() if isinstance(v, bytes) else str(v) for v in about[...].tolist()]
        for entry in parsed_yaml("\n".join(lines))["datatype"]:
            if entry.get("unit"):
                units[plain_yaml(entry["name"])] = plain_yaml(entry["unit"])
    return units
