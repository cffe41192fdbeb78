"""The Learn page: guided lessons, one step at a time.

Each lesson has a folder: `lesson` holds texts and numbers, `stage` what is shown beside them. A
stage is built when its lesson is opened, and dropped when it is left.
"""

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import Any

import panel as pn
import param

from sedflow.dashboard.learn.lessons import LESSONS
from sedflow.dashboard.learn.listing import listing
from sedflow.dashboard.learn.stage import Scene
from sedflow.dashboard.learn.work import LessonWork
from sedflow.dashboard.pages.view import LateView
from sedflow.dashboard.printed import filled
from sedflow.dashboard.server.classes import new_mark
from sedflow.dashboard.widgets import note, plain, prose, whole_field
from sedflow.network.weights import cached_posterior

__all__ = ["LearnView"]

_STAGES = {
    "parameters": ("one_parameter", "OneParameter"),
    "look-alikes": ("look_alikes", "LookAlikes"),
    "fit-by-hand": ("by_hand", "ByHand"),
    "abc-to-network": ("abc_to_amortized", "ToAmortized"),
    "trust": ("out_of_domain", "OutOfDomain"),
    "populations": ("populations", "Populations"),
}
_APART = ".bk-input-group.bk-inline label, .bk-input-group label { margin-right: 14px; }"
#: The longest name of a lesson is whole beside the page.
_WHOLE = "select.bk-input { font-size: 12px !important; padding-left: 3px !important; }"
_NONE = "Choose a lesson"
#: Of what is said in the place of figures that are still computed.
_PLACE = {
    "min-height": "280px",
    "align-items": "center",
    "justify-content": "center",
    "background": "var(--sf-surface)",
    "border-radius": "6px",
}
# The answer comes below all that it changes. A step that was answered before moves nothing.
_INTO_VIEW = """
let tries = 0
const look = () => {
  if (answer.visible) setTimeout(() => window.sedflow?.reveal(answer), 300)
  else if (++tries < 25) setTimeout(look, 200)
}
look()
"""
_PAINTED = 100  # ms, after which a browser shows what it was told
_GALAXY = 72  # the paper's example
_LAST_SEED = 2**31 - 1  # as of Explore's
_MOST_FITTED = 100  # fits by hand that a page keeps of galaxies that it has left


def _existing(want, nsa):
    """A selection, by name, of what there is, and sentences on what there is not."""
    want = dict(want)
    notes = []
    if want["lesson"] and want["lesson"] not in LESSONS:
        notes.append(f"there is no lesson {want['lesson']!r}")
        want["lesson"] = ""
    lesson = LESSONS.get(want["lesson"])
    step = lesson.clamp(want["step"]) if lesson else 1
    if lesson and step != want["step"]:
        notes.append(f"step {want['step']} is outside 1 to {len(lesson.steps)}: this is {step}")
    want["step"] = step
    if not (nsa.ids == want["galaxy"]).any():
        notes.append(f"no galaxy has NSAID {want['galaxy']}: this is {_GALAXY}")
        want["galaxy"] = _GALAXY
    if want["seed"] < 0:
        notes.append(f"seed {want['seed']} is below 0: this is 0")
        want["seed"] = 0
    if want["seed"] > _LAST_SEED:
        notes.append(f"seed {want['seed']} is above {_LAST_SEED}: this is {_LAST_SEED}")
        want["seed"] = _LAST_SEED
    return want, notes


