"""Filters of a run: its facts, which rows are shown, and what the map draws."""

import panel as pn
import param

from sedflow.catalogue.infer import STATUS
from sedflow.catalogue.results import RunTable
from sedflow.dashboard.panels.run_columns import plotted
from sedflow.dashboard.panels.run_state import COUNT, RunState
from sedflow.dashboard.server.messages import LONGEST_TEXT
from sedflow.dashboard.widgets import PRESSED, NumberField, plain, prose
from sedflow.sampling.verdict import MISFIT, VERDICTS

__all__ = ["RunFilters", "facts"]

#: Buttons that fall into lines in the narrow column, each as wide as its word.
_LINES = """
.bk-btn-group { flex-wrap: wrap !important; height: auto !important; }
.bk-btn-group > .bk-btn { flex: 0 0 auto !important; }
"""
_RANGES = ("redshift", "log_mass_surviving_p50", "k_hat")


class RunFilters(pn.viewable.Viewer):
    """Widgets that set a `RunState`."""

    def __init__(self, table: RunTable, state: RunState, **params):
        super().__init__(**params)
        self._state, self._showing = state, False  # limits that are in the state already
        columns = plotted(table)

        def choose(name, label, options):
            widget = pn.widgets.Select(
                label=label,
                options=options,
                value=getattr(state, name),
                sizing_mode="stretch_width",
            )
            widget.link(state, value=name, bidirectional=True)
            return widget

        def buttons(name, options):
            chosen = list(getattr(state, name))
            there = {*table.counts(name), *chosen}  # no button of what no row has
            widget = pn.widgets.CheckButtonGroup(
                label=name,
                options=[o for o in options if o and o in there],
                value=chosen,
                stylesheets=[PRESSED, _LINES],
                sizing_mode="stretch_width",
            )
            widget.link(state, value=name, bidirectional=True)
            return widget

        ident = pn.widgets.TextInput(
            label="ID contains",
            placeholder="part of an ID",
            max_length=LONGEST_TEXT,
            sizing_mode="stretch_width",
        )
        ident.link(state, value="ident", bidirectional=True)
        ident.value = state.ident
        self.limits = [self._limit(column, columns) for column in _RANGES]
        self.show_ranges(state.ranges)
        clear = pn.widgets.Button(label="Show all rows")
        clear.on_click(lambda event: self.clear())
        means = {f"mean {label}": c for label, c in columns.items()}
        axes = (
            choose("x", "across", columns),
            choose("y", "up", columns),
            choose("color", "colour", {"number of galaxies": COUNT} | means),
        )
        self._column = pn.Column(
            prose(facts(table)),
            prose("### Rows"),
            prose("status of the row", margin=(0, 10, -12, 10)),
            buttons("status", STATUS),
            prose("verdict on its draws", margin=(0, 10, -12, 10)),
            buttons("verdict", VERDICTS),
            ident,
            *(pn.Row(*row, margin=0, sizing_mode="stretch_width") for row in self.limits),
            clear,
            prose("### Map"),
            *axes,
            sizing_mode="stretch_width",
        )

    def _limit(self, column, options):
        """Widgets of one range: a column and its ends."""
        which = pn.widgets.Select(
            label="between", options=options, value=column, width=112, margin=(5, 3, 5, 10)
        )
        low, high = (
            NumberField(
                label=label, value=None, width=68, placeholder="any", step=0.1, margin=(5, 3)
            )
            for label in ("from", "to")
        )
        for widget in (which, low, high):
            widget.param.watch(lambda event: self._limited(), "value")
        return which, low, high

    def show_ranges(self, ranges) -> None:
        """Show limits that the state has already: (column, low, high) each."""
        for k, (which, low, high) in enumerate(self.limits):
            found = ranges[k] if k < len(ranges) else (which.value, None, None)
            self._showing = True
            for widget, value in zip((which, low, high), found, strict=True):
                widget.value = value
            self._showing = False

    def _limited(self):
        if self._showing:
            return
        self._state.ranges = [
            (which.value, low.value, high.value)
            for which, low, high in self.limits
            if low.value is not None or high.value is not None
        ]

    def clear(self) -> None:
        """Take all filters off."""
        with param.parameterized.batch_call_watchers(self._state):
            for _, low, high in self.limits:
                low.value = high.value = None
            self._state.param.update(status=[], verdict=[], ident="", ranges=[])

    def __panel__(self):
        return self._column


def facts(table: RunTable) -> str:
    """What the run was, as Markdown."""
    manifest = table.manifest
    settings, verdicts = manifest["settings"], table.counts("verdict")
    statuses = table.counts("status")
    bad, misfits = statuses.get("bad row", 0), statuses.get(MISFIT, 0)
    lines = [
        f"### {plain(manifest['catalogue']['name'])}",
        "",
        "| | |",
        "|---|---|",
        f"| rows | {table.rows:,} |",
        *(f"| {kind} | {verdicts[kind]:,} |" for kind in VERDICTS if kind in verdicts),
        *([f"| misfits among all of them | {misfits:,} |"] if misfits else []),
        *([f"| bad rows | {bad:,} |"] if bad else []),
        f"| network | {plain(manifest['weights']['name'])} |",
        f"| draws, seed | {settings['n']:,}, {plain(settings['seed'])} |",
        f"| trust | {plain(settings['trust'])} |",
    ]
    if not table.checked:
        lines += [
            "",
            "**Not checked**: the version that wrote this run kept no hashes of its files, so "
            "damage may go unnoticed.",
        ]
    if not table.finished:
        lines += [
            "",
            f"**Not finished**: {table.parts:,} of {table.all_parts:,} partitions are there, "
            f"{table.rows:,} of {manifest['catalogue']['rows']:,} rows. Load the page again "
            "to see more.",
        ]
    return "\n".join(lines)
