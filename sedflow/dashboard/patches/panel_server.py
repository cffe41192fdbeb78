"""Patches of Panel in the server: updates that wait, addresses, and the style of its panes."""

import itertools
import weakref
from functools import wraps
from typing import Any

import panel as pn
import panel.io.location as panel_location
from bokeh.server.session import ServerSession, _needs_document_lock
from panel.reactive import Syncable
from panel.util import isIn
from panel.widgets.select import _CheckGroupBase, _RadioGroupBase

_BY_PLACE = (_RadioGroupBase, _CheckGroupBase)  # their pages say the places of what is chosen
_NUMBERS = ("value", "value_throttled")

#: Panel gives a Markdown pane other stylesheets of its template when its text changes than it had
#: at first (Bootstrap's own are added), so that headings would jump from 18 to 32 pixels.
MARKDOWN_CSS = """
h2 { font-size: calc(var(--sf-size, 13px) * 1.23) !important; font-weight: 600 !important; margin:
  4px 0 !important; }
h3 { font-size: calc(var(--sf-size, 13px) * 1.08) !important; font-weight: 600 !important; margin:
  10px 0 4px !important; }
p, ul, ol { font-size: var(--sf-size, 13px) !important; line-height: 1.45 !important; margin: 0 0
  6px !important; }
li { font-size: var(--sf-size, 13px) !important; line-height: 1.45 !important; margin: 0
  !important; }
table { border-collapse: collapse !important; border: 0 !important; margin: 2px 0 10px !important;
        display: table !important; }
td, th { font-size: var(--sf-size, 13px) !important; padding: 3px 16px 3px 0 !important; border: 0
  !important;
         border-bottom: 1px solid var(--sf-line) !important; background: none !important;
         text-align: left !important; }
@media (max-width: 600px) {
  table { display: block !important; overflow-x: auto; }
  td, th { font-size: 12px !important; padding-right: 8px !important; }
}
"""


def patch() -> None:
    """The patches of this module that a server needs; addresses are patched when it is imported."""
    in_order()
    soon()
    there_when_pulled()
    still_offered()
    within_ends()


def boxed(pane: pn.viewable.Viewable, **size) -> pn.Column:
    """A Bokeh pane in a box that can be hidden.

    To hide the pane itself fails once a template has given its figure stylesheets: Panel copies
    them back to the pane, which does not accept them.
    """
    return pn.Column(pane, margin=0, **size)


def in_order() -> None:
    """Let an update of a page that waits for its turn not undo a later one.

    What is set before a page has loaded, or without its lock, waits for the next tick; what is set
    with it is there at once. A page that had to wait for its turn stayed dimmed after its figures
    had come: "dim" was set first, and arrived last.
    """
    if hasattr(Syncable._apply_update, "latest"):
        return
    apply, scheduled = Syncable._apply_update, Syncable._scheduled_update_model
    latest: weakref.WeakKeyDictionary[Any, dict] = weakref.WeakKeyDictionary()
    count = itertools.count()

    @wraps(apply)
    def apply_update(self, events, msg, model, ref):
        if ref not in pn.state._views or ref in pn.state._fake_roots:  # which Panel passes over
            return True
        stamped = _Stamped(msg)
        stamped.stamp = next(count)
        latest.setdefault(model, {}).update(dict.fromkeys(msg, stamped.stamp))
        return apply(self, events, stamped, model, ref)

    @wraps(scheduled)
    def scheduled_update(self, events, msg, root, model, doc, comm, curdoc_events):
        # Children are those of now, whenever they are set; what left is cleaned up by the event.
        if isinstance(msg, _Stamped) and "objects" not in events:
            newest = latest.get(model, {})
            msg = {k: v for k, v in msg.items() if newest.get(k, msg.stamp) == msg.stamp}
        return scheduled(self, events, msg, root, model, doc, comm, curdoc_events)

    apply_update.latest = latest  # type: ignore[attr-defined]
    Syncable._apply_update = apply_update  # type: ignore[method-assign]
    Syncable._scheduled_update_model = scheduled_update  # type: ignore[method-assign]


class _Stamped(dict):
    """What an update sets, and its number."""

    stamp = 0


