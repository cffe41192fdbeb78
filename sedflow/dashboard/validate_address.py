"""The page Validate in the address: which network is tested, on which galaxies, what is shown.

Pure functions of plain values, as `population_address`.
"""

from collections.abc import Mapping
from typing import Any

from sedflow.dashboard.address_text import quoted
from sedflow.files.packaged import DEFAULT_WEIGHTS
from sedflow.model.derived import VALIDATED
from sedflow.network.weights import packaged_weights

__all__ = ["ALL", "KINDS", "LIKE", "POPULATIONS", "decode_validate", "encode_validate"]

#: What the chooser says of whose draws are tested.
KINDS = {
    "network and exact": ("network", "exact"),
    "network": ("network",),
    "exact (by weighting)": ("exact",),
}
ALL, LIKE = "all simulated galaxies", "those like one galaxy"
#: What the chooser says of a population of `sedflow.validation.populations`.
POPULATIONS = {
    "survey": "those like the NSA",
    "bright": "those of signal-to-noise above 20",
    "prior": ALL,
}

_TESTED = {**POPULATIONS, "like": LIKE}
_DRAWN = {drawn[0]: label for label, drawn in KINDS.items() if len(drawn) == 1}
_NAMES = tuple(q.name for q in VALIDATED)


def encode_validate(view: Any) -> dict[str, str]:
    """Text for the address, of what is not as the page begins.

    view : whatever has `weights`, `kind`, `galaxies`, `quantities` and `difference`
    """
    tested = next(key for key, label in _TESTED.items() if label == view.galaxies)
    drawn = next((key for key, label in _DRAWN.items() if label == view.kind), "")
    some = [name for name in _NAMES if name in view.quantities]
    out = {
        "report": "" if view.weights == DEFAULT_WEIGHTS else view.weights,
        "drawn": drawn,
        "tested": "" if tested == "survey" else tested,
        "shown": "" if len(some) == len(_NAMES) else ",".join(some) or "none",
        "pp": "" if view.difference else "whole",
    }
    return {name: text for name, text in out.items() if text}


def decode_validate(query: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Values for a `ValidateView`, and a sentence for each that had to be left out.

    Examples
    --------
    >>> decode_validate({"tested": "bright", "shown": "a_v,age_mw"})[0]["quantities"]
    ['age_mw', 'a_v']
    """
    values: dict[str, Any] = {"weights": DEFAULT_WEIGHTS, "kind": next(iter(KINDS))}
    values["difference"] = query.get("pp", "") != "whole"
    notices = []
    for name, key, known, usual in (
        ("report", "weights", {n: n for n in packaged_weights()}, DEFAULT_WEIGHTS),
        ("drawn", "kind", _DRAWN, values["kind"]),
        ("tested", "galaxies", _TESTED, POPULATIONS["survey"]),
    ):
        text = query.get(name, "")
        if text in known:
            values[key] = known[text]
        elif text:
            notices.append(f"{quoted(text)} in {name} is unknown; Validate shows {usual}")
    some = [name for name in query.get("shown", "").split(",") if name not in ("", "none")]
    unknown = [name for name in some if name not in _NAMES]
    if unknown:
        notices.append(f"{quoted(unknown[0])} in shown is not a quantity, and is left out")
    known_ones = [name for name in _NAMES if name in some]
    every = not query.get("shown") or (bool(some) and not known_ones)
    values["quantities"] = list(_NAMES) if every else known_ones
    return values, notices
