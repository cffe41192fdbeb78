"""What a visitor has chosen on the page of a run: filters, order, axes of the map, a row."""

import param

from sedflow.catalogue.row_filter import RowFilter

__all__ = ["COUNT", "RunState"]

#: In place of a column: the number of rows in a pixel.
COUNT = "count"


class RunState(param.Parameterized):
    """The selection of a run's rows, and the row that is shown."""

    row = param.Integer(default=None, allow_None=True, bounds=(0, None), doc="Row looked at")
    chosen = param.String(doc="Name on the engine of the galaxy to open in Explore")
    status = param.List(default=[], item_type=str, doc="Status allowed; none for any")
    verdict = param.List(default=[], item_type=str, doc="Verdicts allowed; none for any")
    ident = param.String(doc="Text that the ID contains")
    ranges = param.List(default=[], doc="(column, low, high) each, None for no limit")
    sort = param.String(default="row", doc="Column that the table is sorted by")
    descending = param.Boolean(default=False)
    page = param.Integer(default=0, bounds=(0, None), doc="Page of the table, from 0")
    x = param.String(default="log_mass_surviving_p50", doc="Column across the map")
    y = param.String(default="log_sfr_100myr_p50", doc="Column up the map")
    color = param.String(default=COUNT, doc="Column whose mean a pixel shows; or the count")

    @property
    def rows(self) -> RowFilter:
        """The filter that is set."""
        return RowFilter(tuple(self.ranges), tuple(self.status), tuple(self.verdict), self.ident)
