"""Small widgets that every page uses: text that is text alone, tables, styles of buttons.

Names of galaxies and files come from visitors, so Markdown makes no link, no picture and no HTML
of text, and `plain` makes text of theirs mean nothing but itself.
"""

import html
import re
import string
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pandas as pd
import panel as pn
import param
from bokeh.models import CustomJSTickFormatter

from sedflow.dashboard.patches.panel_server import MARKDOWN_CSS
from sedflow.dashboard.printed import minus, powers
from sedflow.palette import INK_BLUE, PAPER

__all__ = [
    "NO_LABEL",
    "PRESSED",
    "REVEAL",
    "SMALL_TABLE",
    "SPREAD",
    "TEXT_ALONE",
    "WRAP",
    "NumberField",
    "TextTable",
    "begun",
    "decimals",
    "faded",
    "follow",
    "note",
    "patch",
    "plain",
    "printable",
    "prose",
    "tall",
    "tell",
    "text_table",
    "typeset",
    "whole_field",
]

#: On a small screen controls are apart: those of the class "later" come below the page.
SPREAD = """
@media (max-width: 900px) {
  :host { display: var(--sf-rail, contents) !important; }
  .later { order: 1; }
}
@media print { .later { display: none !important; } }
"""
#: Style of buttons that stay pressed: Panel's own shadow does not show on dark pages.
PRESSED = f"""
.bk-btn.bk-btn-default.bk-active {{
  background-color: {INK_BLUE} !important; color: {PAPER} !important; box-shadow: none !important;
}}
"""

#: Style of a widget whose label only screen readers see.
NO_LABEL = """
.bk-input-group > label, .bk-input-group > div > label {
  position: absolute !important; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap;
}
"""

#: Of what becomes visible below the screen: the page goes there, as soon as it has its place.
REVEAL = "if (cb_obj.visible) setTimeout(() => window.sedflow?.reveal(cb_obj), 300)"

#: Style of rows whose columns go below each other on tablets.
WRAP = "@media (max-width: 900px) { :host { flex-wrap: wrap; } }"

#: Style of tables.
SMALL_TABLE = """
.tabulator, .tabulator .tabulator-header { font-size: 12px !important; }
.tabulator .tabulator-cell { padding: 3px !important; }
.tabulator .tabulator-col .tabulator-col-content { padding: 3px 12px 3px 3px !important; }
.tabulator .tabulator-col .tabulator-col-title { padding-right: 0 !important; }
.tabulator .tabulator-col-sorter { display: none !important; }
/* What scrolls under it does not show through. */
.tabulator-row:not(.tabulator-selected) .tabulator-cell.tabulator-frozen {
  background-color: var(--sf-ground) !important; }
.tabulator .tabulator-col[aria-sort=ascending] .tabulator-col-sorter,
.tabulator .tabulator-col[aria-sort=descending] .tabulator-col-sorter { display: flex !important; }
.tabulator .tabulator-footer { background: transparent !important; padding: 2px !important; }
.tabulator .tabulator-header-filter input {
  padding: 1px 3px !important; font-size: 11px; color: inherit !important;
  background: transparent !important; border: 1px solid #88888888 !important;
}
.tabulator .tabulator-placeholder .tabulator-placeholder-contents {
  color: var(--sf-quiet) !important; font-size: 13px !important; font-weight: normal !important; }
.tabulator .tabulator-page { color: inherit !important; background: transparent !important; }
"""


_CLOSE_LIST = """
ul { margin: 0 !important; padding-left: 14px !important; }
li { margin: 0 !important; line-height: 1.4 !important; }
"""