def soon() -> None:
    """Act on a change of a control at once.

    Panel waits for 50 ms for more changes of the same control, which was half of a slider's delay;
    those of one message are together anyhow.
    """
    Syncable._debounce = 1


def still_offered() -> None:
    """Let a chooser keep its value where a visitor chose one that had just ceased to be offered.

    Panel ends in an error there, with a traceback in the log, and the page shows what was chosen.
    """
    _hear((pn.widgets.Select, *_BY_PLACE), _of_those_offered)


def _of_those_offered(widget, props):
    name = "active" if isinstance(widget, _BY_PLACE) else "value"
    if name not in props or _is_offered(widget, props[name]):
        return props
    _show(widget, widget.value, name)
    return {k: v for k, v in props.items() if k != name}


def _is_offered(widget, value):
    """Whether what a page says is among the options of a widget, or one of these is missing."""
    if value == "" or not widget.values:
        return True
    if isinstance(widget, _BY_PLACE):
        places = value if isinstance(value, list | tuple) else [value]
        return all(place is None or 0 <= place < len(widget.values) for place in places)
    if value is None:
        return None in widget.values
    return isIn(value, widget.unicode_values) or isIn(value, widget.labels)


def within_ends() -> None:
    """Let sliders and number fields have no values that a page cannot give them.

    The page holds a value between the ends that it knows, but these may just have changed; Panel
    takes it as it is, which ends in an error where the value is used.
    """
    _hear((pn.widgets.FloatSlider, pn.widgets.IntSlider, pn.widgets.IntInput), _between_ends)


def _between_ends(widget, props):
    taken = {k: _nearest(widget, v) if k in _NUMBERS else v for k, v in props.items()}
    if taken != props and "value" in taken:
        _show(widget, taken["value"], "value")
    return taken


def _nearest(widget, value):
    """The value of a slider or a field that is nearest to what a page says."""
    if value is None:
        return None
    for end, of_both in ((widget.start, max), (widget.end, min)):
        value = value if end is None else of_both(value, end)
    return value if isinstance(widget, pn.widgets.FloatSlider) else round(value)


def _hear(kinds, taken_of):
    """Let `taken_of` see what a page says about some kinds of widgets before Panel does."""

    def hearing(process):
        @wraps(process)
        def process_property_change(self, props):
            return process(self, taken_of(self, props))

        process_property_change.of_sedflow = True
        return process_property_change

    for kind in kinds:
        if not hasattr(kind._process_property_change, "of_sedflow"):
            kind._process_property_change = hearing(kind._process_property_change)


def _show(widget, value, name):
    """Show a widget's value on its page, whose control shows another."""
    for ref, (model, _) in widget._models.copy().items():
        said = widget._process_param_change({"value": value})
        widget._apply_update({}, {name: said[name]}, model, ref)


def there_when_pulled() -> None:
    """Count a browser as there from the moment on at which its document is sent.

    Panel drops what changes until the browser says that it has drawn the page, because "the
    document is serialized in full once the session connects": but it was, seconds before on a busy
    machine. A page whose posterior came in between stayed as it was sent, for good.
    """

    @_needs_document_lock
    def handle_pull(self, message, connection):
        reply = connection.protocol.create("PULL-DOC-REPLY", message.header["msgid"], self.document)
        # With the lock: what changes from now on follows the reply.
        pn.state._connected[self.document] = pn.state._loaded[self.document] = True
        return reply

    ServerSession._handle_pull = handle_pull  # type: ignore[method-assign]


def any_query(parse):
    """Panel reads whole numbers that `int` refuses, such as ²; of those it gets nothing."""

    def parse_query(query):
        try:
            return parse(query)
        except ValueError:
            return {}

    return parse_query


def any_address(params):
    """Panel expects one question mark and one number sign in an address; more are encoded."""

    def location_params(protocol, host, uri):
        path, mark, rest = uri.partition("?")
        rest = rest.replace("?", "%3F").replace("#", "%23")
        return params(protocol, host, path.replace("#", "%23") + mark + rest)

    return location_params


panel_location.parse_query = any_query(panel_location.parse_query)
panel_location._get_location_params = any_address(panel_location._get_location_params)
