"""The command line: parse, one public call, write. Logs and progress go to stderr."""

import json
import secrets
import sys
from contextlib import contextmanager
from pathlib import Path

import click

from sedflow import __version__
from sedflow.errors import SedflowError

__all__ = ["main"]


class _Group(click.Group):
    """Expected failures become one sentence on stderr and exit code 1."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except SedflowError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=_Group)
@click.version_option(__version__)
@click.option("--threads", default=1, show_default=True, help="Threads of torch and numpy.")
def main(threads):
    """Amortized Bayesian inference of galaxy properties from photometry."""
    from sedflow.threads import use_threads

    use_threads(threads)


@main.command()
@click.option("--port", default=5006, show_default=True, help="Port to listen on.")
@click.option("--address", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--allow-origin",
    multiple=True,
    help="HOST:PORT that browsers reach the app by, if not the address itself.",
)
def serve(port, address, allow_origin):
    """Serve the dashboard.

    Example: sedflow serve --port 5006
    """
    try:
        import panel as pn
    except ImportError:
        raise SedflowError(
            "the dashboard needs Panel; install it with pip install 'sedflow-explorer[app]'"
        ) from None
    from sedflow.dashboard import page

    origins = list(allow_origin) or [f"{address}:{port}", f"localhost:{port}"]
    click.echo(f"SEDflow Explorer: http://{address}:{port} (stop with Ctrl-C)", err=True)
    pn.serve(
        {"/": page},
        port=port,
        address=address,
        websocket_origin=origins,
        show=False,
        title="SEDflow Explorer",
    )


@main.command()
@click.option("--name", default="nsa-ugriz-fsps", show_default=True, help="Name of the weights.")
@click.option("--output", default="runs/train", show_default=True, type=click.Path(path_type=Path))
@click.option("--simulations", type=click.IntRange(min=1), help="Simulations to learn from.")
@click.option(
    "--architecture", type=click.Choice(["coupling", "maf"]), help="maf: as published, to compare."
)
@click.option("--layers", type=click.IntRange(min=1), help="Layers of the flow.")
@click.option("--hidden", type=click.IntRange(min=1), help="Width of their networks.")
@click.option("--seed", type=int, help="Seed of simulations and weights.")
@click.option("--ssp", help="SSP grid: fsps, bc03, or a path.")
@click.option("--start", help="Network to begin with, by name or path; default from nothing.")
@click.option("--prior", type=click.Choice(["flat", "provabgs"]), help="Prior of the betas.")
def train(name, output, **options):
    """Train a network; go on where an interrupted training stopped.

    The names of packaged networks stand for how those were trained; other names for the defaults.

    Example: sedflow train --output runs/mine --simulations 1000000
    """
    from tqdm import tqdm

    from sedflow.training import TrainingConfig
    from sedflow.training import train as run

    config = TrainingConfig.named(name, **{k: v for k, v in options.items() if v is not None})
    with tqdm(total=config.simulations, unit="sim", unit_scale=True, file=sys.stderr) as bar:

        def progress(seen, row):
            if bar.n == 0:
                bar.initial = bar.n = row["first"]
            bar.set_postfix(log_prob=row["held_out_log_prob"])
            bar.update(min(seen, config.simulations) - bar.n)

        posterior = run(config, output, progress=progress)
    minutes = posterior.record["training"]["minutes"]
    click.echo(f"{output / name}.safetensors: {minutes} minutes of training")


@main.command()
@click.option("--weights", default="nsa-ugriz-fsps", show_default=True, help="Name or path.")
@click.option("--galaxies", default=2000, show_default=True, type=click.IntRange(min=100))
@click.option("--draws", default=1000, show_default=True, type=click.IntRange(min=100))
@click.option("--nsa", default=500, show_default=True, type=click.IntRange(1, 9440))
@click.option("--seed", default=2022, show_default=True, help="-1 takes a new one.")
@click.option(
    "--output", type=click.Path(path_type=Path), help="Folder for the report and its figures."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def validate(weights, galaxies, draws, nsa, seed, output, as_json):
    """Validation report of a network: calibration, coverage, distance to the exact posterior.

    Example: sedflow validate --output runs/report
    """
    from sedflow.posterior import load_posterior
    from sedflow.report import validate as run

    posterior = load_posterior(weights)
    if seed < 0:
        seed = secrets.randbelow(2**31)
    with _bar("galaxy") as tell:
        report = run(posterior, galaxies, draws, seed, nsa, tell)
    if output:
        output.mkdir(parents=True, exist_ok=True)
        report.save(output / f"{posterior.name}.report.json")
        publication = _publication()
        for kind in ("calibration", "ranks", "coverage"):
            figure = getattr(publication, f"{kind}_figure")(report)
            figure.savefig(output / f"{posterior.name}.{kind}.png", dpi=110)
        click.echo(f"wrote {output / posterior.name}.*", err=True)
    click.echo(json.dumps(report.summary, indent=1) if as_json else str(report))


@main.command()
@click.option("--weights", default="nsa-ugriz-fsps", show_default=True, help="Name or path.")
@click.option(
    "--output", default="runs/figures", show_default=True, type=click.Path(path_type=Path)
)
@click.option("--galaxies", default=1000, show_default=True, type=click.IntRange(min=100))
@click.option("--seed", default=2022, show_default=True)
def figures(weights, output, galaxies, seed):
    """The four figures of Hahn & Melchior (2022), from this network and this machine.

    Training set and atlas; NSAID 72 by network and MCMC; p-p curves; ranks.

    Example: sedflow figures --output runs/figures
    """
    import sedflow
    from sedflow.report import validate as run

    publication = _publication()
    posterior, nsa = sedflow.load_posterior(weights), sedflow.load_nsa()
    output.mkdir(parents=True, exist_ok=True)
    publication.training_figure(posterior, nsa).savefig(output / "training.png", dpi=110)
    galaxy = nsa.photometry(72, [b for b in posterior.bands if b in "ugriz"])
    network = sedflow.fit(galaxy, posterior, n=10_000, seed=1)
    mcmc = sedflow.fit(galaxy, sedflow.MCMCSampler(model=posterior.model), n=10_000, seed=1)
    publication.posterior_figure(network, reference=mcmc).savefig(output / "nsaid72.png", dpi=110)
    with _bar("galaxy") as tell:
        report = run(posterior, galaxies, 1000, seed, 1, tell, local=False)
    publication.calibration_figure(report).savefig(output / "calibration.png", dpi=110)
    publication.ranks_figure(report).savefig(output / "ranks.png", dpi=110)
    click.echo(f"wrote training, nsaid72, calibration and ranks to {output}")


@main.command()
@click.argument("nsaid", type=int)
@click.option("--weights", default="nsa-ugriz-fsps", show_default=True, help="Name or path.")
@click.option("--draws", default=10_000, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--figure", type=click.Path(path_type=Path), help="Write the corner plot and SED here."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(nsaid, weights, draws, seed, figure, as_json):
    """Posterior of a galaxy of the packaged NSA sample, by NSAID.

    Example: sedflow show 72 --figure nsaid72.png
    """
    import sedflow

    posterior = sedflow.load_posterior(weights)
    galaxy = sedflow.load_nsa().photometry(nsaid, posterior.bands)
    result = sedflow.fit(galaxy, posterior, n=draws, seed=seed, trust="auto")
    verdict = result.verdict
    summary = result.summary()
    if figure:
        try:
            _publication().posterior_figure(result).savefig(figure, dpi=110)
        except (OSError, ValueError) as error:
            raise SedflowError(
                f"cannot write {figure}: {error}; give a .png, .pdf or .svg in a folder that exists"
            ) from None
        click.echo(f"wrote {figure}", err=True)
    if as_json:
        rows = {row["name"]: [float(row[c]) for c in ("16", "50", "84")] for row in summary}
        document = {
            "nsaid": nsaid, "verdict": verdict.kind, "reason": verdict.reason,
            "inside": verdict.inside, "quantiles": rows,
        }  # fmt: skip
        click.echo(json.dumps(document, indent=1))
        return
    for column in ("16", "50", "84"):
        summary[column].info.format = ".3f"
    click.echo(f"{result.title}\n{verdict}")
    click.echo("\n".join(summary.pformat(max_lines=-1)))


def _publication():
    """The module of figures, or a sentence on what it lacks."""
    try:
        import corner  # noqa: F401
        import matplotlib  # noqa: F401
    except ImportError:
        raise SedflowError(
            "figures need corner and matplotlib; install them with "
            "pip install 'sedflow-explorer[app]'"
        ) from None
    from sedflow import publication

    return publication


@contextmanager
def _bar(unit):
    """A progress bar on stderr, as a callable of (done, total)."""
    from tqdm import tqdm

    with tqdm(unit=unit, file=sys.stderr) as bar:

        def tell(done, total):
            bar.total = total
            bar.update(done - bar.n)

        yield tell


if __name__ == "__main__":
    main()
