"""`sedflow population`."""

import json
import shlex
from collections.abc import Callable
from functools import partial

import click

from sedflow.cli.output import PATH, check_figure, check_place, echo, say, write_figure
from sedflow.errors import SedflowError
from sedflow.files.writing import replacing


@click.command()
@click.argument("folder", type=PATH)
@click.option("--of", default="log_mstar", show_default=True, help="One or two quantities.")
@click.option("--stream", is_flag=True, help="Read a partition at a time: for millions of rows.")
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    help="Processes that read partitions, with --stream, which this implies; 0: no dask.  [0]",
)
@click.option("--scheduler", help="Running dask scheduler to use instead, tcp://HOST:PORT.")
@click.option(
    "--rerun",
    type=PATH,
    multiple=True,
    help="A run of some of the galaxies with more draws, which replace theirs; several in turn.",
)
@click.option(
    "--weights",
    type=PATH,
    help="Table with the column id, and weight or what the next options ask for.",
)
@click.option("--flux-limit", type=float, help="Faintest magnitude (AB): weights are 1 / Vmax.")
@click.option("--area", type=float, help="Area of the survey with that limit [square degrees].")
@click.option(
    "--magnitude", default="magnitude", show_default=True, help="Column with the magnitudes."
)
@click.option("--redshifts", help="Ends of the sample with that limit, such as 0.01,0.05.")
@click.option("--completeness", help="Column with the share of such galaxies that the survey has.")
@click.option("--cells", help="Cells along each axis, such as 40 or 24,24.")
@click.option(
    "--status", default="ok", show_default=True, help="Rows that enter: ok,misfit,failed."
)
@click.option("--draws", default=400, show_default=True, type=click.IntRange(min=50))
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0))
@click.option(
    "--network", type=PATH, help="The network of the run, where it is none of the packaged ones."
)
@click.option(
    "-o", "--output", type=PATH, help="Density: .parquet, .ecsv, .fits, .vot; or .nc for ArviZ."
)
@click.option("--galaxies", type=PATH, help="Shrunk posteriors: .parquet...")
@click.option(
    "--few", type=PATH, help="Catalogue of the galaxies with few effective draws, to run again."
)
@click.option("--figure", type=PATH, help="Write a figure here.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def population(
    folder, of, stream, workers, scheduler, rerun, cells, status, draws, seed, network, **options
):
    """The population of the galaxies of a run in FOLDER, made by sedflow infer --keep 200.

    Example: sedflow population runs/galaxies --of log_mstar,log_ssfr_1gyr --figure population.pdf
    """
    import sedflow

    stream = stream or workers is not None or scheduler is not None
    _check_places(folder, rerun, stream, options)
    if stream and rerun:
        raise click.UsageError("--stream reads one run; leave out --rerun.")
    weights, without = _weighted(folder, rerun, options)
    kind: Callable = sedflow.Population
    if stream:
        kind = partial(
            sedflow.population.StreamedPopulation, workers=workers or 0, scheduler=scheduler
        )
    found = kind(
        [folder, *rerun] if rerun else folder,
        of,
        weights=weights,
        without=without,
        cells=None if cells is None else _numbers(cells),
        status=tuple(s.strip() for s in status.split(",") if s.strip()),
        n=draws,
        seed=seed,
        network=network,
    )
    again = _written(found, folder, rerun, options, network)
    moments = found.moments()
    if options["as_json"]:
        document = {
            "galaxies": len(found),
            "quantities": list(found.names),
            "moments": [{k: _plain(row[k]) for k in moments.colnames} for row in moments],
            "total": list(found.total),
            "left_out": found.left_out,
            "few_effective_draws": found.few,
            "rerun": again,
            "prior_error": found.prior_error,
            "notes": found.notes,
        }
        echo(json.dumps(document, indent=1))
        return
    echo(f"{len(found):,} galaxies of {folder}")
    for row in moments:
        low, middle, high = (row[f"p{q}"] for q in (16, 50, 84))
        about = f"{row['quantity']}, {row['moment']}"
        echo(f"{about:36} {middle:.3f}  +{high - middle:.3f} -{middle - low:.3f}")
    for note in found.notes:
        echo(note)
    if again:
        echo(f"To give them more draws:\n  {again[0]}\n  {again[1]}")


