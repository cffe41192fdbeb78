'use strict'
// What this tab sends its guesses to a class under. It is in no address, which a class is given,
// and in the tab's store only while the page is hidden or gone, which a tab that is duplicated gets
// a copy of: the page that comes in its place takes it out again.
window.sedflowMark = (() => {
  const key = 'sedflow-mark'
  let gone = false
  try {
    const kept = window.sessionStorage
    const [how, before] = (kept.getItem(key) ?? '').split(' ')
    const came = performance.getEntriesByType('navigation')[0]?.type
    // A phone ends pages that it does not show without a word. A link that is followed in the same
    // tab may be the next one at the same desk.
    const again = came === 'reload' || document.wasDiscarded || (came === 'back_forward' && how === 'gone')
    const bytes = [...crypto.getRandomValues(new Uint8Array(8))]
    const mark = again && before ? before : bytes.map(b => b.toString(16).padStart(2, '0')).join('')
    const take = () => { gone = false; kept.removeItem(key) }
    take()
    addEventListener('pagehide', () => { gone = true; kept.setItem(key, `gone ${mark}`) })
    addEventListener('pageshow', take)
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) take()
      else if (!gone) kept.setItem(key, `hidden ${mark}`)
    })
    return mark
  } catch {
    return ''  // without a store, what is loaded again is another page
  }
})()