class LearnView(LateView):
    """Guided lessons.

    Parameters
    ----------
    nsa : NSACatalog
    network : callable, optional
        Name -> AmortizedPosterior, loaded once per process (`Engine.posterior`, for one).
    mark : callable, optional
        What the page sends guesses to a class under.
    lesson : str
        Key of the lesson shown, "" for the list of them; an unknown one counts as "".
    step : int
        From 1; out of range counts as the nearest there is.
    galaxy : int
        NSAID of the lessons' galaxy; an unknown one counts as the default.
    seed : int
        Of everything that the lessons draw.
    """

    controls_last = True

    lesson = param.String(default="", doc="Key of the lesson; empty for the list")
    step = param.Integer(default=1, doc="Step of the lesson, from 1")
    galaxy = param.Integer(default=_GALAXY, doc="NSAID of the lessons' galaxy")
    seed = param.Integer(default=1, doc="Seed of what the lessons draw")
    code = param.String(default="", doc="Code of the class that was joined")
    best = param.Dict(default={}, doc="Best knobs of each galaxy that was fitted by hand")
    notice = param.String(default="", doc="What was changed because it was out of range")

    def __init__(self, nsa, network=None, mark=new_mark, **params):
        kept = {name: params.pop(name) for name in ("code", "best") if name in params}
        super().__init__(**kept)
        self._mark = mark
        self._nsa, self._network = nsa, network or cached_posterior
        self._stage, self._stage_of, self._built = None, None, False
        self._answered: dict[tuple, str | None] = {}  # what was chosen at steps that are answered
        self._fitted: dict[tuple[str, int], dict] = {}  # best knobs of galaxies that were left
        self._work, self._opened = LessonWork(self._finish), None
        self._clamping = self._listing_steps = False
        self._clamp_all(**params)
        self.param.watch(self._changed, ["lesson", "step", "galaxy", "seed"])

    async def ready(self) -> None:
        """Wait until nothing is being computed."""
        await self._work.ready()

    def close(self) -> None:
        """Stop what runs, and let what is computed be late; the session ends."""
        self._opened = None
        self._work.drop()

    # Selection

    def _clamp_all(self, **asked):
        """Set the selection to what there is; `notice` says what was not."""
        want = {k: asked.get(k, getattr(self, k)) for k in ("lesson", "step", "galaxy", "seed")}
        want, notes = _existing(want, self._nsa)
        self._clamping = True
        notice = "; ".join(notes)
        self.param.update(notice=notice, **want)
        self._clamping = False

    def _changed(self, *events):
        if self._clamping:
            return
        before = {e.name: e.old for e in events}
        if before.get("lesson", self.lesson) != self.lesson and "step" not in before:
            self._clamp_all(step=1)  # another lesson begins at its beginning
        else:
            self._clamp_all()
        # Knobs are of one galaxy; the seed makes the simulated one.
        for name, which in (("galaxy", "nsa"), ("seed", "mock")):
            if before.get(name, getattr(self, name)) != getattr(self, name):
                self._change_fitted(which, before[name], getattr(self, name))
        if self._built:
            self._open()

    def _change_fitted(self, which, left, come):
        """Put the best knobs of a galaxy away, and take those of another out, if it has any."""
        best = dict(self.best)
        if which in best:
            self._fitted.pop((which, left), None)  # the last one left is the last one forgotten
            self._fitted[which, left] = best.pop(which)
            if len(self._fitted) > _MOST_FITTED:
                del self._fitted[next(iter(self._fitted))]
        if (which, come) in self._fitted:
            best[which] = self._fitted[which, come]
        self.best = best

    def restore(self, values: Mapping[str, Any]) -> None:
        """Show the lesson of an address that this page had; best knobs are those of now."""
        names = ("lesson", "step", "galaxy", "seed") if values.get("lesson") else ("lesson", "step")
        self.param.update(**{n: values.get(n, self.param[n].default) for n in names})

    # Layout

    def _build(self):
        if self._built:
            return
        self._built = True
        self._pick = pn.widgets.Select(
            label="Lesson",
            options={_NONE: "", **{item.title: key for key, item in LESSONS.items()}},
            value=self.lesson,
            sizing_mode="stretch_width",
            stylesheets=[_WHOLE],
        )
        self._pick.param.watch(lambda event: self.param.update(lesson=event.new), "value")
        wide: dict[str, Any] = {"sizing_mode": "stretch_width"}
        self._nsaid = whole_field(self, "galaxy", label="Galaxy of the lessons (NSAID)", **wide)
        self._seeds = whole_field(self, "seed", label="Seed", start=0, end=_LAST_SEED, **wide)
        self._steps = pn.widgets.RadioBoxGroup(
            label="Steps", options={}, visible=False, sizing_mode="stretch_width"
        )
        self._steps.param.watch(self._jump, "value")
        self._controls = pn.Column(
            self._pick,
            self._steps,
            self._nsaid,
            self._seeds,
            prose(
                "The address of this page names lesson and step, so a class can be sent to any "
                "of them."
            ),
            sizing_mode="stretch_width",
        )
        self._alert = note("warning")
        self._where = prose()
        self._progress = pn.indicators.Progress(
            value=0, max=100, height=6, sizing_mode="stretch_width"
        )
        self._text = prose()
        self._busy = pn.indicators.LoadingSpinner(size=20, value=False, visible=False)
        self._waiting = prose(sizing_mode=None)
        self._wait = pn.Row(self._busy, self._waiting, sizing_mode="stretch_width", styles=_PLACE)
        self._stage_box = pn.Column(sizing_mode="stretch_width")
        self._question = prose()
        self._choices = pn.widgets.RadioBoxGroup(
            label="Your prediction", options=[], inline=True, stylesheets=[_APART]
        )
        self._reveal = pn.widgets.Button(label="Show the answer", color="primary")
        self._answer = note("info", margin=(5, 10))
        self._back = pn.widgets.Button(label="Back", width=100)
        self._next = pn.widgets.Button(label="Next", width=100, color="primary")
        self._count = prose(
            margin=(8, 4),
            sizing_mode=None,
            styles={"white-space": "nowrap", "min-width": "92px"},  # one line, however large
        )
        self._reveal.on_click(self._show_answer)
        self._reveal.js_on_click(args={"answer": self._answer}, code=_INTO_VIEW)
        self._back.on_click(lambda event: self._go(-1))
        self._next.on_click(lambda event: self._go(1))
        self._page = pn.Column(
            self._where,
            self._progress,
            self._text,
            self._wait,
            self._stage_box,
            self._question,
            pn.Row(self._choices, self._reveal),
            self._answer,
            pn.Row(self._back, self._count, self._next),
            sizing_mode="stretch_width",
        )
        self._views = pn.Column(self._alert, sizing_mode="stretch_width")
        self._open()

    def _begin(self, lesson):
        self.param.update(lesson=lesson, step=1)

    def _go(self, by):
        if self.step + by > len(LESSONS[self.lesson].steps):
            self.param.update(lesson="", step=1)
        else:
            self.step += by

    def step_by(self, by: int) -> None:
        """Go on, or back, and stay inside the lesson."""
        self.step = min(max(self.step + by, 1), len(LESSONS[self.lesson].steps))

    # A step

    def _open(self):
        """Show what is selected."""
        with pn.io.hold():
            self._alert.param.update(
                object=plain(f"Note: {self.notice}."), visible=bool(self.notice)
            )
            self._pick.value = self.lesson
            self._work.drop()
            if not self.lesson:
                self._stage = self._stage_of = None
                self._answered.clear()  # who opens a lesson from the list begins it
                self._steps.visible = False
                self._views[:] = [
                    self._alert,
                    *listing(lambda key: self.param.update(lesson=key, step=1)),
                ]
                return
            if self._page not in list(self._views):
                self._views[:] = [self._alert, self._page]
            self._open_step()

    def _open_step(self):
        lesson = LESSONS[self.lesson]
        step = lesson.steps[self.step - 1]
        n = len(lesson.steps)
        wanted = (self.lesson, self.galaxy, self.seed)
        if self._stage_of != wanted:
            self._stage, self._stage_of, self._seen = None, wanted, False
            self._stage_box[:] = []
        self._where.object = f"## {lesson.title}\n### {step.title}"
        self._progress.value = round(100 * self.step / n)
        self._count.object = f"Step {self.step} of {n}"
        self._back.disabled = self.step == 1
        self._next.label = "To the list of lessons" if self.step == n else "Next"
        self._next.width = 200 if self.step == n else 100
        self._listing_steps = True
        self._steps.param.update(
            options={f"{k}. {s.title}": k for k, s in enumerate(lesson.steps, 1)},
            value=self.step,
            visible=True,
        )
        self._listing_steps = False
        self._answer.visible = False
        self._revealed = (*wanted, step.key) in self._answered
        self._choices.param.update(
            options=list(step.choices),
            value=self._answered.get((*wanted, step.key)),
            disabled=self._revealed,
        )
        self._reveal.label = "Check" if step.choices else "Show the answer"
        self._fail = ""
        document = pn.state.curdoc
        if document is None or document.session_context is None or not pn.state.loaded:
            self._enter(wanted, self.step)
        else:  # a browser that lays out figures paints nothing else: first, that it computes
            document.add_timeout_callback(partial(self._enter, wanted, self.step), _PAINTED)
        self._tell()

    def _enter(self, wanted, number):
        """Arrange the stage for a step, and make it first, unless another was opened meanwhile."""
        if (self._stage_of, self.step) != (wanted, number):
            return
        with pn.io.hold():
            if self._stage is None:
                self._stage = self._make_stage()
                self._stage_box[:] = [self._stage.layout]
            key = LESSONS[self.lesson].steps[number - 1].key
            self._stage.enter(key)
            if self._revealed:
                self._stage.reveal(key, self._choices.value)
            self._tell()

    def _make_stage(self):
        module, name = _STAGES[self.lesson]
        stage = getattr(import_module(f"sedflow.dashboard.learn.{module}.stage"), name)
        opened = object()
        self._opened = opened
        return stage(
            Scene(
                self._nsa,
                self._network,
                self.galaxy,
                self.seed,
                run=self._work.run,
                changed=lambda: self._opened is opened and self._tell(),
                code=self.code,
                joined=lambda code: self.param.update(code=code),
                alive=lambda: self._stage is not None and self._opened is opened,
                mark=self._mark,
                best=self.best,
                keep=lambda which, knobs: self.param.update(best={**self.best, which: knobs}),
            )
        )

    def _jump(self, event):
        if event.new and not self._listing_steps:
            self.step = event.new

    def _tell(self):
        """Texts with the facts of the stage, as far as they are known."""
        lesson = LESSONS[self.lesson]
        step = lesson.steps[self.step - 1]
        facts = None if self._stage is None else self._stage.facts(step.key)
        known = facts is not None
        self._seen = self._seen or known or bool(self._fail)
        self._busy.value = self._busy.visible = not known and not self._fail
        self._wait.param.update(visible=not known, styles={} if self._seen else _PLACE)
        self._waiting.object = plain(self._fail) or ("" if known else "Computing …")
        self._text.object = filled(step.text, facts) if known else ""
        self._question.object = f"**{step.question}**" if known and step.question else ""
        self._choices.visible = bool(step.choices) and known
        self._reveal.visible = bool(step.question) and known and not self._revealed
        if self._revealed:
            self._answer.visible = known  # or it would be that of another step
            self._answer.object = self._judged(step, facts) if known else ""

    def _judged(self, step, facts):
        """The answer, after a word on the student's own."""
        if facts.get("pending"):
            return "Computing …"
        right, mine = self._stage.right(step.key), self._choices.value
        answer = filled(step.answer, facts)
        if right is None or mine is None:
            return answer
        if mine == right:
            return f"**Right: {mine}.** {answer}"
        return f"**You said {mine}; it is: {right}.** {answer}"

    def _show_answer(self, event=None):
        if self._stage is None:  # of another galaxy, a moment ago
            return
        step = LESSONS[self.lesson].steps[self.step - 1]
        if step.choices and self._choices.value is None:
            self._answer.param.update(
                object="Choose one first: a wrong guess teaches more than none.", visible=True
            )
            return
        with pn.io.hold():
            self._revealed = self._choices.disabled = True
            self._answered[(*self._stage_of, step.key)] = self._choices.value
            self._stage.reveal(step.key, self._choices.value)
            self._tell()
            self._reveal.visible = False

    def _finish(self, then, result, error):
        """A job is over."""
        if error is not None:
            self._fail = f"{error}."
        else:
            then(result)
        self._tell()
