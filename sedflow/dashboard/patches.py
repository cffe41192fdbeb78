"""Patches of Panel 1.9 and Bokeh 3.9, each with the upstream report that it waits for.

Take a patch out once its report is resolved in the versions that `pyproject.toml` asks for.

| patch | of | waits for |
|---|---|---|
| `send_at_once` | Bokeh 3.9 | not reported; tornadoweb/tornado#755 added the setting |
| `known_defaults` | Bokeh 3.9 | not reported; bokeh/bokeh#13174 corrected a part |
| `in_order` | Panel 1.9 | not reported |
| `there_when_pulled` | Panel 1.9 | not reported |
| `sent_together` | Bokeh 3.9 | not reported |
| `collect_seldom` | Panel 1.9, Bokeh 3.9 | not reported |
| `let_go` | Bokeh 3.9 | not reported |
| `any_query` | Panel 1.9 | not reported |
| `MARKDOWN_CSS` | Panel 1.9 | not reported; holoviz/panel#4883 and #5278 are close to it |
| `boxed` | Panel 1.9 | not reported |
| `PLAIN_LINES` | Bokeh 3.9 | not reported |
| `OWN_OUTLINE` | Bokeh 3.9 | not reported |
| `EACH_CHANGE` | Bokeh 3.9 | not reported |
| `WHOLE_GLYPHS` | Bokeh 3.9 | not reported |
| `CLEAN_EDGES` | Bokeh 3.9 | not reported |
| `LATE_COLUMNS` | Tabulator 6.4 | not reported |
| `LARGE_FILES` | Bokeh 3.9 | not reported |
| `TURNED_PAGES` | Tabulator 6.4, Panel 1.9 | not reported |
| `fit_canvases` | Bokeh 3.9 | not reported |
| `know_models` | Bokeh 3.9 | not reported |
| `name_controls` | Bokeh 3.9, noUiSlider 15 | leongersen/noUiSlider#1223, the rest not reported |
"""

import itertools
import weakref
from functools import wraps
from types import SimpleNamespace
from typing import Any

import bokeh.document.document as bokeh_document
import panel as pn
import panel.io.document as panel_document
import panel.io.location as panel_location
from bokeh.core.property.descriptors import PropertyDescriptor
from bokeh.model import Model
from bokeh.models import CustomJS
from bokeh.server.session import ServerSession, _needs_document_lock
from bokeh.server.views.ws import WSHandler
from panel.reactive import Syncable

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

#: Bokeh asks the style sheets for every colour, width and font of an axis, each time it draws one,
#: and so makes the browser lay the page out between two strokes: a seventh of its work for a page.
#: No style sheet of ours says anything to it.
PLAIN_LINES = """
{
  const visuals = window.Bokeh?.require('core/visuals/visual').VisualProperties
  if (visuals) visuals.prototype._get_css_value = () => ''
}
"""

#: The outline of a figure whose ground is clear begins no path of its own, and draws what was drawn
#: last before, mostly ticks of axes that have moved since.
OWN_OUTLINE = """
{
  const figure = window.Bokeh?.require('models/plots/plot_canvas').PlotView?.prototype
  const paint = figure?._paint_outline
  if (paint) figure._paint_outline = function(ctx, box) {
    ctx.beginPath()
    paint.call(this, ctx, box)
  }
}
"""

#: A glyph takes over its coordinates, its index and its colours one after another, and other work
#: has its turn between: painted with fewer patches than were indexed, it threw, and the axis beside
#: it and all that came in the same message were lost. It waits for the rest, which asks to be
#: painted.
WHOLE_GLYPHS = """
{
  const view = window.Bokeh?.require('models/renderers/glyph_renderer').GlyphRendererView?.prototype
  const set = view?.set_data, paint = view?._paint
  if (set && paint) {
    view.set_data = async function(indices) {
      if (!this.under_way) [this.under_way, this.size_before] = [0, this.glyph._data_size]
      this.under_way++
      try { await set.call(this, indices) } finally { this.under_way-- }
    }
    view._paint = function(ctx) {
      if (!this.under_way || this.glyph._data_size === this.size_before) paint.call(this, ctx)
    }
  }
}
"""

