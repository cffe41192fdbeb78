'use strict'
// A page begins before the server has built it, and while it waits the server says so every five
// seconds. Of a connection that broke meanwhile a browser says nothing: the page is asked for again.
// A browser comes to what is said when it has the scripts, which takes a slow network a minute.
window.sedflowWaits = (() => {
  let heard = Infinity, rest = 0, slow = false
  const is_there = () => 'sedflowFirst' in window
  const again = () => { if (!is_there()) location.reload() }
  const look = setInterval(() => {
    const now = performance.now()
    if (!slow && heard === Infinity && now > 6000) {  // once: a screen reader reads it out
      slow = true
      document.querySelector('#sf-building p')?.append(' Its scripts take long on this connection.')
    }
    if (is_there()) rest ||= now
    else if (now - heard > 30_000) again()
    if (window.Bokeh?.documents?.length) clearInterval(look)
    else if (rest && now - rest > 40_000) {
      clearInterval(look)
      document.querySelector('#sf-building p').textContent = 'This page has no connection to its ' +
        'server: something between, such as a proxy or a firewall, may let no websocket through. ' +
        'Load the page again to try once more.'
    }
  }, 1000)
  addEventListener('DOMContentLoaded', again)
  return () => { heard = performance.now() }
})()
