"""The figure for paper of what is on screen: a visitor's choices, its file, and its code."""

import io
from dataclasses import dataclass

import numpy as np

from sedflow.dashboard.answer import Answer, OwnGalaxy, job_draws
from sedflow.dashboard.kept import kept_fit
from sedflow.dashboard.script import fit_lines, galaxy_lines, shown_name
from sedflow.errors import SedflowError
from sedflow.figures.given_text import as_given
from sedflow.figures.paper import FORMATS, Paper, figure_name, save_figure
from sedflow.figures.paper_corner import MAIN, MOST_QUANTITIES, corner_figure
from sedflow.figures.paper_galaxy import HISTORIES, paper_history, paper_spectrum
from sedflow.fits.fit import Fit
from sedflow.model.derived import PLOTTED

#: What can be drawn, and what each can have over it.
KINDS = ("corner", "spectrum", "history")
OVERLAYS = {
    "corner": ("prior", "network", "mcmc", "truth", "selection"),
    "spectrum": ("mcmc", "truth", "selection"),
    "history": ("prior", "mcmc", "truth", "selection"),
}
_MOST_RANGES = 4  # of a selection


@dataclass(frozen=True)
class FigureChoice:
    """What a visitor chose; checked, whatever a browser sent.

    kind : "corner", "spectrum" or "history"
    shown : quantities of the corner, or histories; () for the usual ones
    overlays : some of `OVERLAYS` of the kind
    selection : ranges of what is brushed, (name, low, high)
    width, font_size : as for `corner_figure`
    log : logarithmic fluxes of the spectrum
    form : "pdf", "svg" or "png"
    """

    kind: str = "corner"
    shown: tuple[str, ...] = ()
    overlays: tuple[str, ...] = ()
    selection: tuple[tuple[str, float, float], ...] = ()
    width: str = "column"
    font_size: float = 8.0
    log: bool = False
    form: str = "pdf"

    def __post_init__(self):
        _one_of("figure", self.kind, KINDS)
        _one_of("format", self.form, FORMATS)
        Paper(self.width, self.font_size)
        for overlay in self.overlays[:9]:
            _one_of(f"what lies over the {self.kind}", overlay, OVERLAYS[self.kind])
        known = {"corner": [q.name for q in PLOTTED], "history": list(HISTORIES)}
        for name in self.shown[:99]:
            _one_of("quantity", name, known.get(self.kind, []))
        if self.kind == "corner" and len(set(self.shown)) > MOST_QUANTITIES[self.width]:
            raise SedflowError(
                f"{len(set(self.shown))} quantities do not fit a {self.width}; choose at most "
                f"{MOST_QUANTITIES[self.width]}"
            )
        if len(self.selection) > _MOST_RANGES:
            raise SedflowError(
                f"a selection has {len(self.selection)} ranges, and the limit is {_MOST_RANGES}"
            )

    @property
    def options(self) -> dict:
        """Arguments of the figure's function, in the order in which code has them."""
        out: dict = {"width": self.width, "font_size": float(self.font_size)}
        if "prior" in self.overlays:
            out["prior"] = True
        if "selection" in self.overlays and self.selection:
            ranges = {str(n): (float(low), float(high)) for n, low, high in self.selection}
            out["selection"] = ranges
        if self.kind == "spectrum" and self.log:
            out["log"] = True
        return out


def figure_file(
    choice: FigureChoice, answer: Answer, name: str = "", mcmc: Fit | None = None
) -> tuple[str, bytes]:
    """Name and content of the figure's file.

    name : of the galaxy, "NGC 3522"; empty for its NSAID or its own name
    mcmc : draws of MCMC of the same galaxy, if there are any

    Raises
    ------
    SedflowError
        What should lie over the figure is not there, or the selection holds too few draws.
    """
    options = choice.options | {"name": _title(answer, name)}
    fit = kept_fit(answer)  # whose verdict the legend names
    if "mcmc" in choice.overlays:
        options["mcmc"] = _there(mcmc, "draws of MCMC; run it first")
    if "truth" in choice.overlays:
        options["truth"] = _there(answer.truth, "truth of this galaxy; it is not a simulated one")
    if "network" in choice.overlays:
        options["network"] = answer.network
    if choice.kind == "corner":
        figure = corner_figure(fit, choice.shown or MAIN, **options)
    elif choice.kind == "spectrum":
        figure = paper_spectrum(fit, **options)
    else:
        figure = paper_history(fit, choice.shown or tuple(HISTORIES), **options)
    out = io.BytesIO()
    save_figure(figure, out, choice.form)
    return figure_name(name or answer.request.galaxy, choice.kind, choice.form), out.getvalue()


def figure_code(
    choice: FigureChoice,
    answer: Answer,
    own: OwnGalaxy | None = None,
    name: str = "",
    method: str = "smc",
) -> str:
    """Python that draws the same figure with public names; method : of the MCMC on screen."""
    request, fit = answer.request, shown_name(answer)
    lines = galaxy_lines(request, own) + fit_lines(answer, network="network" in choice.overlays)
    options = choice.options | {"name": _title(answer, name)}
    words = [f"{key}={value!r}" for key, value in options.items()]
    if "mcmc" in choice.overlays:
        lines += [
            f"sampler = sedflow.MCMCSampler({method!r}, model={fit}.model, prior={fit}.prior)",
            f"chains = sedflow.fit(galaxy, sampler, n={job_draws(request)}, seed={request.seed}, "
            "trust=None)",
        ]
        words.append("mcmc=chains")
    if "network" in choice.overlays:
        words.append("network=fit")
    if "truth" in choice.overlays:
        truth = _there(answer.truth, "truth of this galaxy; it is not a simulated one")
        words.append(f"truth={[float(v) for v in truth]!r}")
    shown = choice.shown or {"corner": MAIN, "history": tuple(HISTORIES)}.get(choice.kind, ())
    function = {
        "corner": "corner_figure",
        "spectrum": "paper_spectrum",
        "history": "paper_history",
    }[choice.kind]
    arguments = [fit, *([repr(tuple(shown))] if shown else []), *words]
    lines.append(f"figure = sedflow.figures.{function}(")
    lines += [f"    {argument}," for argument in arguments]
    file = figure_name(name or request.galaxy, choice.kind, choice.form)
    lines += [")", f"sedflow.figures.save_figure(figure, {file!r})"]
    return "\n".join(lines) + "\n"


def _title(answer, name):
    z = float(answer.fit.photometry.redshift)
    return f"{name[:64]}, z = {z:.4f}" if name else as_given(answer.fit.title[:96])


def _one_of(what, value, known):
    if not (isinstance(value, str) and value in known):
        choices = f"choose {', '.join(known)}" if known else "leave it out"
        raise SedflowError(f"{what} {str(value)[:64]!r} is unknown; {choices}")


def _there(value, missing):
    if value is None or (isinstance(value, np.ndarray) and not value.size):
        raise SedflowError(f"there is no {missing}")
    return value
