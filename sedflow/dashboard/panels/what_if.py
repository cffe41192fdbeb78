"""What if: bands and errors to change, and what the change gains."""

from collections.abc import Awaitable, Callable

import numpy as np
import pandas as pd
import panel as pn
import param
from bokeh.models import CustomJSTickFormatter

from sedflow.dashboard.answer import Answer, job_draws
from sedflow.dashboard.brush import Brushed
from sedflow.dashboard.engine import Engine
from sedflow.dashboard.hints import HintChecks
from sedflow.dashboard.panels.derived import interval, number
from sedflow.dashboard.panels.job_line import JobLine
from sedflow.dashboard.panels.panel import AnswerPanel
from sedflow.dashboard.printed import printed
from sedflow.dashboard.quantities import QUANTITIES
from sedflow.dashboard.server.jobs import Jobs, Work
from sedflow.dashboard.what_if import (
    ADDED_SNR,
    ALL_BANDS,
    CANDIDATES,
    Change,
    Changed,
    addable,
    gains,
)
from sedflow.dashboard.widgets import PRESSED, begun, faded, plain, prose, text_table
from sedflow.fits.fit import Fit
from sedflow.sampling.misfit import p_text

__all__ = ["WhatIfPanel"]

_STEPS = 10  # of a slider, for a factor of ten in an error
_HINT = (
    "Leave a band out, add one, or scale an error: the posterior of that galaxy appears in black "
    "(white on dark pages) beside the present one."
)
_COMPUTING = "Computing the posterior of that galaxy …"
_MEANING = (
    "σ is half of the 68 % range; bits, by how much the entropy falls. A pull is in σ of "
    "prediction and measurement together."
)


