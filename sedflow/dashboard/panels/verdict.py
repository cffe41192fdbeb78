"""The verdict: which galaxy it is, whether its posterior can be trusted, and what may help."""

import html
import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import panel as pn

from sedflow.atlas.shelf import shelf
from sedflow.atlas.sky import LINK_ATTRIBUTES, VIEWERS
from sedflow.dashboard.answer import Answer, band_to_blame
from sedflow.dashboard.brush import Brushed
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.hints import HintButton
from sedflow.dashboard.numbers import whole_number
from sedflow.dashboard.panels.panel import AnswerPanel
from sedflow.dashboard.printed import printed
from sedflow.dashboard.quantities import in_labels
from sedflow.dashboard.state import MOST_DRAWS, ExplorerState
from sedflow.dashboard.widgets import PRESSED, begun, note, plain, prose, typeset
from sedflow.files.packaged import DEFAULT_WEIGHTS
from sedflow.network.weights import packaged_weights
from sedflow.palette import GREEN, GREY, INK_BLUE, VERMILION
from sedflow.sampling.verdict import MISFIT, kind_of

__all__ = ["VerdictPanel"]

_NOTE = "Note that "
# Semicolons outside of brackets, but not before what to do about the note.
_BETWEEN = re.compile(r"; (?!(?:check|inflate|leave out|take|use|give)\b)(?![^(]*\))")
_CLAUSE = re.compile(r".+?(?=[:,;] | \()")  # the first of a sentence
# The figures keep their room: a few whole lines, and a shadow where more are below, which a
# ground that scrolls with the text covers at its end.
_NOTES = {
    "max-height": "calc(var(--sf-notes, 5) * 1.4 * var(--sf-size, 13px) + 10px)",
    "padding": "4px 10px",
    "overflow": "auto",
    "scrollbar-width": "thin",
    "background": "linear-gradient(var(--sf-surface), var(--sf-surface)) bottom / 100% 10px "
    "no-repeat local, linear-gradient(to top, rgb(0 0 0 / 25%), transparent) bottom / 100% 10px "
    "no-repeat scroll, var(--sf-surface)",
}
#: A phone shows the first of several notes; the others, when its button is pressed.
#: So does a presentation, which has no such button on other screens.
_FIRST = """
@media (max-width: 600px) { li:nth-child(n+2) { display: var(--sf-notes-rest, none); } }
@media (min-width: 601px) { li:nth-child(n+2) { display: var(--sf-notes-others, list-item); } }
"""
#: One text; behind a misfit, a presentation has room for that alone.
_RUN_ON = """
p { display: inline; }
p:nth-of-type(2) { display: var(--sf-said, inline); }
"""
_ON_PHONES = "@media (min-width: 601px) { :host { display: none !important; } }"
_MORE = 4  # times the draws, where more are asked for
_NEAR_LIMIT = 0.6  # k-hat from which a second opinion is offered


