// A button that goes away, or is switched off, as it is pressed gives its focus to the one that then
// has its place: else the next Tab begins at the top of the page.
const within = root => [...root.querySelectorAll('*')].flatMap(one =>
  [one, ...(one.shadowRoot ? within(one.shadowRoot) : [])])
const buttons = root => within(root).filter(one =>
  one instanceof HTMLButtonElement && !one.disabled && one.checkVisibility())

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
      if (there.length) return there[Math.min(Math.max(place, 0), there.length - 1)].focus({preventScroll: true})
    }
  }, 100)
})
