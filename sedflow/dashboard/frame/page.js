'use strict'
window.sedflow = (() => {
  const root = document.documentElement
  const $ = id => document.getElementById(id)
  let count = 0, session = '', last = {}, sought = false, at_step = null, heard = 0

  function model(name) {
    return window.Bokeh?.documents?.[0]?.get_model_by_name(name)
  }
  // Every word to the server differs from the one before, or it would not be sent.
  function say(text) {
    const field = model('frame_say')
    if (field) field.value = `${++count} ${text}`.slice(0, 200)
  }

  function notice(text, kind = '', seconds = 0) {
    for (const other of $('sf-says').children) {
      if (other.firstChild.textContent === text) other.remove()  // said again, not twice
    }
    const line = document.createElement('div')
    line.className = kind
    const words = document.createElement('span')
    words.textContent = text
    const close = document.createElement('button')
    close.textContent = '×'
    close.setAttribute('aria-label', 'Close this message')
    close.onclick = () => line.remove()
    line.append(words, close)
    $('sf-says').append(line)
    if (seconds) setTimeout(() => line.remove(), 1000 * seconds)
    return line
  }

  // What the server says of the page: title, address, page shown, messages.
  function show(now) {
    session = now.session
    hook()
    if (now.present !== (root.dataset.present ?? '')) dress(now.present)
    if (now.title) document.title = now.title
    for (const a of $('sf-nav').querySelectorAll('a')) {
      if (a.dataset.view === now.view) {
        a.setAttribute('aria-current', 'page')
        a.classList.remove('coming')
      } else a.removeAttribute('aria-current')
    }
    const lesson_step = new URLSearchParams(now.query).get('step')
    const top = window.sedflowPlaces.top(now)
    if (root.dataset.view !== now.view || lesson_step !== at_step) {
      root.dataset.view = now.view
      at_step = lesson_step
      // A page, or a step of a lesson, begins at its top, wherever the button stood; Back leads to
      // where it was left, once it is laid out.
      window.sedflowPlaces.scroll(0)
      if (top) for (const wait of [0, 300]) setTimeout(() => window.sedflowPlaces.scroll(top), wait)
    }
    const word = $('sf-nav').querySelector('[aria-current]')
    if (word) $('sf-menu-word').textContent = word.textContent
    window.sedflowPlaces.write(now, last)
    for (const line of [...$('sf-says').children]) {
      // What was put right is not said any longer.
      if (line.dataset.said && !now.says.some(([number]) => String(number) === line.dataset.said)) line.remove()
    }
    for (const [number, text, brief] of now.says) {
      if (number <= heard) continue
      heard = number
      notice(text, '', brief ? 6 : 0).dataset.said = number
    }
    // A galaxy was found: keys are for the page again, until "/" or Tab leads to the field.
    if (now.found !== last.found && document.activeElement === $('sf-find')) {
      $('sf-main').focus({preventScroll: true})
    }
    // Nor does the field name a galaxy that is no longer shown.
    if (sought && now.found === last.found && document.activeElement !== $('sf-find')) {
      $('sf-find').value = ''
      sought = false
    }
    last = now
  }

  function busy(is) { $('sf-busy').hidden = !is }

  // What has appeared below the screen comes into view.
  function reveal(what) {
    const el = window.Bokeh?.index.find_one(what)?.el
    if (el) el.style.scrollMarginBottom = '3rem' // a line below is part of it
    el?.scrollIntoView({block: 'nearest', behavior: quiet.matches ? 'auto' : 'smooth'})
  }

  // Panel hears a click on the words of a file's button, not one beside them, nor the Enter key.
  addEventListener('click', event => {
    const at = event.composedPath()[0]
    if (at instanceof HTMLButtonElement && at.firstElementChild?.tagName === 'A') {
      at.firstElementChild.click()
    }
  })

  // A figure that was clicked or dragged over has no rim; one that Tab leads to has Bokeh's.
  addEventListener('focusin', event => {
    const at = event.composedPath()[0]
    if (at.classList?.contains('bk-events')) {
      at.style.outline = at.matches(':focus-visible') ? '' : 'none'
    }
  })

  // A long job ends with its page: the browser asks first.
  let working = false
  function works(does) { working = does }
  addEventListener('beforeunload', event => { if (working) event.preventDefault() })

  function theme(name) {
    root.dataset.theme = name
    $('sf-theme').setAttribute('aria-label', name === 'dark' ? 'Light page' : 'Dark page')
    $('sf-theme').title = $('sf-theme').getAttribute('aria-label')
  }

  // How the page is presented: '', 'all', or the part that is alone.
  function dress(how) {
    if (how && !('present' in root.dataset)) window.sedflowPlaces.scroll(0)
    if (how) root.dataset.present = how
    else delete root.dataset.present
    // Bokeh does not see that a style sheet shows again what it has hidden.
    const lay = () => {
      for (const view of window.Bokeh?.index.roots ?? []) view.invalidate_layout?.()
    }
    requestAnimationFrame(lay)
    setTimeout(lay, 400)  // once more, when the figures have the other size of type
  }
  function present(how) {
    dress(how)
    say(`present ${how || 'off'}`)
  }

  let gone = null, look = 0
  function lost() {
    if (gone) return
    working = false  // what ran is gone with the server
    gone = notice('The server cannot be reached. The page tries again until it can.', 'lost')
    look = setInterval(async () => {
      try {
        const answer = await fetch('favicon.ico', {cache: 'no-store'})
        if (answer.status < 500) { clearInterval(look); location.reload() }
      } catch { /* still away */ }
    }, 2000)
  }
  function found() {
    clearInterval(look)
    gone?.remove()
    gone = null
  }

  // A walk through draws: all steps came in one message, and the page plays them by itself.
  const quiet = matchMedia('(prefers-reduced-motion: reduce)')
  const figures = ['sed', 'sfr', 'zh', 'formed', 'corner']
  let steps = null, at = 0, clock = 0, paused = false // by the visitor: at the next galaxy, too

  function column(data, name) { return (data.get ? data.get(name) : data[name])?.[0] }
  // A figure that was made anew has a source of the same name beside the old one for a while.
  function put(name, data) {
    for (const one of window.Bokeh?.documents?.[0]?._all_models.values() ?? []) {
      if (one.name === `${name}_walk`) one.setv({data}, {sync: false})
    }
  }
  function step(by) {
    const n = column(steps.data, 'sed_y').shape[0]
    at = (at + by + n) % n
    for (const name of figures) {
      const [x, y] = ['x', 'y'].map(axis => {
        const all = column(steps.data, `${name}_${axis}`)
        if (all.shape.length === 1) return all
        const wide = all.shape[1]
        return new Float32Array(all.buffer, all.byteOffset + 4 * at * wide, wide)
      })
      put(name, {x, y})
    }
    $('sf-walk-word').textContent = `draw ${at + 1} of ${n}`
  }
  function play(on) {
    clearInterval(clock)
    clock = on ? setInterval(() => step(1), 700) : 0
    $('sf-walk-play').textContent = on ? '❚❚' : '▶'
  }
  // Steps came, or went: of another galaxy, of other axes.
  function walked() {
    const there = !!column(steps.data, 'sed_y')
    if (there) {
      const begins = $('sf-walk').hidden
      step(begins ? -at : 0)
      if (begins) play(!quiet.matches && !paused)
    } else {
      play(false)
      for (const name of figures) put(name, {x: [], y: []})
    }
    $('sf-walk').hidden = !there
  }
  function hook() {
    const now = model('walk')
    if (!now || now === steps) return
    steps = now
    steps.properties.data.change.connect(walked)
    if (column(steps.data, 'sed_y')) walked()
  }
  function walk() {
    hook()
    if (!steps) return
    if ($('sf-walk').hidden) say('walk on')
    else if (quiet.matches) step(1)
    else toggle()
  }
  function toggle() { paused = !!clock; play(!paused) }
  function rest() { paused = false; if (!$('sf-walk').hidden) say('walk off') }

  // A page whose first socket is not let in stays empty: only the server knows why.
  async function refused(usual) {
    let why = usual
    try {
      const answer = await fetch('ws', {cache: 'no-store'})
      if (answer.status === 429 || answer.status === 503) {
        const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
        why = page.querySelector('p').textContent
      }
    } catch { /* it cannot be reached at all */ }
    $('sf-building').hidden = true
    notice(why || 'The server did not let this page in. Reload it in half a minute.', 'lost')
  }
  const Socket = window.WebSocket
  window.WebSocket = class extends Socket {
    constructor(...about) {
      super(...about)
      this.addEventListener('close', event => {
        if (!window.Bokeh?.documents?.length) refused(event.reason)
      })
    }
  }

  async function share() {
    const link = new URL(location.href)
    // A class is sent the link: the others begin without the fit of whoever sent it.
    if (link.searchParams.has('class')) link.search = link.search.replace(/&knobs=[^&]*/, '')
    try {
      await navigator.clipboard.writeText(link.href)
      notice('The link to this page is copied.', '', 4)
    } catch {
      notice(`The link to this page: ${link.href}`)
    }
  }

  function typing(event) {
    const field = event.composedPath()[0]
    return field.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(field.tagName ?? '')
      && !/^(button|checkbox|radio|range)$/.test(field.type)
  }

  const inList = event => event.composedPath().some(one => one.classList?.contains('galaxies'))
  let pointedAtList = false

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'Escape') {
      if ('present' in root.dataset) present('')
      if (typing(event)) event.composedPath()[0].blur()
      $('sf-nav').classList.remove('open')
      rest()
      say('clear')
      return
    }
    // A click on a row leaves the focus on the page.
    const listed = inList(event) || (pointedAtList && event.target === document.body)
    const along = listed && {ArrowDown: 'next', ArrowUp: 'previous'}[event.key]
    if (along) { say(along); event.preventDefault(); return }
    if (typing(event) || $('sf-help').open) return
    const shown = 'present' in root.dataset
    const arrows = shown ? {ArrowRight: 'onward', ArrowLeft: 'backward'} : {}
    const alone = shown && root.dataset.view === 'explore' &&
      {a: 'all', s: 'sed', c: 'corner', h: 'history'}[event.key]
    if (alone) { present(alone); event.preventDefault(); return }
    if (event.key === 'w') { walk(); event.preventDefault(); return }
    const word = {j: 'next', k: 'previous', p: 'pin', ...arrows}[event.key]
    const links = $('sf-nav').querySelectorAll('a')
    if (word) say(word)
    else if (event.key === '/') { $('sf-find').focus(); $('sf-find').select() }
    else if (event.key === '?') $('sf-help').showModal()
    else if (/^[1-9]$/.test(event.key) && links[event.key - 1]) links[event.key - 1].click()
    else return
    event.preventDefault()
  }

  addEventListener('DOMContentLoaded', () => {
    theme(root.dataset.theme)
    const narrow = matchMedia('(max-width: 480px)'), whole = $('sf-find').placeholder
    const hint = () => { $('sf-find').placeholder = narrow.matches ? 'NSAID or name' : whole }
    narrow.addEventListener('change', hint)
    hint()
    // A link may ask for a walk: its steps come after the page.
    const wait = setInterval(() => { hook(); if (steps) clearInterval(wait) }, 300)
    if (window.sedflowFirst) show(window.sedflowFirst)
    $('sf-nav').addEventListener('click', event => {
      const link = event.target.closest('a')
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return
      event.preventDefault()
      $('sf-nav').classList.remove('open')
      $('sf-menu').setAttribute('aria-expanded', 'false')
      const before = $('sf-nav').querySelector('.coming') ?? $('sf-nav').querySelector('[aria-current]')
      if (link !== before) window.sedflowPlaces.choose(link.dataset.view, session)
      // A page takes seconds to build where it was not opened before.
      for (const a of $('sf-nav').querySelectorAll('a')) a.classList.toggle('coming', a === link && !a.ariaCurrent)
      say(`view ${link.dataset.view}`)
    })
    $('sf-menu').onclick = () => {
      const open = $('sf-nav').classList.toggle('open')
      $('sf-menu').setAttribute('aria-expanded', String(open))
    }
    $('sf-search').addEventListener('submit', event => {
      event.preventDefault()
      say(`find ${$('sf-find').value}`)
      $('sf-find').select()
      sought = true
    })
    $('sf-share').onclick = share
    $('sf-walk-back').onclick = () => { play(false); paused = true; step(-1) }
    $('sf-walk-on').onclick = () => { play(false); paused = true; step(1) }
    $('sf-walk-play').onclick = toggle
    $('sf-walk-end').onclick = rest
    $('sf-present').onclick = () => present('all')
    $('sf-theme').onclick = () => {
      const name = root.dataset.theme === 'dark' ? 'light' : 'dark'
      theme(name)
      say(`theme ${name}`)
    }
    $('sf-help-open').onclick = () => $('sf-help').showModal()
    $('sf-help-close').onclick = () => $('sf-help').close()
  })
  addEventListener('keydown', key)
  addEventListener('pointerdown', event => { pointedAtList = inList(event) }, true)
  addEventListener('popstate', event => {
    if (event.state?.session === session) say(`go ${event.state.n}`)
    else location.reload()
  })
  return {show, busy, reveal, works, lost, found, notice, say, walk}
})()
