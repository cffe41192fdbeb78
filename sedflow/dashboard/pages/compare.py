"""Compare: any posteriors that were pinned, on the same axes, and a table of their differences."""

from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import panel as pn
import param
from bokeh.models import BasicTickFormatter, CustomJS

from sedflow.dashboard.answer import MOST_PINNED_DRAWS, Answer, Request
from sedflow.dashboard.brush import compared
from sedflow.dashboard.engine import Engine, is_of_atlas
from sedflow.dashboard.figure_pane import FigurePane
from sedflow.dashboard.hints import HintButton
from sedflow.dashboard.numbers import whole_number
from sedflow.dashboard.pages.view import PageView, start
from sedflow.dashboard.panels.corner_controls import quantity_chooser
from sedflow.dashboard.panels.corner_sets import corner_sets, corner_sets_in_turn
from sedflow.dashboard.panels.deck import Deck
from sedflow.dashboard.panels.derived import interval, number
from sedflow.dashboard.panels.histories import LATELY, formed_lately
from sedflow.dashboard.quantities import QUANTITIES, chosen_quantities
from sedflow.dashboard.server.turns import Superseded
from sedflow.dashboard.server.visitors import whose
from sedflow.dashboard.server.work import on_worker
from sedflow.dashboard.widgets import begun, is_served, patch, plain, prose, text_table
from sedflow.errors import SedflowError
from sedflow.figures.app_corner import CornerFigure
from sedflow.figures.base import Layers, LiveFigure
from sedflow.figures.flux_axis import UNITS
from sedflow.figures.histories import history_layers
from sedflow.figures.spectrum import sed_layers
from sedflow.palette import SERIES
from sedflow.parameters import PARAMETERS
from sedflow.sampling.verdict import kind_of
from sedflow.validation.distances import distance

__all__ = ["MOST_PINS", "CompareView", "differing", "galaxy_names"]

MOST_PINS = 6
_SLOTS = tuple(f"pin{k}" for k in range(MOST_PINS))
_COLORS = dict(zip(_SLOTS, SERIES, strict=True))
_DASHES = dict(zip(_SLOTS, ("solid", "dashed", "dotdash", "dotted", "dashdot", "4 1"), strict=True))
_SCREEN = """
:host { display: grid !important; gap: 4px 10px; padding: 6px; min-height: 0;
  grid-template-columns: minmax(0, 1fr) minmax(380px, 42%);
  grid-template-rows: auto minmax(140px, 1fr) minmax(140px, 0.8fr) 190px;
  grid-template-areas: "pins pins" "light corner" "histories corner" "more more"; }
.pins { grid-area: pins; min-height: 38px !important; max-height: none !important;
  height: max-content !important; }
.light { grid-area: light; } .corner { grid-area: corner; }
.histories { grid-area: histories; } .more { grid-area: more; }
:host > * { min-width: 0; min-height: 0; }
.wait { display: none !important; }
:host(.no-light) .wait.light, :host(.no-histories) .wait.histories, :host(.no-corner) .wait.corner {
  display: block !important; border: 1px dashed var(--sf-line); border-radius: 6px;
  padding: 8px 12px; }
@media (max-width: 1100px) {
  :host { height: auto !important; grid-template-columns: minmax(0, 1fr);
    grid-template-rows: auto 300px minmax(260px, auto) 440px 320px;
    grid-template-areas: "pins" "light" "histories" "corner" "more"; }
}
@media print { .more { break-inside: avoid; } }
"""
#: What is told below the histories leaves them their room.
_BELOW = """
:host { max-height: 60px; overflow: auto !important; scrollbar-width: thin; }
@media (max-width: 1100px) { :host { max-height: none; } }
p { display: var(--sf-said, block); }
"""
#: A name that is longer than the line breaks: a legend is read whole, and its × is at its end.
_CHIP = """
:host { max-width: calc(100% - 12px); }
.bk-btn { white-space: normal !important; overflow-wrap: anywhere; text-align: left !important; }
/* With high contrast it keeps its colour, which says whose curve is whose. */
@media (forced-colors: active) { .bk-btn { forced-color-adjust: none; } }
/* A button that names a colour is printed. */
@media print { :host(.bk-panel-models-widgets-Button.gives-focus) { display: flex !important; } }
"""
_IN_LINES = ":host { flex-wrap: wrap; align-items: flex-start; }"
_WAITING = {"light": "spectra", "histories": "histories", "corner": "corner plot"}
_ARRIVED = """
for (const one of cb_obj.document._all_models.values())
  if (one.css_classes?.includes?.(gone))
    one.setv({css_classes: one.css_classes.filter(name => name !== gone)}, {sync: false})
"""
_ALONE = "Pin another posterior to see how far it is from this one."
_EMPTY = (
    "## Nothing is pinned yet\n\nOn **Explore**, press *Pin* or the key `p`: pin several galaxies, "
    "or one galaxy with other bands, another network or stellar library, another prior, another "
    "noise. The address holds what is pinned, and so does a link.\n\nOr begin with an example:"
)
#: What a page without pins offers.
_EXAMPLES = {
    "Siamese Twins: dust in one of two": [Request("66785"), Request("162105")],
    "M 87 without u and z": [Request("141541"), Request("141541", bands=("g", "r", "i"))],
    "FSPS and BC03": [Request("2490"), Request("2490", weights="nsa-ugriz-bc03")],
}

