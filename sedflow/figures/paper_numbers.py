"""Numbers as they are printed on paper: ticks of narrow axes, and intervals."""

import numpy as np

from sedflow.figures.errors_shown import digits_of_errors

__all__ = ["interval", "round_ticks"]


def round_ticks(ends, room, upright: bool = False) -> tuple[np.ndarray, list[str]]:
    """Two or three round numbers away from the ends of an axis, and their text.

    Where two do not fit beside each other, one.

    room : characters that fit along the axis
    upright : whether the text is turned by a right angle, so that a number takes one line
    """
    from matplotlib.ticker import MaxNLocator

    low, high = ends
    margin = 0.12 * (high - low)
    at, text = np.array([0.5 * (low + high)]), [f"{0.5 * (low + high):.4g}"]
    for n in (3, 4, 5, 6, 8, 10):
        found = MaxNLocator(n, steps=[1, 2, 5, 10]).tick_values(low, high)
        found = found[(found > low + margin) & (found < high - margin)]
        if len(found) < 2:
            continue
        digits = next((d for d in range(5) if np.allclose(found, found.round(d), atol=1e-9)), 5)
        words = [f"{t:.{digits}f}".replace("-", "−") for t in found]
        length = 1.5 if upright else max(map(len, words))
        needed = (length + 0.7) * (high - low) / room
        every = max(1, int(np.ceil(needed / (found[1] - found[0]))))
        first = (len(found) - 1) % every // 2
        at, text = found[first::every], words[first::every]
        if len(at) >= 2:
            break
    return at, text


def interval(low: float, median: float, high: float) -> str:
    """Median and 68 % interval in mathtext, to two digits of the smaller error."""
    n, n_up, n_down = np.clip(digits_of_errors(low, median, high), 0, 4)
    return f"${median:.{n}f}_{{-{median - low:.{n_down}f}}}^{{+{high - median:.{n_up}f}}}$"
