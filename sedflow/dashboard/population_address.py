"""The page of a population in the address: what is asked, and which galaxies are looked at.

Pure functions of plain values. Whatever an address holds, decoding it gives values that the page
can take, and a sentence for each that had to be left out.
"""

from collections.abc import Mapping
from typing import Any

from sedflow.dashboard.address_text import limits_of, limits_text, quoted
from sedflow.dashboard.panels.population_state import CUTS, EVERYONE, PARTS, PopulationState
from sedflow.population.presets import PRESETS

_LONGEST = 64  # characters of an ID
_BY_KEY = {key: name for name, key in PARTS.items()}
_USUAL = {
    name: PopulationState.param[name].default
    for name in ("preset", "source", "field", "cuts", "up", "galaxy")
}


def encode_population(state: PopulationState) -> dict[str, str]:
    """Text for the address, of what is not as the page begins.

    Examples
    --------
    >>> encode_population(PopulationState(cuts={"mass": (9.0, None)}, galaxy="72"))
    {'cuts': 'mass:9:', 'pick': '72'}
    """
    out = {
        "preset": "" if state.preset == _USUAL["preset"] else state.preset,
        "sample": "" if state.source == _USUAL["source"] else state.source,
        "part": PARTS.get(state.field, ""),
        "cuts": ",".join(limits_text(column, *ends) for column, ends in state.cuts.items()),
        "up": "" if state.up == _USUAL["up"] else state.up,
        "pick": state.galaxy.strip()[:_LONGEST],
    }
    return {name: text for name, text in out.items() if text}


def decode_population(
    query: Mapping[str, str], has_run: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Values for every parameter of a `PopulationState`, and notices.

    query : name -> text; has_run : whether the server has a run with draws
    """
    values, notices = dict(_USUAL), []
    titles = {preset.key: preset.title for preset in PRESETS}
    sources = ("atlas", "run") if has_run else ("atlas",)
    for name, key, known, usual in (
        ("preset", "preset", {k: k for k in titles}, PRESETS[0].title),
        ("sample", "source", {k: k for k in sources}, "the packaged atlas"),
        ("part", "field", _BY_KEY, EVERYONE),
        ("up", "up", {column: column for column in CUTS if column != "mass"}, CUTS["redshift"]),
    ):
        text = query.get(name, "")
        if text in known:
            values[key] = known[text]
        elif text:
            shown = "are" if usual == EVERYONE else "is"
            what = "column" if name == "up" else name
            notices.append(f"there is no {what} {quoted(text)}; {usual} {shown} shown")
    if values["source"] == "run" and values["field"] != EVERYONE:
        notices.append(f"a run has no part {quoted(query['part'])}; {EVERYONE} are shown")
        values["field"] = EVERYONE
    cuts = {}
    for part in [p for p in query.get("cuts", "").split(",") if p][: len(CUTS)]:
        try:
            column, low, high = limits_of(part)
            if column not in CUTS or (low is not None and high is not None and low > high):
                raise ValueError
        except ValueError:
            notices.append(
                f"{quoted(part)} in cuts is not a cut, and is left out; write mass:9:10.5 or "
                f"redshift::0.02, of {', '.join(CUTS)}"
            )
            continue
        if (low, high) != (None, None):
            cuts[column] = (low, high)
    values["cuts"] = cuts
    values["galaxy"] = query.get("pick", "").strip()[:_LONGEST]
    return values, notices
