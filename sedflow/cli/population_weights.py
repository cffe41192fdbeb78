"""The weights of `sedflow population`, from a table: given, or of a flux limit and completeness."""

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
    IDs that no run has inferred are said. The units that the columns state count.

    magnitude, completeness : names of columns; redshifts : ends of the sample
    reruns : folders of runs with more draws of some galaxies
    """
    from sedflow.catalogue.quantities import ab_magnitudes, quantities, shares
    from sedflow.population.given_weights import as_weights
    from sedflow.population.run_parts import redshifts_of
    from sedflow.population.volume import FARTHEST, inverse_vmax

    needed = [magnitude] if flux_limit is not None else []
    needed += [completeness] if completeness else []
    table = _table(path, ["id", *(needed or ["weight"])])
    ids, named = _ids(table, path)
    known = redshifts_of(folder)
    runs = [known, *map(redshifts_of, reruns)]
    ids = _without_points(ids, runs)
    _say_strangers(path, ids, runs)
    w = np.ones(len(ids))
    if "weight" in table.names:
        w = _column(lambda *of: as_weights(quantities(*of)), table, path, "weight")[named]
    inside = np.ones(len(ids), dtype=bool)
    if completeness:
        share = _column(shares, table, path, completeness)[named]
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
        m = _column(ab_magnitudes, table, path, magnitude)[named]
        m = np.where(no_magnitude(m, None), np.nan, m)  # -99 is not a bright galaxy
        if (m < 0).sum() > 0.5 * np.isfinite(m).sum():
            raise SedflowError(
                f"{path}: the magnitudes in {magnitude} are around {np.nanmedian(m):.1f}, absolute "
                "ones; a flux limit needs those that were measured"
            )
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


def _without_points(ids, runs):
    """The IDs, where 72.0, as pandas writes a column with a gap, is that of the run's 72."""
    mine, out = set(ids), []
    for ident in ids:
        whole = ident.removesuffix(".0")
        other = whole not in mine and any(whole in run for run in runs)
        out.append(whole if other and not any(ident in run for run in runs) else ident)
    return out


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


def _ids(table, path):
    """IDs of the rows as text, and which rows have one."""
    from sedflow.catalogue.rows import ids_of

    try:
        found = ids_of(table, "id", 0, None, {})
    except SedflowError as problem:
        raise SedflowError(f"{path}: {problem}") from None
    named = ~np.ma.getmaskarray(found)
    if not named.all():
        say(f"{path}: {(~named).sum():,} rows have no ID, and do not count")
    return [str(ident) for ident in found.data[named].tolist()], named


def _column(read, table, path, name):
    """A column as a function of `catalogue.quantities` reads it, by the unit that it states."""
    try:
        return read(table, name)
    except SedflowError as problem:
        raise SedflowError(f"{path}: {problem}") from None
