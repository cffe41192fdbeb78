'use strict'
// A connection may stall without an end, as where a network forgets it: what is sent into it is lost,
// and nobody hears of it until the server closes it.
;(() => {
  const LONGEST = 10  // s, that the server may take to say of a message that it has come
  let asked = 0, by = null, line = null

  function answered() {
    asked = 0
    line?.remove()
    line = null
  }
  function look() {
    if (!asked || line) return
    // What is on its way still, or belongs to a page that is being built, has not come yet.
    if (by.bufferedAmount || !window.Bokeh?.documents?.length) asked = performance.now()
    else if (performance.now() - asked > 1000 * LONGEST) {
      const words = `The server has not answered for ${LONGEST} s. What you did since may be lost.`
      line = window.sedflow.notice(words, 'lost')
    }
  }
  const Socket = window.WebSocket
  window.WebSocket = class extends Socket {
    constructor(...about) {
      super(...about)
      this.addEventListener('message', answered)
      this.addEventListener('close', answered)  // which another line tells
    }

    send(data) {
      super.send(data)
      by = this
      asked ||= performance.now()
    }
  }
  setInterval(look, 1000)
})()
