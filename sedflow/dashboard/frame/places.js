'use strict'
// Places in the browser's history. A page that takes seconds to build has its place from when it was
// chosen: Back, pressed meanwhile, leads to the page before it, and not to the one before that.
window.sedflowPlaces = (() => {
  let here = 0, chosen = -1  // numbers of the place that is shown, and of one the server is to fill
  let rested = () => {}, timer = 0
  let back = -1  // the place that Back or Forward led to
  const tops = {}  // number of a place -> how far it was scrolled when it was left

  function place(session, n) { here = n; return {session, n, mark: window.sedflowMark} }
  function rest() { clearTimeout(timer); rested(); rested = () => {} }

  const main = () => document.getElementById('sf-main')
  // Where the page was when the visitor acted: before the server's word comes, it may be another.
  let acted = 0
  const at = () => main().scrollTop || scrollY  // phones scroll the page
  for (const act of ['pointerdown', 'keydown']) addEventListener(act, () => { acted = at() }, true)
  function leave(from = acted) { tops[here] = from }
  function scroll(to) { scrollTo(0, to); main().scrollTop = to }

  // How far the place that is shown now was scrolled, where Back led to it; else 0.
  function top(now) {
    if (now.push && now.n > here) { leave(); back = -1 }
    return now.n === back ? tops[back] ?? 0 : 0
  }

  function choose(view, session) {
    leave()
    back = -1
    rest()  // what waits to be written is of the page before
    const query = new URLSearchParams(location.search)
    query.set('view', view)
    chosen = here + 1
    history.pushState(place(session, chosen), '', `?${query}`)
  }

  // What the server says that the page is now; before: what it said last.
  function write(now, before) {
    if (now.push && now.n !== before.n && now.n > chosen) {
      rest()
      history.pushState(place(now.session, now.n), '', now.query)
    } else if (chosen < 0 || now.n === here) {
      const state = place(now.session, now.n)
      rested = () => history.replaceState(state, '', now.query)
      clearTimeout(timer)
      if (now.n === chosen) rest()
      // Browsers take about a hundred addresses in half a minute: wait for a slider to rest.
      else timer = setTimeout(rest, 200)
    }
    if (now.n === here || now.n === chosen) chosen = -1
  }

  addEventListener('popstate', event => {
    clearTimeout(timer)
    rested = () => {}
    leave(at())
    here = back = event.state?.n ?? here
  })
  return {choose, write, top, scroll}
})()