class VerdictPanel(AnswerPanel):
    """Heading, verdict, remedies and messages; of a galaxy of the shelf, what to look at.

    Parameters
    ----------
    state : ExplorerState
        Which the remedies change.
    start : callable(method)
        Starts MCMC or the ladder for the galaxy that is shown.
    engine : Engine
        Knows names and positions of galaxies.
    actions : sequence of viewables
        Buttons at the right end of the line.
    """

    def __init__(
        self,
        state: ExplorerState,
        start: Callable[[str], None],
        engine: Engine,
        actions=(),
        **params,
    ):
        super().__init__(**params)
        self._state, self._start, self._engine, self._actions = state, start, engine, actions
        self.heading = prose("## …", margin=(0, 8), sizing_mode=None)
        self.badge = pn.pane.HTML("", margin=(3, 4), sizing_mode=None)
        self.remedies = pn.Row(margin=0, sizing_mode=None)
        self._offered: tuple[_Remedy, ...] = ()
        self._buttons: dict[str, pn.widgets.Button] = {}  # of each remedy offered here, by label
        self._waits = False
        self._cured: dict[str, tuple[list, list]] = {}  # galaxy -> its bands, those of before
        self.going_back = False  # while the state follows the browser's Back or Forward
        state.param.watch(self._other_galaxy, ["galaxy", "bands"])
        self.sky = pn.pane.HTML("", visible=False, margin=(3, 4), sizing_mode=None)
        self.line = prose("", visible=False, margin=(0, 8))
        # Bands that an exact fit misses, and what its model lacks.
        self.lacks = prose("", visible=False, margin=(0, 8))
        self.lacks.stylesheets = [*self.lacks.stylesheets, _RUN_ON]
        self._lines = {str(one.nsaid): one.line for one in shelf()}
        self._status = note(
            "warning",
            margin=(2, 8),
            sizing_mode="stretch_width",
            styles=_NOTES,
        )
        self._status.stylesheets = [*self._status.stylesheets, _FIRST]
        self._rest = pn.widgets.Toggle(
            label="", visible=False, margin=(0, 8), stylesheets=[_ON_PHONES, PRESSED]
        )
        self._rest.param.watch(self._unfold, "value")

    def say(self, message: str) -> None:
        """Show a message, or none."""
        more = len(_notes(message)) - 1
        self._status.object = _listed(message)
        self._status.visible = bool(message)
        self._more = f"and {more} more"
        self._rest.param.update(label=self._more, value=False, visible=more > 0)

    def _unfold(self, event):
        """Show all notes on a phone, or the first."""
        self._rest.label = "the first alone" if event.new else self._more
        self._status.styles = _NOTES | ({"--sf-notes-rest": "list-item"} if event.new else {})

    def clear(self) -> None:
        """Say that there is no posterior."""
        self.answer, self._waits = None, False
        self._veil(False)
        self.heading.object = f"## No posterior of {plain(self._state.galaxy)}"
        self.badge.object = ""
        self.sky.visible = self.line.visible = self.lacks.visible = False
        self._offer(())

    def wait(self, waits: bool) -> None:
        """Name the galaxy that is computed in place of the verdict on another; or end that."""
        answer, galaxy = self.answer, self._state.galaxy
        if waits and answer is not None and galaxy == answer.request.galaxy:
            return
        if not waits:
            if self._waits and answer is not None:  # what was shown is asked for again
                self.draw(answer, self.brushed)
            return
        self._waits = True
        number = whole_number(galaxy) is not None
        self.heading.object = f"## NSAID {galaxy}" if number else f"## {plain(galaxy)}"
        self.badge.object = '<span role="status">computing the posterior …</span>'
        self._veil(True)

    def _veil(self, hidden):
        """Hide what the page says about the galaxy shown, and keep its place: nothing moves."""
        for one in (self.line, self.lacks, self.sky, self.remedies):
            one.styles = {"visibility": "hidden" if hidden else "visible"}

    def _line_of(self, request):
        """The shelf's line about a galaxy, which was written of the default network."""
        default = request.weights == DEFAULT_WEIGHTS
        return self._lines.get(request.galaxy, "") if default else ""

    def draw(self, answer: Answer, brushed: Brushed | None) -> None:
        """Show heading, verdict and remedies."""
        if self._waits:
            self._waits = False
            self._veil(False)
        self.heading.object = f"## {self._title(answer)}"
        self.badge.object = _badge(answer)
        line = self._line_of(answer.request)
        self.line.param.update(object=plain(line), visible=bool(line))
        # What an exact posterior does not say by itself: where it misses the data, and why.
        fit = answer.fit
        told = [str(fit.far[()]), answer.lacks, in_labels(answer.leans)]
        rest = " ".join(f"{typeset(begun(text)).rstrip('.')}." for text in told if text)
        lacks = "\n\n".join(plain(text) for text in (typeset(begun(answer.misfit)), rest) if text)
        self.lacks.param.update(object=lacks, visible=bool(lacks))
        link = self._engine.sky_link(answer.request.galaxy)
        self.sky.param.update(object=_link(link), visible=bool(link))
        self._offer(_remedies(answer))

    def _offer(self, remedies):
        """Show buttons; those of before are kept, because new ones lay the page out again."""
        if remedies == self._offered:
            return
        self._offered, known = remedies, len(self._buttons)
        for one in remedies:
            if one.label not in self._buttons:
                button = HintButton(one.about, label=one.label)
                button.on_click(partial(self._do, one.label))
                self._buttons[one.label] = button
        offered = {one.label for one in remedies}
        for label, button in self._buttons.items():
            button.visible = label in offered
        if len(self._buttons) > known:
            self.remedies[:] = [*self._buttons.values()]

    def _do(self, label, event):
        for remedy in self._offered:
            if remedy.label == label:
                self._apply(remedy)

    def _apply(self, remedy):
        if not remedy.name:
            self._start(remedy.value)
            return
        if remedy.name == "network":
            self._take_more(remedy.value["bands"])
            self._state.param.update(**remedy.value)
            return
        if remedy.name == "bands":
            # Bands of before the first of several remedies.
            before = self._before()
            before = self._state.bands if before is None else before
            self._cured[self._state.galaxy] = remedy.value, before
        setattr(self._state, remedy.name, remedy.value)

    def _before(self):
        """The bands before one was left out of the galaxy shown; None where none was."""
        bands, before = self._cured.get(self._state.galaxy, (None, None))
        return before if bands == self._state.bands else None

    def _take_more(self, bands):
        """Bands of another network join those of the galaxy, and those that come back after it."""
        before = self._before()
        if before is not None:
            more = [band for band in bands if band not in self._state.bands]
            self._cured[self._state.galaxy] = bands, [*more, *before] if before else []

    def _other_galaxy(self, *events):
        """A band was left out of the galaxy whose band is bad: the next one has its bands again."""
        changed = {event.name: event for event in events}
        bands, _ = self._cured.get(self._state.galaxy, (None, []))
        other = "bands" in changed and changed["bands"].new != bands  # chosen, or of an address
        if other and not self.going_back:  # from where Forward leads to the cure again
            self._cured.pop(self._state.galaxy, None)
        if "bands" in changed or "galaxy" not in changed:
            return
        bands, before = self._cured.get(changed["galaxy"].old, (None, []))
        if bands is not None and self._state.bands == bands:
            self._state.bands = before

    def _title(self, answer):
        galaxy, z = answer.request.galaxy, f"z = {answer.fit.photometry.redshift:.4f}"
        if whole_number(galaxy) is None:
            return f"{plain(galaxy)} · {z}"
        name = self._engine.name(galaxy)
        return f"{plain(name)} · NSAID {galaxy} · {z}" if name else f"NSAID {galaxy} · {z}"

    def __panel__(self):
        # Together: where the line is full, none of them stands alone on the next.
        right = pn.FlexBox(
            self.sky,
            *self._actions,
            align_items="center",
            flex_wrap="nowrap",
            margin=0,
            sizing_mode=None,
            styles={"margin-left": "auto"},
        )
        line = pn.FlexBox(
            self.heading,
            self.badge,
            self.remedies,
            right,
            align_items="center",
            margin=0,
            sizing_mode="stretch_width",
        )
        below = (self.line, self.lacks, self._status, self._rest)
        return pn.Column(line, *below, margin=(2, 0), sizing_mode="stretch_width")


