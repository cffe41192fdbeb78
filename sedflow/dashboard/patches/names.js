// What a figure is called: its title, or its axes.
function told(figure) {
  const titled = axes => axes?.map(axis => axis.axis_label).find(text => typeof text === 'string')
  const [x, y] = [titled(figure.below), titled(figure.left)]
  const name = figure.name?.replaceAll('_', ' ') || 'figure'
  const title = figure.title?.text || name
  const about = y && x ? `${y} by ${x}` : y || x
  if (about) return about === title ? title : `${title}: ${about}`
  return title === name ? title : `${name}: ${title}`
}
function draw(view) {
  const field = view.canvas_view?.el.shadowRoot?.querySelector('.bk-events')
  if (field) {
    // No key does anything here: a picture with a name, and no stop of the Tab key. One with
    // buttons in its legend is a figure: what is inside a picture is not read out.
    const text = told(view.model)
    const some = view.model.above?.some(one => (one.click_policy ?? 'none') !== 'none')
    field.tabIndex = -1
    field.setAttribute('role', some ? 'figure' : 'img')
    if (field.getAttribute('aria-label') !== text) field.setAttribute('aria-label', text)
  }
  for (const child of view.child_views ?? []) draw(child)
}
const label = (one, text) => {
  if (text && one.getAttribute('aria-label') !== text) one.setAttribute('aria-label', text)
}
const labelled = one => one.getAttribute('aria-label')
// What has no name of its own, and how it comes by one.
const NAMELESS = {
  '.noUi-handle[role=slider]': handle => {
    const title = handle.getRootNode().querySelector('.bk-slider-title')
    label(handle, title?.textContent.split(':')[0].trim())
  },
  '.bk-spin-btn': arrow => {
    // The keys up and down in the field do the same: no stops of the Tab key after each number.
    arrow.tabIndex = -1
    if (!labelled(arrow)) label(arrow, arrow.matches('.bk-spin-btn-up') ? 'more' : 'less')
  },
  '.bk-btn-group > .bk-btn': button => {
    // What only does something is not pressed afterwards.
    const kinds = [...button.getRootNode().host?.classList ?? []]
    if (kinds.some(kind => /(^|-)Button$/.test(kind))) { button.removeAttribute('aria-pressed'); return }
    // On a small screen the list is over the page while its button is not active.
    const on = button.classList.contains('bk-active')
    const over = matchMedia('(max-width: 1100px)').matches
      && button.getRootNode().host?.classList.contains('fold')
    button.setAttribute('aria-pressed', String(on !== Boolean(over)))
  },
  '.choices, input[type=file]': chooser => {
    const title = chooser.getRootNode().querySelector('label')
    if (!labelled(chooser)) label(chooser, title?.textContent.trim() || 'file')
  },
  // Without a placeholder, the field in which one types is named "null".
  '.choices__input--cloned': field => {
    label(field, field.getRootNode().querySelector('label')?.textContent.trim())
  },
  // A list that scrolls is a stop of the Tab key, and this one closes as soon as it has the focus,
  // which begins again in front of the chooser: nobody came out of it.
  '.choices__list--dropdown .choices__list': list => { list.tabIndex = -1 },
  'input[type=checkbox]': box => {
    if (!labelled(box) && !box.closest('label')) label(box, box.nextElementSibling?.textContent.trim())
  },
  '.tabulator[role=grid]': table => {
    // A grid that holds its scroller and its page buttons is not one: its parts are.
    table.setAttribute('role', 'group')
    table.removeAttribute('aria-owns')
    for (const [part, name] of [['header', 'columns'], ['tableholder', 'rows']]) {
      const grid = table.querySelector(`.tabulator-${part}`)
      const some = grid?.querySelector('[role=columnheader], [role=row] [role=gridcell]')
      grid?.setAttribute('role', some ? 'grid' : 'none')
      if (some) grid.setAttribute('aria-label', name)
    }
    const empty = table.querySelector('.tabulator-headers:empty')
    empty?.setAttribute('role', 'none')
    if (empty) table.removeAttribute('role')
  },
  // No cell is edited: each would take the focus and drop it, one press of Tab after another.
  '.tabulator-cell[tabindex="0"]': cell => { cell.tabIndex = -1 },
  '.tabulator-header-filter input': filter => {
    const title = filter.closest('.tabulator-col').querySelector('.tabulator-col-title')
    label(filter, `filter by ${title.textContent.trim()}`)
  },
  'progress': bar => { if (!labelled(bar)) label(bar, 'progress') },
}
const ANY = Object.keys(NAMELESS).join()
function walk(root) {
  for (const one of root.querySelectorAll(ANY)) {
    for (const [which, name] of Object.entries(NAMELESS)) if (one.matches(which)) name(one)
  }
  for (const one of root.querySelectorAll('*')) if (one.shadowRoot) walk(one.shadowRoot)
}
// Pages are built when they are opened, and titles change: look again from time to time.
function nameAll() {
  walk(document.body)
  for (const root of Bokeh.index.roots) draw(root)
}
nameAll()
setInterval(nameAll, 1500)
