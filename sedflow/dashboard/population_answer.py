"""The answer of the page of a population: what is drawn and said, computed off the event loop."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sedflow.dashboard.panels.population_state import CUTS, EXACT
from sedflow.dashboard.population_sample import Sample
from sedflow.dashboard.widgets import begun
from sedflow.draws import weighted_quantile
from sedflow.errors import SedflowError
from sedflow.figures.base import Layers
from sedflow.figures.population_page import (
    axis_label,
    curve_layers,
    fraction_layers,
    galaxy_layers,
    map_layers,
)
from sedflow.population.population import Population
from sedflow.population.presets import QUENCHED, Preset, preset_of
from sedflow.population.told import EFFECTIVE_MIN, hardly_told, mostly_few

_OWN = (0.16, 0.5, 0.84)


@dataclass(frozen=True)
class PopulationAnswer:
    """What the page shows.

    chosen (n,) : which galaxies of the sample are in
    curve : layers of one figure; None where there are maps
    maps : name in `figures.population_page.MAPS` -> layers
    ident : ID of the picked galaxy, or empty
    galaxy : its layers, one for each quantity; none where it is not in the population
    facts, line, doubts, picked : sentences on the population, on the line over its map, on what
        its figure leaves out, and on the picked galaxy
    """

    preset: Preset
    population: Population
    chosen: np.ndarray
    curve: Layers | None
    maps: Mapping[str, Layers]
    ident: str
    galaxy: tuple[Layers, ...]
    facts: tuple[str, ...]
    line: str
    doubts: str
    picked: str


def answer_of(
    sample: Sample, preset: str, part: str, cuts: Mapping, galaxy: str
) -> PopulationAnswer:
    """The population of the galaxies that are chosen.

    part : name in the sample's `fields`; cuts : column -> (low, high)
    galaxy : ID or name, or empty

    Raises
    ------
    SedflowError
        Too few galaxies are chosen, or a cut ends before it begins.
    """
    one = preset_of(preset)
    for column, (low, high) in cuts.items():
        if low is not None and high is not None and low > high:
            raise SedflowError(
                f"{CUTS[column]} from {low:.6g} to {high:.6g}: the first must be below the second"
            )
    everyone = sample.population(preset)
    chosen = sample.chosen(part, cuts)
    rows = np.isin(everyone.ids, sample.ids[chosen])
    if rows.sum() < 10:
        raise SedflowError(
            f"{rows.sum()} galaxies are in this selection, and a population needs 10; widen it"
        )
    population = _chosen(sample, everyone, part, cuts, rows)
    curve, maps = None, {}
    if one.reads == "density":
        curve = curve_layers(population)
    elif one.reads == "fraction":
        curve = fraction_layers(population)
    else:
        maps = map_layers(population)
    ident, layers, picked = _galaxy(sample, population, galaxy)
    rough, hardly = mostly_few(population), hardly_told(population)
    facts = _facts(population, one, rough, hardly)
    line = _line(one.reads, population.names, hardly)
    doubts = _doubts(one.reads, rough, hardly)
    return PopulationAnswer(
        one, population, chosen, curve, maps, ident, layers, facts, line, doubts, picked
    )


def _chosen(sample, everyone, part, cuts, rows):
    """The population of some rows: of what has errors, the part that has none is the prior."""
    known = {column: ends for column, ends in cuts.items() if column in EXACT}
    of = np.isin(everyone.ids, sample.ids[sample.chosen(part, known)])
    population = everyone if of.all() else everyone.subset(of)
    return population if rows[of].all() else population.selected(rows[of])


def _line(reads, names, hardly):
    """What the line over the map of the population is, in a sentence."""
    if reads != "trend":
        return ""
    if names[-1] in hardly:
        return (
            "Its line, between dashed ones, is what is left of a mean when the prior is taken out: "
            "these galaxies hardly tell it, so it is not given as a number."
        )
    return (
        "Its line is the mean; the dashed lines hold 68 % of what the mean may be, not of the "
        "galaxies."
    )


def _doubts(reads, rough, hardly):
    """What the bands and means of a figure leave out, in sentences."""
    out = []
    if rough:
        lines = "dashed lines" if reads == "trend" else "bands"
        out.append(f"The {lines} are too narrow: they leave out what too few draws do.")
    if reads == "trend" and hardly:
        names = " and ".join(axis_label(name) for name in hardly)
        out.append(
            f"Where the population lies in {names} rests on how exactly the prior is taken out."
        )
    return " ".join(out)


def _facts(population, preset, rough, hardly):
    """The figures of the population in sentences, and how far to trust them.

    rough : whether most galaxies have too few draws; hardly : as `hardly_told` has it
    """
    out = []
    if preset.reads == "fraction":
        ends = 1 - population.fraction_above(population.names[1], QUENCHED, q=[84, 50, 16])
        medians = _below(population, population.medians())
        stack = _below(population, population.stack())
        low, middle, high = 100 * ends
        about = f"{low:.0f} to {high:.0f} %"
        if rough:
            about = f"± {_at_best((high - low) / 2, 5):.0f} % or more"
        out.append(
            f"Quenched are {middle:.0f} % ({about}). The medians say {100 * medians:.0f} %, the "
            f"stack of draws {100 * stack:.0f} %."
        )
    else:
        rows = [row for row in population.moments([16, 50, 84]) if row["quantity"] not in hardly]
        out += [_moment(row, rough) for row in rows]
    for name, (own, prior) in hardly.items():
        given = "" if preset.reads == "fraction" else ", so no mean is given"
        out.append(
            f"{axis_label(name)}: hardly told by these galaxies{given}; the data of one leave it "
            f"uncertain by {own:.2f}, the prior alone by {prior:.2f}."
        )
    if rough:
        few = 100 * len(population.few) / len(population)
        out.append(
            f"± is 68 % at best: {few:.0f} % of these galaxies have too few draws for this "
            "question."
        )
    else:
        out.append("Brackets hold 68 %, by the scatter of the galaxies.")
    return tuple(fact.replace("-", "\N{MINUS SIGN}") for fact in out)


def _moment(row, rough):
    """One mean or standard deviation with its error."""
    what = "mean" if row["moment"] == "mean" else "standard deviation"
    told = f"{row['p50']:.2f} ({row['p16']:.2f} to {row['p84']:.2f})"
    if rough:
        told = f"{row['p50']:.1f} (± {_at_best((row['p84'] - row['p16']) / 2, 0.1):.1f} or more)"
    return f"{axis_label(str(row['quantity']))}: {what} {told}"


def _at_best(error, step):
    """An error that is larger than its number says, in whole steps."""
    return step * np.ceil(error / step)


def _below(population, density):
    """Share of a density that is quenched, with what lies below the axis: hardly a star forms."""
    shares = density * population.area
    edges = population.edges[1]
    above = np.clip((edges[1:] - QUENCHED) / np.diff(edges), 0.0, 1.0)
    return float(1.0 - (shares * above).sum())


def _galaxy(sample, population, galaxy):
    """ID, layers and a sentence on a galaxy; none where it is not in the population."""
    if not galaxy.strip():
        return "", (), ""
    try:
        ident = sample.ident(galaxy)
    except SedflowError as error:
        return "", (), f"{begun(error)}."
    found = np.flatnonzero(population.ids.astype(str) == ident)
    if not len(found):
        known = (sample.ids.astype(str) == ident).any()
        why = "not in this selection" if known else "not in this sample, which has those that fit"
        return ident, (), f"{sample.called(ident)} is {why}."
    row = int(found[0])
    values, own, shrunk = population.draws_of(row)
    effective = population.effective_draws[row]
    told = effective >= EFFECTIVE_MIN
    parts = []
    for k, name in enumerate(population.names):
        known = np.isfinite(values[:, k])
        low, high = (weighted_quantile(values[known, k], _OWN, w[known]) for w in (own, shrunk))
        its = f", with the population {_said(high)}" if told else ""
        parts.append(f"{axis_label(name)}: own {_said(low)}{its}")
    draws = "draw" if f"{effective:.0f}" == "1" else "draws"
    last = f"{effective:.0f} effective {draws}."
    if not told:
        last = (
            f"With the population as prior it has {last[:-1]}, where an interval or a curve needs "
            f"{EFFECTIVE_MIN:.0f}."
        )
    text = f"{'; '.join(parts)}. Brackets hold 68 %. {last}".replace("-", "\N{MINUS SIGN}")
    layers = tuple(galaxy_layers(population, row, k) for k in range(len(population.names)))
    return ident, layers, f"{sample.called(ident)}. {text}"


def _said(quantiles):
    low, middle, high = quantiles
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"
