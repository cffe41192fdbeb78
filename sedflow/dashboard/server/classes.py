"""Classes: guesses that many browsers send to one session code, in the memory of this process.

Nothing is written down, no names are asked for, and a class that nobody has used for some hours is
forgotten. Who knows the code can send a guess and see all of them.
"""

import re
import secrets
import threading
import time
from dataclasses import dataclass, field

import numpy as np

from sedflow.dashboard.server.talks import Bucket
from sedflow.errors import SedflowError

__all__ = ["CODE_LENGTH", "Classes", "is_mark", "new_mark", "shared_classes"]

CODE_LENGTH = 5
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ2345679"  # none that is mistaken for another, and no words
_MOST_CLASSES, _MOST_OF_ONE = 40, 4  # of all visitors; opened by one
_MOST_GUESSES = 120  # in a class
_HOURS = 4.0  # without a guess or a look, after which a class is forgotten
_LEFT = 600.0  # seconds without a look; then an empty class gives its place to another
_UNSEEN, _ENDED = 60.0, 3600.0  # the same of a visitor's own: an empty one, and one with guesses
_WRONG = 40, 0.5  # wrong codes of a visitor at once, and more a second
_MARK_BYTES = 8
_MARK = re.compile(f"[0-9a-f]{{{2 * _MARK_BYTES}}}")  # as `frame/mark.js` makes it, too


def new_mark() -> str:
    """What a page sends its guesses to a class under: by chance, and nobody's name."""
    return secrets.token_hex(_MARK_BYTES)


def is_mark(text: str) -> bool:
    """Whether `new_mark` makes such a text.

    >>> is_mark(new_mark()), is_mark("mine")
    (True, False)
    """
    return _MARK.fullmatch(text) is not None


@dataclass
class _Class:
    """Guesses (n_value,) of one galaxy's values, by the mark of the page that sent them."""

    by: str
    seen: float
    galaxy: int = 0
    guesses: dict[str, np.ndarray] = field(default_factory=dict)


