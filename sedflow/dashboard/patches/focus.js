// A button that goes away, or is switched off, as it is pressed gives its focus to the one that then
// has its place: else the next Tab begins at the top of the page.
const within = root => [...root.querySelectorAll('*')].flatMap(one =>
  [one, ...(one.shadowRoot ? within(one.shadowRoot) : [])])
const buttons = root => within(root).filter(one =>
  one instanceof HTMLButtonElement && !one.disabled && one.checkVisibility())

// Enter that is held is pressed again and again, and what has the focus now was not meant.
let given = null
addEventListener('keydown', event => {
  if (!event.repeat) given = null
  else if (event.key === 'Enter' && given && event.composedPath().includes(given)) event.preventDefault()
}, true)

addEventListener('click', event => {
  if (event.detail) return  // of a pointer: Space, which scrolls, would press the next one
  const path = event.composedPath()
  const host = path.findIndex(one => one.classList?.contains('gives-focus'))
  const pressed = path.find(one => one instanceof HTMLButtonElement)
  if (host < 0 || !pressed) return
  const around = path.slice(host + 1).filter(one => one.querySelectorAll && one !== document)
    .map(root => [root, buttons(root).indexOf(pressed)])
  let ticks = 0
  const clock = setInterval(() => {  // while the server answers
    if (++ticks > 30) clearInterval(clock)
    if ((document.activeElement ?? document.body) !== document.body) return
    for (const [root, place] of around) {
      const there = buttons(root)
      given = there[Math.min(Math.max(place, 0), there.length - 1)] ?? null
      if (given) return given.focus({preventScroll: true})
    }
  }, 100)
})
