'use strict'
// On a small screen the list lies over the page: it closes when a galaxy of it is chosen, and at a
// tap beside it.
;(() => {
  const small = matchMedia('(max-width: 1100px)')

  function button() {
    for (const model of window.Bokeh?.documents?.[0]?._all_models.values() ?? []) {
      if (model.css_classes?.includes?.('fold')) return model
    }
    return null
  }

  addEventListener('click', event => {
    if (!small.matches || document.documentElement.dataset.view !== 'explore') return
    const fold = button()
    if (!fold || fold.active) return  // there is no list over the page
    const within = name => event.composedPath().some(one => one.classList?.contains(name))
    if (within('fold')) return
    const beside = within('sf-main') && !within('rail')
    if (!beside && !within('tabulator-row')) return
    fold.active = true
    if (beside) { event.preventDefault(); event.stopPropagation() }
  }, true)
})()