_TITLES = ("quantity", "difference", "÷ joint σ", "width, second ÷ first")
_MOST_APART = 20.0  # how many times as bright as another spectrum one may be on a linear axis


class CompareView(PageView):
    """Posteriors that were pinned; `pin(answer)` adds one.

    Parameters
    ----------
    engine : Engine, optional
        Computes what an address has pinned.
    """

    changed = param.Event(doc="What is pinned has changed")

    def __init__(self, engine: Engine | None = None, **params):
        super().__init__(**params)
        self.engine = engine
        self.pins: list[Answer] = []
        self._taken: list[str] = []  # slots of the pins: whose color and dash each has
        self._waiting: dict[str, Request] = {}  # slot -> what is computed for it
        self._buttons: dict[str, pn.widgets.Button] = {}  # slot -> what takes its pin off
        self._problems: list[str] = []  # why pins of the address are not there
        self._seen = False
        self._alone: int | None = None  # the pin that is shown without the others
        self._quantities = quantity_chooser("quantities")
        self._quantities.param.watch(lambda event: self._show(), "value")
        # A row: Panel gives parts that come later to a FlexBox no style sheet of the page.
        self._chips = pn.Row(
            margin=0, sizing_mode="stretch_width", css_classes=["pins"], stylesheets=[_IN_LINES]
        )
        self._hint = prose(_EMPTY, margin=(20, 20, 6, 20), styles={"max-width": "720px"})
        self._examples = pn.FlexBox(margin=(0, 16), sizing_mode="stretch_width")
        self._figures: dict[str, _ManyFigure] = {}
        self._corner: CornerFigure | None = None
        self._corner_asked = object()  # of what is computed for it, the latest counts
        self._drawn: list[str] = []  # slots that are drawn, or will be
        self._panes = {
            name: FigurePane(None, sizing_mode="stretch_both", margin=0)
            for name in ("light", "sfr", "zh", "corner")
        }
        self._distance = prose("")
        self._table = text_table(
            configuration={"renderVertical": "basic"},  # all rows, wherever it is shown
            frozen_columns=["quantity"],
            sortable=False,
            margin=0,
        )
        panes = self._panes
        panes["light"].css_classes, panes["corner"].css_classes = ["light"], ["corner"]
        curves = pn.Row(panes["sfr"], panes["zh"], sizing_mode="stretch_both", margin=0)
        self._of_late = prose("", margin=(2, 8), visible=False)
        self._of_late.stylesheets = [*self._of_late.stylesheets, _BELOW]
        histories = pn.Column(curves, self._of_late, sizing_mode="stretch_both", margin=0)
        histories.css_classes = ["histories"]
        deck = Deck(
            "what is compared",
            {
                "Numbers": self._table,
                "Distances": self._distance,
                "Quantities": self._quantities,
            },
        )
        more = pn.Column(deck, sizing_mode="stretch_both", margin=0, css_classes=["more"])
        self._screen = grid = pn.Column(
            self._chips,
            *(
                prose(
                    f"Computing the {what} …",
                    sizing_mode="stretch_both",
                    margin=0,
                    css_classes=["wait", place],
                )
                for place, what in _WAITING.items()
            ),
            panes["light"],
            histories,
            panes["corner"],
            more,
            sizing_mode="stretch_both",
            margin=0,
            stylesheets=[_SCREEN],
            css_classes=[f"no-{place}" for place in _WAITING],  # until a browser has drawn them
        )
        # In a box of its own, which can be hidden: a grid cannot.
        self._grid = pn.Column(grid, sizing_mode="stretch_both", margin=0, visible=False)
        self._offer()
        self.controls = pn.Column()
        self.screen = self.views = pn.Column(
            self._hint, self._examples, self._grid, sizing_mode="stretch_both", margin=0
        )

    def _offer(self):
        """Buttons that pin an example, for a page on which nothing is pinned."""
        for title, requests in _EXAMPLES.items():
            if self.engine is None or any(int(r.galaxy) not in self.engine.nsa for r in requests):
                continue  # a page in a notebook, or of another catalogue
            button = pn.widgets.Button(label=title, margin=4)
            button.on_click(lambda event, requests=requests: self.restore(requests))
            self._examples.append(button)

    def pin(self, answer: Answer, slot: str = "") -> str:
        """Add a posterior, by default with the first color that is free; returns what to tell."""
        title, n = _named(answer, self.engine), answer.request.n
        if n > MOST_PINNED_DRAWS:
            return (
                f"{title} has {n:,} draws, and Compare keeps up to {MOST_PINNED_DRAWS:,}: take "
                "fewer, then pin."
            )
        if any(one.request == answer.request for one in self.pins):
            return f"{title} is pinned already, with the same settings."
        if len(self.pins) == MOST_PINS:
            return f"{MOST_PINS} posteriors are pinned, which is the limit: unpin one on Compare."
        slot = slot or _first_free(self._taken, self._waiting)
        k = bisect(self._taken, slot)
        self.pins.insert(k, answer)
        self._taken.insert(k, slot)
        self._waiting.pop(slot, None)
        self._changed()
        said = f"Pinned {title} ({len(self.pins)}). Compare shows it."
        if not is_of_atlas(answer.request):
            said += " Links leave it out: only you have its data."
        return said

    def unpin(self, k: int) -> None:
        """Take a posterior off."""
        del self.pins[k], self._taken[k]
        self._problems = []
        self._changed()

    def step_by(self, by: int) -> None:
        """Show the next pin alone, or the one before; all after the last."""
        n = len(self.pins) + 1
        at = 0 if self._alone is None else self._alone + 1
        k = (at + by) % n
        self._alone = k - 1 if k else None
        self._show()

    def show_all(self) -> None:
        """Show all pins again, where one was alone."""
        if self._alone is not None:
            self._alone = None
            self._show()

    @property
    def requests(self) -> list[Request | None]:
        """What is pinned, and what is being computed to be; None for a color that is free."""
        pinned = {slot: pin.request for slot, pin in zip(self._taken, self.pins, strict=True)}
        return [(self._waiting | pinned).get(slot) for slot in _SLOTS]

    def restore(self, requests: Sequence[Request | None]) -> None:
        """Pin what an address asks for, as soon as it is computed; None leaves a color free."""
        self._waiting, self._problems = {}, []
        for slot, request in zip(_SLOTS, requests, strict=False):
            if request and request not in self._waiting.values():
                self._waiting[slot] = request
        self._hint.object = "Computing what is compared …"
        self._examples.visible = False
        start(self._restore)

    async def _restore(self):
        assert self.engine is not None
        waiting = self._waiting
        while waiting:
            slot, request = next(iter(waiting.items()))
            answer, problem = None, ""
            try:
                answer = await self.engine.ask(request, only=False)
            except SedflowError as error:
                problem = plain(begun(error))
            if waiting is not self._waiting:
                return
            if waiting.get(slot) is not request:
                continue  # a second click asked for it, too, or its place is taken
            del waiting[slot]
            if answer is not None:
                said = self.pin(answer, slot)
                if slot in self._taken:
                    continue
                problem = said.rstrip(".")
            name = galaxy if whole_number(galaxy := request.galaxy) is None else f"NSAID {galaxy}"
            self._problems.append(f"Not pinned: {plain(name)}. {problem}.")
            self._hint.object = " ".join(self._problems)
            self._examples.visible = not self.pins
            self._show()

    def _changed(self):
        self._alone = None
        self._hint.visible, self._grid.visible = not self.pins, bool(self.pins)
        self._examples.visible = not self.pins
        self._hint.object = _EMPTY
        self._show()
        self.changed = True

    def look(self) -> None:
        """The page is looked at: draw what is pinned, now and from now on."""
        if not self._seen:
            self._seen = True
            self._show()

    def _show(self):
        if not self.pins or not self._seen:
            return
        there = dict(zip(self._taken, self.pins, strict=True))
        names = galaxy_names(self.pins, self.engine)
        labels = dict(zip(self._taken, differing(self.pins, names), strict=True))
        self._chips[:] = [
            *self._same(names),
            *(self._chip(k, slot, labels[slot]) for k, slot in enumerate(there)),
            *self._awaited(),
        ]
        self._table.param.update(value=_table(there, labels), visible=bool(there))
        self._draw_in_turn(there, labels)
        self._distance.object = "Computing …" if len(self.pins) > 1 else _ALONE
        if len(self.pins) > 1:
            pins = list(self.pins)

            async def measure():  # a classifier takes a second: others have turns between
                first, *rest = there
                lines = [f"Distance from **{plain(labels[first])}**:", ""]
                for slot in rest:
                    try:
                        call = on_worker(_distance, latest=self)
                        line = await call(there[slot], there[first], labels[slot])
                    except Superseded:
                        return
                    lines.append(line)
                    if list(map(id, pins)) != list(map(id, self.pins)):
                        return
                self._distance.object = "\n".join(lines)

            pn.state.execute(measure)

    def _draw_in_turn(self, there, labels):
        """Draw the pins, or one alone on the axes of all, the corner plot once it is computed."""
        shown = [slot for k, slot in enumerate(there) if self._alone in (None, k)]
        rows = chosen_quantities(self._quantities.value)
        samples = {slot: a.samples[:, rows] for slot, a in there.items()}
        ranges = {slot: a.quantiles[:, rows] for slot, a in there.items()}
        self._drawn = shown

        def begin():  # the corner plot of six pins waits for the last of them
            if shown is self._drawn:
                self._draw_lines(there, shown, labels)

        def draw(corner):
            self._patch(lambda: self._draw(there, shown, labels, corner))

        async def compute():
            if self._waiting:
                self._patch(begin)
            try:
                corner = await corner_sets_in_turn(samples, ranges, rows, self._corner_asked)
            except Superseded:
                return
            except SedflowError as error:
                self._distance.object = f"The figures could not be drawn: {plain(error)}."
                return
            if shown is self._drawn:
                draw(corner)

        if whose()[1]:
            pn.state.execute(compute)
        else:  # in a notebook
            draw(corner_sets(samples, ranges, rows))
            self._screen.css_classes = []

    def _patch(self, function):
        """Change the figures with the lock of the page, as soon as one of them is on it."""
        figures = [one.figure for one in (*self._figures.values(), self._corner) if one is not None]
        patch(next(filter(is_served, figures), None), function)

    def _draw(self, there, shown, labels, corner):
        self._draw_lines(there, shown, labels)
        axes, sets = corner
        self._show_corner(shown, labels, axes, {slot: sets[slot] for slot in shown})

    def _draw_lines(self, there, shown, labels):
        self._show_lines("light", _only(shown, _light_layers(there)))
        for which in ("sfr", "zh"):
            layers = _only(shown, _history_layers(there, which))
            self._show_lines(which, layers, y_axis_type="log")
        told = _of_late({slot: there[slot] for slot in shown}, labels)
        self._of_late.param.update(object=told, visible=bool(told))

    def _awaited(self):
        """A word on pins of the address that are still being computed, or cannot be."""
        n = len(self._waiting)
        texts = [*([f"Computing {n} more …"] if n else []), *self._problems]
        return [prose(text, sizing_mode=None, margin=(8, 6)) for text in texts]

    @staticmethod
    def _same(names):
        """The galaxy of all pins, where they differ in something else."""
        if len(names) < 2 or len(set(names)) > 1:
            return []
        return [prose(f"**{plain(names[0])}**", sizing_mode=None, margin=(8, 6))]

    def _chip(self, k, slot, label):
        """A legend entry: a button that takes the pin off."""
        alone = {None: "", k: "font-weight: 600;"}.get(self._alone, "opacity: 0.5;")
        color = f".bk-btn {{ border-left: 14px solid {_COLORS[slot]} !important; {alone} }}"
        look = {"label": f"{label}\N{NO-BREAK SPACE}×", "stylesheets": [_CHIP, color]}
        # The same one, while others come: a click on one that was replaced meanwhile is lost.
        button = self._buttons.get(slot)
        if button is None:
            button = self._buttons[slot] = HintButton(
                "Unpin", margin=(2, 6), css_classes=["gives-focus"], **look
            )
            button.on_click(lambda event: self._unpin(slot))
        elif any(getattr(button, name) != value for name, value in look.items()):
            button.param.update(**look)
        return button

    def _unpin(self, slot):
        if slot in self._taken:  # else a second click
            self.unpin(self._taken.index(slot))

    def _show_lines(self, name, layers, **options):
        if name in self._figures:
            self._figures[name].update(layers)
        else:
            figure = _ManyFigure(
                layers,
                f"compare_{name}",
                titled=False,
                sizing_mode="stretch_both",
                min_height=100,
                **options,
            )
            self._figures[name] = figure
            self._await(figure.figure, "light" if name == "light" else "histories")
            self._panes[name].object = figure.figure

    def _show_corner(self, shown, labels, axes, sets):
        title = " and ".join(labels.values())
        whose = labels[shown[0]] if len(labels) > 1 else ""
        if self._corner is None:
            self._corner = CornerFigure(
                axes,
                sets,
                _COLORS,
                title=title,
                labels=labels,
                titled=False,
                whose=whose,
                name="compare_corner",  # a walk on Explore finds its figures by name
                sizing_mode="stretch_both",
                min_height=300,
            )
            self._await(self._corner.figure, "corner")
            self._panes["corner"].object = self._corner.figure
        else:
            self._corner.update(axes, sets, None, title, labels, whose=whose)

    def _await(self, figure, place):
        """Say what is computed until a browser has drawn the figure, and tells its width."""

        def arrived(attr, old, new):
            there = self._screen.css_classes
            self._screen.css_classes = [name for name in there if name != f"no-{place}"]

        figure.on_change("inner_width", arrived)
        # In the browser at once: the server may be busy for seconds.
        code = CustomJS(args={"gone": f"no-{place}"}, code=_ARRIVED)
        figure.js_on_change("inner_width", code)


