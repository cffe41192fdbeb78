// What a figure is called: its title, or its axes.
function told(figure) {
  const label = axes => axes?.map(axis => axis.axis_label).find(text => typeof text === 'string')
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
      // On a small screen the list is over the page while its button is not active.
      const on = child.classList.contains('bk-active')
      const over = matchMedia('(max-width: 1100px)').matches
        && child.getRootNode().host?.classList.contains('fold')
      child.setAttribute('aria-pressed', String(on !== Boolean(over)))
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
function nameAll() {
  walk(document.body)
  for (const root of Bokeh.index.roots) draw(root)
}
nameAll()
setInterval(nameAll, 1500)