class Classes:
    """The classes of a server process.

    Parameters
    ----------
    limits : array (n_value, 2)
        Ends of each value of a guess.
    clock : callable
        Seconds.
    """

    def __init__(self, limits, clock=time.monotonic):
        self._low, self._high = np.asarray(limits, float).T
        self._clock, self._lock = clock, threading.Lock()
        self._classes: dict[str, _Class] = {}
        self._wrong: dict[str, Bucket] = {}

    def __len__(self):
        return len(self._classes)

    def open(self, visitor: str, galaxy: int = 0) -> str:
        """Begin a class for a visitor's address; returns its code.

        galaxy : NSAID of the galaxy that all of it fit

        Raises
        ------
        SedflowError
            There are too many.
        """
        with self._lock:
            self._forget()
            if len(self._classes) >= _MOST_CLASSES:
                self._make_room()
            if self._count(visitor) >= _MOST_OF_ONE:
                self._make_room(visitor)
            mine = self._count(visitor)
            if mine >= _MOST_OF_ONE or len(self._classes) >= _MOST_CLASSES:
                whose = "you have" if mine >= _MOST_OF_ONE else "this server has"
                most = _MOST_OF_ONE if mine >= _MOST_OF_ONE else _MOST_CLASSES
                raise SedflowError(
                    f"{whose} {most} classes open, which is the limit; use one of them, or wait: "
                    + (
                        "an empty one gives its place a minute after its page was closed, "
                        "others an hour after"
                        if mine >= _MOST_OF_ONE
                        else f"a class is forgotten {_HOURS:g} hours after its last guess"
                    )
                )
            while True:
                code = "".join(secrets.choice(_LETTERS) for _ in range(CODE_LENGTH))
                if code not in self._classes:
                    break
            self._classes[code] = _Class(visitor, self._clock(), galaxy)
            return code

    def known(self, text: str, galaxy: int = 0, visitor: str = "") -> str:
        """The code that a text means.

        galaxy : NSAID of the galaxy that a page fits
        visitor : whose wrong codes are counted, so that nobody finds a class by trying

        Raises
        ------
        SedflowError
            No class has it, the class fits another galaxy, or too many wrong ones were tried.
        """
        tried = self._tried(visitor)
        if tried.left() < 1:
            raise SedflowError(
                f"{_WRONG[0]} codes that no class has were tried from your address; wait a minute, "
                "then type the code again"
            )
        try:
            code, one = self._find(text)
        except SedflowError:
            tried.take()
            raise
        if one.galaxy != galaxy:
            raise SedflowError(
                f"the class {code} fits NSAID {one.galaxy}, and this page NSAID {galaxy}; type "
                f"{one.galaxy} as the galaxy of the lessons, then join"
            )
        return code

    def send(self, code: str, mark: str, values) -> None:
        """Keep the guess (n_value,) of a page, in the place of its last one.

        mark : what the page sends its guesses under

        Raises
        ------
        SedflowError
            No class has this code, it is full, or a value is not a number inside its limits.
        """
        values = np.asarray(values, float)
        if values.shape != self._low.shape or not np.isfinite(values).all():
            raise SedflowError(f"a guess has {len(self._low)} numbers; send your knobs again")
        if ((values < self._low) | (values > self._high)).any():
            raise SedflowError("a guess is outside the knobs' limits; send your knobs again")
        _, one = self._find(code)
        with self._lock:
            if mark not in one.guesses and len(one.guesses) >= _MOST_GUESSES:
                raise SedflowError(
                    f"the class {code} has {_MOST_GUESSES} guesses, which is the limit; open "
                    "another class"
                )
            one.guesses[mark] = values

    def guesses(self, code: str) -> np.ndarray:
        """All guesses (n, n_value) of a class, in no order that tells who sent them.

        Raises
        ------
        SedflowError
            No class has this code.
        """
        _, one = self._find(code)
        with self._lock:
            values = [*one.guesses.values()]
        return np.sort(np.reshape(values, (-1, len(self._low))), axis=0)

    def _tried(self, visitor):
        """What is left of the wrong codes that a visitor may try; of nobody's, all."""
        with self._lock:
            if visitor not in self._wrong:
                self._wrong = {v: one for v, one in self._wrong.items() if one.left() < one.burst}
                self._wrong[visitor] = Bucket(_WRONG[1], _WRONG[0], self._clock)
            return self._wrong[visitor] if visitor else Bucket(*_WRONG[::-1])

    def _find(self, text):
        code = str(text)[:64].strip().upper()
        with self._lock:
            self._forget()
            one = self._classes.get(code)
            if one is None:
                raise SedflowError(
                    f"there is no class {code[: 2 * CODE_LENGTH]!r} on this server; ask for the "
                    f"{CODE_LENGTH} letters and digits again, or open a class"
                )
            one.seen = self._clock()
            return code, one

    def _count(self, visitor):
        return sum(one.by == visitor for one in self._classes.values())

    def _make_room(self, visitor=None):
        """Forget the class that was left longest ago, if nobody has sent it a guess.

        visitor : of whose classes; then a minute is long, and so is an hour where it has guesses
        """
        now = self._clock()
        left = [
            (one.seen, code)
            for code, one in self._classes.items()
            if visitor in (None, one.by) and one.seen < now - self._long(visitor, one)
        ]
        if left:
            del self._classes[min(left)[1]]

    def _long(self, visitor, one):
        """Seconds without a look after which a class can give its place to another."""
        if visitor is None:
            return np.inf if one.guesses else _LEFT
        return _ENDED if one.guesses else _UNSEEN

    def _forget(self):
        oldest = self._clock() - 3600 * _HOURS
        for code in [c for c, one in self._classes.items() if one.seen < oldest]:
            del self._classes[code]


_SHARED: dict[bytes, Classes] = {}


def shared_classes(limits) -> Classes:
    """The classes of this process, for guesses with these limits (n_value, 2)."""
    return _SHARED.setdefault(np.asarray(limits, float).tobytes(), Classes(limits))