def _first_free(*taken):
    """The first slot that none has; the first of those that are awaited where there is no other."""
    some = [slot for slot in _SLOTS if all(slot not in one for one in taken)]
    return some[0] if some else next(slot for slot in _SLOTS if slot not in taken[0])


class _ManyFigure(LiveFigure):
    """Curves with their bands, and points of data, of each pin."""

    def __init__(self, layers, name, **options):
        columns = {}
        for slot in _SLOTS:
            columns |= {
                f"band_{slot}": ("x", "low", "high"),
                f"line_{slot}": ("x", "y"),
                f"data_{slot}": ("x", "y"),
                f"errors_{slot}": ("x", "low", "high"),
            }
        super().__init__(layers, columns, name, **options)

    def draw(self):
        f, s = self.figure, self.sources
        if isinstance(f.yaxis.formatter, BasicTickFormatter):  # 100000, which 1.000e+5 hides
            f.yaxis.formatter.use_scientific = False
        for slot, color in _COLORS.items():
            f.varea("x", "low", "high", color=color, alpha=0.18, source=s[f"band_{slot}"])
            f.line(
                "x",
                "y",
                color=color,
                line_width=1.6,
                line_dash=_DASHES[slot],
                source=s[f"line_{slot}"],
            )
            f.segment(
                "x", "low", "x", "high", color=color, line_width=2, source=s[f"errors_{slot}"]
            )
            f.scatter("x", "y", color=color, size=8, source=s[f"data_{slot}"])


