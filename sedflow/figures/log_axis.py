"""Ticks of a logarithmic axis: decades where it has some, and shares of them where it has few."""

from bokeh.models import CustomJSTicker, CustomJSTickFormatter, LogAxis

__all__ = ["tick_logarithms"]

# BokehJS divides an axis of less than two decades evenly, and leaves its lower part without a tick.
_TICKS = """
const [from, to] = [cb_data.start, cb_data.end].sort((a, b) => a - b)
if (!(from > 0) || !Number.isFinite(to) || from == to) return []
const low = Math.log10(from), high = Math.log10(to), decades = high - low
const inside = ticks => ticks.filter(tick => tick >= from && tick <= to)
const shares = decades > 3 ? [1] : decades > 1.5 ? [1, 3] : [1, 2, 5]
const step = Math.ceil(decades / 10)
const ticks = []
for (let power = step * Math.floor(low / step); power <= high; power += step)
  ticks.push(...shares.map(share => Number(`${share}e${power}`)))
if (inside(ticks).length > 2) return inside(ticks)
const rough = (to - from) / 4, unit = 10 ** Math.floor(Math.log10(rough))
const even = unit * [1, 2, 5, 10].find(share => share * unit >= 0.99 * rough)
const first = Math.ceil(from / even)
return inside([0, 1, 2, 3, 4, 5].map(k => Number(((first + k) * even).toPrecision(12))))
"""
# Many decades: some have their number.
_NUMBERS = """
const digits = number => [...String(number)].map(c => '⁰¹²³⁴⁵⁶⁷⁸⁹'[c] ?? '⁻').join('')
const whole = number => Math.abs(Math.log10(number) - Math.round(Math.log10(number))) < 1e-6
if (ticks.every(whole)) {
  const power = Math.round(Math.log10(tick)), step = Math.ceil(ticks.length / 4)
  return power % step ? '' : `10${digits(power)}`
}
if (tick >= 0.001 && tick < 1e5) return String(Number(tick.toPrecision(8)))
const [share, power] = Number(tick.toPrecision(8)).toExponential().split('e')
return `${share == 1 ? '' : `${share}·`}10${digits(Number(power))}`
"""


def tick_logarithms(axis) -> None:
    """Give an axis, if it is logarithmic, ticks over all of its length."""
    if isinstance(axis, LogAxis):
        axis.update(
            ticker=CustomJSTicker(major_code=_TICKS), formatter=CustomJSTickFormatter(code=_NUMBERS)
        )
