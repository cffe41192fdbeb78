"""A run of an uploaded catalogue: what decides its results, and the results with what made them.

Both are bound together when "Run" is pressed: whatever a visitor changes afterwards belongs to
another run.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from sedflow.catalogue.infer import infer_partition
from sedflow.catalogue.mapping import ColumnMap
from sedflow.catalogue.rows import Rows
from sedflow.dashboard.answer import OwnGalaxy
from sedflow.network.posterior import AmortizedPosterior

__all__ = ["Inputs", "Results"]

_DRAWS = 1000


@dataclass(frozen=True, eq=False)
class Inputs:
    """Everything that decides the results of a catalogue.

    name : of the file
    table : astropy Table of its rows, which nobody changes
    mapping : what its columns mean
    rows : what was read by it
    weights : name of the network
    """

    name: str
    table: Any
    mapping: ColumnMap
    rows: Rows
    weights: str

    @property
    def todo(self) -> np.ndarray:
        """Numbers of the rows that can be run."""
        return self.rows.rows

    def part(self, rows: np.ndarray, posterior: AmortizedPosterior) -> pd.DataFrame:
        """Results of some rows, by their numbers."""
        kind = "int" if np.issubdtype(self.rows.ids.dtype, np.integer) else "str"
        part = infer_partition(
            self.table[rows], self.mapping, posterior, n=_DRAWS, first=0, id_kind=kind
        )
        part["row"] = rows
        if not self.mapping.id:
            part["id"] = pd.array(rows, dtype="Int64")
        return part


@dataclass(frozen=True, eq=False)
class Results:
    """What a run found, and what it was made from.

    frame : DataFrame with a row for each that was run
    """

    inputs: Inputs
    frame: pd.DataFrame = field(repr=False)

    def galaxy(self, k: int) -> tuple[str, OwnGalaxy]:
        """Name and photometry of the k-th row of the results, as the run had them."""
        inputs = self.inputs
        at = int(np.flatnonzero(inputs.todo == int(self.frame["row"].iloc[k]))[0])
        name = f"{inputs.name} {self.frame['id'].iloc[k]}"
        return name, OwnGalaxy(replace(inputs.rows.photometry[at], ids=None))
