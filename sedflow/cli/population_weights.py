"""The weights of `sedflow population`, from a table: given, or of a flux limit and completeness."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sedflow.cli.output import say
from sedflow.errors import SedflowError
from sedflow.nulls import no_magnitude


def survey_weights(
    path: Path,
    folder: Path,
    *,
    flux_limit: float | None = None,
    area: float | None = None,
    magnitude: str = "magnitude",
    redshifts: tuple[float, float] | None = None,
    completeness: str | None = None,
    reruns: Sequence[Path] = (),
) -> tuple[dict, list]:
    """Weight of each ID of a table, and the IDs of galaxies that are not in the sample.

    The weight is the product of the column `weight` if there is one, of 1 / Vmax with a flux limit,
    and of one over a column of completeness. Redshifts are those of the run in the folder. Rows of
    IDs that no run has inferred are said.

    magnitude, completeness : names of columns; redshifts : ends of the sample
    reruns : folders of runs with more draws of some galaxies
    """
    from sedflow.population.run_parts import redshifts_of
    from sedflow.population.volume import FARTHEST, inverse_vmax

    needed = [magnitude] if flux_limit is not None else []
    needed += [completeness] if completeness else []
    table = _table(path, ["id", *(needed or ["weight"])])
    ids = [str(ident).strip() for ident in table.column("id").tolist()]
    often, times = Counter(ids).most_common(1)[0] if ids else ("", 0)
    if times > 1:
        raise SedflowError(
            f"{path} gives the ID {often[:40]!r} {times} weights; give each galaxy one row"
        )
    known = redshifts_of(folder)
    runs = [known, *map(redshifts_of, reruns)]
    _say_strangers(path, ids, runs)
    w = _numbers(table, path, "weight") if "weight" in table.names else np.ones(len(ids))
    inside = np.ones(len(ids), dtype=bool)
    if completeness:
        share = _numbers(table, path, completeness)
        wrong = ~((share > 0) & (share <= 1))
        if wrong.any():
            k = int(np.argmax(wrong))
            raise SedflowError(
                f"{path}: the completeness of {ids[k][:40]} is {share[k]:g}; give the share of "
                "such galaxies that the survey has, above 0 and up to 1"
            )
        w = w / share
    if flux_limit is not None and area is not None:
        z = np.array([known.get(ident, np.nan) for ident in ids], dtype=float)
        m = _numbers(table, path, magnitude)
        m = np.where(no_magnitude(m, None), np.nan, m)  # -99 is not a bright galaxy
        limits = dict(zip(("z_low", "z_high"), redshifts, strict=True)) if redshifts else {}
        low, high = redshifts or (0.0, FARTHEST)
        if not np.isfinite(flux_limit):
            raise SedflowError(f"--flux-limit {flux_limit:g} is not a magnitude; give one")
        inside = (z > 0) & (z >= low) & (z <= high) & (m <= flux_limit)
        volumes = inverse_vmax(z[inside], m[inside], flux_limit, area, **limits)
        w[inside] = w[inside] * volumes
    weights = {ident: value for ident, value, i in zip(ids, w.tolist(), inside, strict=True) if i}
    out = [ident for ident, i in zip(ids, inside, strict=True) if not i]
    return weights, [ident for ident in out if any(ident in run for run in runs)]


def _say_strangers(path, ids, runs):
    """Say how many rows are of IDs that no run has, as those of a run that goes on."""
    strangers = [ident for ident in ids if not any(ident in run for run in runs)]
    if strangers:
        say(
            f"{path}: {len(strangers):,} of its {len(ids):,} IDs, the first is "
            f"{strangers[0][:40]}, are not in the results of the run, and do not count"
        )


def _table(path, needed):
    from sedflow.catalogue.columns import Columns
    from sedflow.catalogue.read.open import open_catalogue

    catalogue = open_catalogue(path)
    table = Columns(catalogue.part(0, catalogue.n_rows).read())
    missing = [name for name in needed if name not in table.names]
    if missing:
        raise SedflowError(
            f"{path} has no column {' and '.join(missing)}; give a table with the columns "
            f"{' and '.join(needed)}"
        )
    return table


def _numbers(table, path, name):
    reasons: dict = {}
    numbers = np.array(table.numbers(name, reasons), dtype=float)
    if reasons:
        raise SedflowError(f"{path}: {next(iter(reasons.values()))}")
    return numbers
