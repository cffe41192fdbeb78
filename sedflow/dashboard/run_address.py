"""The page of a run in the address: which of its rows are shown, in what order, and on which map.

Pure functions of plain values, as `population_address`.
"""

from collections.abc import Mapping
from typing import Any

from sedflow.catalogue.infer import STATUS
from sedflow.catalogue.results import RunTable
from sedflow.dashboard.address import decode_row
from sedflow.dashboard.address_text import limits_of, limits_text, quoted
from sedflow.dashboard.panels.run_columns import plotted, sorted_by
from sedflow.dashboard.panels.run_state import COUNT, RunState
from sedflow.dashboard.server.messages import LONGEST_TEXT
from sedflow.sampling.verdict import VERDICTS

__all__ = ["CHOSEN", "decode_run", "encode_run"]

#: Of `RunState`: what the address has.
CHOSEN = ("status", "verdict", "ident", "ranges", "sort", "descending", "x", "y", "color")
_MOST_RANGES = 3
_AXES = ("x", "y", "color")


def encode_run(state: RunState) -> dict[str, str]:
    """Text for the address, of what is not as the page begins."""
    usual = {name: state.param[name].default for name in CHOSEN}
    order = f"{'-' if state.descending else ''}{state.sort}"
    out = {
        "row": "" if state.row is None else str(state.row),
        "status": ",".join(state.status),
        "verdict": ",".join(state.verdict),
        "has": state.ident,
        "between": ",".join(limits_text(*limits) for limits in state.ranges),
        "sort": "" if order == usual["sort"] else order,
    }
    for axis in _AXES:
        value = getattr(state, axis)
        out[axis] = "" if value == usual[axis] else value
    return {name: text for name, text in out.items() if text}


def decode_run(query: Mapping[str, str], table: RunTable) -> tuple[dict[str, Any], list[str]]:
    """Values for a `RunState`, and a sentence for each that had to be left out."""
    row, notices = decode_row(dict(query), table.manifest["catalogue"]["rows"])
    columns = set(plotted(table).values())
    values: dict[str, Any] = {"row": row, "ident": query.get("has", "")[:LONGEST_TEXT]}
    for name, known in (("status", STATUS), ("verdict", VERDICTS)):
        asked = [one for one in query.get(name, "").split(",") if one]
        values[name] = [one for one in known if one and one in asked]
        if unknown := [one for one in asked if one not in known]:
            notices.append(f"{quoted(unknown[0])} in {name} is unknown, and is left out")
    values["ranges"] = _ranges(query.get("between", ""), columns, notices)
    order = query.get("sort", "row")
    values["descending"], values["sort"] = order.startswith("-"), order.removeprefix("-")
    if values["sort"] not in sorted_by(table).values():
        notices.append(f"the table has no column {quoted(order)} to be sorted by")
        values |= {"sort": "row", "descending": False}
    for axis in _AXES:
        values[axis] = RunState.param[axis].default
        asked_for = query.get(axis, values[axis])
        if asked_for in columns or (axis == "color" and asked_for == COUNT):
            values[axis] = asked_for
        elif axis in query:
            notices.append(f"the run has no column {quoted(asked_for)} for {axis}")
    return values, notices


def _ranges(text: str, columns: set[str], notices: list[str]) -> list[tuple]:
    found: list[tuple] = []
    for part in filter(None, text.split(",")):
        if len(found) == _MOST_RANGES:
            notices.append(f"{quoted(part)} in between is one too many, and is left out")
            break
        try:
            column, low, high = limits_of(part)
            if column not in columns:
                raise ValueError
        except ValueError:
            notices.append(
                f"{quoted(part)} in between is not a column of the run with its limits, and is "
                "left out; write redshift:0.02:0.05 or k_hat::0.7"
            )
            continue
        if (low, high) != (None, None):
            found.append((column, low, high))
    return found
