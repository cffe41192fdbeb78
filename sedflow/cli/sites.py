"""`sedflow site`."""

import click

from sedflow.cli.output import PATH, bar, echo


@click.command()
@click.argument("folder", type=PATH)
def site(folder):
    """Write a static site, which infers galaxies in the browser without a server, to FOLDER.

    Example: sedflow site build/site && python build/site/open.py
    """
    from sedflow.site import write_site

    with bar("file") as told:
        write_site(folder, progress=told)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    echo(f"wrote {folder} ({size / 1e6:.1f} MB); open it with python {folder / 'open.py'}")
