// Patches of Bokeh in the browser; `patches/__init__.py` has the table of all.

// Bokeh asks the style sheets for every colour, width and font of an axis, each time it draws one,
// and so makes the browser lay the page out between two strokes: a seventh of its work for a page.
// No style sheet of ours says anything to it.
{
  const visuals = window.Bokeh?.require('core/visuals/visual').VisualProperties
  if (visuals) visuals.prototype._get_css_value = () => ''
}

// Each property of each model asks its kind whether its values may be models, and a kind asks those
// that it is made of: the same answers, twenty thousand times for a page.
{
  const either = window.Bokeh?.require('core/kinds').Kinds.Or?.prototype
  const ask = either?.may_have_refs
  if (ask) {
    const known = new WeakMap()
    either.may_have_refs = function() {
      if (!known.has(this)) known.set(this, ask.call(this))
      return known.get(this)
    }
  }
}

// The outline of a figure whose ground is clear begins no path of its own, and draws what was drawn
// last before, mostly ticks of axes that have moved since.
{
  const figure = window.Bokeh?.require('models/plots/plot_canvas').PlotView?.prototype
  const paint = figure?._paint_outline
  if (paint) {figure._paint_outline = function(ctx, box) {
    ctx.beginPath()
    paint.call(this, ctx, box)
  }}
}

// A glyph takes over its coordinates, its index and its colours one after another, and other work
// has its turn between: painted with fewer patches than were indexed, it threw, and the axis beside
// it and all that came in the same message were lost. It waits for the rest, which asks to be
// painted.
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

// A message has many changes, and an error that one of them sets off in the page loses all behind
// it: a heading stayed that of another galaxy.
{
  const page = window.Bokeh?.require('document/document').Document?.prototype
  const apply = page?.apply_json_patch
  if (apply) {page.apply_json_patch = function(patch, buffers) {
    const errors = []
    for (const event of patch.events) {
      try { apply.call(this, {...patch, events: [event]}, buffers) } catch (e) { errors.push(e) }
    }
    if (errors.length) throw errors[0]
  }}
}

// A canvas is cleared half a pixel to the right and below where it begins, so that text that was
// once over its edge leaves a row of dots.
{
  const layer = window.Bokeh?.require('core/util/canvas').CanvasLayer?.prototype
  if (layer) {layer.clear = function() {
    const {x, y, width, height} = this.bbox
    this.ctx.clearRect(x - 1, y - 1, width + 2, height + 2)
  }}
}

// A file field sends whatever it is given: one that the server does not hear closes the socket, and
// the page is lost; of an empty one there is nothing to send, and the file before stays. It says so.
{
  const field = window.Bokeh?.require('models/widgets/file_input').FileInputView?.prototype
  const load = field?.load_files
  if (load) {field.load_files = async function(files) {
    const bad = [...files].find(file => file.size > MEGABYTES * 1e6 || !file.size)
    if (!bad) return load.call(this, files)
    this.input_el.value = ''
    const size = (Math.ceil(bad.size / 1e5) / 10).toFixed(1)
    window.sedflow?.notice(bad.name.slice(0, 64) + (bad.size
      ? ` has ${size} MB; the app takes MEGABYTES MB. Run sedflow infer on it instead.`
      : ' is empty, and was not read; choose a file with a table in it.'))
  }}
}