class TextTable(pn.widgets.Tabulator):
    """A table whose titles are text, as its cells are: a visitor's file may name its columns.

    Its columns are as wide as the rows need that it shows, and not as the first that it had.
    """

    def __init__(self, value=None, configuration=None, **params):
        fitted = {"layoutColumnsOnNewData": True, **(configuration or {})}
        super().__init__(value, configuration=fitted, **params)

    def _get_model(self, doc, root=None, parent=None, comm=None):
        model = super()._get_model(doc, root, parent, comm)
        # Panel begins with rows of the whole table, and later counts from the page that is shown.
        start = (self.page - 1) * (self.page_size or self.initial_page_size)
        shown = self.current_view.index
        if self.pagination == "remote":
            shown = shown[start : start + (self.page_size or self.initial_page_size)]
        where = shown.get_indexer(self.value.index[self.selection])
        model.source.selected.indices = [int(k) for k in where if k >= 0]
        return model

    def _process_event(self, event):
        with suppress(KeyError, IndexError):  # of a row that has left meanwhile
            super()._process_event(event)

    def _get_column_definitions(self, col_names, df):
        columns = super()._get_column_definitions(col_names, df)
        for column in columns:
            column.title = html.escape(column.title)
        return columns


def text_table(**options: Any) -> TextTable:
    """An empty `TextTable` that is not visible before it has rows."""
    return TextTable(
        pd.DataFrame(),
        disabled=True,
        show_index=False,
        visible=False,
        layout="fit_data_fill",  # to stretch the last column also squeezes it
        sizing_mode="stretch_width",
        stylesheets=[SMALL_TABLE],
        **options,
    )


def tall(n: int, most: int = 6) -> int:
    """Height of a table of n rows, which scrolls beyond the most [px]."""
    return 34 + 25 * min(n, most)


def decimals(n: int) -> CustomJSTickFormatter:
    """A slider's value with n decimals and a minus sign; one of its own for each slider."""
    minus = "replace('-', '\N{MINUS SIGN}')"
    return CustomJSTickFormatter(code=f"return tick.toFixed({n}).{minus}")


def follow(widget: pn.widgets.Widget, state: param.Parameterized, name: str) -> None:
    """Let a widget set a parameter of a state, and show what the parameter becomes.

    A field that is emptied sets nothing, and numbers stay inside the limits of the parameter.
    """
    low, high = getattr(state.param[name], "bounds", None) or (None, None)

    def to_state(event):
        value = event.new
        if value is None:
            return
        if isinstance(value, int | float):
            value = value if low is None else max(value, low)
            value = value if high is None else min(value, high)
        setattr(state, name, value)
        if value != event.new:  # also where the state has had it before
            widget.value = value

    def to_widget(event):
        now = getattr(state, name)  # which others may have changed since
        if widget.value != now:
            widget.value = now

    widget.param.watch(to_state, "value")
    state.param.watch(to_widget, name)


class NumberField(pn.widgets.FloatInput):
    """A field for a number; emptied it is empty, where Panel's says "NaN", which no page may send.

    Its other parameters are those of `panel.widgets.FloatInput`.
    """

    def _process_param_change(self, params):
        empty = {name: None for name, value in params.items() if value is None}
        return super()._process_param_change(params) | empty


def whole_field(state: param.Parameterized, name: str, **options: Any) -> pn.widgets.IntInput:
    """A field for a whole number of a state, which may be emptied meanwhile."""
    field = pn.widgets.IntInput(value=getattr(state, name), **options)
    follow(field, state, name)
    return field


def faded(stale: bool, after: float) -> dict[str, str]:
    """Styles of what another answer will replace, dimmed after some seconds; or as usual."""
    return {
        "opacity": "0.45" if stale else "1",
        "transition": f"opacity 0s {after}s" if stale else "none",
    }


def is_served(model: Any) -> bool:
    """Whether a model, or None, is on the page of a server: not in a cell, a test, or to come."""
    document = None if model is None else model.document
    return document is not None and document.session_context is not None


def patch(model: Any, function: Callable[[], object]) -> None:
    """Change what is on the page where that is allowed: with its lock, on the next tick."""
    if is_served(model):
        model.document.add_next_tick_callback(function)
    else:
        function()  # in a notebook's cell or a test nobody holds a lock


def _no_links(parser):
    parser.disable(["link", "autolink", "linkify", "image", "reference"])


#: Options of every Markdown pane: no HTML, no link, no picture; and no anchors at headings, whose
#: sign shows in notebooks, where Panel's style sheet that hides it is not loaded.
TEXT_ALONE = {"renderer_options": {"html": False}, "plugins": [_no_links], "disable_anchors": True}


