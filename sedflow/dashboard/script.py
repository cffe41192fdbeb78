"""The Python that reproduces the posterior of an answer, whatever steps it took."""

import textwrap

import numpy as np

from sedflow.dashboard.answer import Answer, OwnGalaxy, Request
from sedflow.dashboard.numbers import whole_number
from sedflow.network.weights import packaged_name, packaged_weights
from sedflow.sampling.verdict import kind_of


def code_for(answer: Answer, own: OwnGalaxy | None = None) -> str:
    """Python that reproduces the posterior shown: its prior, its weights and its last step."""
    lines = galaxy_lines(answer.request, own) + fit_lines(answer)
    said = " ".join([f"{answer.verdict}: {kind_of(answer.kind).meaning}", answer.misfit]).strip()
    lines += textwrap.wrap(said, 88, initial_indent="# ", subsequent_indent="# ")
    return "\n".join([*lines, f"print({shown_name(answer)}.summary())"]) + "\n"


def shown_name(answer: Answer) -> str:
    """The variable that has the posterior shown; `fit` is that of the network's own draws."""
    if answer.fit is answer.network:
        return "fit"
    return "exact" if answer.exact else "refined"


def galaxy_lines(request: Request, own: OwnGalaxy | None = None) -> list[str]:
    """Lines that make `posterior`, the network, and `galaxy`, the photometry it was given."""
    lines = ["import sedflow", ""]
    if own is None:
        nsaid = whole_number(request.galaxy)
        lines += [
            _network_line(request.weights),
            f"galaxy = sedflow.load_nsa().photometry({nsaid}, posterior.bands)",
        ]
    else:
        g = own.photometry

        def numbers(values):
            return "[" + ", ".join("nan" if np.isnan(v) else repr(float(v)) for v in values) + "]"

        if np.isnan(g.flux).any():
            lines.insert(0, "from math import nan")
        lines += [
            _network_line(request.weights),
            "galaxy = sedflow.Photometry(",
            f"    flux={numbers(g.flux)},",
            f"    sigma={numbers(g.sigma)},",
            f"    redshift={float(g.redshift)!r},",
            f"    bands={tuple(g.bands)!r},",
            ").in_bands(posterior.bands)",
        ]
    if request.bands:
        bands = tuple(request.bands)
        lines.append(f"galaxy = galaxy.in_bands({bands!r}).in_bands(posterior.bands)")
    return lines


def _network_line(name):
    """The line that loads a network: a packaged one by its name, else its file, wherever it is."""
    if packaged_name(name) in packaged_weights():
        return f"posterior = sedflow.load_posterior({name!r})"
    return f"posterior = sedflow.load_posterior({f'{name}.safetensors'!r})  # its path"


def fit_lines(answer: Answer, network: bool = False) -> list[str]:
    """Lines that make the posterior shown.

    network : whether the network's own draws are needed too, as `fit`
    """
    shown, own = answer.fit, answer.network
    first = (
        f"fit = sedflow.fit(galaxy, posterior, n={own.draws.n}, seed={answer.request.seed}, "
        "trust=None)"
    )
    if not answer.steps:  # the network's draws, weighted or not
        return [first] if shown is own else [first, "exact = sedflow.reweight(fit)"]
    words = [f"n={shown.draws.n}, seed={shown.seed}"]
    if shown.prior.sfh != own.prior.sfh:
        words.append(f"prior={shown.prior.sfh!r}")
    words.append(f"trust={answer.steps!r}")
    lines = [first] if network else []
    if answer.steps == "auto":
        words.append("mcmc=mcmc")
        lines.append(
            f"mcmc = sedflow.MCMCSampler(model=posterior.model, prior={shown.prior.sfh!r})"
        )
    lines.append(f"{shown_name(answer)} = sedflow.fit(galaxy, posterior, {', '.join(words)})")
    return lines
