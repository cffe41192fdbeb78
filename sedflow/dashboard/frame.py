"""Words between the frame of the page and its session: what a visitor asks, what the page shows."""

import json
import secrets
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext

import panel as pn
from bokeh.models import CustomJS
from bokeh.models.widgets import TextInput
from panel.io.state import set_curdoc

_REPEATED = 8  # sentences for the visitor that are sent again
_MOST = 200  # addresses that a session remembers for the browser's Back


class Frame:
    """The two channels of a page, and the addresses that it has had.

    Parameters
    ----------
    hear : callable(word, rest)
        Told what the visitor asks: "view explore", "find 72", "next", "pin", "clear", ...
    go : callable(query)
        Told an address that the visitor goes back to.
    """

    def __init__(self, hear: Callable[[str, str], None], go: Callable[[str], None]):
        self._hear, self._go = hear, go
        self._session = secrets.token_hex(8)
        self._queries: list[str] = []
        self._at = -1  # which of them is shown
        self.found = 0  # galaxies that the search has found
        self._first = 0  # number of the first address that is remembered
        # Numbered: of two words that come at once only the later one arrives.
        self._told: deque[tuple[int, str, bool]] = deque(maxlen=_REPEATED)
        self._count = 0
        self._said = TextInput(name="frame_say", value="")
        self._said.on_change("value", self._heard)
        self._show = pn.widgets.TextInput()
        self._show.jscallback(value="window.sedflow?.show(JSON.parse(cb_obj.value))")
        self.present = ""  # how the page is presented: "", "all", or the part that is alone
        self._busy = pn.widgets.Checkbox()
        self._busy.jscallback(value="window.sedflow?.busy(cb_obj.active)")
        self._works = pn.widgets.Checkbox()
        self._works.jscallback(value="window.sedflow?.works(cb_obj.active)")
        self._holds = pn.widgets.Checkbox()
        self._holds.jscallback(value="window.sedflowUpload?.hold(cb_obj.active)")
        flags = (self._busy, self._works, self._holds)
        self.channel = pn.Column(pn.pane.Bokeh(self._said), self._show, *flags)

    def begin(self, document) -> None:
        """Let a document tell its page when the server is lost, and when it is back.

        The page tells once what it sends guesses to a class under, and whether its system is dark.
        """
        code = (
            "window.sedflow?.say(`mark ${window.sedflowMark}`);"
            "if (matchMedia('(prefers-color-scheme: dark)').matches)"
            " window.sedflow?.say('system dark')"
        )
        document.js_on_event("document_ready", CustomJS(code=code))
        document.js_on_event("connection_lost", CustomJS(code="window.sedflow?.lost()"))
        document.js_on_event("client_reconnected", CustomJS(code="window.sedflow?.found()"))

    @property
    def now(self) -> str:
        """What the page is, as JSON."""
        return self._show.value or "null"

    def _heard(self, attr, old, new):
        document = self._said.document
        # Panel names the page to what it calls itself; what is begun here needs the name too.
        with nullcontext() if document is None else set_curdoc(document):
            self._obey(new)

    def _obey(self, new):
        _, _, text = new.partition(" ")
        word, _, rest = text.partition(" ")
        if word == "go":
            k = int(rest) - self._first if rest.isascii() and rest.isdigit() else -1
            if 0 <= k < len(self._queries):
                self._at = k
                self._go(self._queries[k])
            return
        self._hear(word, rest)

    def show(self, view: str, title: str, query: str, push: bool, says=(), brief=False) -> None:
        """Tell the page what it is now.

        push : whether the browser's Back leads to what was before
        says : sentences for the visitor; brief ones go away by themselves
        """
        if push or not self._queries:
            self._queries[self._at + 1 :] = [query]
            if len(self._queries) > _MOST:
                del self._queries[0]
                self._first += 1
            self._at = len(self._queries) - 1
        else:
            self._queries[self._at] = query
        for text in says:
            self._count += 1
            self._told.append((self._count, text, brief))
        self._show.value = json.dumps(
            {
                "view": view,
                "title": title,
                "query": query,
                "push": push,
                "found": self.found,
                "says": list(self._told),
                "n": self._first + self._at,
                "session": self._session,
                "present": self.present,
            }
        )

    def take_back(self, beginning: str) -> None:
        """Let what was said no longer be there, of sentences that begin so: it was put right.

        The page hears of it with what is shown next.
        """
        kept = [one for one in self._told if not one[1].startswith(beginning)]
        if len(kept) < len(self._told):
            self._told = deque(kept, maxlen=_REPEATED)

    def busy(self, is_busy: bool) -> None:
        """Show or hide the line that says that something is being computed."""
        self._busy.value = is_busy

    def works(self, does: bool) -> None:
        """Say whether a long job of this page runs, which ends with the page."""
        self._works.value = does

    def holds(self, does: bool) -> None:
        """Say whether there is an uploaded catalogue, which a page that is loaded again misses."""
        self._holds.value = does
