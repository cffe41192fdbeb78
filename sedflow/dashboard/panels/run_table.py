"""A page of a run's rows as a table, and the bar that turns pages."""

import math

import pandas as pd
import panel as pn
import param

from sedflow.catalogue.results import RunTable
from sedflow.dashboard.panels.run_columns import SHOWN, TITLES, rounded, sorted_by
from sedflow.dashboard.panels.run_state import RunState
from sedflow.dashboard.widgets import PRESSED, SMALL_TABLE, TextTable, prose

__all__ = ["PAGE_ROWS", "RunRows"]

PAGE_ROWS = 15
_LAST = 52  # of "A_V", beside the bar that scrolls [px]
_VERDICT = 168  # of "exact (weights), misfit" in the bold type of the chosen row [px]


class RunRows(pn.viewable.Viewer):
    """The table of a run; it sets order, page and row of a `RunState`."""

    def __init__(self, table: RunTable, state: RunState, **params):
        super().__init__(**params)
        self._state = state
        self.columns = [c for c in SHOWN if c in table.columns]
        self.frame: pd.DataFrame | None = None
        self.total = 0
        self.list = TextTable(
            pd.DataFrame(columns=self.columns),
            disabled=True,
            show_index=False,
            selectable=1,
            titles=TITLES,
            layout="fit_data_fill",
            sizing_mode="stretch_width",
            sortable=False,
            stylesheets=[SMALL_TABLE],
            height=_height(PAGE_ROWS),
            configuration={
                "columns": [
                    {"field": "verdict", "minWidth": _VERDICT},
                    {"field": "a_v_p50", "minWidth": _LAST},
                ]
            },
        )
        self.list.on_click(self._clicked)
        sort = pn.widgets.Select(
            label="sort by", options=sorted_by(table), value=state.sort, width=170
        )
        sort.link(state, value="sort", bidirectional=True)
        turn = pn.widgets.Toggle(
            label="largest first", value=state.descending, align="end", stylesheets=[PRESSED]
        )
        turn.link(state, value="descending", bidirectional=True)
        self.back = pn.widgets.Button(label="Previous", align="end")
        self.next = pn.widgets.Button(label="Next", align="end")
        self.back.on_click(lambda event: self._turn(-1))
        self.next.on_click(lambda event: self._turn(1))
        self.number = pn.widgets.IntInput(label="page", value=1, start=1, width=90)
        self.number.param.watch(lambda event: self._go(event.new), "value")
        self.of = prose("", sizing_mode=None, align="end", margin=(0, 5, 8, 5))
        self.bar = pn.Row(
            sort,
            turn,
            pn.layout.HSpacer(),
            self.back,
            self.number,
            self.of,
            self.next,
            sizing_mode="stretch_width",
        )

    def _turn(self, by):
        self._state.page = max(self._state.page + by, 0)

    def _go(self, number):
        if number is not None:
            self._state.page = max(number - 1, 0)

    def _clicked(self, event):
        if self.frame is not None and 0 <= event.row < len(self.frame):
            self._state.row = int(self.frame["row"].iloc[event.row])
        # Else a click on a row that a filter has just taken away.

    def show(  # type: ignore[override]
        self, frame: pd.DataFrame, total: int, page: int
    ) -> None:
        """Show a page of rows, of so many that the filter keeps."""
        pages = max(math.ceil(total / PAGE_ROWS), 1)
        self.frame, self.total = frame, total
        if page != self._state.page:
            with param.parameterized.discard_events(self._state):
                self._state.page = page
        self.list.param.update(value=rounded(frame), height=_height(len(frame)))
        self.select()
        self.number.param.update(value=page + 1, end=pages)
        self.of.object = f"of {pages:,}"
        self.back.disabled, self.next.disabled = page == 0, page + 1 >= pages

    def has(self, row: int | None) -> bool:
        """Whether a row is on this page."""
        return self.frame is not None and row in self.frame["row"].to_numpy()

    def beside(self, by: int) -> int | None:
        """The row `by` places after the one of the state on this page; the first, if none is here.

        None beyond the first and the last.
        """
        rows = [] if self.frame is None else list(self.frame["row"])
        at = rows.index(self._state.row) + by if self._state.row in rows else 0
        return int(rows[at]) if 0 <= at < len(rows) else None

    def select(self) -> None:
        """Mark the row of the state in the table, if it is on this page."""
        rows = [] if self.frame is None else list(self.frame["row"])
        self.list.selection = [k for k, row in enumerate(rows) if row == self._state.row]

    def __panel__(self):
        return pn.Column(self.bar, self.list, margin=0, sizing_mode="stretch_width")


def _height(rows):
    """Pixels of a table with these rows, its head and the bar that scrolls it."""
    return 50 + 25 * max(rows, 1)
