'use strict'
// What a page sends its guesses to a class under. It is in no address, which a class is given. It
// belongs to an entry of the tab's history, so that Back leads to the guess of the page that it
// shows. A tab that is duplicated has a copy of both: the tab's store says which pages it has left,
// or hidden, and one that is shown again takes its mark out of it.
window.sedflowMark = (() => {
  const left = 'sedflow-left', hidden = 'sedflow-hidden'
  try {
    const kept = window.sessionStorage
    const marks = key => (kept.getItem(key) ?? '').split(' ').filter(Boolean)
    const keep = (key, some) => { if (some.length) kept.setItem(key, some.join(' ')); else kept.removeItem(key) }
    const came = performance.getEntriesByType('navigation')[0]?.type
    // A phone ends pages that it does not show without a word. A link that is followed in the same
    // tab may be the next one at the same desk.
    const again = came === 'reload' || document.wasDiscarded
    const known = again ? [...marks(hidden), ...marks(left)] : came === 'back_forward' ? marks(left) : []
    // The entry of a part of the page, after "#", has none: its page is the one that was just left.
    const before = window.history.state?.mark ?? (again ? known.at(-1) : '')
    const bytes = [...crypto.getRandomValues(new Uint8Array(8))]
    const mark = known.includes(before) ? before : bytes.map(b => b.toString(16).padStart(2, '0')).join('')
    const others = () => marks(left).filter(one => one !== mark)
    let gone = false
    const take = () => { gone = false; keep(hidden, []); keep(left, others()) }
    take()
    window.history.replaceState({...window.history.state, mark}, '')
    addEventListener('pagehide', () => { gone = true; keep(left, [...others().slice(-50), mark]) })
    addEventListener('pageshow', take)
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) take()
      else if (!gone) keep(hidden, [mark])
    })
    return mark
  } catch {
    return ''  // without a store, what is loaded again is another page
  }
})()
