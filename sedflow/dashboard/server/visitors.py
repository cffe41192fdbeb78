"""Who visits: addresses, their sessions, and how many of each a server takes.

A visitor is an address: of IPv6 its network of 64 bits, since a household or an institute has
one of those. A class behind one router is one visitor, and the limits leave it room.
"""

import ipaddress
import os
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, fields
from functools import lru_cache

from sedflow.dashboard.numbers import whole_number
from sedflow.errors import SedflowError

__all__ = [
    "KEPT_BYTES",
    "VISITORS",
    "Activity",
    "Full",
    "Limits",
    "Visitors",
    "visitor_at",
    "visitor_of",
    "whose",
]

#: Bytes of uploads that all pages of one address keep.
KEPT_BYTES = 64 * 2**20


class Full(SedflowError):
    """The server, or what it grants one visitor, is full; `status` is the HTTP answer."""

    def __init__(self, text, status=503):
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Limits:
    """What one server process takes; each can be set in the environment.

    visitor_sessions : open pages of one address (SEDFLOW_VISITOR_SESSIONS)
    sessions : open pages of all (SEDFLOW_SESSIONS)
    visitor_jobs : long jobs, running or waiting, of one address (SEDFLOW_VISITOR_JOBS)
    waiting_jobs : long jobs of all that may wait (SEDFLOW_WAITING_JOBS)
    """

    visitor_sessions: int = 40
    sessions: int = 120
    visitor_jobs: int = 1
    waiting_jobs: int = 4

    @classmethod
    def from_environment(cls):
        """The limits that the environment sets, the others as they are."""
        found = {}
        for field in fields(cls):
            name = f"SEDFLOW_{field.name.upper()}"
            text = os.environ.get(name, "").strip()
            if text:
                number = whole_number(text, low=1)
                if number is None:
                    raise SedflowError(
                        f"{name}={text[:40]!r} is not a whole number above 0; write {name}=40"
                    )
                found[field.name] = number
        return cls(**found)


def visitor_of(request) -> str:
    """The visitor that a request comes from; "" if it has no address."""
    return visitor_at(str(getattr(request, "remote_ip", "") or ""))


@lru_cache(4096)
def visitor_at(address: str) -> str:
    """The visitor at an address: of IPv6, its network."""
    text = address.split("%")[0]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return text
    mapped = getattr(found, "ipv4_mapped", None)
    if mapped is not None:
        return str(mapped)
    if found.version == 6:
        return str(ipaddress.ip_network((int(found), 64), strict=False))
    return str(found)


def whose() -> tuple[str, str]:
    """(visitor, session) of the code that runs; empty in a notebook or a test."""
    panel = sys.modules.get("panel")
    document = None if panel is None else panel.state.curdoc
    context = None if document is None else document.session_context
    if context is None:
        return "", ""
    return visitor_of(context.request), str(context.id)


class Activity:
    """Which visitors did something lately; a page that is only open does nothing.

    seconds : that a visitor counts as active
    """

    def __init__(self, seconds: float = 5.0, clock=time.monotonic):
        self._seconds, self._clock = seconds, clock
        self._seen: dict[str, float] = {}
        self._lock = threading.Lock()

    def mark(self, visitor: str) -> None:
        """A visitor does something."""
        now = self._clock()
        with self._lock:
            if visitor not in self._seen:
                self._seen = {v: t for v, t in self._seen.items() if now - t < self._seconds}
            self._seen[visitor] = now

    def others(self, visitor: str) -> bool:
        """Whether anybody else is active."""
        now = self._clock()
        with self._lock:
            return any(v != visitor and now - t < self._seconds for v, t in self._seen.items())


class Visitors:
    """The open sessions by visitor, whether another may come, and who is active."""

    def __init__(self, limits: Limits | None = None):
        self._limits = limits
        self.activity = Activity()
        self._of: dict[str, str] = {}
        self._kept: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def limits(self) -> Limits:
        """What visitors may use; what the environment says, unless it was set."""
        if self._limits is None:
            self._limits = Limits.from_environment()
        return self._limits

    @limits.setter
    def limits(self, limits) -> None:
        self._limits = limits

    def enter(self, visitor: str, session: str) -> None:
        """A session begins."""
        with self._lock:
            self._of[session] = visitor

    def leave(self, session: str) -> None:
        """A session has ended."""
        with self._lock:
            self._of.pop(session, None)
            self._kept.pop(session, None)

    def count(self, visitor: str | None = None) -> int:
        """Open sessions of a visitor, or of all."""
        with self._lock:
            return len(self._of) if visitor is None else Counter(self._of.values())[visitor]

    def keep(self, visitor: str, session: str, size: int) -> None:
        """Count the bytes of an upload that a page keeps, in the place of what it kept before.

        Raises
        ------
        Full
            With those of the visitor's other pages they are too many.
        """
        with self._lock:
            self._kept.pop(session, None)
            if not (session and size):
                return
            others = sum(n for s, n in self._kept.items() if self._of.get(s) == visitor)
            if others + size > KEPT_BYTES:
                raise Full(
                    f"the pages of your address would keep {(others + size) / 2**20:,.0f} MB of "
                    f"uploads, and the limit is {KEPT_BYTES / 2**20:,.0f} MB; close some of them, "
                    "or upload fewer columns",
                    429,
                )
            self._kept[session] = size

    def others(self, visitor: str) -> bool:
        """Whether anybody else is active."""
        return self.activity.others(visitor)

    def room(self, visitor: str) -> int:
        """How many more sessions of this visitor are taken."""
        limits = self.limits
        return min(limits.visitor_sessions - self.count(visitor), limits.sessions - self.count())

    def check(self, visitor: str) -> None:
        """Raise `Full` if no further session of this visitor is taken."""
        mine, everybody, limits = self.count(visitor), self.count(), self.limits
        if mine >= limits.visitor_sessions:
            raise Full(
                f"{mine} pages are open from your address, and the limit is "
                f"{limits.visitor_sessions}; close some, and reload this one in half a minute",
                429,
            )
        if everybody >= limits.sessions:
            raise Full(
                f"{everybody} pages are open on this server, and the limit is {limits.sessions}; "
                "reload this one in a few minutes"
            )


#: The visitors of this server process.
VISITORS = Visitors()
