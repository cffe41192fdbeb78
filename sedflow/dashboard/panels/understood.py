"""How an uploaded table was read: sentences, the first rows, and the rows that cannot be run."""

from collections.abc import Iterable
from typing import Any

import pandas as pd
import panel as pn

from sedflow.dashboard.widgets import plain, printable, prose, tall, text_table, typeset

__all__ = ["UnderstoodPanel"]

_MOST_SAID = 40  # sentences on how columns were read
_MOST_PROBLEMS = 200  # rows that cannot be run


class UnderstoodPanel(pn.viewable.Viewer):
    """What was understood of a table; nothing before there is one."""

    def __init__(self, **params):
        super().__init__(**params)
        self.report = prose("", margin=(0, 10), sizing_mode="stretch_width")
        self.preview = text_table(height=170)
        self.problems = text_table(height=150)

    def tell(self, said: Iterable[str], first: pd.DataFrame, problems: Iterable[Any]) -> None:
        """Say how the columns were read, and show rows.

        first : of the rows, as they were read
        problems : with row, id and reason
        """
        lines = [f"- {plain(typeset(text))}" for text in [*said][:_MOST_SAID]]
        last = "The first rows as they are used, fluxes and errors in nanomaggies:"
        self.report.object = "\n".join(["How the columns were read:", "", *lines, "", last])
        exact = first["redshift"].round(5) if "redshift" in first else None
        first = first.round(3)
        if exact is not None:
            first["redshift"] = exact
        first["id"] = first["id"].map(printable)  # numbers of 19 digits lose some in a browser
        # Below, each row that cannot be run has its problem.
        first = first.drop(columns="problem", errors="ignore")
        for name in first.columns:
            if first[name].dtype.kind == "f" and (first[name] < 0).any():  # a table prints a hyphen
                first[name] = ["" if v != v else typeset(f"{v:g}") for v in first[name]]
        self.preview.param.update(value=first, visible=True, height=tall(len(first)))
        rows = [
            (p.row, "" if p.id is None else printable(p.id), typeset(p.reason))
            for p in [*problems][:_MOST_PROBLEMS]
        ]
        self.problems.param.update(
            value=pd.DataFrame(rows, columns=["row, from 0", "id", "problem"]),
            visible=bool(rows),
            height=tall(len(rows)),
        )

    def hide(self) -> None:
        """Show nothing: the columns as chosen cannot be read."""
        self.report.object = ""
        self.preview.visible = self.problems.visible = False

    def clear(self) -> None:
        """Forget the table."""
        self.hide()
        self.preview.value = self.problems.value = pd.DataFrame()

    def __panel__(self):
        return pn.Column(self.report, self.preview, self.problems, sizing_mode="stretch_width")
