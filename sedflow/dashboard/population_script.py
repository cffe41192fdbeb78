"""The Python that makes the figure of a population again, with public names."""

from sedflow.dashboard.panels.population_state import EXACT, PARTS, PopulationState
from sedflow.errors import SedflowError
from sedflow.population.presets import AXES, preset_of

_RATE = "log_ssfr_100myr"


def population_code(state: PopulationState, width: str, form: str = "pdf") -> str:
    """Python for the question and the galaxies that a visitor has chosen.

    width, form : of the figure's file

    Raises
    ------
    SedflowError
        The galaxies are cut by a rate that this population does not have.
    """
    preset, atlas = preset_of(state.preset), state.source == "atlas"
    cuts = {c: ends for c, ends in state.cuts.items() if atlas or c != "colour"}
    if "ssfr" in cuts and _RATE not in preset.names:
        raise SedflowError(
            f"the question {preset.title!r} has no star-formation rates to select by; take that "
            "limit off, or choose the main sequence"
        )
    file = f"{preset.key}.{form}"
    part = PARTS.get(state.field, "") if atlas else ""
    chosen = bool(part or cuts)
    lines = ["import numpy as np", ""] * chosen + ["import sedflow", ""]
    if atlas:
        lines.append(f"population = sedflow.population.atlas_population({preset.key!r})")
    else:
        ranges = {name: AXES[name] for name in preset.names}
        lines += [
            "population = sedflow.Population(",
            '    "OUT",  # the folder of the run; the page takes a random part of a large one',
            f"    of={preset.names!r},",
            f"    ranges={ranges!r},",
            f"    cells={tuple(len(edges) - 1 for edges in preset.edges)!r},",
            ")",
        ]
    exact = {c: ends for c, ends in cuts.items() if c in EXACT}
    data = {c: ends for c, ends in cuts.items() if c not in EXACT}
    for some, field, way in ((exact, part, "subset"), (data, "", "selected")):
        if field or some:
            lines += ["chosen = np.ones(len(population), bool)", *_selection(field, some)]
            lines.append(f"population = population.{way}(chosen)")
    lines += [
        f"figure = sedflow.figures.paper_population(population, {preset.reads!r}, width={width!r})",
        f"sedflow.figures.save_figure(figure, {file!r})",
    ]
    return "\n".join(lines) + "\n"


def _selection(part, cuts):
    """Lines that narrow `chosen`."""
    lines = []
    if part or "colour" in cuts:
        lines += ["nsa = sedflow.load_nsa()", "rows = nsa.rows(population.ids)"]
    if part:
        lines.append(f'chosen &= np.asarray(nsa.table["FIELD"]).astype(str)[rows] == {part!r}')
    if "colour" in cuts:
        lines += [
            'flux = np.asarray(nsa.table["NMGY"])[rows]  # FUV, NUV, u, g, r, i, z',
            "colour = sedflow.ab_magnitude(flux[:, 3]) - sedflow.ab_magnitude(flux[:, 4])",
        ]
    if {"mass", "ssfr"} & cuts.keys():
        lines += [
            "values = np.stack([population.draws_of(k)[0] for k in range(len(population))])",
            "medians = np.median(np.where(np.isnan(values), -np.inf, values), axis=1)",
        ]
    names = {
        "mass": "medians[:, 0]",
        "ssfr": "medians[:, 1]",
        "colour": "colour",
        "redshift": "population.redshift",
    }
    for column, (low, high) in cuts.items():
        name = names[column]
        lines.append(f"chosen &= np.isfinite({name})")
        if low is not None:
            lines.append(f"chosen &= {name} >= {float(low)!r}")
        if high is not None:
            lines.append(f"chosen &= {name} <= {float(high)!r}")
    return lines
