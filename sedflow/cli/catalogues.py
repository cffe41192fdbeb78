"""`sedflow infer` and `report`."""

import json
from dataclasses import replace

import click

from sedflow.cli.output import PATH, bar, echo, say
from sedflow.errors import SedflowError
from sedflow.files.packaged import DEFAULT_WEIGHTS


@click.command()
@click.argument("catalogue", type=PATH)
@click.option("-o", "--output", type=PATH, help="Folder of the results.")
@click.option("--mapping", "mapping_file", type=PATH, help="TOML mapping.")
@click.option("--table", help="Which table of a file of several, by name or number.")
@click.option(
    "--preset", help="Survey whose columns these are: sdss-casjobs, hsc, des...  [guessed]"
)
@click.option(
    "--bands", help="Bands to read, of one survey or of several: ugriz, or g,r,decam2014-g."
)
@click.option("--id", "id_column", help="Column of the IDs.")
@click.option("--no-id", is_flag=True, help="There is no ID: rows are numbered from 0.")
@click.option("--redshift", "redshift_column", help="Column of the redshifts.")
@click.option("--unit", help="Unit of fluxes that the file does not tell: nanomaggies, uJy, mag...")
@click.option(
    "--set",
    "entries",
    multiple=True,
    metavar="[BAND.]ENTRY=VALUE",
    help="Entry of the mapping, of all bands or of one: error_kind=ivar, system=Vega, "
    "extinction=A_{b}, u.nulls=-99. Can be given again.",
)
@click.option(
    "--floor",
    help="Share of the flux to add to errors in quadrature: recommended (as in the NSA: 5, 2, 2, "
    "2, 3 % in ugriz; 5 % in bands of other surveys), 2 %, or u=5 %,r=2 %.",
)
@click.option("--weights", default=DEFAULT_WEIGHTS, show_default=True, help="Name or path.")
@click.option("--draws", default=1000, show_default=True, type=click.IntRange(min=10))
@click.option(
    "--trust",
    default="weights",
    show_default=True,
    type=click.Choice(["weights", "proposals", "auto"]),
    help="Last step allowed: exact weights, adaptive importance sampling, or MCMC too (auto).",
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0))
@click.option("--keep", default=0, show_default=True, help="Draws of each galaxy to keep.")
@click.option("--part-rows", type=click.IntRange(min=1), help="Rows of a partition.")
@click.option("--workers", type=click.IntRange(min=0), help="Processes; 0: no dask.  [one a core]")
@click.option("--scheduler", help="Running dask scheduler to use, tcp://HOST:PORT.")
@click.option("--preview", is_flag=True, help="Show what the columns are read as; infer nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def infer(
    catalogue,
    output,
    mapping_file,
    table,
    preset,
    bands,
    id_column,
    no_id,
    redshift_column,
    unit,
    entries,
    floor,
    draws,
    part_rows,
    preview,
    as_json,
    **options,
):
    """Posteriors of every row of a CATALOGUE (CSV, ECSV, IPAC, MRT, FITS, VOTable, HDF5, Parquet).

    Columns are guessed from their names and units; --mapping, --id, --redshift, --unit and --set
    correct the guess, and what was assumed is printed. A run that was stopped goes on when the
    same command is given again.

    By default each row gets fewer draws than `sedflow show` makes for one galaxy (1,000, not
    10,000), and no step beyond the weights: quantiles need no more, and the steps beyond take
    seconds for each galaxy that needs them. --trust auto takes them.

    Example: sedflow infer galaxies.fits -o runs/galaxies --unit nanomaggies
    """
    from sedflow.catalogue.guess import guess_mapping, mapping_of
    from sedflow.catalogue.read.open import open_catalogue
    from sedflow.catalogue.rows import ColumnMap, to_photometry
    from sedflow.catalogue.rows import preview as look
    from sedflow.catalogue.run import infer_catalogue

    source = open_catalogue(catalogue, table=table)
    bands = None if not bands else [b.strip() for b in bands.split(",")] if "," in bands else bands
    if mapping_file and preset:
        raise SedflowError("--mapping and --preset both say what the columns are; give one of them")
    if mapping_file:
        mapping = mapping_of(source, ColumnMap.from_toml(mapping_file), bands)
        mapping = replace(
            mapping, id=id_column or mapping.id, redshift=redshift_column or mapping.redshift
        )
    else:
        known = {"redshift": redshift_column or "", "id": id_column or "", "preset": preset or ""}
        mapping = guess_mapping(source, bands, **known)
    if no_id and id_column:
        raise SedflowError(f"--id {id_column} and --no-id exclude each other; give one of them")
    mapping = replace(mapping, id="") if no_id else mapping
    mapping = mapping.in_unit(unit) if unit else mapping
    mapping = mapping.with_entries(_entries(entries)) if entries else mapping
    mapping = mapping.with_floor(floor) if floor else mapping
    if preview:
        echo(mapping.to_toml())
        for sentence in (*source.notes, *to_photometry(source.table, mapping).report):
            echo(f"# {sentence}")
        echo()
        echo("\n".join(look(source.table, mapping).pformat(max_width=-1)))
        return
    if output is None:
        raise click.UsageError("Missing option '-o' / '--output', the folder of the results.")
    with bar("galaxy", resumed=True) as tell:
        try:
            summary = infer_catalogue(
                catalogue,
                output,
                mapping=mapping,
                table=table,
                n=draws,
                part_rows=part_rows,
                progress=tell,
                log=say,
                **options,
            )
        except KeyboardInterrupt:
            raise SedflowError(
                f"stopped; give the same command again to go on in {output}"
            ) from None
    echo(json.dumps(summary, indent=1) if as_json else _summary_in_words(summary, output))
    found = [e for kind, e in summary["reasons"].items() if kind.startswith("unexpected ")]
    if summary["rows"] and sum(entry["rows"] for entry in found) == summary["rows"]:
        raise SedflowError(f"no row was inferred: {found[0]['reason']}")