// A number field leaves out what is no part of a number while it is typed, so that 17,53 was 1753,
// and takes 1e400 for infinity, which the server hears no more than what is no number. One outside
// its ends it shows and does not take; an empty field then has 0. It keeps the number that it had,
// shows it, and says so; one without ends, which a button reads, is empty then, and not as one that
// was left empty: the button hears of it.
{
  const field = window.Bokeh?.require('models/widgets/numeric_input').NumericInputView?.prototype
  const change = field?.change_input
  if (change) {
    field.set_input_filter = () => {}
    field.change_input = function() {
      const said = this.input_el.value, plain = said.trim().replace('\u2212', '-')
      const number = /^[-+.\deE]*$/.test(plain) ? Number(plain) : NaN
      const whole = this.model.mode === 'int'
      const {low, high, title} = this.model
      if (Number.isFinite(number) && (!whole || Number.isInteger(number))) {
        const over = high !== null && number > high
        if (!plain || !over && !(low !== null && number < low)) {
          this.input_el.value = plain
          if (this.model.placeholder === NOT_TAKEN) this.model.placeholder = ''
          return change.call(this)
        }
        this.input_el.value = this.format_value
        const beyond = over ? `above ${high}` : `below ${low}`
        const inside = low !== null && high !== null ? `${low} to ${high}` : over ? `${high} or less` : `${low} or more`
        const shown = plain.slice(0, 32).replace('-', '\u2212')
        window.sedflow?.notice(`${title || 'number'} = ${shown} is ${beyond}, and was not taken; type ${inside}.`)
        return
      }
      if (low === null && high === null) {
        this.model.value = null
        this.model.placeholder ||= NOT_TAKEN
      }
      this.input_el.value = this.format_value
      const comma = /^[-+]?\d+,\d+$/.test(plain)
      window.sedflow?.notice(`\u201c${said.slice(0, 32)}\u201d is not a ${whole ? 'whole ' : ''}number`
        + (comma ? `; write ${plain.replace(',', '.')}, with a point.` : ', and was not taken.'))
    }
  }
}

// The arrows of a number field, by key, wheel or button, go from the number that was sent last, and
// so lost the digits that were typed just before. These are taken first. A sum has the digits of the
// number and of the step, and no noise of rounding behind them.
{
  const field = window.Bokeh?.require('models/widgets/spinner').SpinnerView?.prototype
  const increment = field?.increment
  const decimals = number => {
    const [digits, power] = String(number).split('e')
    return Math.max(0, (digits.split('.')[1] ?? '').length - Number(power ?? 0))
  }
  if (increment) {field.increment = function(step) {
    if (this.input_el.value !== this.format_value) this.change_input()
    const {value} = this.model
    if (value === null) return increment.call(this, step)
    const digits = Math.min(100, Math.max(decimals(value), decimals(step)))
    this.model.value = this.bound_value(Number((value + step).toFixed(digits)))
  }}
}

// The hint of a button that was clicked would lie over what the click changes, until the mouse leaves.
document.addEventListener('click', event => {
  const button = event.composedPath().find(one => one.matches?.('.bk-btn'))
  button?.getRootNode().host?.dispatchEvent(new MouseEvent('mouseleave'))
}, true)

// What a legend switches on and off hears the pointer alone, and says neither that it is a button
// nor whether it is on. A switched part has the legend write all of its entries again, which drops
// the focus.
{
  const legend = window.Bokeh?.require('models/annotations/legend').LegendView?.prototype
  const write = legend?._render_items, mark = legend?._toggle_inactive
  if (write && mark) {
    legend._toggle_inactive = function(entry) {
      mark.call(this, entry)
      if (this.is_interactive) entry.el.setAttribute('aria-pressed', String(this.is_active(entry.item)))
    }
    legend._render_items = function() {
      const had = this.entries.find(({el}) => el.matches(':focus'))?.label
      write.call(this)
      if (!this.is_interactive) return
      this.grid_el.setAttribute('role', 'group')
      this.grid_el.setAttribute('aria-label', 'shown in the figure')
      for (const {el, label} of this.entries) {
        el.tabIndex = 0
        el.setAttribute('role', 'button')
        el.addEventListener('keydown', event => {
          if (event.key !== 'Enter' && event.key !== ' ') return
          event.preventDefault()
          if (!event.repeat) el.dispatchEvent(new PointerEvent('pointerdown'))
        })
        if (label !== had) continue
        const focus = () => el.focus({preventScroll: true})
        focus()
        requestAnimationFrame(focus)  // where the legend is put back only now
      }
    }
  }
}
