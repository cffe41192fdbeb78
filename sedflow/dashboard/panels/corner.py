"""Corner plots: every pair of the chosen quantities, and selections drawn in them."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import panel as pn
import param

from sedflow.dashboard.answer import Answer, Request
from sedflow.dashboard.brush import Brushed, brush
from sedflow.dashboard.numbers import pointed, region
from sedflow.dashboard.panels.corner_controls import HINT, OTHER_SETS, CornerControls
from sedflow.dashboard.panels.panel import AnswerPanel, figure_pane, refresh
from sedflow.dashboard.printed import minus, percent
from sedflow.dashboard.quantities import QUANTITIES, SHORT_LABELS, chosen_quantities
from sedflow.dashboard.server.turns import Superseded
from sedflow.dashboard.server.visitors import whose
from sedflow.dashboard.server.work import on_worker
from sedflow.dashboard.what_if import Changed
from sedflow.dashboard.widgets import patch, plain
from sedflow.errors import SedflowError
from sedflow.figures.app_corner import MANY, CornerFigure
from sedflow.figures.corner_axes import (
    CornerAxes,
    box_ranges,
    box_rim,
    closed_range,
    corner_axes,
    in_ranges,
    rim,
    selected,
)
from sedflow.figures.corner_draws import corner_set
from sedflow.palette import SETS

__all__ = ["CornerPanel", "quantity_axes"]

_LABELS = {
    "exact": "exact",
    "network": "network",
    "mcmc": "MCMC",
    "prior": "prior",
    "changed": "what if",
}
_MOST_KEPT = 8  # galaxies whose draws of MCMC wait for them
_SOON = 0.15  # seconds; what is drawn by then is not announced, which has the page laid out twice
_BESIDE = "The bold lines are the galaxy of *What if*."


def quantity_axes(samples: Sequence[np.ndarray], rows: list[int]) -> CornerAxes:
    """Axes of a corner plot of the `QUANTITIES` in `rows`, for samples (n, n_row)."""
    return corner_axes(
        np.concatenate(samples),
        [QUANTITIES[k].name for k in rows],
        [SHORT_LABELS.get(QUANTITIES[k].name, QUANTITIES[k].label) for k in rows],
    )


class CornerPanel(AnswerPanel):
    """The corner plot of an answer, with its controls; `selection` is what was brushed last."""

    selection = param.Parameter(doc="Brushed, or None; the page shows it everywhere")
    message = param.String(doc="What a visitor should know")
    busy = param.Boolean(default=False, doc="Whether a plot is computed that a visitor chose")
    axes = param.Parameter(doc="(columns of `QUANTITIES`, CornerAxes) drawn last")

    def __init__(self, **params):
        super().__init__(**params)
        self.mcmc = None  # `QUANTITIES` of MCMC's draws for the galaxy shown
        self._kept: dict[Request, np.ndarray] = {}  # the same, of what was sampled lately
        self.plot: CornerFigure | None = None
        self._lasso_axes: CornerAxes | None = None  # those on which a lasso was drawn last
        self._drawing = 0  # plots that are being computed
        self._naming = False  # while the buttons of the sets get other names
        self._ready: tuple = ((), None)  # (what for, axes and sets) that the worker computed
        self._shows: tuple = ((), None)  # the same, of what is drawn now
        self._next = object()  # of the answers that are prepared, the latest counts
        self._controls = CornerControls(self._redraw, lambda: setattr(self, "selection", None))
        self._sets, self._quantities = self._controls.sets, self._controls.quantities
        self._controls.ranges.param.watch(self._typed, "asked")
        self._controls.ranges.param.watch(lambda e: self._say(e.new), "message")
        self._pane = figure_pane(margin=0, sizing_mode="stretch_both")

    @property
    def figure(self):
        """The Bokeh figure; None before the first answer."""
        return None if self.plot is None else self.plot.figure

    def show(  # type: ignore[override]
        self, answer: Answer, brushed: Brushed | None = None, changed: Changed | None = None
    ) -> None:
        """Show an answer, with MCMC's draws of it if there are any."""
        if self.answer is None or self.answer.request != answer.request:
            self.mcmc, self.answer = self._kept.get(answer.request), None  # nobody draws the old
            if self.mcmc is None:
                self._sets.value = [s for s in self._sets.value if s != "mcmc"] or ["exact"]
        super().show(answer, brushed, changed)

    def add_mcmc(self, columns: np.ndarray, request: Request) -> None:
        """Show MCMC's `QUANTITIES` (n, n_quantity), now or when their galaxy is shown again."""
        self._kept[request] = columns
        if len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        if self.answer is None or self.answer.request != request:
            return
        self.mcmc = columns
        self._sets.value = [*(s for s in self._sets.value if s != "mcmc"), "mcmc"]

    @property
    def shown(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of the quantities and of the sets of draws that are chosen."""
        rows, sets = self._shown()
        return tuple(QUANTITIES[k].name for k in rows), tuple(sets)

    def draw(self, answer: Answer, brushed: Brushed | None) -> None:
        """Draw every pair of the chosen quantities."""
        axes, sets = self._take(answer, brushed)
        truth = None if answer.truths is None else answer.truths[self._rows]
        exact = "exact" if answer.exact else "network, not corrected"
        labels = {**_LABELS, "exact": exact, "selected": "selected"}
        title = answer.fit.title
        around = self._around(brushed, axes)
        if self.plot is None:
            self.plot = CornerFigure(
                axes,
                sets,
                SETS,
                truth,
                title=title,
                labels=labels,
                titled=False,
                says=False,
                sizing_mode="stretch_both",
                min_height=180,
            )
            self.plot.figure.on_event("selectiongeometry", self._drawn)
            self._pane.object = self.plot.figure
        else:
            self.plot.update(axes, sets, truth, title, labels, around)
            refresh(self._pane)
        self.axes = (self._rows, axes)
        self._controls.held.object = self.plot.held
        self._controls.crowd(axes.n >= MANY)
        self._name_sets(answer)
        self._controls.ranges.offer(dict(zip(axes.labels, axes.names, strict=True)))
        self._rest()

    def _around(self, brushed, axes):
        """The outline of what was brushed here, on the axes that are shown now."""
        if brushed is None or brushed.place != "corner":
            return ()
        if brushed.ranges:
            return box_rim(axes, brushed.ranges)
        drawn = self._lasso_axes
        same = drawn is not None and drawn.names == axes.names
        return brushed.rim if same and np.array_equal(drawn.limits, axes.limits) else ()

    def _name_sets(self, answer):
        """No button says "exact" of draws that are not."""
        first = "exact" if answer.exact else "not exact"
        if first not in self._sets.options:
            self._naming = True
            self._sets.options = {first: "exact", **OTHER_SETS}
            self._naming = False

    def _take(self, answer, brushed):
        """Axes and sets of draws: what the worker computed, if nothing else was chosen since."""
        rows, shown = self._shown()
        self._rows = rows
        what, ready = self._ready
        self._ready = ((), None)
        now = (answer, brushed, self.mcmc, self.changed, rows, shown)
        if not _same(what, now):
            ready = self._computed(*now)
        self._shows = now, ready
        self._axes, sets = ready
        return self._axes, sets

    def _shown(self):
        """Quantities and sets that are chosen."""
        return chosen_quantities(self._quantities.value), list(self._sets.value or ["exact"])

    @staticmethod
    def _computed(*what):
        """Axes and sets of draws: no widget is looked at, so that the worker can compute them."""
        return _drawn(*_plain(*what))

    def _redraw(self, event):
        if self.answer is None or self._naming:
            return
        if event.obj is self._sets and "mcmc" in event.new and self.mcmc is None:
            self.message = 'there is no MCMC for this galaxy yet: press "Run MCMC"'
            self.param.trigger("message")
            self._sets.value = [one for one in event.new if one != "mcmc"]
            return
        if not whose()[1]:  # in a notebook
            self.redraw(self.figure)
            return

        async def compute():
            say = asyncio.get_running_loop().call_later(_SOON, patch, self.figure, self._hurry)
            self._drawing += 1
            try:
                is_ready = await self._prepare(lambda: self.brushed)
            finally:
                self._drawing -= 1
                say.cancel()
            if is_ready:
                self.redraw(self.figure)

        pn.state.execute(compute)

    def _hurry(self):
        """Say that a plot is being drawn, until `draw` has drawn one."""
        if not self._drawing:
            return
        rows, _ = self._shown()
        self.busy = True
        chosen = self.brushed is not None
        self._controls.say(f"Drawing {len(rows)} × {len(rows)} panels …", chosen)

    def _rest(self):
        """Say what is shown, not that something is being drawn."""
        self.busy = False
        brushed = self.brushed
        if brushed is None:
            self._controls.say(HINT if self.changed is None else _BESIDE)
            return
        told = f"**{percent(brushed.share)}** of the posterior, {brushed.n:,} draws"
        self._controls.say(f"{told}: {plain(minus(brushed.words))}", selected=True)

    async def prepare(
        self, answer: Answer, brushed: Brushed | None, changed: Changed | None
    ) -> bool:
        """Have the worker compute the plot that `show` will draw; False if a newer one comes.

        Without it `show` computes, and all visitors wait meanwhile.
        """
        rows, shown = self._shown()
        mcmc = self.mcmc
        if self.answer is None or self.answer.request != answer.request:
            mcmc = self._kept.get(answer.request)
            if mcmc is None:
                shown = [s for s in shown if s != "mcmc"] or ["exact"]
        now = (answer, brushed, mcmc, changed, rows, shown)
        if _same(self._ready[0], now):
            return True
        try:
            ready = await on_worker(_drawn, latest=self._next)(*_plain(*now))
        except Superseded:
            return False
        except SedflowError:  # too many wait: `show` computes
            return True
        self._ready = now, ready
        return True

    async def _prepare(self, find):
        """Have the worker compute what `draw` will draw, with `find()` as what is brushed.

        Returns what is brushed, as a tuple; an empty one where there is nothing to draw.
        """
        answer, mcmc, changed = self.answer, self.mcmc, self.changed
        rows, shown = self._shown()
        before = self._shows

        def compute():
            brushed = find()
            now = (answer, brushed, mcmc, changed, rows, shown)
            return brushed, _reselected(*before, now) or self._computed(*now)

        try:
            brushed, ready = await on_worker(compute, latest=self)()
        except Superseded:
            return ()
        except SedflowError as error:
            self._rest()
            self._say(error)
            return ()
        if self.answer is not answer:
            return ()
        self._ready = (answer, brushed, mcmc, changed, rows, shown), ready
        return (brushed,)

    def _say(self, error):
        self.message = minus(str(error))
        self.param.trigger("message")

    def _drawn(self, event):
        if event.final:
            self.brush_in("corner", event.geometry)

    def brush_in(self, place: str, geometry: dict, find=None) -> None:
        """Brush what was drawn in a figure, when the worker has time.

        find : callable(answer, geometry) -> (mask, words); default of the corner plot
        """

        async def select():  # not a partial: Panel waits for what it can see to be a coroutine
            await self.select(place, geometry, find)

        pn.state.execute(select)

    async def select(self, place: str, geometry: dict, find=None) -> None:
        """Brush the draws in a box or lasso that was drawn in a figure, on the worker."""
        answer = self.answer
        if answer is None or pointed(geometry):
            return
        try:
            drawn = region(geometry)
        except SedflowError as error:
            self._say(error)
            return
        if find is not None and drawn["type"] != "rect":
            return
        columns, axes = answer.columns[:, self._rows], self._axes

        def brushed():
            if find is None and drawn["type"] == "rect":
                return _inside(answer, columns, axes, box_ranges(axes, drawn))
            found = selected(columns, axes, drawn) if find is None else find(answer, drawn)
            if found is None:
                return None
            if not found[0].any():
                raise SedflowError("no draw is inside what you drew; drag over some of them")
            return brush(answer, *found, place, rim(drawn))

        await self._select(brushed)

    def _typed(self, event):
        """Brush the range that was typed, as a box on its histogram is brushed."""
        name, low, high = event.new

        async def select():
            await self.select_range(name, low, high)

        pn.state.execute(select)

    async def select_range(self, name: str, low: float | None, high: float | None) -> None:
        """Brush the draws of a range of a quantity that is shown; an end of None is open."""
        answer = self.answer
        if answer is None or name not in self._axes.names:
            return
        columns, axes = answer.columns[:, self._rows], self._axes

        def brushed():
            ends = closed_range(columns, axes, name, low, high)
            return _inside(answer, columns, axes, ((name, *ends),))

        await self._select(brushed)

    async def _select(self, find):
        """Select what `find()` brushes, on the worker."""
        self._lasso_axes = self._axes
        for one in await self._prepare(find):
            self.selection = one
            self.message = ""  # what was wrong with an earlier one

    def __panel__(self):
        return pn.Column(
            self._pane,
            self._controls.over,
            *self._controls.below,
            margin=0,
            sizing_mode="stretch_both",
            styles={"position": "relative"},
        )


def _inside(answer, columns, axes, ranges):
    """What is brushed by a box of these ranges, drawn or typed; None of none."""
    if not ranges:
        return None
    found = in_ranges(columns, axes, ranges)
    return replace(brush(answer, *found, "corner", box_rim(axes, ranges)), ranges=ranges)


def _plain(answer, brushed, mcmc, changed, rows, shown):
    """What `_drawn` draws of an answer, as plain values that a process can be sent."""
    samples = _samples(answer, brushed, mcmc, changed, rows, shown)
    hidden = "exact" not in shown and brushed is None and len(samples) > 1
    prior = answer.fit.prior if "prior" in samples else None
    return samples, rows, hidden, prior, answer.quantiles[:, rows]


def _drawn(samples, rows, hidden, prior, ranges):
    """Axes and sets of draws.

    samples : name of a set -> (n_draw, n_row); hidden : whether "exact" is not drawn
    prior : of the set of that name; ranges : 16, 50 and 84 % (3, n_row) of "exact"
    """
    some = [s for name, s in samples.items() if name not in ("prior", "selected")]
    axes = quantity_axes(some, rows)
    samples = {name: s for name, s in samples.items() if not (hidden and name == "exact")}
    first = next(iter(samples))
    return axes, {
        name: corner_set(
            s,
            axes,
            image=name == first,
            pairs=name != "prior",
            prior=prior if name == "prior" else None,
            ranges=ranges if name == "exact" else None,
        )
        for name, s in samples.items()
    }


def _reselected(what, ready, now):
    """Axes and sets of draws where another selection alone is asked for; None otherwise."""
    brushed = now[1]
    if not what or "exact" not in now[5] or not _same((what[0], brushed, *what[2:]), now):
        return None
    axes, sets = ready[0], {name: one for name, one in ready[1].items() if name != "selected"}
    if brushed is not None and brushed.n:
        sets["selected"] = corner_set(brushed.samples[:, now[4]], axes)
    return axes, sets


def _same(what, now):
    """Whether the same was computed: the same objects, quantities and sets of draws."""
    objects = zip(what[:4], now[:4], strict=False)
    return bool(what) and all(a is b for a, b in objects) and what[4:] == now[4:]


def _samples(answer, brushed, mcmc, changed, rows, shown):
    """Name of a set -> its samples (n, n_row), in the order in which they are drawn."""
    samples = {"exact": answer.samples[:, rows]}
    if "network" in shown:
        samples["network"] = answer.network_samples[:, rows]
    if "mcmc" in shown and mcmc is not None:
        samples["mcmc"] = mcmc[:, rows]
    if "prior" in shown:
        samples["prior"] = answer.prior_samples[:, rows]
    if changed is not None:
        samples["changed"] = changed.answer.samples[:, rows]
    if brushed is not None and brushed.n:
        samples["selected"] = brushed.samples[:, rows]
    return samples
