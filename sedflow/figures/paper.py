"""What figures for paper share: widths, type, labels with units, colours, and how to save them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import IO, TYPE_CHECKING, Any

from sedflow.errors import SedflowError, check_choice
from sedflow.files.paths import as_path, name_in_files
from sedflow.model.derived import missing_quantity
from sedflow.palette import FAINT, GREEN, GREY, INK, INK_BLUE, ORANGE, VERMILION
from sedflow.sampling.misfit import is_misfit, p_values_of
from sedflow.sampling.objection import refused_kind
from sedflow.sampling.verdict import APPROXIMATE, MISFIT, UNCHECKED, kind_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FORMATS", "WIDTHS", "Paper", "figure_name", "save_figure"]

#: Widths of a figure [inch]: a column of a journal (84 mm) and its page (178 mm).
WIDTHS = {"column": 84 / 25.4, "page": 178 / 25.4}
#: Formats of files.
FORMATS = ("pdf", "svg", "png")
FONT_SIZES = (5.0, 10.0)  # points: with larger type, words would lie on each other
_DPI = 300
_LINE = 22  # characters of a legend, where its columns are narrow

#: Colours on white paper, by what is drawn; every set has a line of its own style, too.
COLORS = {
    "posterior": INK_BLUE,
    "rest": GREY,  # of the posterior, beside a selection
    "selection": VERMILION,
    "mcmc": INK,
    "network": GREEN,
    "prior": FAINT,
    "truth": ORANGE,
    "best": GREEN,
    "data": INK,
}
STYLES = {"mcmc": "-", "network": (0, (4, 3)), "prior": (0, (1, 1))}
GRID = {"color": "0.88", "lw": 0.4, "zorder": 0}

_MSUN = r"\mathrm{M}_\odot"
#: Symbols of quantities with their units, for axes.
LABELS = {
    "log_mstar": rf"$\log\,(M_\star/{_MSUN})$",
    "beta1": r"$\beta_1$",
    "beta2": r"$\beta_2$",
    "beta3": r"$\beta_3$",
    "beta4": r"$\beta_4$",
    "f_burst": r"$f_\mathrm{burst}$",
    "t_burst": r"$t_\mathrm{burst}$ [Gyr]",
    "log_gamma1": r"$\log\,\gamma_1$",
    "log_gamma2": r"$\log\,\gamma_2$",
    "tau_bc": r"$\tau_\mathrm{BC}$",
    "tau_ism": r"$\tau_\mathrm{ISM}$",
    "n_dust": r"$n_\mathrm{dust}$",
    "log_mass_formed": rf"$\log\,(M_\mathrm{{formed}}/{_MSUN})$",
    "log_mass_stars": rf"$\log\,(M_\mathrm{{stars}}/{_MSUN})$",
    "log_mass_surviving": rf"$\log\,(M_\mathrm{{surv}}/{_MSUN})$",
    "log_sfr_10myr": rf"$\log\,\mathrm{{SFR}}_\mathrm{{10\,Myr}}$ [${_MSUN}$/yr]",
    "log_sfr_100myr": rf"$\log\,\mathrm{{SFR}}_\mathrm{{100\,Myr}}$ [${_MSUN}$/yr]",
    "log_sfr_1gyr": rf"$\log\,\mathrm{{SFR}}_\mathrm{{1\,Gyr}}$ [${_MSUN}$/yr]",
    "log_ssfr_1gyr": r"$\log\,(\mathrm{SFR}_\mathrm{1\,Gyr}/M_\mathrm{formed})$ [yr$^{-1}$]",
    "age_mw": r"$\langle t\rangle_M$ [Gyr]",
    "log_z_mw": r"$\log\,Z$",
    "log_z_mw_solar": r"$\log\,(Z/Z_\odot)$",
    "a_v": r"$A_V$ [mag]",
    "log_l_halpha": r"$\log\,L_\mathrm{H\alpha}$ [erg/s]",
    "ew_halpha": r"EW$_\mathrm{H\alpha}$ [Å]",
}


@dataclass(frozen=True)
class Paper:
    """How large a figure is and how large its type.

    width : "column" (84 mm) or "page" (178 mm)
    font_size : of axis labels [points], 5 to 10; numbers at ticks are smaller by a fifth
    """

    width: str = "column"
    font_size: float = 8.0

    def __post_init__(self):
        check_choice("width", self.width, WIDTHS)
        low, high = FONT_SIZES
        if not (isinstance(self.font_size, int | float) and low <= self.font_size <= high):
            raise SedflowError(
                f"font_size = {str(self.font_size)[:64]}; give {low:g} to {high:g} points"
            )

    @property
    def inches(self) -> float:
        """Width of the figure."""
        return WIDTHS[self.width]

    @property
    def small(self) -> float:
        """Size of numbers at ticks and of legends [points]."""
        return 0.8 * self.font_size


def checked_quantities(fit: Any, names: Sequence[str], most: int) -> list:
    """Rows of the quantities that a fit has, for their names, each once.

    Raises
    ------
    SedflowError
        An unknown name, one that the SSP grid of the fit lacks, none, or more than `most`.
    """
    known = {q.name: q for q in fit.quantities}
    names = [names] if isinstance(names, str) else list(names)[: len(known) + 1]
    unknown = [str(n)[:64] for n in names if n not in known]
    if unknown and unknown[0] in LABELS:
        raise missing_quantity(unknown[0], fit.model)
    if unknown:
        raise SedflowError(f"quantity {unknown[0]!r} is unknown; choose from {', '.join(known)}")
    rows = [known[name] for name in dict.fromkeys(names)]
    if not rows:
        raise SedflowError("no quantity is chosen; choose at least one")
    if len(rows) > most:
        raise SedflowError(
            f"{len(rows)} quantities leave no room for their numbers at this width; choose at most "
            f'{most}, or width="page"'
        )
    return rows


def posterior_name(fit: Any) -> str:
    """What the draws of a fit of one galaxy are called: with their verdict where it is not exact.

    Examples
    --------
    >>> import sedflow
    >>> posterior_name(sedflow.fit(sedflow.load_nsa()[72], n=500))
    'posterior'
    """
    kind = fit.quality
    if kind == UNCHECKED:  # a network's own draws
        kind = refused_kind(fit) or APPROXIMATE
    if kind_of(kind).exact and is_misfit(*p_values_of(fit, None)):
        kind = MISFIT
    return "posterior" if kind_of(kind).exact else f"posterior, {kind}"


def figure_name(galaxy: object, kind: str, form: str = "pdf") -> str:
    """Name of a figure's file: "NGC3522-corner.pdf", "NSAID72-corner.pdf".

    galaxy : its name, or its NSAID as a number; other characters than letters, digits, "+", "-",
        "_" and "." are left out

    Examples
    --------
    >>> figure_name("NGC 3522", "corner"), figure_name(72, "spectrum", "svg")
    ('NGC3522-corner.pdf', 'NSAID72-spectrum.svg')
    """
    text = str(galaxy)
    if text.isascii() and text.isdigit():
        text = f"NSAID{text}"
    return f"{name_in_files(text) or 'galaxy'}-{kind}.{form}"


def save_figure(figure: "Figure", path: str | Path | IO[bytes], form: str | None = None) -> None:
    """Write a figure for paper: PDF and SVG with embedded fonts, PNG at 300 dpi.

    path : file, or an open binary one; form : "pdf", "svg" or "png", by default as the path ends

    Raises
    ------
    SedflowError
        Another format, or a folder that does not exist.
    """
    import matplotlib

    path = path if hasattr(path, "write") else as_path(path)
    if form is None:
        form = Path(str(getattr(path, "name", path))).suffix[1:].lower()
    check_choice("format", form, FORMATS)
    # Type 42: the outlines of the letters themselves, which journals ask for. In SVG, paths.
    # Without a date, the same figure is the same file.
    dated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}[form]
    with matplotlib.rc_context({"pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "s"}):
        try:
            figure.savefig(path, format=form, dpi=_DPI, metadata=dated)
        except OSError as error:
            raise SedflowError(
                f"the figure cannot be written to {path}: {error}; give a folder that exists"
            ) from None


def light(axes, paper: Paper) -> None:
    """Thin frames, ticks inside, small numbers, a light grid."""
    sides = {"top": True, "right": True}
    axes.tick_params("both", which="both", direction="in", width=0.5, length=2, **sides)
    axes.tick_params(labelsize=paper.small)
    for spine in axes.spines.values():
        spine.set_linewidth(0.5)
    axes.set_axisbelow(True)
    axes.grid(True, **GRID)


def legend(figure, axes, name: str, paper: Paper) -> None:
    """The galaxy, and what is drawn on some axes, above all of them.

    In as many columns as fit the width: a legend is cut at the edge of the page.
    """
    handles, labels = axes.get_legend_handles_labels()
    short = [fill(label, _LINE) for label in labels]
    most = 2 if paper.width == "column" else 6
    for columns, words in ((n, words) for n in range(most, 0, -1) for words in (labels, short)):
        one = figure.legend(
            handles,
            words,
            title=name,
            title_fontsize=paper.small,
            fontsize=paper.small,
            frameon=False,
            loc="outside upper left",
            ncols=columns,
            columnspacing=1.2,
            handlelength=1.8,
            borderaxespad=0.2,
            alignment="left",
        )
        if one.get_window_extent().width < figure.bbox.width:
            return
        one.remove()
