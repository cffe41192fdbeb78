"""The state of a whole page as its address has it; `opening` reads it again."""

from typing import Any

from sedflow.dashboard.address import (
    encode,
    encode_forward,
    encode_lesson,
    encode_own,
    encode_pins,
)
from sedflow.dashboard.pinned_curve import encode_pinned
from sedflow.dashboard.population_address import encode_population
from sedflow.dashboard.run_address import encode_run
from sedflow.dashboard.validate_address import encode_validate

__all__ = ["STATE", "page_values"]

#: Of `ExplorerState`.
STATE = ("galaxy", "n", "seed", "weights", "bands", "prior", "unit", "log", "rest")


def page_values(page: Any) -> dict[str, str]:
    """Name -> text for the address of a `Page`, of all that is not as a page begins."""
    views = page.views
    state = page.explorer.state
    defaults = {name: state.param[name].default for name in STATE}
    query = encode({name: getattr(state, name) for name in STATE}, defaults)
    own = page.engine.own.get(state.galaxy)
    if own is not None:
        query |= encode_own(own)
    if page.explorer.what_if.change:
        query["whatif"] = page.explorer.what_if.change.encoded()
    if page.explorer.walk.on:
        query["walk"] = "1"
    if "compare" in views and (pins := encode_pins(views["compare"].requests)):
        query["pins"] = pins
    if page.active != "explore":
        query["view"] = page.active
    if page.active == "forward":
        query |= encode_forward(page.forward_state)
        if (pinned := views["forward"].pinned) is not None:
            query["pinned"] = encode_pinned(pinned)
    if page.active == "learn":
        query |= encode_lesson(views["learn"])
    if page.active == "population":
        query |= encode_population(views["population"])
    if page.active == "validate":
        query |= encode_validate(views["validate"])
    if page.active == "run":
        query |= encode_run(views["run"])
    if page.dark != page.usually_dark:
        query["theme"] = "dark" if page.dark else "light"
    if page.frame.present:
        query["present"] = page.frame.present
    return query