def _check_places(folder, rerun, stream, options):
    """Refuse to write over a run, its catalogue, the table of weights, or one output twice."""
    from sedflow.catalogue.own_files import keep_own
    from sedflow.fits.export import check_table_path

    taken = {options["weights"].resolve(): "--weights"} if options["weights"] else {}
    for name in ("output", "galaxies", "few", "figure"):
        path = options[name]
        if path is None:
            continue
        if (before := taken.setdefault(path.resolve(), f"--{name}")) != f"--{name}":
            raise SedflowError(f"--{name} {path} is the file of {before}, too; give another name")
        for run in (folder, *rerun):
            keep_own(path, run, f"population{path.suffix}")
        if name == "figure":
            check_figure(path)
            continue
        if stream and name == "galaxies" and path.suffix != ".parquet":
            raise SedflowError(
                f"--galaxies {path}: a streamed population writes its galaxies to a .parquet file"
            )
        if not (name == "output" and path.suffix.lower() == ".nc"):
            check_table_path(path, overwrite=True)
        check_place(path)


def _weighted(folder, rerun, options):
    """Weights by ID, and IDs that are not in the sample; None and () without a table."""
    from sedflow.cli.population_weights import survey_weights

    path, limit, area = options["weights"], options["flux_limit"], options["area"]
    if (limit is None) != (area is None):
        raise click.UsageError("--flux-limit and --area belong together; give both.")
    if options["redshifts"] and limit is None:
        raise click.UsageError("--redshifts are ends of a sample with --flux-limit; give that too.")
    if path is None:
        if limit is not None or options["completeness"]:
            raise click.UsageError(
                "--flux-limit and --completeness need --weights TABLE, with a row for each galaxy."
            )
        return None, ()
    return survey_weights(
        path,
        folder,
        flux_limit=limit,
        area=area,
        magnitude=options["magnitude"],
        redshifts=_ends(options["redshifts"]) if options["redshifts"] else None,
        completeness=options["completeness"],
        reruns=rerun,
    )


def _written(found, folder, rerun, options, network):
    """Write the files that were asked for; the commands of a rerun, where one is."""
    output, galaxies, few = options["output"], options["galaxies"], options["few"]
    if output is not None and output.suffix.lower() == ".nc":
        with replacing(output) as temporary:
            try:
                found.to_inference_data().to_netcdf(str(temporary))
            except RuntimeError as error:  # HDF5's, where the disk is full
                raise OSError(str(error)) from None
        say(f"wrote {output}")
    elif output is not None:
        found.to_table(output, overwrite=True)
        say(f"wrote {output}")
    if galaxies:
        found.galaxies(galaxies, overwrite=True)
        say(f"wrote {galaxies}")
    if options["figure"]:
        write_figure(found.plot(), options["figure"])
    if not few:
        return []
    if not found.few:
        say(f"no galaxy has few effective draws; {few} is not written")
        return []
    from sedflow.population.rerun import rerun_catalogue, rerun_command

    say(f"wrote {few}, {rerun_catalogue(folder, found.few, few):,} galaxies")
    command = rerun_command([folder, *rerun][-1], few, network)
    words = ["sedflow", "population", str(folder), "--of", ",".join(found.names)]
    for one in (*rerun, shlex.split(command)[4]):
        words += ["--rerun", str(one)]
    if network is not None:
        words += ["--network", str(network)]
    return [
        command,
        shlex.join(words),
    ]


def _numbers(text):
    try:
        values = tuple(int(x) for x in text.split(","))
    except ValueError:
        raise SedflowError(f"--cells {text!r} must be whole numbers, such as 40 or 24,24") from None
    return values[0] if len(values) == 1 else values


def _ends(text):
    try:
        low, high = (float(x) for x in text.split(","))
    except ValueError:
        raise SedflowError(f"--redshifts {text!r} must be two numbers, such as 0.01,0.05") from None
    return low, high


def _plain(value):
    return value.item() if hasattr(value, "item") else value
