"""Quantiles of a posterior as a table that prints as one reads it."""

from typing import Any

import numpy as np
from astropy.table import Table

from sedflow import views
from sedflow.errors import unknown

__all__ = ["Summary", "quantile_name"]

_SAID = ("title", "quality")  # of the table's meta


def quantile_name(q: float) -> str:
    """Name of a column of quantiles, from a fraction.

    >>> quantile_name(0.16), quantile_name(0.025)
    ('p16', 'p2.5')
    """
    return f"p{100 * q:g}"


class Summary(Table):
    """An astropy Table of quantiles, printed whole, with three decimals.

    Of one galaxy it has a row for each quantity, found by name: `summary["log_mstar"]`.
    """

    def __getitem__(self, item: Any) -> Any:
        if not isinstance(item, str) or item in self.colnames:
            return super().__getitem__(item)
        if item in _OLD and _OLD[item] in self.colnames:
            return super().__getitem__(_OLD[item])
        stem, _, q = item.rpartition("_")
        if f"{stem}_p{q}" in self.colnames:  # as it was named once
            return super().__getitem__(f"{stem}_p{q}")
        if "name" not in self.colnames:
            raise unknown("column", item, self.colnames)
        names = [str(name) for name in super().__getitem__("name")]
        if item not in names:
            raise unknown("quantity", item, [*names, *self.colnames])
        return self._shown()[names.index(item)]

    def _ipython_key_completions_(self) -> list[str]:
        names = [str(n) for n in self["name"]] if "name" in self.colnames else []
        return [*names, *self.colnames]

    def _shown(self):
        """A copy with three decimals."""
        copy = Table(self, copy=True)
        for name in copy.colnames:
            if np.issubdtype(copy[name].dtype, np.floating):
                copy[name].info.format = ".3f"
        return copy

    def __str__(self):
        head = ", ".join(str(self.meta[key]) for key in _SAID if self.meta.get(key))
        wide = {"max_width": -1} if "name" in self.colnames else {"max_width": 80}
        lines = self._shown().pformat(max_lines=-1, show_unit=False, **wide)
        return "\n".join([head, *lines] if head else lines)

    __repr__ = __str__

    def _repr_html_(self):
        head = ", ".join(str(self.meta[key]) for key in _SAID if self.meta.get(key))
        shown = self._shown()
        rows = [[(shown[n].info.format and f"{v:.3f}") or v for n, v in zip(
            shown.colnames, row, strict=True)] for row in shown]  # fmt: skip
        return views.markup(head, views.table(shown.colnames, rows))


_OLD = {"16": "p16", "50": "p50", "84": "p84"}