def differing(answers: list[Answer], names: list[str]) -> list[str]:
    """A name for each posterior that says in what it differs from the others, and no more.

    names : of their galaxies
    """
    parts = [
        {
            "galaxy": name,
            "bands": "bands " + " ".join(a.fit.photometry.observed.bands),
            "weights": a.request.weights,
            "prior": f"prior {a.fit.prior.sfh}",
            "kind": a.verdict,
            "n": f"{a.request.n:,} draws",
            "seed": f"seed {a.request.seed}",
        }
        for a, name in zip(answers, names, strict=True)
    ]
    keys = [key for key in parts[0] if len({p[key] for p in parts}) > 1]
    if len({p["galaxy"] for p in parts}) == len(parts):
        return [_marked(_with_what_is_unusual(p, parts), p["kind"]) for p in parts]
    if "kind" in keys and len(keys) > 1:
        keys.remove("kind")
    shown = keys or ["galaxy"]
    return [_marked(" · ".join(p[name] for name in shown), p["kind"]) for p in parts]


def _marked(label, name):
    """A label, with the verdict where that is not exact: others stand beside it as equals."""
    kind = kind_of(name.rpartition(", ")[2])  # a misfit may be exact
    return label if kind.exact or name in label else f"{label} · {kind.sign} {name}"


