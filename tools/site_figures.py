"""The figures of the app's lessons as plain numbers, for the static site to draw."""

import numpy as np
import panel as pn
from bokeh.models import FactorRange, LogScale

__all__ = ["figure_of", "shown"]

_LONG = 220  # points of a curve, above which neighbours are averaged
_MANY = 150  # markers
_FILTER = 16  # points of a filter's curve
_DIGITS = 3


def shown(layout) -> tuple[list[dict], list[str]]:
    """Figures, then tables in Markdown, that are visible in a layout of Panel, in its order."""
    figures: list[dict] = []
    tables: list[str] = []
    _walk(layout, figures, tables)
    return figures, tables


def _walk(item, figures, tables):
    if not item.visible:
        return
    if isinstance(item, pn.pane.Bokeh):
        figures.append(figure_of(item.object))
    elif isinstance(item, pn.pane.Markdown):
        if str(item.object).startswith("|"):
            tables.append(str(item.object))
    elif hasattr(item, "objects"):
        for child in item.objects:
            _walk(child, figures, tables)


def figure_of(figure) -> dict:
    """A Bokeh figure of a lesson: its axes, and its marks from the lowest to the uppermost."""
    words = {}
    for legend in figure.legend:
        for item in legend.items:
            if item.visible:
                words |= {one.id: _value(item.label) for one in item.renderers}
    marks = [_mark(one, words.get(one.id, "")) for one in figure.renderers if one.visible]
    return {
        "name": figure.name,
        "title": (figure.title.text or "").strip(),
        "x": _axis(figure.x_range, figure.x_scale, figure.xaxis[0]),
        "y": _axis(figure.y_range, figure.y_scale, figure.yaxis[0]),
        "marks": [mark for mark in marks if mark is not None],
    }


def _axis(span, scale, axis):
    out = {"label": axis.axis_label or ""}
    if isinstance(span, FactorRange):
        return out | {"factors": list(span.factors)}
    return out | {"range": _plain([span.start, span.end]), "log": isinstance(scale, LogScale)}


def _mark(renderer, label):
    data = {name: list(column) for name, column in renderer.data_source.data.items()}
    if not data.get("x"):
        return None
    if "_filter_" in (renderer.data_source.name or "") and "low" in data:
        data = _thinned(data, ("x", "low", "high"), _FILTER)
    glyph = renderer.glyph
    kind = type(glyph).__name__
    make = {"Line": _line, "Scatter": _dots, "VArea": _area, "VBar": _bars, "Text": _text}[kind]
    return {"label": label, **make(glyph, data)}


def _line(glyph, data):
    dash = glyph.line_dash
    return {
        "kind": "line",
        "colour": "ink" if "ink" in glyph.tags else _value(glyph.line_color),
        "width": _value(glyph.line_width),
        "dash": list(dash) if isinstance(dash, list | tuple) else _value(dash),
        "alpha": _value(glyph.line_alpha),
        **_thinned(data, ("x", "y"), _LONG),
    }


def _dots(glyph, data):
    step = -(-len(data["x"]) // _MANY)
    return {
        "kind": "dots",
        "colour": _value(glyph.line_color),
        "fill": _value(glyph.fill_alpha) > 0 and _value(glyph.marker) not in ("cross", "x"),
        "alpha": _value(glyph.line_alpha),
        "size": _value(glyph.size),
        "marker": _value(glyph.marker),
        **{name: _plain(data[name][::step]) for name in ("x", "y")},
    }


def _area(glyph, data):
    return {
        "kind": "area",
        "colour": _value(glyph.fill_color),
        "alpha": _value(glyph.fill_alpha),
        **_thinned(data, ("x", "low", "high"), _LONG),
    }


def _bars(glyph, data):
    return {
        "kind": "bars",
        "colour": _value(glyph.fill_color),
        "alpha": _value(glyph.fill_alpha),
        "width": _plain([_value(glyph.width)])[0],
        **{name: _plain(data[name]) for name in ("x", "bottom", "top")},
    }


def _text(glyph, data):
    return {
        "kind": "text",
        "colour": _value(glyph.text_color),
        **{name: _plain(data[name]) for name in ("x", "y", "text")},
    }


def _value(spec):
    """A property of a glyph that is one value."""
    return getattr(spec, "value", spec)


def _thinned(data, names, most):
    """Columns with at most that many rows: means of neighbours."""
    n = len(data["x"])
    if n <= most:
        return {name: _plain(data[name]) for name in names}
    edges = np.linspace(0, n, most + 1).astype(int)[:-1]
    size = np.diff(np.append(edges, n))
    return {
        name: _plain(np.add.reduceat(np.asarray(data[name], float), edges) / size) for name in names
    }


def _plain(values) -> list:
    """Values for JSON: texts, numbers with a few digits, None for NaN."""
    out = []
    for value in values:
        if isinstance(value, str):
            out.append(value)
        elif np.isfinite(value):
            out.append(float(f"{float(value):.{_DIGITS}g}"))
        else:
            out.append(None)
    return out