#: A message has many changes, and an error that one of them sets off in the page loses all behind
#: it: a heading stayed that of another galaxy.
EACH_CHANGE = """
{
  const page = window.Bokeh?.require('document/document').Document?.prototype
  const apply = page?.apply_json_patch
  if (apply) page.apply_json_patch = function(patch, buffers) {
    const errors = []
    for (const event of patch.events) {
      try { apply.call(this, {...patch, events: [event]}, buffers) } catch (e) { errors.push(e) }
    }
    if (errors.length) throw errors[0]
  }
}
"""

#: A canvas is cleared half a pixel to the right and below where it begins, so that text that was
#: once over its edge leaves a row of dots.
CLEAN_EDGES = """
{
  const layer = window.Bokeh?.require('core/util/canvas').CanvasLayer?.prototype
  if (layer) layer.clear = function() {
    const {x, y, width, height} = this.bbox
    this.ctx.clearRect(x - 1, y - 1, width + 2, height + 2)
  }
}
"""

#: A table that is given other columns before it is built, a moment after it was made, is built
#: with those that it was made with: Compare lacked pins that came from memory.
LATE_COLUMNS = """
{
  const table = window.Tabulator?.prototype
  const set = table?.setColumns
  if (set) table.setColumns = function(columns) {
    if (this.initialized) return set.call(this, columns)
    this.options.columns = columns
  }
}
"""

#: A table whose pages come from the server draws its pager before it turns to another page than the
#: first, and not again: the list opened at page 652, and "Prev" was grey.
TURNED_PAGES = """
{
  const table = window.Tabulator?.prototype
  const bind = table?._bindModules
  if (bind) table._bindModules = function() {
    bind.call(this)
    const turn = this.setPage, pages = this.modules.page
    if (turn) this.setPage = page => {
      const turned = turn(page)
      if (pages.pagesElement) pages._setPageButtons()
      return turned
    }
  }
}
"""

#: A file field sends whatever it is given: one that the server does not hear closes the socket, and
#: the page is lost. It says so instead.
LARGE_FILES = """
{
  const field = window.Bokeh?.require('models/widgets/file_input').FileInputView?.prototype
  const load = field?.load_files
  if (load) field.load_files = async function(files) {
    const large = [...files].find(file => file.size > MEGABYTES * 1e6)
    if (!large) return load.call(this, files)
    this.input_el.value = ''
    const name = large.name.slice(0, 64)
    window.sedflow?.notice(`${name} has ${(large.size / 1e6).toFixed(1)} MB; the app takes `
      + `MEGABYTES MB. Run sedflow infer on it instead.`)
  }
}
"""

