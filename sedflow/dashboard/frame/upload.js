'use strict'
// A catalogue that was uploaded ends with its page: one that is loaded again, after a lost server
// for one, says so. The tab's store has only that there was one.
window.sedflowUpload = (() => {
  const key = 'sedflow-upload'
  const words = 'An uploaded catalogue and its results are not kept when the page is loaded again: upload it again.'
  let there = false

  function kept(store) {
    const came = performance.getEntriesByType('navigation')[0]?.type
    // A link that is followed leads to another page, which has nothing to miss.
    return !!store.getItem(key) && (came !== 'navigate' || document.wasDiscarded)
  }
  function keep() {
    try {
      if (there) window.sessionStorage.setItem(key, '1')
      else window.sessionStorage.removeItem(key)
    } catch { /* without a store, nothing is said */ }
  }
  function hold(does) { there = does; keep() }

  let missed = false
  try { missed = kept(window.sessionStorage) } catch { /* nor here */ }
  addEventListener('pageshow', keep)  // this page's, where Back shows it again
  addEventListener('DOMContentLoaded', () => { if (missed) window.sedflow.notice(words) })
  return {hold}
})()
