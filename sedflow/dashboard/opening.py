"""What an address asks a session to open with, decoded before any page is built."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sedflow.catalogue.results import RunTable
from sedflow.dashboard.address import FORMER, decode, decode_own, decode_pins
from sedflow.dashboard.answer import Request
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.learn.by_hand.kept import decode_best
from sedflow.dashboard.numbers import whole_number
from sedflow.dashboard.pages.compare import MOST_PINS
from sedflow.dashboard.pinned_curve import decode_pinned
from sedflow.dashboard.population_address import decode_population
from sedflow.dashboard.run_address import decode_run
from sedflow.dashboard.server.classes import CODE_LENGTH
from sedflow.dashboard.state import ExplorerState, ForwardState
from sedflow.dashboard.validate_address import decode_validate
from sedflow.dashboard.what_if import Change
from sedflow.errors import SedflowError
from sedflow.network.weights import packaged_weights

_MOST_QUOTED = 40  # characters of the address that a notice quotes


@dataclass(frozen=True)
class Opening:
    """What each page begins with.

    view : key of the page that is shown first
    theme : "dark", "light", or "" as the visitor's system has it
    present : what is presented; "" for nothing
    explore, forward : values of `ExplorerState` and of `ForwardState`
    pinned : what a curve is of that Forward compares with; None for none
    change : what of the galaxy is changed on the side
    walk : whether the page walks through draws
    population : values of `PopulationState`
    validate : values of `ValidateView`
    run : values of `RunState`, where there is a run
    pins : what is asked for, for Compare; None for a color that is free
    lesson : values of `LearnView`
    notices : a sentence for each that had to be changed or left out
    """

    view: str
    theme: str
    present: str
    explore: dict[str, Any]
    forward: dict[str, Any]
    pinned: dict[str, Any] | None
    change: Change
    walk: bool
    population: dict[str, Any]
    validate: dict[str, Any]
    run: dict[str, Any]
    pins: list[Request | None]
    lesson: dict[str, Any]
    notices: list[str]

    @classmethod
    def of(
        cls,
        query: Mapping[str, str],
        keys: Sequence[str],
        engine: Engine,
        run: RunTable | None = None,
        notices: Sequence[str] = (),
    ) -> "Opening":
        """Read an address; a galaxy that it carries is added to the engine.

        keys : pages that there are
        notices : what there is to say already
        """
        query = dict(query)
        view = query.get("view", "explore")
        view = FORMER.get(view, view)
        state = ExplorerState(run=None)
        explore, forward, found = decode(query, state, ForwardState())
        notices = [*notices, *found]
        change = decode_change(query, notices)
        _add_own(query, explore, engine, notices)
        if explore.get("weights") not in (None, *packaged_weights()):
            name = explore.pop("weights")[:_MOST_QUOTED]
            notices.append(f"there is no network {name!r}; using the default")
        if query.get("theme", "light") not in ("dark", "light", "default"):
            name = query["theme"][:_MOST_QUOTED]
            notices.append(f"there is no theme {name!r}; choose light or dark")
        if view not in keys:
            notices.append(f"there is no page {view[:_MOST_QUOTED]!r}; Explore is shown")
            view = "explore"
        population, more = decode_population(query, keeps_draws(run))
        notices += more
        validate, more = decode_validate(query)
        notices += more
        of_run, more = ({}, []) if run is None else decode_run(query, run)
        notices += more
        pins, more = decode_pins(query.get("pins", ""), state, MOST_PINS)
        notices += more
        pins, more = _there(pins, engine)
        notices += more
        pinned, more = decode_pinned(query.get("pinned", ""))
        notices += more
        lesson, more = decode_lesson(query)
        notices += more
        return cls(
            view=view,
            theme=query["theme"] if query.get("theme") in ("dark", "light") else "",
            present=query.get("present", ""),
            explore=explore,
            forward=forward,
            pinned=pinned,
            change=change,
            walk=query.get("walk") == "1",
            population=population,
            validate=validate,
            run=of_run,
            pins=pins,
            lesson=lesson,
            notices=[f"{notice}." for notice in notices],
        )


def keeps_draws(run: RunTable | None) -> bool:
    """Whether there is a run that kept draws."""
    return run is not None and bool(run.manifest["settings"].get("keep"))


def decode_change(query: Mapping[str, str], notices: list[str] | None = None) -> Change:
    """The change that an address asks for on the side; none where it is not one."""
    try:
        return Change.decoded(query.get("whatif", ""))
    except SedflowError as error:
        if notices is not None:
            notices.append(str(error))
        return Change()


def _add_own(query, explore, engine, notices):
    """Let Explore begin with the galaxy that an address carries, which is added, or names."""
    try:
        own = decode_own(query)
    except SedflowError as error:
        notices.append(str(error))
        explore.pop("galaxy", None)
        return
    name = explore.get("galaxy", "")
    if own is not None:
        explore["galaxy"] = engine.add(name or "galaxy of the address", own)
    elif name and name not in engine.own and whole_number(name) is None:
        with suppress(SedflowError):  # Explore says that there is no such galaxy
            explore["galaxy"] = str(engine.nsa.find(name))


def _there(pins, engine):
    """Pins whose galaxy and network there are, and a sentence on each of the others."""
    found, notices = [], []
    for pin in pins:
        if pin is None:
            found.append(pin)
        elif pin.galaxy not in engine.own and whole_number(pin.galaxy) not in engine.nsa:
            notices.append(f"no galaxy of the atlas has NSAID {pin.galaxy}; its pin is left out")
        elif pin.weights not in packaged_weights():
            name = pin.weights[:_MOST_QUOTED]
            notices.append(f"there is no network {name!r}; its pin is left out")
        else:
            found.append(pin)
    return found, notices


def decode_lesson(query: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Values of `LearnView` that an address has, and notices."""
    values: dict[str, Any] = {k: query[k] for k in ("lesson",) if k in query}
    notices: list[str] = []
    values["code"] = query.get("class", "")[:CODE_LENGTH]
    for name, key in (("step", "step"), ("galaxy", "lesson_galaxy"), ("seed", "lesson_seed")):
        number = whole_number(query.get(key, ""))
        if number is not None:
            values[name] = number
        elif key in query:
            notices.append(
                f"{key} = {query[key][:_MOST_QUOTED]!r} is not a whole number, so the lesson "
                "begins as usual"
            )
    values["best"], more = decode_best(query.get("knobs", ""))
    return values, notices + more
