"""`sedflow serve`."""

from dataclasses import replace

import click

from sedflow.cli.output import PATH, echo
from sedflow.errors import needs


@click.command()
@click.option("--port", default=5006, show_default=True, help="Port to listen on.")
@click.option("--address", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--allow-origin",
    multiple=True,
    help="HOST:PORT that browsers reach the app by, if not the address itself.",
)
@click.option(
    "--run", "folder", type=PATH, help="Output of sedflow infer to browse on a page of its own."
)
@click.option("--survey", type=PATH, hidden=True)  # --run, formerly
@click.option("--sessions", type=click.IntRange(1, 999_999), help="Pages open at once.  [120]")
@click.option(
    "--visitor-sessions", type=click.IntRange(1, 999_999), help="The same of one address.  [40]"
)
@click.option(
    "--visitor-jobs", type=click.IntRange(1, 999_999), help="Long jobs of one address.  [1]"
)
@click.option(
    "--waiting-jobs", type=click.IntRange(1, 999_999), help="Long jobs that may wait.  [4]"
)
@click.option(
    "--behind-proxy",
    is_flag=True,
    help="Take a visitor's address from the proxy's X-Forwarded-For.",
)
def serve(port, address, allow_origin, folder, survey, behind_proxy, **limits):
    """Serve the dashboard.

    Limits can be set in the environment, too: SEDFLOW_SESSIONS, SEDFLOW_VISITOR_SESSIONS,
    SEDFLOW_VISITOR_JOBS, SEDFLOW_WAITING_JOBS.

    Example: sedflow serve --port 5006 --run OUT/
    """
    needs("panel", "bokeh", "contourpy", extra="app", what="the dashboard")
    from sedflow.dashboard.server.start import serve as run
    from sedflow.dashboard.server.visitors import Limits

    folder = folder or survey
    if folder is not None:
        needs("duckdb", "datashader", "holoviews", extra="app", what="the page of a run")
        from sedflow.catalogue.results import RunTable

        RunTable(folder)  # what is wrong with it is said now, not to visitors
    given = {name: value for name, value in limits.items() if value is not None}
    run(
        folder,
        port,
        address,
        allow_origin,
        replace(Limits.from_environment(), **given),
        behind_proxy,
        lambda where: echo(f"SEDflow Explorer: {where} (stop with Ctrl-C)", err=True),
    )
