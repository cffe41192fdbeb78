"""`sedflow population`."""

import json
from collections import Counter
from pathlib import Path

import click

from sedflow.cli.output import check_figure, say, write_figure
from sedflow.errors import SedflowError

__all__ = ["population"]


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--of", default="log_mstar", show_default=True, help="One or two quantities.")
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    help="Table of weights, such as 1 / Vmax, with the columns id and weight.",
)
@click.option("--cells", help="Cells along each axis, such as 40 or 24,24.")
@click.option(
    "--status", default="ok", show_default=True, help="Rows that enter: ok,misfit,failed."
)
@click.option("--draws", default=400, show_default=True, type=click.IntRange(min=50))
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Density: .parquet, .ecsv...")
@click.option("--galaxies", type=click.Path(path_type=Path), help="Shrunk posteriors: .parquet...")
@click.option("--figure", type=click.Path(path_type=Path), help="Write a figure here.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def population(folder, of, weights, cells, status, draws, seed, output, galaxies, figure, as_json):
    """The population of the galaxies of a run in FOLDER, made by sedflow infer --keep 200.

    Example: sedflow population runs/galaxies --of log_mstar,log_ssfr_1gyr --figure population.pdf
    """
    import sedflow

    if figure:
        check_figure(figure)
    found = sedflow.Population(
        folder,
        of,
        weights=None if weights is None else _weights(weights),
        cells=None if cells is None else _numbers(cells),
        status=tuple(s.strip() for s in status.split(",")),
        n=draws,
        seed=seed,
    )
    if output:
        found.to_table(output, overwrite=True)
        say(f"wrote {output}")
    if galaxies:
        found.galaxies(galaxies, overwrite=True)
        say(f"wrote {galaxies}")
    if figure:
        write_figure(found.plot(), figure)
    moments = found.moments()
    if as_json:
        document = {
            "galaxies": len(found),
            "quantities": list(found.names),
            "moments": [{k: _plain(row[k]) for k in moments.colnames} for row in moments],
            "total": list(found.total),
            "left_out": found.left_out,
            "few_effective_draws": found.few,
            "prior_error": found.prior_error,
            "notes": found.notes,
        }
        click.echo(json.dumps(document, indent=1))
        return
    click.echo(f"{len(found):,} galaxies of {folder}")
    for row in moments:
        low, middle, high = (row[f"p{q}"] for q in (16, 50, 84))
        about = f"{row['quantity']}, {row['moment']}"
        click.echo(f"{about:36} {middle:.3f}  +{high - middle:.3f} -{middle - low:.3f}")
    for note in found.notes:
        click.echo(note)


def _weights(path):
    """Weight of each ID of a table."""
    from sedflow.catalogue.columns import Columns
    from sedflow.catalogue.read.open import open_catalogue

    catalogue = open_catalogue(path)
    table = Columns(catalogue.part(0, catalogue.n_rows).read())
    missing = [name for name in ("id", "weight") if name not in table.names]
    if missing:
        raise SedflowError(
            f"{path} has no column {' and '.join(missing)}; give a table with the columns id and "
            "weight"
        )
    reasons: dict = {}
    numbers = table.numbers("weight", reasons)
    if reasons:
        raise SedflowError(f"{path}: {next(iter(reasons.values()))}")
    ids = table.column("id").tolist()
    counts = Counter(str(ident).strip() for ident in ids)
    often, times = counts.most_common(1)[0] if counts else ("", 0)
    if times > 1:
        raise SedflowError(
            f"{path} gives the ID {often[:40]!r} {times} weights; give each galaxy one row"
        )
    return dict(zip(ids, numbers.tolist(), strict=True))


def _numbers(text):
    try:
        values = tuple(int(x) for x in text.split(","))
    except ValueError:
        raise SedflowError(f"--cells {text!r} must be whole numbers, such as 40 or 24,24") from None
    return values[0] if len(values) == 1 else values


def _plain(value):
    return value.item() if hasattr(value, "item") else value
