"""What a corner plot of several posteriors draws, computed where nobody waits for it.

Six posteriors with all quantities are more than a thousand panels, which take seconds.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np

from sedflow.dashboard.panels.corner import quantity_axes
from sedflow.dashboard.server.aside import run_aside
from sedflow.dashboard.server.work import ASIDE, on_worker
from sedflow.figures.corner_axes import CornerAxes
from sedflow.figures.corner_draws import CornerSet, corner_set

__all__ = ["corner_sets", "corner_sets_in_turn"]

_MANY = 150  # panels, from which they are the work of the process beside the server


def corner_sets(
    samples: Mapping[str, np.ndarray], ranges: Mapping[str, np.ndarray], rows: list[int]
) -> tuple[CornerAxes, dict[str, CornerSet]]:
    """Axes, and what each set of draws looks like on them.

    samples : name of a set -> (n_draw, n_row) of the `QUANTITIES` in `rows`
    ranges : the same -> 16, 50 and 84 % (3, n_row)
    """
    axes = quantity_axes(list(samples.values()), rows)
    return axes, {name: corner_set(s, axes, ranges=ranges[name]) for name, s in samples.items()}


async def corner_sets_in_turn(
    samples: Mapping[str, np.ndarray],
    ranges: Mapping[str, np.ndarray],
    rows: list[int],
    latest: object,
) -> tuple[CornerAxes, dict[str, CornerSet]]:
    """The same, off the event loop, when it is the visitor's turn.

    latest : what waits with the same one is superseded
    """
    many = len(samples) * len(rows) * (len(rows) - 1) / 2 > _MANY
    call = partial(run_aside, corner_sets) if many else corner_sets
    return await on_worker(call, latest=latest, worker=ASIDE if many else None)(
        dict(samples), dict(ranges), rows
    )
