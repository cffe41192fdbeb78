"""`sedflow show` and `nsa`."""

import json

import click
import numpy as np

from sedflow.cli.output import PATH, bar, check_figure, echo, figure_module, write_figure
from sedflow.files.packaged import DEFAULT_WEIGHTS


@click.command()
@click.argument("galaxy")
@click.option("--weights", default=DEFAULT_WEIGHTS, show_default=True, help="Name or path.")
@click.option("--draws", default=10_000, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=1, show_default=True)
@click.option("--figure", type=PATH, help="Write the corner plot and SED here.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(galaxy, weights, draws, seed, figure, as_json):
    """Posterior of a galaxy of the packaged NSA sample, by NSAID, name or position.

    It goes as far as needed, to MCMC if the weights do not pass (as `sedflow infer --trust auto`).

    Example: sedflow show "NGC 3522" --figure ngc3522.png
    """
    import sedflow

    if figure is not None:
        check_figure(figure)
    publication = figure_module() if figure else None
    posterior = sedflow.load_posterior(weights)
    nsa = sedflow.load_nsa()
    nsaid = nsa.find(galaxy)
    result = sedflow.fit(
        nsa.photometry(nsaid, posterior.bands), posterior, n=draws, seed=seed, trust="auto"
    )
    verdict = result.verdict
    summary = result.summary()
    if figure:
        write_figure(publication.posterior_figure(result), figure)
    if as_json:
        rows = {row["name"]: [float(row[c]) for c in ("p16", "p50", "p84")] for row in summary}
        document = {
            "nsaid": nsaid,
            "verdict": verdict.kind,
            "status": str(verdict.status),
            "p_calibrated": None if np.isnan(verdict.p_calibrated) else verdict.p_calibrated,
            "reason": verdict.reason,
            "inside": verdict.inside,
            "notes": list(result.notes),
            "quantiles": rows,
        }
        echo(json.dumps(document, indent=1))
        return
    echo("\n".join([result.title, str(verdict), *result.notes]))
    echo(str(summary).partition("\n")[2])


@click.command()
@click.argument("path", required=False, type=PATH)
@click.option("--flux", help="Fluxes of a v1_0_1 file: elpetro, sersic, elpetro_nmgy, sersic_nmgy.")
@click.option("--sdss", type=PATH, help="sdss_atlas.fits, for the flags.")
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
    from sedflow.atlas.catalog import load_nsa, summarise

    if (verify or url) and not download:
        raise click.UsageError("--verify and --url are of a file to fetch; give --download too.")
    if download:
        from sedflow.atlas.downloads import verify as compare
        from sedflow.atlas.files import download_nsa

        with bar("B", resumed=True) as tell:
            found = download_nsa(version, url=url, progress=tell)
        note = f"{found.name}: length and headers are right; sha256 in {found.name}.json"
        echo(note, err=True)
        document = {"path": str(found), "bytes": found.stat().st_size}
        if verify:
            document["sha256"] = compare(found)
            echo(f"sha256 {document['sha256']}: as it was downloaded", err=True)
        echo(json.dumps(document, indent=1) if as_json else str(found))
        return
    catalog = load_nsa(path, flux=flux, sdss=sdss, cuts=cuts)
    if weights:
        from sedflow.network.weights import load_posterior

        with bar("galaxy") as tell:
            found = summarise(catalog, load_posterior(weights), tell)
    else:
        found = summarise(catalog)
    echo(json.dumps(found, indent=1) if as_json else _atlas_in_words(found))


def _atlas_in_words(found):
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