def prose(text: str = "", **options) -> pn.pane.Markdown:
    """A Markdown pane."""
    return pn.pane.Markdown(
        text,
        stylesheets=[MARKDOWN_CSS],
        **{"margin": (0, 10), "sizing_mode": "stretch_width", **TEXT_ALONE, **options},
    )


def note(alert_type: str = "warning", **options) -> pn.pane.Alert:
    """A coloured note that is not visible before it says something."""
    return pn.pane.Alert(
        "",
        alert_type=alert_type,
        visible=False,
        stylesheets=[_CLOSE_LIST],
        **{"margin": 0, **TEXT_ALONE, **options},
    )


def tell(pane: pn.pane.Markdown | pn.pane.Alert, text: str) -> None:
    """Show a text as it is, or hide the pane where there is none."""
    pane.param.update(object=plain(text), visible=bool(text))


def plain(text: object) -> str:
    """Text of a visitor or of a file for Markdown or HTML: it means nothing but itself.

    Every sign is written as HTML writes it, a sign that does not show is a space, and there is
    one line.

    >>> plain("[a](b)\\n# c")
    '&#91;a&#93;&#40;b&#41; &#35; c'
    """
    return "".join(f"&#{ord(c)};" if c in string.punctuation else c for c in printable(text))


def printable(text: object) -> str:
    """Text of a visitor or of a file for the cell of a table: a sign that does not show is a space.

    Such signs turn the order of others around, for one.

    >>> printable("a\N{RIGHT-TO-LEFT OVERRIDE}b")
    'a b'
    """
    return "".join(c if c.isprintable() else " " for c in str(text))


# A word of prose, and not a band, a file or a column whose value follows.
_WORD = re.compile(r"[a-z]{2,}(?=[ ,:])(?! (?:=|\+-|±))")


def begun(text: object, name: str = "") -> str:
    """A message as a sentence begins: with a capital, where its first word is not a name.

    name : of a file, which a message may begin with

    >>> begun("band u has no error"), begun("mine.csv has 12 MB"), begun("redshift = 3 is high")
    ('Band u has no error', 'mine.csv has 12 MB', 'redshift = 3 is high')
    """
    told = str(text)
    named = bool(name) and told.startswith(name)
    return told if named or not _WORD.match(told) else f"{told[0].upper()}{told[1:]}"


#: What the library says of its arguments -> what a page has instead.
_ON_PAGES = {
    "trust='auto' goes on to": "Refine, on Explore, goes on to",
    "add it with floor = 'recommended' (--floor recommended)": (
        'tick "add the recommended floor to the errors" below'
    ),
    "floor = 'recommended' of a mapping, or sigma = hypot(sigma, share * flux)": (
        "Your data has a box for the recommended one"
    ),
    "use trust='auto' (--trust auto): MCMC": "run sedflow infer with --trust auto: MCMC",
    'trust="auto" uses those data, and so does MCMC': "Refine uses those data, and so does MCMC",
}


#: A colour in the sentence of the domain check, "g-r = -0.72 is bluer".
_COLOR = re.compile(r"\b(\w+)-(\w+)(?= = -?\d+\.\d\d is (?:bluer|redder) )")


def typeset(text: object) -> str:
    """A sentence of the library as a page prints it: ± for `+-`, and a real minus for numbers.

    Where it names an argument of a function, it names the button that does the same.

    What is quoted stays as it is, because a visitor copies it.

    >>> typeset("r: mag_r +- err-r, -1.0 or 1e-06; state nulls = '-99'")
    "r: mag_r ± err-r, −1.0 or 10⁻⁶; state nulls = '-99'"
    >>> typeset("g-r = -0.72 is bluer than the models reach")
    'g − r = −0.72 is bluer than the models reach'
    """
    told = str(text).replace(" +- ", " ± ").replace(" >= ", " ≥ ").replace(" <= ", " ≤ ")
    told = _COLOR.sub(r"\1 − \2", told)
    for argument, button in _ON_PAGES.items():
        told = told.replace(argument, button)
    return powers(minus(told))