@click.command()
@click.argument("folder", type=PATH)
@click.option("-o", "--output", type=PATH, help="HTML file.  [OUT/report.html]")
@click.option("--json", "as_json", is_flag=True, help="Print the summary of the run as JSON too.")
def report(folder, output, as_json):
    """A page with pictures on what sedflow infer found in FOLDER.

    Example: sedflow report runs/galaxies
    """
    from sedflow.catalogue.run import load_summary
    from sedflow.figures.run_page import write_run_page

    path = write_run_page(folder, output)
    say(f"wrote {path}")
    echo(json.dumps(load_summary(folder), indent=1) if as_json else str(path))


def _entries(texts):
    """Entries of a mapping from KEY=VALUE."""
    pairs = [text.partition("=") for text in texts]
    for text, (key, sign, _) in zip(texts, pairs, strict=True):
        if not key or not sign:
            raise SedflowError(f"--set {text!r} must be ENTRY=VALUE, such as error_kind=ivar")
    return {key.strip(): value.strip() for key, _, value in pairs}


def _summary_in_words(summary, output):
    """The summary of a catalogue run, in words."""
    lines = [f"{summary['rows']:,} galaxies in {output}"]
    for kind in ("status", "verdict"):
        counts = ", ".join(f"{n:,} {name}" for name, n in summary[kind].items() if n)
        lines.append(f"{kind}: {counts or 'none'}")
    for entry in list(summary["reasons"].values())[:8]:
        lines.append(f"  {entry['rows']:,} like {entry['id']}: {entry['reason']}")
    run = summary["this_run"]
    lines.append(
        f"{run['rows']:,} rows in {run['seconds']:,.0f} s, workers: {run['workers']}, "
        f"{run['rows_per_second']:.2f} a second"
    )
    return "\n".join(lines)