class WhatIfPanel(AnswerPanel):
    """Chips of bands and sliders of errors; `change` is what they ask for.

    Parameters
    ----------
    engine : Engine
        Knows what was measured.
    adapted : async callable(changed, fit)
        Gets draws of a higher rung for a change whose draws lacked bands.
    """

    change = param.Parameter(default=Change(), doc="What differs from the galaxy as it is")

    def __init__(
        self,
        engine: Engine,
        adapted: Callable[[Changed, Fit], Awaitable[None]],
        jobs: Jobs | None = None,
        **params,
    ):
        super().__init__(**params)
        self._engine, self._adapted = engine, adapted
        self._offered: Changed | None = None  # whose draws lack bands
        self._adapts: Changed | None = None  # for which a job runs
        self._adapt = pn.widgets.Button(label="Adapt draws", visible=False, color="primary")
        self._adapt.on_click(lambda event: self.adapt())
        self.job = JobLine(self._finish, jobs)
        self.job.cancel_button.visible = False
        self.job.param.watch(self._run, "running")
        self._for: Answer | None = None
        self._setting = False  # while the widgets follow the change
        self._used: tuple[str, ...] = ()  # bands of the present posterior
        self._message = ""  # why there is no posterior of the change, or not yet
        self._about: Answer | None = None  # of which that is said
        self._chips = HintChecks(
            "Press a band to leave it out, or to add one",
            label="bands, if",
            options=[],
            value=[],
            stylesheets=[PRESSED],
            margin=(0, 0, 4, 0),
        )
        self._chips.param.watch(self._turned, "value")
        # All of them now: those that a box gets later are not dressed by the page's design.
        self._sliders = {(ALL_BANDS, False): self._slider(ALL_BANDS, False)} | {
            (band, better): self._slider(band, better)
            for band in CANDIDATES
            for better in (False, True)
        }
        self._box = pn.FlexBox(
            *self._sliders.values(), margin=0, gap="2px 14px", sizing_mode="stretch_width"
        )
        self._reset = pn.widgets.Button(label="As it is", margin=(0, 0, 4, 8), disabled=True)
        self._reset.on_click(lambda event: setattr(self, "change", Change()))
        self._text = prose(_HINT, margin=(2, 0))
        self._table = text_table(sortable=False, margin=0)
        self._meaning = prose(_MEANING, margin=(2, 0), visible=False)
        self.param.watch(self._begin, "change")

    def draw(self, answer: Answer, brushed: Brushed | None) -> None:
        """Offer the galaxy's bands; say what the change gains."""
        if answer is not self._for:
            self._for = answer
            self._used = answer.fit.photometry.observed.bands
            self._offer(answer)
            if self._about is not answer:  # else it was said before its figures were drawn
                self._forget()
            self._follow()
        changed = self.changed
        self._table.visible = self._meaning.visible = changed is not None
        self._dim(False)
        if changed is None:
            self._text.object = self._message or (_COMPUTING if self.change else _HINT)
        else:
            self._offered, self._adapt.visible = None, False
            self._text.object = _said(answer, changed)
            self._table.value = _table(answer, changed)

    def fail(self, message: str, answer: Answer | None) -> None:
        """Say why there is no posterior of the change of an answer."""
        self._say(f"{plain(begun(message))}.", answer)

    def offer(self, changed: Changed, answer: Answer) -> None:
        """Say that some bands are not in the draws, and offer to adapt these.

        answer : of the galaxy as it is; of a guess, that it is to be refined first
        """
        lacks = ", ".join(changed.lacks)
        if not answer.exact:
            self._say(
                f"The posterior now is **{answer.kind}**, so that nothing tells what {lacks} would "
                "bring: *Refine* first.",
                answer,
            )
            return
        self._say(
            f"The network does not take {lacks}, and the weights of its draws do not carry so much "
            "more: nothing is shown. *Adapt draws* learns better ones, which takes up to some "
            "minutes.",
            answer,
        )
        self._offered = changed
        self._adapt.visible = not self.job.running

    def adapt(self) -> None:
        """Begin the job that adapts the draws."""
        changed = self._offered
        if changed is None:
            return
        request, fit = changed.answer.request, changed.answer.fit
        work = Work(
            "ladder",
            fit.photometry,
            job_draws(request),
            request.seed,
            request.weights,
            fit.model.grid.name,
            request.prior,
        )
        if self.job.begin(work, f"{fit.title} with {', '.join(changed.lacks)}"):
            self._adapts = changed

    async def _finish(self, job):
        self.job.say("")
        changed, self._adapts = self._adapts, None
        if changed is not None:
            await self._adapted(changed, job.result)

    def _run(self, event):
        self._adapt.visible = not event.new and self._offered is not None
        self.job.cancel_button.visible = event.new

    def _say(self, message, answer):
        self._table.visible = self._meaning.visible = False
        self._text.object = self._message = message
        self._about = answer

    def _begin(self, event):
        """Another change was asked for: what is shown is not of it, or not yet."""
        self._forget()
        self._follow()
        if self.change:
            self._text.object = _COMPUTING
            self._dim(True)

    def _dim(self, stale):
        for part in (self._table, self._meaning):
            part.styles = faded(stale, 0.3)

    def _forget(self):
        self._message, self._about = "", None
        self._offered, self._adapt.visible = None, False
        if not self.job.running:  # what is left of an earlier one is not of this
            self.job.say("")

    def _offer(self, answer):
        galaxy, model = answer.fit.photometry, answer.fit.model
        more = addable(model, float(galaxy.redshift), self._used)
        options = [*self._used, *more]
        if options != list(self._chips.options):
            self._setting = True
            self._chips.param.update(options=options, value=list(self._used))
            self._setting = False

    def _turned(self, event):
        if self._setting:
            return
        left = tuple(b for b in self._used if b not in event.new)
        added = tuple(b for b in event.new if b not in self._used)
        self.change = Change(left, added, self.change.errors)

    def _moved(self, band, event):
        if self._setting:
            return
        better = band != ALL_BANDS and band in self.change.added
        factor = 10 ** ((-event.new if better else event.new) / _STEPS)
        errors = {**self.change.errors, band: float(f"{factor:.3g}")}
        errors = {b: v for b, v in errors.items() if v != 1.0}
        self.change = Change(self.change.left, self.change.added, errors)

    def _slider(self, band, better):
        """A slider of a band's error, or of the signal-to-noise ratio of one that is added."""
        unit = f"(10 ** (tick / {_STEPS})"
        code = f"{unit} * {ADDED_SNR})" if better else f"{unit})"
        sign = "" if better else "× "
        name = "all errors" if band == ALL_BANDS else f"{band} error"
        slider = pn.widgets.FloatSlider(
            label=f"{band} S/N" if better else name,
            start=-_STEPS,
            end=_STEPS,
            step=1,
            format=CustomJSTickFormatter(code=f"return '{sign}' + Number({code}.toPrecision(2))"),
            margin=(0, 4),
            width=112,
        )
        slider.param.watch(lambda event: self._moved(band, event), "value")
        return slider

    def _follow(self):
        """Show the change on chips and sliders."""
        change = self.change
        on = [b for b in (*self._used, *change.added) if b not in change.left]
        self._setting = True
        self._chips.value = [b for b in self._chips.options if b in on]
        for (band, better), slider in self._sliders.items():
            step = round(_STEPS * np.log10(change.errors.get(band, 1.0)))
            shown = band in (ALL_BANDS, *on) and better == (band in change.added)
            slider.param.update(value=-step if better else step, visible=shown)
        self._reset.disabled = not change
        self._setting = False

    def __panel__(self):
        return pn.Column(
            pn.Row(self._chips, self._reset, margin=0),
            self._box,
            self._text,
            pn.Row(self._adapt, self.job.cancel_button, margin=0),
            self.job,
            self._table,
            self._meaning,
            margin=0,
            sizing_mode="stretch_width",
        )


