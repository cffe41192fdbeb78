"""A run of an uploaded catalogue: what decides its results, and the results with what made them.

Both are bound together when "Run" is pressed: whatever a visitor changes afterwards belongs to
another run.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from sedflow.catalogue.infer import bad_rows, infer_partition
from sedflow.catalogue.mapping import ColumnMap
from sedflow.catalogue.rows import Problem, Rows
from sedflow.dashboard.answer import OwnGalaxy
from sedflow.network.posterior import AmortizedPosterior
from sedflow.redshifts import MAX_REDSHIFT, outside_model

#: Of each galaxy.
DRAWS = 1000


@dataclass(frozen=True, eq=False)
class Inputs:
    """Everything that decides the results of a catalogue.

    name : of the file
    table : astropy Table of its rows, which nobody changes
    mapping : what its columns mean
    rows : what was read by it
    weights : name of the network
    known : bands that it knows
    """

    name: str
    table: Any
    mapping: ColumnMap
    rows: Rows
    weights: str
    known: tuple[str, ...]

    @property
    def todo(self) -> np.ndarray:
        """Numbers of the rows that can be run.

        Each has a flux in a band that the network knows, at a redshift that the model has.
        """
        return self.rows.rows[self._measured & ~self._far]

    @property
    def problems(self) -> list[Problem]:
        """What keeps rows from being run, in their order."""
        found, ids = list(self.rows.problems), self.rows.ids.data
        if len(self.todo):  # else one sentence on all of them is enough
            why = f"there is a flux in none of {', '.join(self.known)}, which the network knows"
            found += [Problem(int(r), ids[r], why) for r in self.rows.rows[~self._measured]]
        z = self.rows.photometry.redshift
        found += [
            Problem(int(self.rows.rows[k]), ids[self.rows.rows[k]], outside_model(z[k]))
            for k in np.flatnonzero(self._far & self._measured)
        ]
        return sorted(found, key=lambda problem: problem.row)

    @property
    def _measured(self):
        photometry = self.rows.photometry
        mine = [k for k, band in enumerate(photometry.bands) if band in self.known]
        return np.isfinite(photometry.flux[:, mine]).any(1)

    @property
    def _far(self):
        return self.rows.photometry.redshift > MAX_REDSHIFT

    def part(self, rows: np.ndarray, posterior: AmortizedPosterior) -> pd.DataFrame:
        """Results of some rows, by their numbers."""
        kind = "int" if np.issubdtype(self.rows.ids.dtype, np.integer) else "str"
        some = self.table[rows]
        some.meta.pop("problems", None)  # of lines, by their numbers in the whole; none is here
        part = infer_partition(some, self.mapping, posterior, n=DRAWS, first=0, id_kind=kind)
        return self._numbered(part, rows)

    def refused(self, posterior: AmortizedPosterior) -> pd.DataFrame:
        """The same of the rows that cannot be run, with their reasons."""
        part = bad_rows(self.rows, self.problems, self.mapping, posterior)
        return self._numbered(part, part["row"].to_numpy())

    def _numbered(self, part, rows):
        part["row"] = rows
        if not self.mapping.id:
            part["id"] = pd.array(rows, dtype="Int64")
        return part


@dataclass(frozen=True, eq=False)
class Results:
    """What a run found, and what it was made from.

    frame : DataFrame with a row for each that was run
    refused : the same of those that cannot be run, with their reasons
    """

    inputs: Inputs
    frame: pd.DataFrame = field(repr=False)
    refused: pd.DataFrame = field(repr=False)

    @property
    def whole(self) -> pd.DataFrame:
        """The same with the rows that cannot be run, each with its reason: what files have."""
        both = pd.concat([self.frame, self.refused], ignore_index=True)
        return both.sort_values("row", ignore_index=True)

    def galaxy(self, k: int) -> tuple[str, OwnGalaxy]:
        """Name and photometry of the k-th row of the results, as the run had them."""
        inputs = self.inputs
        at = int(np.flatnonzero(inputs.rows.rows == int(self.frame["row"].iloc[k]))[0])
        name = f"{inputs.name} {self.frame['id'].iloc[k]}"
        return name, OwnGalaxy(replace(inputs.rows.photometry[at], ids=None))