def _with_what_is_unusual(part, parts):
    """The galaxy, and its bands, network or prior where most of the others have another."""
    words = [part["galaxy"]]
    for key in ("bands", "weights", "prior"):
        (most, _), *_ = Counter(p[key] for p in parts).most_common()
        if part[key] != most:
            words.append(part[key])
    return " · ".join(words)


def _light_layers(there):
    """Spectra and photometry of the pins; in magnitudes where one would lie at zero."""
    layers = {slot: _light_of(answer, "flam") for slot, answer in there.items()}
    tops = [one.y_range[1] for one in layers.values()]
    unit = "flam"
    if max(tops) > _MOST_APART * min(tops):
        unit = "ab"
        layers = {slot: _light_of(answer, unit) for slot, answer in there.items()}
    sources = {}
    for slot, one in layers.items():
        s = one.sources
        sources |= {
            f"band_{slot}": s["band68"],
            f"line_{slot}": s["spectrum"],
            f"data_{slot}": {k: s["data"][k] for k in ("x", "y")},
            f"errors_{slot}": s["errors"],
        }
    x, y = (np.array([getattr(one, f"{k}_range") for one in layers.values()]) for k in "xy")
    span = (float(x[:, 0].min()), float(x[:, 1].max()))
    if unit == "ab":  # which grow downwards
        ends = (float(y[:, 0].max()), float(y[:, 1].min()))
    else:
        ends = (float(y[:, 0].min()), float(y[:, 1].max()))
    return Layers(sources, span, ends, "", "observed wavelength [Å]", UNITS[unit])


