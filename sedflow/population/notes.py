"""What to know of a population before its figures are used, in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sedflow.population.run_parts import NOT_INFERRED
from sedflow.population.told import EFFECTIVE_MIN, mostly_few, prior_widths

_HARDLY = 0.9  # of the prior's width, from which on a galaxy's own tells little
_FEW = 50  # effective galaxies: bands held too little at 22 and less, and what they should at 90
_ALIKE = 0.9  # of the galaxies that are effective, from which on their weights are alike
_ROUND = (5, 10, 20, 50)  # times
_SAID_BEYOND = 0.003  # of the draws
_COUNTED = 0.25  # of the bands of cells, from which on the error of the prior is told
_SAID_WIDER, _TOO_WIDE = 0.03, 0.5


def notes_of(
    population: Any,
    spreads: Sequence[float],
    remedy: str,
    awaited: int = 0,
    strangers: int = 0,
    advice: bool = True,
) -> list[str]:
    """The sentences on a `Population`.

    spreads : median standard deviation of a galaxy, by quantity; remedy : what makes more draws
    advice : whether to say what to do in Python and in the shell
    awaited : rows of reruns that are not inferred yet
    strangers : IDs that were to be left out, and that no galaxy has
    """
    more = f"; {remedy}" * advice
    out = ["The population is that of the galaxies given: any selection is part of it."]
    if population.weights is not None:
        w = population.weights
        effective = w.sum() ** 2 / np.square(w).sum()
        out = [
            f"The weights correct the selection; they leave {effective:,.0f} effective galaxies."
        ]
        # Weights alike lose nothing: as many galaxies without weights have bands that hold.
        if effective < min(_FEW, _ALIKE * len(population)):
            out.append(
                f"Bands of fewer than {_FEW} effective galaxies are too narrow: cap the weights, "
                "or select galaxies that weigh alike."
            )
    out.append(
        f"All but {' and '.join(population.names)} is taken to follow the prior of the fits, so "
        "another question to the same galaxies may give another mean of the same quantity; "
        "infer quantities that depend on each other together."
    )
    if population.is_selected:
        out.append(
            "These galaxies were selected by their data, whose errors decide which are in. Each "
            "has the population of all as prior, and the density is the mean of their posteriors: "
            "it goes beyond the ends of the selection as far as their errors do."
        )
    if population.left_out:
        whole, of, ends = population.n_whole, "sample", ""
        if whole:
            of = f"whole sample, of which {whole:,} galaxies enter,"
            ends = " How many of those belong to this part is not counted."
        out.append(f"The {of} leaves out: {counted(population.left_out)}.{ends}")
    if (beyond := population.beyond) > _SAID_BEYOND:
        axes = zip(population.names, population.edges, strict=True)
        ends = ", ".join(f"{name}: {e[0]:.4g} to {e[-1]:.4g}" for name, e in axes)
        out.append(
            f"Of the draws of these galaxies {100 * beyond:.1f} % are beyond the ends "
            f"of the axes ({ends}), and count as being between them: the outermost cells hold "
            "about so much too much, and widths are a little too large."
            + " Wider ranges take them in."
            * advice
        )
    if strangers:
        out.append(f"Of the IDs in without, {strangers:,} are not those of galaxies here.")
    if population.left_out.get(NOT_INFERRED):
        out.append(
            f"The run is not finished: {population.left_out[NOT_INFERRED]:,} of its rows are not "
            "inferred yet, and a number density from weights may be too low; "
            + "give the command of the run again, and " * advice
            + "ask for the population when it has ended."
        )
    if awaited:
        out.append(
            f"The rerun is not finished: {awaited:,} of its rows are not inferred yet, and their "
            "galaxies are here with the draws of the run before, if it has any; "
            + "give the command of the rerun again, and " * advice
            + "ask for the population when it has ended."
        )
    if few := population.few:
        names = ", ".join(map(str, few[:5])) + (", ..." if len(few) > 5 else "")
        out.append(
            f"Weighted to this population, {len(few):,} of its {len(population):,} galaxies have "
            f"fewer than {EFFECTIVE_MIN:.0f} effective draws ({names}){more}."
            + " The bands do not include what that leaves out."
            * mostly_few(population)
        )
    widths = [float(row["p50"]) for row in population.moments() if row["moment"] != "mean"]
    priors = prior_widths(population)
    for name, own, width, prior in zip(population.names, spreads, widths, priors, strict=True):
        if own > _HARDLY * prior:
            out.append(
                f"Single galaxies know {name} to {own:.2f}, and the prior to {prior:.2f}: the data "
                "hardly tell it. Whatever is off in the mean of the posteriors is off "
                f"{_times(own, prior)} as much here, what is off in their width by even more, and "
                "the bands do not include that. The noise of the draws alone may put the "
                "population into a narrow peak anywhere, with narrow bands: use neither its mean "
                "nor its width."
            )
        if own > 0.5 * width:
            out.append(
                f"Single galaxies know {name} to {own:.2f}, the population is {width:.2f} wide "
                "(standard deviations): features narrower than the first are smoothed, and the "
                "bands do not include that."
            )
        wider = _widened(population.effective_draws, own, width)
        if wider > _SAID_WIDER and own <= _HARDLY * prior:  # else it may be too narrow, too
            share = f"some {100 * wider:.0f} %" if wider < _TOO_WIDE else "by far"
            out.append(f"The noise of the draws makes {name} {share} too wide{more}.")
    if population.prior_error > _COUNTED * (known := _cells_known_to(population)):
        out.append(
            f"The prior of {' and '.join(population.names)} is thin where a part of this "
            "population is, and is counted from random draws: that alone leaves "
            f"{100 * population.prior_error:.0f} % on the density in a cell, and the bands, of "
            f"{100 * known:.0f} %, do not include it. Trust means and shares more than single "
            "cells."
        )
    if not population.fitted.converged:
        out.append(
            "The fit has not reached its maximum"
            + ("; choose fewer cells." if advice else ", and single cells may be off.")
        )
    return out


def _times(own, prior):
    """How many times what is off in the posteriors is off in the population, in round words.

    The ratio is that of a small difference, which draws scatter far more than the widths.
    """
    times = prior**2 / max(prior**2 - own**2, 1e-3 * prior**2)
    if times > _ROUND[-1]:
        return f"more than {_ROUND[-1]} times"
    return f"some {min(_ROUND, key=lambda n: abs(np.log(n / times)))} times"


def _cells_known_to(population):
    """Relative half width of the bands of 68 %, over the cells where the population is."""
    shares = population.fitted.shares
    low, high = np.quantile(population.fitted.draws, [0.16, 0.84], axis=0)
    half = np.minimum((high - low) / 2 / np.maximum(shares, 1e-30), 1.0)
    return float(np.sqrt(shares @ np.square(half)))


def _widened(effective, own, width):
    """By how much the noise of draws widens a population, of normal posteriors: a share.

    A density that is narrower by a factor 1 - x loses x v / 2 of the log likelihood of a galaxy
    whose mean over draws has the relative variance v, where the width is known to (2 r^2)^-1/2
    from each, with r = width^2 / (width^2 + own^2). Mocks whose noise was taken out as
    `density` does have such widths left where r is 0.15 to 0.5.
    """
    v = np.mean(1.0 / effective) - 1.0 / np.max(effective)
    known = width**2 / (width**2 + own**2)
    return float(v / (2.0 * known**2)) if known > 0 else 0.0


def counted(left_out: Mapping[str, int]) -> str:
    """Why galaxies are left out and how many, in words."""
    return ", ".join(f"{n:,} {why}" for why, n in sorted(left_out.items()))
