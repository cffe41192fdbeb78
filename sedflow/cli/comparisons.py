"""`sedflow compare`."""

import json

import click

from sedflow.cli.output import PATH, check_figure, echo, say, write_figure


@click.command()
@click.argument("galaxy")
@click.option("--grids", default="fsps,fsps-gas,bc03", show_default=True, help="SSP grids.")
@click.option("--draws", default=10_000, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=1, show_default=True)
@click.option("--figure", type=PATH, help="Write a figure here.")
@click.option("--output", type=PATH, help="Save the fits in this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare(galaxy, grids, draws, seed, figure, output, as_json):
    """Compare SSP grids by their evidence, for a galaxy of the packaged NSA sample.

    Example: sedflow compare 72 --grids fsps,bc03 --figure grids.png
    """
    import numpy as np

    import sedflow
    from sedflow.fits.grid_files import grid_folder

    if figure:
        check_figure(figure)
    nsa = sedflow.load_nsa()
    names = tuple(name.strip() for name in grids.split(",") if name.strip())
    if output:
        grid_folder(output, names)  # before the work, not after it
    found = sedflow.compare(nsa.photometry(nsa.find(galaxy)), names, n=draws, seed=seed)
    if output:
        say(f"wrote {found.save(output)}")
    if figure:
        write_figure(found.plot(), figure)
    weights, summary = found.weights if found.has_average else {}, found.summary()
    if as_json:
        average = {
            row["name"]: [float(row[f"average_p{q}"]) for q in (16, 50, 84)]
            for row in (summary if weights else ())
        }
        rows = {
            name: {
                "log_evidence": value if np.isfinite(value) else None,
                "log_evidence_error": scatter if np.isfinite(value) else None,
                "weight": weights.get(name),
                "verdict": found.fits[name].judgement,
            }
            for name, (value, scatter) in found.log_evidence.items()
        }
        document = {"grids": rows, "note": found.note, "average": average}
        echo(json.dumps(document, indent=1))
        return
    echo(found.photometry.title)
    for name, (value, scatter) in found.log_evidence.items():
        figures = f"ln evidence {value:8.2f} ± {scatter:.2f}  weight {weights.get(name, 0):.3f}"
        if not np.isfinite(value):
            figures = "ln evidence unknown"
        echo(f"{name:10} {figures}  {found.fits[name].judgement}")
    if found.note:
        echo(found.note)
    average = "; 16, 50 and 84 % of the average" if weights else ""
    echo(f"\nmedians of {', '.join(found.fits)}{average}")
    columns = ["name", "unit", *(f"{k}_p50" for k in found.fits)]
    columns += [f"average_p{q}" for q in (16, 50, 84)] if weights else []
    echo(str(summary[columns]))
