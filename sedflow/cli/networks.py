"""`sedflow train`, `export`, `validate` and `figures`."""

import json
import secrets
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import click

from sedflow.cli.output import PATH, Quiet, bar, echo, figure_module, say, write_figure
from sedflow.errors import SedflowError, needs
from sedflow.files.packaged import DEFAULT_WEIGHTS
from sedflow.files.writing import made_folder
from sedflow.threads import MOST


@click.command()
@click.argument("network", required=False)
@click.option("--name", help=f"The same as NETWORK.  [{DEFAULT_WEIGHTS}]")
@click.option("--output", default="runs/train", show_default=True, type=PATH)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "cpu", "cuda"]),
    help="Where to train; auto: on a GPU if torch sees one.",
)
@click.option("--simulations", type=click.IntRange(min=1), help="Simulations to learn from.")
@click.option("--batch", type=click.IntRange(min=1), help="Simulations of a gradient step.")
@click.option("--pool", type=click.IntRange(min=1), help="Times as many are made as are chosen.")
@click.option("--alike", type=float, help="Most times that one like the NSA's is preferred.")
@click.option(
    "--architecture", type=click.Choice(["coupling", "maf"]), help="maf: as published, to compare."
)
@click.option("--layers", type=click.IntRange(min=1), help="Layers of the flow.")
@click.option("--hidden", type=click.IntRange(min=1), help="Width of their networks.")
@click.option("--embedding", type=click.IntRange(min=1), help="Width of a galaxy's embedding.")
@click.option(
    "--embedding-hidden", type=click.IntRange(min=1), help="Width of the layers that make it."
)
@click.option("--learning-rate", type=float, help="Learning rate at its height.")
@click.option("--warm-up", type=click.IntRange(min=0), help="Simulations until it is there.")
@click.option("--seed", type=int, help="Seed of simulations and weights.")
@click.option("--ssp", help="SSP grid: fsps, bc03, or a path.")
@click.option("--start", help="Network to begin with, by name or path; default from nothing.")
@click.option("--prior", type=click.Choice(["flat", "provabgs"]), help="Prior of the betas.")
@click.option("--bands", help="Bands, with commas: g,r,i,z; default ugriz.")
@click.option(
    "--noise",
    type=click.Path(exists=True, dir_okay=False),
    help="JSON file of a noise model (NoiseModel.to_dict()); default that of the NSA.",
)
@click.option(
    "--atlas-share",
    type=click.FloatRange(0, 1),
    help="Share of simulations chosen to look like the NSA's galaxies; 0 for other bands.",
)
@click.option("--survey", type=click.FloatRange(0, 1), hidden=True)  # its former name
def train(network, name, output, device, atlas_share, survey, **options):
    """Train a NETWORK; go on where an interrupted training stopped.

    The names of packaged networks stand for how those are trained, on a processor core or on a
    GPU; other names for the defaults of the device.

    Example: sedflow train mine --output runs/mine --simulations 1000000
    """
    needs("torch", "zuko", "sbi", "onnx", extra="train", what="training")
    from tqdm import tqdm

    from sedflow.network.configuration import noise_of
    from sedflow.network.training import TrainingConfig, chosen_device
    from sedflow.network.training import train as run

    if None not in (network, name) and network != name:
        raise click.UsageError(f"two names, {network} and {name}: give one")
    name = next((n for n in (network, name) if n is not None), DEFAULT_WEIGHTS)
    options["survey"] = survey if atlas_share is None else atlas_share
    if options["bands"]:
        options["bands"] = tuple(band.strip() for band in options["bands"].split(","))
    given = {k: v for k, v in options.items() if v is not None}
    device = chosen_device(device).type
    config = TrainingConfig.named(name, device, **given)
    noise_of(config)  # before anything is said to begin
    where = "a GPU" if device == "cuda" else "the processor"
    say(f"{name}: {config.simulations:,} simulations on {where}")
    blocks = []
    with tqdm(total=config.simulations, unit="sim", unit_scale=True, file=Quiet()) as bar:

        def progress(seen, row):
            if bar.n == 0:
                bar.initial = bar.n = row["first"]
            bar.set_postfix(log_prob=row["held_out_log_prob"])
            bar.update(min(seen, config.simulations) - bar.n)
            blocks.append((seen, row["seconds"]))
            # From the second block on: the first has waited for its simulations.
            if len(blocks) == 3:
                bar.write(f"{_minutes_left(blocks, config):.1f} minutes to go", file=sys.stderr)

        try:
            with _terminated_as_interrupted():
                posterior = run(config, output, progress=progress, device=device)
        except KeyboardInterrupt:
            raise SedflowError(
                f"stopped; give the same command again to go on in {output}"
            ) from None
    minutes = posterior.record["training"]["minutes"]
    before = "" if blocks else ", done before; nothing was changed"
    echo(f"{output / name}.safetensors: {minutes} minutes of training{before}")


