"""What a visitor, and each session of one, has said lately, and how much more it may say."""

import asyncio
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tornado.iostream import IOStream

from sedflow.dashboard.server.messages import MESSAGE_BYTES

__all__ = ["MOST_REFUSED", "VISITOR_BYTES", "Account", "Accounts", "Bucket", "Talk"]

#: Messages of a visitor that may be refused at once, and one more each half minute; then its
#: sockets are closed.
MOST_REFUSED = 20
#: Bytes that values of all pages of a visitor hold, and as many of messages that it is sending.
VISITOR_BYTES = 4 * MESSAGE_BYTES
_BYTES = MESSAGE_BYTES  # of messages, a second and visitor; more wait
_REFUSED = 1 / 30  # messages, a second and visitor
_CLICKS = 20  # a second and session; more are dropped
_VALUES = 50  # a second and session; more wait
_SLIDES = 250  # of sliders, of which only the latest is looked at; more wait
_BOXES = 20  # and lassos, a second and session; more wait
_PULLS = 0.5  # of the whole document, a second and session; more wait
_VIEWS = 500  # a second and session: sizes and ranges of figures; more wait
_MOST_ACCOUNTS = 1000


@dataclass
class Bucket:
    """A number of things a second, and a burst of more at once."""

    rate: float
    burst: float
    clock: Callable[[], float] = time.monotonic
    _full: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self):
        self._full, self._at = self.burst, self.clock()

    def left(self) -> float:
        """How many there may be at once, now."""
        now = self.clock()
        self._full = min(self.burst, self._full + self.rate * (now - self._at))
        self._at = now
        return self._full

    def take(self, n: float = 1) -> float:
        """Seconds to wait before `n` more are within the rate: 0 if they are, and are taken."""
        n = min(n, self.burst)
        if self.left() >= n:
            self._full -= n
            return 0.0
        return (n - self._full) / self.rate


class Account:
    """What all pages of a visitor use together."""

    def __init__(self):
        self._streams: set[IOStream] = set()
        self.inbox = 0  # bytes of messages that are being read
        self._bytes = Bucket(_BYTES, VISITOR_BYTES)
        self._refused = Bucket(_REFUSED, MOST_REFUSED - 1)

    def open(self, stream: IOStream) -> None:
        """Count a socket until its stream is closed, whoever closes it."""
        self._streams.add(stream)

    @property
    def sockets(self) -> int:
        """Sockets that are open."""
        self._streams = {stream for stream in self._streams if not stream.closed()}
        return len(self._streams)

    async def reserve(self, size: int) -> None:
        """Wait until the messages that the visitor is sending leave room for `size` bytes."""
        while self.inbox + size > VISITOR_BYTES:
            await asyncio.sleep(0.1)
        self.inbox += size
        while (wait := self._bytes.take(size)) > 0:
            await asyncio.sleep(wait)

    def refuse(self) -> bool:
        """Count a message that is refused; whether it is one too many."""
        return self._refused.take() > 0

    @property
    def barred(self) -> bool:
        """Whether too many messages were refused for another socket to be opened."""
        return self._refused.left() < 1

    @property
    def idle(self) -> bool:
        """Whether there is nothing to remember."""
        full = all(b.left() >= b.burst for b in (self._bytes, self._refused))
        return full and not self.sockets and self.inbox <= 0


class Accounts(dict):
    """The account of each visitor, made when it is asked for."""

    def __missing__(self, visitor: str) -> Account:
        if len(self) >= _MOST_ACCOUNTS:
            for other in [v for v, account in self.items() if account.idle]:
                del self[other]
        self[visitor] = Account()
        return self[visitor]


class Talk:
    """What a session has said lately, what the values hold that it has set, and its socket."""

    def __init__(self, visitor: str):
        self.visitor = visitor
        self.held: dict[tuple[str, str], int] = {}
        self.coming: frozenset[tuple[str, str]] = frozenset()  # of these, what is not set yet
        self.clicks = Bucket(_CLICKS, _CLICKS)
        self._socket: Callable[[], tuple[object, int]] = lambda: (None, 0)
        self._rates = {
            "geometry": Bucket(_BOXES, _BOXES),
            "pull": Bucket(_PULLS, 5),
            "slide": Bucket(_SLIDES, 2 * _SLIDES),
            "value": Bucket(_VALUES, 2 * _VALUES),
            "view": Bucket(_VIEWS, 4 * _VIEWS),
        }

    async def turn(self, counts: Mapping[str, int]) -> None:
        """Wait until these numbers of each kind are within their rates."""
        for kind, n in counts.items():
            bucket = self._rates.get("value" if kind == "click" else kind)
            while bucket is not None and (wait := bucket.take(n)) > 0:
                await asyncio.sleep(wait)

    def take_socket(self, socket, number: int) -> object:
        """The session speaks through the newest of its sockets; the one that is to leave, or None.

        number : of the socket, larger than those of all that were opened earlier
        """
        other, latest = self._socket()
        if other is socket:
            return None
        if number < latest:
            return socket
        there = weakref.ref(socket)
        self._socket = lambda: (there(), number)
        return other
