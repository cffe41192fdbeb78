"""The command line: parse, one public call, write. Logs and progress go to stderr."""

import click

from sedflow import __version__
from sedflow.cli.catalogues import infer, report
from sedflow.cli.comparisons import compare
from sedflow.cli.galaxies import nsa, show
from sedflow.cli.grids import grid
from sedflow.cli.networks import export, figures, train, validate
from sedflow.cli.output import Group
from sedflow.cli.populations import population
from sedflow.cli.server import serve
from sedflow.cli.sites import site

__all__ = ["main"]


@click.group(cls=Group)
@click.version_option(__version__)
@click.option("--threads", default=1, show_default=True, help="Threads of torch and numpy.")
def main(threads):
    """Amortized Bayesian inference of galaxy properties from photometry."""
    from sedflow.threads import use_threads

    use_threads(threads)


for _command in (
    serve,
    train,
    export,
    validate,
    figures,
    show,
    compare,
    infer,
    report,
    population,
    nsa,
    grid,
    site,
):
    main.add_command(_command)