class _Remedy(NamedTuple):
    """What may help: a parameter of the state and its new value, or the method of a job.

    Of "network", the values of several parameters by name.
    """

    label: str
    about: str
    name: str
    value: Any


def _remedies(answer):
    """What may help this posterior."""
    found = []
    importance, n = answer.fit.draws.importance, answer.request.n
    if not kind_of(answer.kind).exact:
        more = min(_MORE * n, MOST_DRAWS)
        if n < MOST_DRAWS:
            about = "More draws, where the first were too few"
            found.append(_Remedy(f"Take {more:,} draws", about, "n", more))
    elif importance is not None and importance.k_hat > _NEAR_LIMIT:
        about = "A second opinion that does not use the network"
        found.append(_Remedy("Check by MCMC", about, "", "smc"))
    gas = f"{answer.request.weights}-gas"
    if answer.lacks and gas in packaged_weights():
        about = "The same network, trained on the grid that has emission lines"
        found.append(_Remedy("Fit with gas", about, "weights", gas))
    if answer.whole:
        about = f"The network {answer.whole} takes all bands that were measured"
        chosen = answer.request.bands
        bands = [*answer.unused, *chosen] if chosen else []
        both = {"weights": answer.whole, "bands": bands}
        found.append(_Remedy(f"Fit with {', '.join(answer.unused)}", about, "network", both))
    band = band_to_blame(answer)
    used = answer.fit.photometry.observed.bands
    if band and len(used) > 2:
        rest = [b for b in used if b != band]
        about = f"No model reaches the data because of {band}"
        found.append(_Remedy(f"Leave out {band}", about, "bands", rest))
    return tuple(found)


def _notes(message):
    """What a message has to say; notes that it joins by semicolons, one by one."""
    told = typeset(in_labels(message))
    notes = _BETWEEN.split(told.removeprefix(_NOTE).rstrip("."))
    return notes if message.startswith(_NOTE) and len(notes) > 1 else [told]


def _listed(message):
    """A message as Markdown; several notes are a list."""
    notes = _notes(message)
    if len(notes) == 1:
        return plain(begun(notes[0]))
    return "\n".join(f"- {_led(begun(note))}" for note in notes)


def _led(note):
    """A note as Markdown, its first clause bold: a list of long sentences is read by these."""
    clause = _CLAUSE.match(note)
    end = clause.end() if clause else len(note)
    return f"**{plain(note[:end])}**{plain(note[end:])}"


_COLOR = {GREEN: "good", INK_BLUE: "accent", VERMILION: "bad", GREY: "quiet"}


def _link(address):
    """A link to a sky viewer, as HTML; nothing is loaded from there before it is pressed."""
    if not address:
        return ""
    words = " ".join(f'{key}="{value}"' for key, value in LINK_ATTRIBUTES.items())
    about = f"Look at this galaxy in a new tab: {VIEWERS['legacy'].label}"
    return (
        f'<a href="{html.escape(address)}" {words} title="{about}" '
        'style="color:var(--sf-accent);white-space:nowrap">Sky ↗</a>'
    )


def _badge(answer):
    """The verdict as HTML: a coloured word, and the line behind it."""
    kind = kind_of(answer.kind)
    look = kind_of(MISFIT) if answer.misfit else kind
    importance = answer.fit.draws.importance
    p = answer.p_value if np.isnan(answer.p_calibrated) else answer.p_calibrated
    p = printed(float(p), ".2g")
    figures = (
        ""
        if importance is None
        else f" The network's draws are {float(importance.gap):.2f} nats from it; data: p = {p}."
    )
    shade = f"var(--sf-{_COLOR[look.color]}, {look.color})"
    about = html.escape(f"{kind.meaning} {answer.trust.rstrip('.')}.{figures}")
    return (
        f'<div role="status"><span title="{about}" style="color:{shade};border:1px solid {shade};'
        'border-radius:9px;padding:1px 9px;font-weight:600;white-space:nowrap">'
        f"{look.sign} {html.escape(answer.verdict)}</span></div>"
    )
