"""Figures that stay on the page and are patched: a Bokeh figure with named data sources.

What is drawn is `Layers`, plain numbers that a pure function makes. Redrawing a figure costs
some hundred milliseconds, patching its sources some ten.
"""

from dataclasses import dataclass, field

import numpy as np
from bokeh.models import ColumnDataSource, Range1d
from bokeh.plotting import figure

__all__ = ["PRESSED", "SMALL_TABLE", "WRAP", "Layers", "LiveFigure", "fold", "patch"]

#: Style of buttons that stay pressed: Panel's own shadow is not to be seen on dark pages.
PRESSED = """
.bk-btn.bk-btn-default.bk-active {
  background-color: #0072b5 !important; color: #ffffff !important; box-shadow: none !important;
}
"""

#: Style of rows whose columns go below each other on tablets.
WRAP = "@media (max-width: 900px) { :host { flex-wrap: wrap; } }"

#: Style of tables.
SMALL_TABLE = """
.tabulator, .tabulator .tabulator-header { font-size: 12px !important; }
.tabulator .tabulator-cell { padding: 3px 4px !important; }
.tabulator .tabulator-col .tabulator-col-content { padding: 3px 14px 3px 4px !important; }
.tabulator .tabulator-footer { background: transparent !important; padding: 2px !important; }
.tabulator .tabulator-header-filter input {
  padding: 1px 3px !important; font-size: 11px; color: inherit !important;
  background: transparent !important; border: 1px solid #88888888 !important;
}
.tabulator .tabulator-page { color: inherit !important; background: transparent !important; }
"""


def fold(title: str, *objects, opened: bool = False):
    """Objects under a button that shows and hides them; a Panel card's own has no name to hear."""
    import panel as pn

    button = pn.widgets.Toggle(label=title, value=opened, icon=None, stylesheets=[PRESSED])
    inside = pn.Column(*objects, visible=opened, sizing_mode="stretch_width")
    button.link(inside, value="visible")
    return pn.Column(button, inside, sizing_mode="stretch_width")


def patch(model, function):
    """Change what is on the page where that is allowed: with its lock, on the next tick."""
    document = model.document
    if document is not None and document.session_context is not None:
        document.add_next_tick_callback(function)
    else:
        function()  # in a notebook's cell or a test there is nobody to wait for


@dataclass(frozen=True)
class Layers:
    """Everything that a figure draws.

    sources : columns of each data source, by name; those left out are empty
    x_range, y_range : ends of the axes
    title, x_label, y_label : text
    """

    sources: dict[str, dict]
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    title: str = ""
    x_label: str = ""
    y_label: str = ""
    extra: dict = field(default_factory=dict)


class LiveFigure:
    """A Bokeh figure whose sources follow `Layers`.

    Parameters
    ----------
    layers : Layers
    columns : dict
        Names of the columns of each source, in the order in which they are drawn.
    name : str
        Prefix of the sources' names, by which browsers' tests find them.
    """

    def __init__(self, layers: Layers, columns: dict[str, tuple], name: str, **options):
        self.sources = {
            key: ColumnDataSource({c: [] for c in names}, name=f"{name}_{key}")
            for key, names in columns.items()
        }
        self._columns = columns
        self.figure = figure(
            x_range=Range1d(*layers.x_range),
            y_range=Range1d(*layers.y_range),
            name=name,
            **{
                "tools": "pan,wheel_zoom,box_zoom,reset,save",
                "sizing_mode": "stretch_width",
                "background_fill_alpha": 0,
                "border_fill_alpha": 0,
                **options,
            },
        )
        self.figure.toolbar.logo = None
        self.draw()
        self.update(layers)

    def draw(self):
        """Add the glyphs; each figure says which."""
        raise NotImplementedError

    def update(self, layers: Layers):
        """Show other layers, in place."""
        for key, source in self.sources.items():
            new = layers.sources.get(key) or {c: [] for c in self._columns[key]}
            if not _same(source.data, new):
                source.data = new
        f = self.figure
        if not isinstance(f.x_range, Range1d) or (f.x_range.start, f.x_range.end) != layers.x_range:
            _set_range(f.x_range, layers.x_range)
        _set_range(f.y_range, layers.y_range)
        f.xaxis.axis_label, f.yaxis.axis_label = layers.x_label, layers.y_label
        f.title.text = layers.title  # last: it never stands over another galaxy's curves


def _set_range(axis, ends):
    low, high = (float(v) for v in ends)
    axis.update(start=low, end=high, reset_start=low, reset_end=high)


def _same(old, new):
    return old.keys() == new.keys() and all(_equal(old[k], new[k]) for k in new)


def _equal(a, b):
    if a is b:
        return True
    if isinstance(a, list) or isinstance(b, list):
        return len(a) == len(b) == 0
    return np.shape(a) == np.shape(b) and a.dtype == b.dtype and bool((a == b).all())