_NAMES = """
// What a figure is called: its title, or its axes.
function told(figure) {
  const label = axes => axes?.map(axis => axis.axis_label).find(text => typeof text == 'string')
  const [x, y] = [label(figure.below), label(figure.left)]
  const name = figure.name?.replaceAll('_', ' ') || 'figure'
  const title = figure.title?.text || name
  const about = y && x ? `${y} by ${x}` : y || x
  if (about) return about === title ? title : `${title}: ${about}`
  return title === name ? title : `${name}: ${title}`
}
function draw(view) {
  const field = view.canvas_view?.el.shadowRoot?.querySelector('.bk-events')
  if (field) {
    // No key does anything here: a picture with a name, and no stop of the Tab key.
    const text = told(view.model)
    field.tabIndex = -1
    field.setAttribute('role', 'img')
    if (field.getAttribute('aria-label') !== text) field.setAttribute('aria-label', text)
  }
  for (const child of view.child_views ?? []) draw(child)
}
function walk(node) {
  if (node.shadowRoot) walk(node.shadowRoot)
  for (const child of node.children ?? []) {
    const role = child.getAttribute?.('role')
    if (role === 'slider' && child.classList.contains('noUi-handle')) {
      const title = child.getRootNode().querySelector('.bk-slider-title')
      const text = title?.textContent.split(':')[0].trim()
      if (text && child.getAttribute('aria-label') !== text) child.setAttribute('aria-label', text)
    } else if (child.classList.contains('bk-spin-btn')) {
      const text = child.classList.contains('bk-spin-btn-up') ? 'more' : 'less'
      if (!child.getAttribute('aria-label')) child.setAttribute('aria-label', text)
    } else if (child.matches('.bk-btn-group > .bk-btn')) {
      child.setAttribute('aria-pressed', String(child.classList.contains('bk-active')))
    } else if (child.matches('.choices, input[type=file]')) {
      const text = child.getRootNode().querySelector('label')?.textContent.trim() || 'file'
      if (!child.getAttribute('aria-label')) child.setAttribute('aria-label', text)
    } else if (child.matches('input[type=checkbox]') && !child.closest('label')) {
      const text = child.nextElementSibling?.textContent.trim()
      if (text && !child.getAttribute('aria-label')) child.setAttribute('aria-label', text)
    } else if (child.classList.contains('tabulator') && child.getAttribute('role') === 'grid') {
      // A grid that holds its scroller and its page buttons is not one: its parts are.
      child.setAttribute('role', 'group')
      child.removeAttribute('aria-owns')
      for (const [part, name] of [['header', 'columns'], ['tableholder', 'rows']]) {
        const grid = child.querySelector(`.tabulator-${part}`)
        const some = grid?.querySelector('[role=columnheader], [role=row] [role=gridcell]')
        grid?.setAttribute('role', some ? 'grid' : 'none')
        if (some) grid.setAttribute('aria-label', name)
      }
      const empty = child.querySelector('.tabulator-headers:empty')
      empty?.setAttribute('role', 'none')
      if (empty) child.removeAttribute('role')
    } else if (child.matches('.tabulator-cell[tabindex="0"]')) {
      // No cell is edited: each would take the focus and drop it, one press of Tab after another.
      child.tabIndex = -1
    } else if (child.matches('.tabulator-header-filter input')) {
      const title = child.closest('.tabulator-col').querySelector('.tabulator-col-title')
      const text = `filter by ${title.textContent.trim()}`
      if (child.getAttribute('aria-label') !== text) child.setAttribute('aria-label', text)
    } else if (child.tagName === 'PROGRESS' && !child.getAttribute('aria-label')) {
      child.setAttribute('aria-label', 'progress')
    }
    walk(child)
  }
}
// Pages are built when they are opened, and titles change: look again from time to time.
function name() {
  walk(document.body)
  for (const root of Bokeh.index.roots) draw(root)
}
name()
setInterval(name, 1500)
"""


_FITTED = """
function fit(view) {
  const canvas = view.canvas_view
  if (canvas && Math.abs(canvas.bbox.height - canvas.el.getBoundingClientRect().height) > 2) {
    canvas.update_bbox()
    view.invalidate_layout()
  }
  for (const child of view.child_views ?? []) fit(child)
}
// What stands above a figure, such as a table, may be drawn a moment after it.
for (const pause of [0, 300, 1500])
  setTimeout(() => { for (const root of Bokeh.index.roots) fit(root) }, pause)
"""


def fit_canvases(document) -> None:
    """Give figures of a Bokeh document the size of their place, once all of the page is there.

    A figure whose place shrinks while the page is built keeps the canvas that it had at first.
    """
    document.js_on_event("document_ready", CustomJS(code=_FITTED))


_KNOWN = """
const page = Bokeh.documents[0], patch = page.create_json_patch.bind(page)
page.create_json_patch = events => {
  page._new_models.clear()
  return patch(events)
}
"""


def know_models(document) -> None:
    """Let the page of a Bokeh document name models that came from the server.

    BokehJS takes those that came last for its own, and sends all of a button that is clicked; a
    page may make no models, so the server refuses it, and the first click is lost.
    """
    document.js_on_event("document_ready", CustomJS(code=_KNOWN))


def name_controls(document) -> None:
    """Give controls of a Bokeh document the accessible names that Bokeh leaves out.

    A slider's handle has the role of a slider and can be reached by keyboard, but its title is an
    element beside it that it does not refer to. The arrows of number fields, choosers of several
    things, file fields, filters of tables and progress bars have no name either. Figures take the
    focus, though no key does anything in them, and do not say what they show.
    """
    document.js_on_event("document_ready", CustomJS(code=_NAMES))