def _only(shown, layers):
    """Layers with the sources of some slots alone, on the same axes."""
    sources = {name: s for name, s in layers.sources.items() if name.partition("_")[2] in shown}
    return replace(layers, sources=sources)


def _light_of(answer, unit):
    galaxy = answer.fit.photometry
    return sed_layers(
        "",
        galaxy.bands,
        float(galaxy.redshift),
        quantiles=(answer.spectra[0], answer.spectrum_quantiles),
        data=(galaxy.flux, galaxy.sigma),
        unit=unit,
    )


def _history_layers(there, which):
    sources, low, high, oldest = {}, np.inf, 0.0, 0.0
    for slot, answer in there.items():
        q = answer.history_quantiles[which][1:4]
        edges = answer.fit.history.edges
        one = history_layers("", which, edges, q[1], brushed=q)
        sources |= {f"band_{slot}": one.sources["brushed68"], f"line_{slot}": one.sources["median"]}
        top = max(one.y_range[1], 1.2 * float(np.nanmax(q)))  # of its band, too
        low, high = min(low, one.y_range[0]), max(high, top)
        oldest = max(oldest, one.x_range[1])
    return Layers(sources, (0.0, oldest), (low, high), "", one.x_label, one.y_label)


def _of_late(there, labels):
    """A sentence on the pins whose star formation of late no curve of medians shows."""
    shares = {
        slot: formed_lately(a.fit.history.edges, a.history_quantiles["formed"][2])
        for slot, a in there.items()
    }
    parts = [
        f"{100 * share:.0f} % of the mass of **{plain(labels[slot])}**"
        for slot, share in shares.items()
        if share
    ]
    if not parts:
        return ""
    return (
        f"Formed in the last {1000 * LATELY:.0f} Myr: {', '.join(parts)} (medians). It is a step "
        "at the left edge, which the median SFR at each time lacks."
    )


