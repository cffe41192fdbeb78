// Patches of how Bokeh lays a page out; `patches/__init__.py` has the table of all.

// A heading that changes or a button that appears has Bokeh empty and fill the style sheets of all
// that is on the page, mostly with what they had, so that the browser works out all styles once
// more: a third of its work for a galaxy. Those that come out as they were are left alone.
{
  const sheet = window.Bokeh?.require('core/dom').InlineStyleSheet?.prototype
  const box = window.Bokeh?.require('models/layouts/layout_dom').LayoutDOMView?.prototype
  const update = box?.update_layout
  if (sheet && update) {
    let waiting = null
    const write = (one, css) => { if (css !== one.el.textContent) one.el.textContent = css }
    Object.defineProperty(sheet, 'css', {
      configurable: true,
      get() { return waiting?.get(this) ?? this.el.textContent },
    })
    sheet._update = function(css) {
      if (waiting) waiting.set(this, css)
      else write(this, css)
    }
    box.update_layout = function() {
      if (waiting) return update.call(this)
      waiting = new Map()
      try { update.call(this) } finally {
        const all = waiting
        waiting = null
        for (const [one, css] of all) write(one, css)
      }
    }
  }
}

// A message that changes several such things has each of them lay the whole page out, and paint
// figures whose data are still on their way: it is done once, before the next frame is painted.
{
  const box = window.Bokeh?.require('models/layouts/layout_dom').LayoutDOMView
  const page = window.Bokeh?.require('document/document').Document?.prototype
  const invalidate = box?.prototype.invalidate_layout, apply = page?.apply_json_patch
  if (invalidate && apply) {
    const waiting = new Set()
    let heard = false
    box.prototype.invalidate_layout = function() {
      if (heard && !(this.parent instanceof box)) waiting.add(this)
      else {
        waiting.delete(this)
        invalidate.call(this)
      }
    }
    page.apply_json_patch = function(patch, buffers) {
      // Asked for first, so that it comes before all that the message has painted.
      requestAnimationFrame(() => { for (const root of waiting) root.invalidate_layout() })
      heard = true
      try { apply.call(this, patch, buffers) } finally { heard = false }
    }
  }
}

// A box hears first that something in it has another size, and takes all sizes in it over. Where its
// own stays the same it lays nothing out, and what changed, heard next, finds its size known: a
// figure keeps the canvas that it had before.
{
  const box = window.Bokeh?.require('models/layouts/layout_dom').LayoutDOMView?.prototype
  const update = box?.update_bbox
  if (update) {
    let figures = 0  // that have had another size
    box.update_bbox = function() {
      const before = figures
      const own = update.call(this)
      if (own && this.canvas_view) figures++
      return own || figures > before
    }
  }
}

// A figure asks for its font size for each axis and title that it measures or paints, and the
// browser works out all styles that have changed since to tell it. Only a presentation changes it.
{
  const figure = window.Bokeh?.require('models/plots/plot_canvas').PlotView?.prototype
  const size = Object.getOwnPropertyDescriptor(figure ?? {}, 'base_font_size')
  if (size) {
    let known = new WeakMap(), present
    Object.defineProperty(figure, 'base_font_size', {
      ...size,
      get() {
        if (document.documentElement.dataset.present !== present) {
          present = document.documentElement.dataset.present
          known = new WeakMap()
        }
        const pixels = known.get(this) ?? size.get.call(this)
        known.set(this, pixels)
        return pixels
      },
    })
  }
}

// Laying a page out has Bokeh paint all of its figures, though those that keep their size have
// nothing new to show; what is new in one is painted anyway, a moment later.
{
  const figure = window.Bokeh?.require('models/plots/plot_canvas').PlotView?.prototype
  const update = figure?._update_layout
  if (update) {figure._update_layout = function() {
    const {_needs_paint, _invalidate_all} = this
    update.call(this)
    if (this._render_count) Object.assign(this, {_needs_paint, _invalidate_all})
  }}
}

// Something that a figure draws more takes no room beside it: the page is not laid out for it, and
// what is beside the figure stays where the last layout has put it.
{
  const figure = window.Bokeh?.require('models/plots/plot_canvas').PlotView?.prototype
  const build = figure?._build_renderers, update = figure?._update_renderers
  const invalidate = figure?.invalidate_layout
  if (build && update && invalidate) {
    const beside = ({model: {above, below, left, right, center}}) =>
      [above, below, left, right, center].flat()
    figure._build_renderers = function() {
      this._beside = beside(this)
      this._drawn = this.model.renderers
      return build.call(this)
    }
    figure._update_renderers = async function() {
      const now = beside(this)
      const same = now.length === this._beside.length && now.every((one, k) => one === this._beside[k])
      if (!same || this._drawn === this.model.renderers) return update.call(this)
      const {created} = await this._build_renderers()
      for (const view of created) {
        view.render_to(view.rendering_target() ?? this.self_target)
        view.r_after_render()
      }
      this._draws_more = true
    }
    figure.invalidate_layout = function() {
      if (this._draws_more) this.request_repaint()
      else invalidate.call(this)
      this._draws_more = false
    }
  }
}
