"""Class mode of the lesson: guesses of many browsers in one histogram."""

from collections.abc import Callable

import numpy as np
import panel as pn
from bokeh.models import Range1d

from sedflow.dashboard.learn.by_hand import lesson
from sedflow.dashboard.learn.plots import Plot
from sedflow.dashboard.learn.stage import pane
from sedflow.dashboard.server.classes import CODE_LENGTH, new_mark, shared_classes
from sedflow.dashboard.server.visitors import whose
from sedflow.dashboard.widgets import PRESSED, plain, prose
from sedflow.errors import SedflowError
from sedflow.palette import DATA, MODEL

_EVERY = 3000  # ms between two looks at a class
_BINS = 24
_LIMITS = [(low, high) for _, _, low, high, _ in lesson.KNOBS.values()]
_HINT = (
    "**With a class**: open one, and tell the others its code, or send them the link to this page. "
    "After *Send my best* all see your best knobs in the histogram. No names are kept, and nothing "
    "is written to disk."
)
#: Of a class in a presentation, which shows its guesses: first, and without what was for joining.
_FIRST = ":host { order: var(--sf-class-place, 0); }"


class Together:
    """Opens or joins a class, sends the student's best, and shows what all have sent.

    Parameters
    ----------
    best : callable
        The student's knobs by name.
    code : str
        Of a class to join at once; empty for none.
    joined : callable(code)
        Told the code of the class that was joined.
    alive : callable
        Whether the lesson is still open.
    galaxy : int
        NSAID of the galaxy that is fitted; nobody joins a class that fits another.
    mark : callable
        What the page sends its guesses under.
    """

    def __init__(
        self,
        best: Callable[[], dict[str, float]],
        code: str,
        joined: Callable[[str], object],
        alive: Callable[[], bool],
        galaxy: int = 0,
        mark: Callable[[], str] = new_mark,
    ):
        self._best, self._joined, self._alive, self._galaxy = best, joined, alive, galaxy
        self._me, self._mark = "", mark  # nobody's name; the page says it when it is there
        self.classes = shared_classes(_LIMITS)
        self.code, self._clock = "", None
        self._drawn: tuple = ()  # what of
        self._field = pn.widgets.TextInput(
            label="code of the class", width=110, max_length=2 * CODE_LENGTH
        )
        self._join = pn.widgets.Button(label="Join")
        self._open = pn.widgets.Button(label="Open a class")
        self._send = pn.widgets.Button(label="Send my best", color="primary", visible=False)
        self._join.on_click(lambda event: self.join(str(self._field.value)))
        self._open.on_click(lambda event: self.open())
        self._send.on_click(lambda event: self.send())
        # Short, so that all fit beside each other on a phone; the axis has the rest.
        labels = {label.partition(",")[0]: name for name, (label, *_) in lesson.KNOBS.items()}
        self._knob = pn.widgets.RadioButtonGroup(
            label="knob of the histogram",
            options=labels,
            value=next(iter(lesson.KNOBS)),
            visible=False,
            stylesheets=[PRESSED],
        )
        self._knob.param.watch(lambda event: self.draw(), "value")
        self._text = prose(_HINT)
        self.plot = Plot("class", "knob", "guesses", 220, y_range=Range1d(start=0, end=5))
        self.plot.bars("all", "the class", color=MODEL, alpha=0.6)
        self.plot.line("mine", "your best", color=DATA, line_width=3)
        self._pane = pane(self.plot)
        self._pane.visible = False
        self.layout = pn.Column(
            self._text,
            pn.FlexBox(self._field, self._join, self._open, self._send, align_items="end"),
            self._knob,
            self._pane,
            sizing_mode="stretch_width",
        )
        if code:
            self.join(code)

    def open(self) -> None:
        """Begin a class, and join it."""
        self._try(lambda: self.join(self.classes.open(whose()[0], self._galaxy)))

    def join(self, text: str) -> None:
        """Join the class of a code."""

        def enter():
            self.code = self.classes.known(text, self._galaxy, whose()[0])
            self._field.value = self.code
            self._send.visible = self._knob.visible = self._pane.visible = True
            self.layout.stylesheets = [_FIRST]
            for one in (self._field, self._join, self._open):
                one.css_classes = ["work"]
            self._joined(self.code)
            self._watch()
            self.draw()

        self._try(enter)

    def send(self) -> None:
        """Send the student's best knobs, in the place of those sent before."""
        best = self._best()
        values = [float(np.clip(best[k], *_LIMITS[i])) for i, k in enumerate(lesson.KNOBS)]

        def send():
            self._me = self._me or self._mark()
            self.classes.send(self.code, self._me, values)

        self._try(send)
        self.draw()

    def draw(self) -> None:
        """Draw the guesses of the class."""
        if self.code:
            self._try(self._draw)

    def _draw_news(self):
        """Draw where something is new: a hundred pages look every three seconds."""
        if self.code and self._seen() != self._drawn:
            self._draw()

    def _seen(self):
        """What the plot is made of."""
        guesses = self.classes.guesses(self.code)
        return guesses.tobytes(), tuple(self._best().values()), self._knob.value

    def _draw(self):
        self._drawn = self._seen()
        guesses = self.classes.guesses(self.code)
        name = self._knob.value
        k = [*lesson.KNOBS].index(name)
        low, high = _LIMITS[k]
        counts, edges = np.histogram(guesses[:, k], _BINS, (low, high))
        middle = 0.5 * (edges[1:] + edges[:-1])
        top = 1.1 * max(counts.max(), 4)
        self.plot.figure.renderers[0].glyph.width = 0.92 * (edges[1] - edges[0])
        self.plot.show("all", x=middle, bottom=np.zeros(_BINS), top=counts)
        mine = float(self._best()[name])
        self.plot.show("mine", x=np.array([mine, mine]), y=np.array([0.0, top]))
        self.plot.ends((low, high), (0.0, top))
        self.plot.figure.xaxis.axis_label = lesson.KNOBS[name][0]
        n = len(guesses)
        said = "no guess yet" if not n else f"{n} guess{'es' if n > 1 else ''}"
        if n:
            label = lesson.KNOBS[name][0].partition(",")[0]
            said += f", the middle of {label} is {np.median(guesses[:, k]):.2f}"
        self._text.object = f"**Class {self.code}**: {said}."

    def _watch(self):
        """Look again from time to time, as long as the lesson is open."""
        document = pn.state.curdoc
        if self._clock is not None or document is None or document.session_context is None:
            return

        def look():
            if self._alive():
                self._try(self._draw_news)
            elif self._clock is not None:
                self._clock.stop()

        self._clock = pn.state.add_periodic_callback(look, _EVERY)

    def _try(self, function):
        try:
            function()
        except SedflowError as error:
            text = str(error)
            self._text.object = f"{plain(text[0].upper() + text[1:])}."
