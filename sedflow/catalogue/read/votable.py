"""VOTable, which must be read as a whole, being XML."""

from dataclasses import dataclass

import numpy as np

from sedflow.catalogue.columns import check_names, text_array
from sedflow.catalogue.read.source import Catalogue, Part
from sedflow.files.votable import parse_votables


@dataclass(frozen=True)
class _VOTable(Part):
    number: int = 0

    def _read(self, names):
        with self._file() as file:
            (_, table), *_ = parse_votables(file, self.name, self.bounds, self.number)
        table = table[self.start : self.stop]
        table = table if names is None else table[list(names)]
        for column in table.colnames:  # masked objects: their fill value is not text
            if table[column].dtype.kind == "O":
                filled = [v if isinstance(v, str) else "" for v in np.ma.filled(table[column], "")]
                self.bounds.check_text(max(map(len, filled), default=0), self.name, column)
                table[column] = text_array(filled)
        table.meta = {"problems": {}}
        return table


def open_votable(source, name, bounds) -> list[Catalogue]:
    with _VOTable(source, name, 0, 0, bounds)._file() as file:
        tables = parse_votables(file, name, bounds)
    found = []
    for number, (title, table) in enumerate(tables):
        check_names(table.colnames, name, bounds)
        units = {c: str(table[c].unit) for c in table.colnames if table[c].unit}
        part = _VOTable(source, name, 0, len(table), bounds, number)
        columns = tuple(table.colnames)
        found.append(Catalogue(name, "VOTable", columns, units, len(table), part, table_name=title))
    return found