def _guessed(answer):
    """That the present posterior is a guess, with which nothing is compared."""
    if answer.exact:
        return []
    return [
        f"**now: {answer.kind}**, so that its σ is a guess, and neither ratio nor bits are given: "
        "*Refine* first."
    ]


def _said(answer, changed):
    """What was changed, and what the bands left out say."""
    lines = _guessed(answer)
    if not changed.answer.exact:
        lines.append(f"**then: {changed.answer.kind}**: {plain(changed.answer.note)}")
    misfit = not np.isnan(changed.misfit)
    if misfit:
        lines.append(
            "**then: misfit**: the model does not describe these data (p "
            f"{printed(p_text(changed.misfit, 1))}), so its widths are not to be read, nor its "
            "centres."
        )
    if changed.made_up:
        read = "" if misfit else ": read the widths, not the centres"
        lines.append(
            f"**{', '.join(changed.made_up)} added** with the flux that is predicted{read}."
        )
    for one in changed.left:
        predicted = interval(one.predicted)
        lines.append(
            f"**{one.band} left out**: predicted {predicted}, measured "
            f"{number(one.flux, one.sigma)} ± {number(one.sigma, one.sigma)} nanomaggies, pull "
            f"{number(one.pull, 1.0)}."
        )
    return "\n\n".join(lines)


def _table(answer, changed):
    """Width of each quantity before and after, and the information gained.

    The last is that of exact posteriors: where one is a guess, its width says nothing of the other.
    """
    rows = []
    exact = answer.exact and changed.answer.exact
    columns = gains(answer.samples, changed.answer.samples)
    for quantity, gain in zip(QUANTITIES, columns, strict=True):
        known, certain = exact and np.isfinite(gain.ratio), exact and np.isfinite(gain.bits)
        rows.append(
            {
                "quantity": quantity.axis_label,
                "σ now → then": f"{number(gain.before, gain.before)} → "
                f"{number(gain.after, gain.after)}",
                # Two digits: that of a thousand draws is known to some 5 to 10 %.
                "ratio": number(gain.ratio, gain.ratio) if known else "–",
                "bits": f"{gain.bits:+z.1f}".replace("-", "−") if certain else "–",
            }
        )
    return pd.DataFrame(rows)