@contextmanager
def _terminated_as_interrupted():
    """Inside, what SIGTERM asks for, as batch systems do at the end of the time, is Ctrl-C's."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _minutes_left(blocks, config):
    """Minutes that a training goes on for at the speed since its first block."""
    (first, start), (seen, end) = blocks[0], blocks[-1]
    return (config.simulations - seen) * (end - start) / (seen - first) / 60


@click.command()
@click.argument("network")
@click.option(
    "--output", type=PATH, help="Folder; default beside the network, or NETWORK for a packaged one."
)
def export(network, output):
    """Write a network's graphs in ONNX, for any runtime: NETWORK is a name, or NAME.safetensors.

    Example: sedflow export nsa-ugriz-fsps --output runs/portable
    """
    from sedflow.network.export import export_network

    manifest = export_network(network, output)
    for path in sorted(manifest.parent.glob(f"{manifest.name.removesuffix('.graphs.json')}.*")):
        echo(f"{path}  {path.stat().st_size / 1e6:.2f} MB")


@click.command()
@click.option("--weights", default=DEFAULT_WEIGHTS, show_default=True, help="Name or path.")
@click.option("--galaxies", default=2000, show_default=True, type=click.IntRange(min=100))
@click.option("--draws", default=1000, show_default=True, type=click.IntRange(min=100))
@click.option("--nsa", default=500, show_default=True, type=click.IntRange(1, 9440))
@click.option("--seed", default=2022, show_default=True, help="-1 takes a new one.")
@click.option("--output", type=PATH, help="Folder for the report and its figures.")
@click.option(
    "--p-values",
    type=click.IntRange(min=50),
    metavar="MOCKS",
    help="Instead, make the table that calibrates p-values, with this many simulated galaxies for "
    "each number of bands and bin of signal-to-noise.  [packaged: 300]",
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, MOST),
    help="Processes that share the galaxies.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def validate(weights, galaxies, draws, nsa, seed, output, p_values, workers, as_json):
    """Validation report of a network: calibration, coverage, distance to the exact posterior.

    Example: sedflow validate --output runs/report

    With --p-values it writes NAME.p_values.json, beside a network's weights or to --output.

    Example: sedflow validate --weights runs/train/mine.safetensors --p-values 300
    """
    from sedflow.network.weights import load_posterior
    from sedflow.validation.measure import validate as run
    from sedflow.validation.populations import headline, in_words, population, populations_of

    publication = figure_module() if output else None  # before the work, not after it
    if output:
        made_folder(output)
    posterior = load_posterior(weights)
    if seed < 0:
        seed = secrets.randbelow(2**31)
    if p_values:
        echo(_p_value_table(posterior, weights, output, p_values, seed, workers))
        return
    with bar("galaxy") as tell:
        report = run(posterior, galaxies, draws, seed, nsa, tell, workers=workers)
    if output:
        report.save(output / f"{posterior.name}.report.json")
        for name in populations_of(report):
            one = population(report, name)
            for kind in ("calibration", "ranks", "coverage"):
                figure = getattr(publication, f"{kind}_figure")(one)
                write_figure(figure, output / f"{posterior.name}.{name}.{kind}.png")
        say(f"wrote {output / posterior.name}.*")
    if as_json:
        parts = {name: population(report, name).summary for name in populations_of(report)}
        echo(json.dumps({**report.summary, "populations": parts}, indent=1))
        return
    echo(f"{in_words(report)}\n\n{headline(report)}")


def _p_value_table(posterior, weights, output, mocks, seed, workers):
    """Write the table of p-values of a network, where the network finds it or to a folder."""
    from sedflow.validation.p_values import measure_p_values, save_p_values

    beside = Path(weights).parent if str(weights).endswith(".safetensors") else Path()
    path = (output or beside) / f"{posterior.name}.p_values.json"
    with bar("cell") as tell:
        table = measure_p_values(posterior, mocks, seed=seed, progress=tell, workers=workers)
    return save_p_values(table, path)


@click.command()
@click.option("--weights", default=DEFAULT_WEIGHTS, show_default=True, help="Name or path.")
@click.option("--output", default="runs/figures", show_default=True, type=PATH)
@click.option("--galaxies", default=1000, show_default=True, type=click.IntRange(min=100))
@click.option("--seed", default=2022, show_default=True)
def figures(weights, output, galaxies, seed):
    """The four figures of Hahn & Melchior (2022), from this network and this machine.

    Training set and atlas; NSAID 72, or the first galaxy that has the bands, by network and MCMC;
    p-p curves; ranks.

    Example: sedflow figures --output runs/figures
    """
    import sedflow
    from sedflow.bands import UGRIZ
    from sedflow.validation.measure import validate as run
    from sedflow.whole_numbers import LARGEST_SEED, as_whole

    publication = figure_module()
    seed = as_whole("seed", seed, 0, LARGEST_SEED)  # before the work, not in the midst of it
    made_folder(output)
    posterior, nsa = sedflow.load_posterior(weights), sedflow.load_nsa()
    write_figure(publication.training_figure(posterior, nsa), output / "training.png")
    optical = tuple(band for band in posterior.bands if band in UGRIZ) or posterior.bands
    nsaid = int(nsa.seen(optical)[0])
    galaxy = nsa.photometry(nsaid, optical)
    network = sedflow.fit(galaxy, posterior, n=10_000, seed=1, trust=None)
    mcmc = sedflow.fit(
        galaxy, sedflow.MCMCSampler(model=posterior.model, prior=posterior.prior), n=10_000, seed=1
    )
    drawn = publication.posterior_figure(network, reference=mcmc)
    write_figure(drawn, output / f"nsaid{nsaid}.png")
    with bar("galaxy") as tell:
        report = run(posterior, galaxies, 1000, seed, 1, tell, local=False)
    write_figure(publication.calibration_figure(report), output / "calibration.png")
    write_figure(publication.ranks_figure(report), output / "ranks.png")
    echo(f"wrote training, nsaid{nsaid}, calibration and ranks to {output}")
