'use strict'
// A page on paper: one column of the width of a sheet, as long as it is. Bokeh lays figures out by
// script and browsers start none between the screen's layout and the sheet's, so that the page takes
// the sheet's width, and the styles that belong to it, before it is printed, and the screen's after.
;(() => {
  const WIDTH = 700  // of what an A4 or Letter sheet has between its margins [px]
  let pictures = []  // [canvas, what is printed of it]
  let before = []  // [rule, its condition on the screen]
  let turned = []  // figures whose dark colours are turned round

  // What a condition says of a sheet, or null where it says nothing of it.
  function holds(condition) {
    const about = [...condition.matchAll(/(max|min)-(width|height): *(\d+)px/g)]
    if (!about.length) return condition === 'print' ? true : null
    return about.every(([, end, side, size]) => side === 'height' ? end === 'min'
      : end === 'max' ? WIDTH <= size : WIDTH >= size)
  }
  function turn(sheet) {
    for (const rule of sheet.cssRules) {
      const does = rule instanceof CSSMediaRule ? holds(rule.conditionText) : null
      if (does === null) continue
      before.push([rule, rule.conditionText])
      rule.media.mediaText = does ? 'all' : 'not all'
    }
  }
  function turnAll(root) {
    for (const sheet of root.styleSheets) turn(sheet)
    for (const one of root.querySelectorAll('*')) if (one.shadowRoot) turnAll(one.shadowRoot)
  }
  // A table that is wider than the sheet is printed smaller.
  function fit(table, printed) {
    table.element.style.zoom = ''
    table.redraw(true)
    const seen = table.element.querySelector('.tabulator-tableholder')
    const share = seen ? seen.clientWidth / seen.scrollWidth : 1
    if (!printed || !(share > 0 && share < 1)) return
    table.element.style.zoom = String(share)
    table.redraw(true)
  }
  function fitTables(view, printed) {
    if (view.tabulator?.initialized && view.tabulator.element.checkVisibility()) fit(view.tabulator, printed)
    for (const one of view.child_views ?? []) fitTables(one, printed)
  }
  function lay(printed) {
    for (const view of window.Bokeh?.index.roots ?? []) {
      view.invalidate_layout?.()
      fitTables(view, printed)
    }
  }

  // Browsers print nothing of a canvas that was drawn just before: a still picture takes its place.
  function still(canvas) {
    if (!canvas.width || !canvas.height) return
    const copy = new OffscreenCanvas(canvas.width, canvas.height)
    copy.getContext('2d').drawImage(canvas, 0, 0)
    const picture = canvas.cloneNode()
    picture.getContext('bitmaprenderer').transferFromImageBitmap(copy.transferToImageBitmap())
    canvas.after(picture)
    canvas.style.display = 'none'
    pictures.push([canvas, picture])
  }
  function stillAll(root) {
    for (const one of root.querySelectorAll('*')) {
      if (one.shadowRoot) stillAll(one.shadowRoot)
      else if (one instanceof HTMLCanvasElement) still(one)
    }
  }

  // Paper is white. The server gives figures their colours, and there is no time to ask for others.
  function lightenAll(root) {
    for (const one of root.querySelectorAll('*')) {
      if (one.classList.contains('bk-Figure')) {
        one.style.filter = 'invert(1) hue-rotate(180deg)'
        turned.push(one)
      } else if (one.shadowRoot) lightenAll(one.shadowRoot)
    }
  }

  addEventListener('beforeprint', () => {
    if (before.length) return
    turnAll(document)
    lay(true)
    stillAll(document)
    const page = document.documentElement.dataset
    if (page.theme !== 'dark') return
    page.theme = 'light'
    lightenAll(document)
  })
  addEventListener('afterprint', () => {
    for (const [rule, condition] of before) rule.media.mediaText = condition
    for (const [canvas, picture] of pictures) {
      picture.remove()
      canvas.style.display = ''
    }
    if (turned.length) document.documentElement.dataset.theme = 'dark'
    for (const figure of turned) figure.style.filter = ''
    before = []
    pictures = []
    turned = []
    lay(false)
  })
})()