def _named(answer, engine):
    """What a pin's galaxy is called: its best-known name, or its number."""
    galaxy = answer.request.galaxy
    if whole_number(galaxy) is None:  # one that was added, whatever it is called
        return galaxy
    name = engine.name(galaxy) if engine else ""
    return name or answer.fit.title.partition(",")[0]


def galaxy_names(pins: Sequence[Answer], engine: Engine | None) -> list[str]:
    """What the galaxies of pins are called; no two of them have one name."""
    galaxies = [pin.request.galaxy for pin in pins]
    names = [_named(pin, engine) for pin in pins]
    whose: dict[str, set[str]] = {}
    for name, galaxy in zip(names, galaxies, strict=True):
        whose.setdefault(name, set()).add(galaxy)
    return [
        name
        if len(whose[name]) == 1
        else f"{name} ({'added' if whole_number(galaxy) is None else f'NSAID {galaxy}'})"
        for name, galaxy in zip(names, galaxies, strict=True)
    ]


def _table(there, labels):
    """Quantiles of each pin; of two, how far their medians lie apart."""
    rows = []
    q = {slot: a.quantiles.T for slot, a in there.items()}
    for k, quantity in enumerate(QUANTITIES):
        row = {"quantity": quantity.axis_label}
        row |= {_column(labels, slot): interval(values[k]) for slot, values in q.items()}
        if len(q) == 2:
            a, b = (values[k] for values in q.values())
            width = np.hypot(a[2] - a[0], b[2] - b[0]) / 2
            row["difference"] = number(b[1] - a[1], width)
            row["÷ joint σ"] = number((b[1] - a[1]) / width, 1.0) if width > 0 else "–"
            row["width, second ÷ first"] = (
                f"{(b[2] - b[0]) / (a[2] - a[0]):.2f}" if a[2] > a[0] else "–"
            )
        rows.append(row)
    return pd.DataFrame(rows)


def _column(labels, slot):
    """Title of a pin's column: its label, with a number where another one has the same."""
    same = [other for other, label in labels.items() if label == labels[slot]]
    if labels[slot] in _TITLES:  # of columns that are no galaxy's
        return f"galaxy {labels[slot]}"
    return labels[slot] if len(same) == 1 else f"{labels[slot]} ({same.index(slot) + 1})"


def _distance(answer, first, label):
    """How far a posterior is from the first, as a line."""
    try:
        d = distance(compared(answer.fit).draws, compared(first.fit).draws, seed=0)
    except SedflowError as error:
        return f"- {plain(label)}: no distance: {plain(error)}"
    k = int(d.wasserstein.argmax())
    middle, halves = np.median(d.wasserstein), np.median(d.wasserstein_floor)
    return (
        f"- **{plain(label)}**: {middle:.2f} σ of the first (median of the {len(PARAMETERS)} "
        f"parameters; two halves of the first: {halves:.2f}), "
        f"most in {PARAMETERS[k].axis_label}: {d.wasserstein[k]:.3g} σ. "
        f"A classifier assigns {100 * d.c2st:.0f} % of the draws correctly (50 % is chance)."
    )
