"""The command line: parse, one public call, write. Logs and progress go to stderr."""

import json
import sys
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
@click.option("--prior", type=click.Choice(["flat", "provabgs"]), help="Prior of the betas.")
def train(name, output, **options):
    """Train a network from nothing; go on where an interrupted training stopped.

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
@click.option("--galaxies", default=1000, show_default=True, type=click.IntRange(min=100))
@click.option("--draws", default=1000, show_default=True, type=click.IntRange(min=100))
@click.option("--seed", default=2022, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def validate(weights, galaxies, draws, seed, as_json):
    """Calibration of the network on simulated galaxies it has not seen.

    Example: sedflow validate --galaxies 1000 --draws 1000
    """
    from tqdm import tqdm

    from sedflow.nsa import load_nsa
    from sedflow.posterior import load_posterior
    from sedflow.validation import calibrate

    posterior = load_posterior(weights)
    with tqdm(total=galaxies, unit="galaxy", file=sys.stderr) as bar:
        report = calibrate(
            posterior, galaxies, draws, seed, lambda done, n: bar.update(done - bar.n)
        )
    nsa = load_nsa()
    check = posterior.check(nsa.photometry(nsa.ids), draws=False)
    inside, total = int(check.inside.sum()), len(nsa)
    if as_json:
        document = report.to_dict() | {"nsa": {"galaxies": total, "inside": inside}}
        click.echo(json.dumps(document, indent=1))
        return
    click.echo(str(report))
    click.echo(
        f"NSA sample: {inside:,} of {total:,} galaxies ({100 * inside / total:.1f} %) inside the "
        f"training domain"
    )
    outside = [(i, r) for i, r in zip(nsa.ids, check.reasons, strict=True) if r]
    for nsaid, reasons in outside[:3]:
        click.echo(f"  NSAID {nsaid}: {reasons[0]}")
    if len(outside) > 3:
        click.echo(f"  and {len(outside) - 3} more; posterior.check tells why")


@main.command()
@click.argument("nsaid", type=int)
@click.option("--draws", default=10_000, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--figure", type=click.Path(path_type=Path), help="Write the corner plot and SED here."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(nsaid, draws, seed, figure, as_json):
    """Posterior of a galaxy of the packaged NSA sample, by NSAID.

    Example: sedflow show 72 --figure nsaid72.png
    """
    import sedflow

    galaxy = sedflow.load_nsa().photometry(nsaid)
    posterior = sedflow.load_posterior()
    result = sedflow.fit(galaxy, posterior, n=draws, seed=seed, trust="auto")
    verdict = result.verdict
    summary = result.summary()
    if figure:
        from sedflow.publication import posterior_figure

        try:
            posterior_figure(result).savefig(figure, dpi=110)
        except ImportError:
            raise SedflowError(
                "figures need corner and matplotlib; install them with "
                "pip install 'sedflow-explorer[app]'"
            ) from None
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


if __name__ == "__main__":
    main()
