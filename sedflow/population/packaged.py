"""The packaged atlas as a population: some draws of every galaxy, in a small file.

`tools/build_population.py` made it. A value is the number of one of `LEVELS` steps of its axis in
`AXES`; cells of the presets begin at steps. Draws are in the order of their masses, which are
differences in the file, because small numbers compress well.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from sedflow.atlas.catalog import load_nsa
from sedflow.files.packaged import DEFAULT_WEIGHTS, checked_path
from sedflow.network.weights import cached_posterior
from sedflow.population.members import Members
from sedflow.population.population import Population
from sedflow.population.presets import AXES, PRESETS, preset_of
from sedflow.population.prior import PriorShares

FILE = "population.npz"
LEVELS = 120  # steps of an axis: 8 in each of 15 cells, 3 in each of 40
STATES = ("ok", "misfit", "failed", "no draws")
_OUTSIDE = 255
_FIRST = "log_mstar"  # in whose order the draws are
_ENDS_BELOW = ("log_ssfr_100myr",)


@dataclass(frozen=True)
class _Draws:
    """ids (n,), state (n,) : number in `STATES`, levels : name -> (n, n_draw)"""

    ids: np.ndarray
    state: np.ndarray
    levels: dict[str, np.ndarray]
    priors: dict[str, PriorShares]


def encoded(values: np.ndarray, name: str) -> np.ndarray:
    """Levels (n, n_draw) of values of a quantity; draws are in the order of their masses."""
    low, high = AXES[name]
    known = np.nan_to_num(values, nan=-np.inf)
    inside = (known >= low) & (known < high)
    step = np.where(inside, (np.clip(known, low, high) - low) / (high - low) * LEVELS, _OUTSIDE)
    levels = step.astype(np.uint8)
    return np.diff(levels, axis=1, prepend=np.uint8(0)) if name == _FIRST else levels


def decoded(levels: np.ndarray, name: str) -> np.ndarray:
    """Values (n, n_draw) at random places of their steps, the same each time.

    At one place, draws of one step would count as one draw that was repeated. Those beside the axis
    are infinite where they can only be on one side: masses, which are in their order, and rates of
    star formation, which end below the axis alone. Others are NaN.
    """
    if name == _FIRST:
        levels = np.cumsum(levels, axis=1, dtype=np.uint8)
    low, high = AXES[name]
    place = levels + np.random.default_rng(1).random(levels.shape, np.float32)
    values = low + place * np.float32((high - low) / LEVELS)
    beside: Any = np.float32(np.nan)
    if name == _FIRST:
        known = np.maximum.accumulate(levels != _OUTSIDE, axis=1)
        beside = np.where(known, np.float32(np.inf), np.float32(-np.inf))
    elif name in _ENDS_BELOW:
        beside = np.float32(-np.inf)
    return np.where(levels == _OUTSIDE, beside, values)


@cache
def _draws():
    with np.load(checked_path(FILE), allow_pickle=False) as file:
        priors = {}
        for preset in PRESETS:
            key = ",".join(preset.names)
            if f"{key}:shares" in file:
                parts = (file[f"{key}:{part}"] for part in ("redshift", "shares", "error"))
                priors[key] = PriorShares(*(part.astype(float) for part in parts))
        levels = {name: file[name] for name in AXES}
        return _Draws(file["ids"], file["state"], levels, priors)


def atlas_members(names: tuple[str, ...]) -> Members:
    """The galaxies of the packaged atlas that are ok, with draws of these quantities of `AXES`."""
    nsa, posterior, found = load_nsa(), cached_posterior(DEFAULT_WEIGHTS), _draws()
    used = found.state == STATES.index("ok")
    values = np.stack([decoded(found.levels[name][used], name) for name in names], -1)
    rows = nsa.rows(found.ids[used])
    return Members(
        found.ids[used],
        np.asarray(nsa.table["Z"], float)[rows],
        values,
        np.full(values.shape[:2], 1.0 / values.shape[1]),
        posterior.prior,
        posterior.model,
        dict(Counter(STATES[k] for k in found.state[~used])),
        "infer the galaxies with sedflow infer --keep 500 --draws 1000 for more draws",
    )


def atlas_population(preset: str) -> Population:
    """The population of the packaged atlas that a preset asks for: seven clusters and Virgo.

    Examples
    --------
    >>> population = atlas_population("mass-function")
    >>> len(population) > 8000
    True
    """
    one = preset_of(preset)
    prior = _draws().priors.get(",".join(one.names))
    return Population.of_members(atlas_members(one.names), one.names, one.edges, prior=prior)
