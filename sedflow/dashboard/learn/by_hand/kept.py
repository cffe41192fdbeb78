"""What an address has of *Fit by hand*, so that a reload keeps it: best knobs."""

import math

from sedflow.dashboard.learn.by_hand.lesson import KNOBS
from sedflow.dashboard.numbers import clamped

#: The galaxies that are fitted, in the order of the address.
GALAXIES = ("nsa", "mock")

Best = dict[str, dict[str, float]]


def encode_best(best: Best) -> str:
    """The best knobs of each galaxy, as text; those of a galaxy that has none are empty.

    >>> encode_best({"mock": {"log_mstar": 9.5, "tau_ism": 1, "beta1": 0.25, "metals": -3}})
    ';9.5,1,0.25,-3'
    """
    parts = [
        ",".join(f"{best[which][name]:.6g}" for name in KNOBS) if which in best else ""
        for which in GALAXIES
    ]
    return ";".join(parts).rstrip(";")


def decode_best(text: str) -> tuple[Best, list[str]]:
    """The best knobs that an address has, inside their ranges, and notices.

    >>> decode_best("9.5,1,0.25,-3")[0]
    {'nsa': {'log_mstar': 9.5, 'tau_ism': 1.0, 'beta1': 0.25, 'metals': -3.0}}
    """
    best: Best = {}
    notices: list[str] = []
    for which, part in zip(GALAXIES, text.split(";"), strict=False):
        if not part:
            continue
        try:
            values = [float(value) for value in part.split(",")]
        except ValueError:
            values = []
        if len(values) != len(KNOBS) or not all(map(math.isfinite, values)):
            return {}, [
                f"knobs in the address are not {len(KNOBS)} numbers for each galaxy; Fit by hand "
                "starts from the beginning"
            ]
        best[which] = {
            name: clamped(f"{name} of the fit by hand", value, low, high, notices)
            for value, (name, (_, _, low, high, _)) in zip(values, KNOBS.items(), strict=True)
        }
    return best, notices