def boxed(pane: pn.viewable.Viewable, **size) -> pn.Column:
    """A Bokeh pane in a box that can be hidden.

    To hide the pane itself fails once a template has given its figure stylesheets: Panel copies
    them back to the pane, which does not accept them.
    """
    return pn.Column(pane, margin=0, **size)


def send_at_once() -> None:
    """Let no small message wait (TCP_NODELAY), which halves a slider's delay."""
    opened = WSHandler.open

    def open_at_once(self):
        self.set_nodelay(True)
        return opened(self)

    if not hasattr(opened, "at_once"):
        open_at_once.at_once = True  # type: ignore[attr-defined]
        WSHandler.open = open_at_once  # type: ignore[method-assign]


def known_defaults() -> None:
    """Let Bokeh work out once what a property of a model is that nobody set.

    It copies and validates the default each time it is read, some 60,000 times for a page of 1,000
    models: a quarter of the time in which a page is made and sent. What is not the same for all
    models of a class, or can be changed in place, is left to Bokeh.
    """
    worked_out = PropertyDescriptor._get_default
    if hasattr(worked_out, "known"):
        return
    known: dict[tuple[PropertyDescriptor, type], object] = {}
    missing = object()

    @wraps(worked_out)
    def get_default(self, model):
        theme = model.themed_values()
        if theme is not None and self.name in theme:
            return worked_out(self, model)
        key = self, type(model)
        value = known.get(key, missing)
        if value is missing:
            value = worked_out(self, model)
            plain = value is None or isinstance(value, (bool, int, float, str))
            if plain and not self.has_unstable_default(model):
                known[key] = value
        return value

    get_default.known = known  # type: ignore[attr-defined]
    PropertyDescriptor._get_default = get_default  # type: ignore[assignment,method-assign]


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


def sent_together() -> None:
    """Send all that changes while a document is locked as one message of many events.

    Bokeh sends a message for each, and the browser looks through all models of the page after each:
    another theme came as 380 messages. Each event is written down when it happens, as before.
    """

    def document_patched(self, event):
        if self._pending_writes is None:
            raise RuntimeError("a document was changed without its lock")
        for connection in self._subscribed_connections:
            if event.setter is self and connection is self._current_patch_connection:
                continue  # it knows: the change is its own
            message = connection.protocol.create("PATCH-DOC", [event])
            writes, letter = getattr(connection, "letter", (None, None))
            if writes is self._pending_writes:
                letter.content["events"] += message.content["events"]
                letter.add_buffers(*message.buffers)
            else:
                connection.letter = self._pending_writes, message
                self._pending_writes.append(_sent(connection, message))

    ServerSession._document_patched = document_patched  # type: ignore[method-assign]


async def _sent(connection, letter):
    connection.letter = None, None
    await connection._socket.send_message(letter)


def collect_seldom() -> None:
    """Leave the search for what nobody can reach to `server.memory`, which waits for quiet.

    Bokeh searches when a page ends, and Panel some seconds later, up to seconds each time, and all
    wait: 38 pages that ended together stopped the loop for six.
    """
    panel_document._garbage_collect = lambda: None
    bokeh_document.gc = SimpleNamespace(collect=lambda: 0)  # type: ignore[assignment]


def let_go() -> None:
    """Let models of a page that has ended hold on to nothing, so that few are to be searched for.

    Bokeh forgets the values that were set, but not the defaults of lists and dicts, nor what waits
    for changes.
    """
    destroy = Model.destroy
    if hasattr(destroy, "all"):
        return

    @wraps(destroy)
    def destroyed(self):
        destroy(self)
        for kept in ("unstable_default_values", "unstable_themed_values", "callbacks"):
            getattr(self, f"_{kept}").clear()
        self._event_callbacks.clear()

    destroyed.all = True  # type: ignore[attr-defined]
    Model.destroy = destroyed  # type: ignore[method-assign]


class _Stamped(dict):
    """What an update sets, and its number."""

    stamp = 0


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
