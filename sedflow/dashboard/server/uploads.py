"""Uploads are read by processes beside the server, a few at a time; others wait in a short queue.

Of each visitor one upload is read, and one waits, so that nobody has all places. A file that takes
too long or too much memory ends its process, never the server, and a fresh process takes its place.
"""

import asyncio
import atexit
import os
import queue
import struct
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from sedflow.dashboard.server.reader import ANSWER_BYTES, MEGABYTES, unpack
from sedflow.dashboard.server.visitors import whose
from sedflow.errors import SedflowError

__all__ = ["Readers", "shared_readers"]

_STARTING = 60.0  # seconds that a process may take to load its libraries
_LONGEST_NAME = 100
_ENVIRONMENT = {
    # Arenas that are reserved and not used would count as memory.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


@dataclass(eq=False)
class _Upload:
    content: bytes
    name: str
    which: str
    visitor: str
    future: Future = field(default_factory=Future)


class Readers:
    """Processes that read uploads.

    Parameters
    ----------
    workers : int
        Uploads that are read at a time.
    waiting : int
        Uploads that may wait.
    seconds, megabytes : float
        That one may take, once it is its turn.
    """

    def __init__(
        self, workers: int = 2, waiting: int = 8, seconds: float = 20.0, megabytes: int = MEGABYTES
    ):
        self.workers, self.waiting = workers, waiting
        self.seconds, self.megabytes = seconds, megabytes
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="sedflow-upload")
        self._idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._read: list[_Upload] = []  # now
        self._wait: list[_Upload] = []
        self._all: set[_Process] = set()
        self._closed = False

    def warm(self) -> None:
        """Start a process before it is needed, unless there is one."""
        with self._lock:
            if self._closed or self._all:
                return
            self._start()

    async def read(self, content: bytes, name: str, which: str = ""):
        """The first rows of an upload as a Table, and how many rows there are.

        which : of several tables; "" for the first with photometry. The metadata of the Table have
        the names of all `tables`, that of this `table`, and `notes`.

        Raises
        ------
        SedflowError
            It cannot be read, takes too long or too much memory, or too many others wait.
        """
        name, which = (
            "".join(c if c.isprintable() else "?" for c in text)[:_LONGEST_NAME]
            for text in (name, which)
        )
        upload = _Upload(content, name, which, whose()[0])
        with self._lock:
            self._check_room(upload.visitor)
            self._wait.append(upload)
            self._advance()
        return unpack(await asyncio.wrap_future(upload.future))

    def _check_room(self, visitor):
        if self._closed:
            raise SedflowError("the server is about to end; upload the file again later")
        # Of a notebook or a test there is one visitor, who has no name.
        if visitor and any(u.visitor == visitor for u in self._wait):
            raise SedflowError(
                "an upload of your address waits to be read, and the limit is 1; upload the file "
                "again in a minute"
            )
        if len(self._read) + len(self._wait) >= self.workers + self.waiting:
            raise SedflowError(
                f"the server reads {self.workers} uploads at a time, and {self.waiting} others "
                "wait; upload the file again in a minute"
            )

    def _advance(self):
        """Begin what waits longest of those of whom nothing is read; with the lock."""
        for upload in list(self._wait):
            busy = {u.visitor for u in self._read if u.visitor}
            if self._closed or len(self._read) >= self.workers:
                return
            if upload.visitor not in busy:
                self._wait.remove(upload)
                if upload.future.set_running_or_notify_cancel():
                    self._read.append(upload)
                    self._pool.submit(self._work, upload)

    def _work(self, upload):
        try:
            answer = self._one(upload.content, upload.name, upload.which)
        except BaseException as error:  # whoever asked is told
            self._done(upload)
            upload.future.set_exception(error)
        else:
            self._done(upload)
            upload.future.set_result(answer)

    def close(self) -> None:
        """End the processes."""
        with self._lock:
            self._closed = True
            for process in self._all:
                process.end()
            self._all.clear()
            for upload in self._wait:
                upload.future.cancel()
            self._wait.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _done(self, upload):
        with self._lock:
            self._read.remove(upload)
            self._advance()

    def _start(self):
        process = _Process(self.megabytes)
        self._all.add(process)
        self._idle.put(process)

    def _take(self):
        """A process that lives."""
        while True:
            with self._lock:
                if self._idle.empty():
                    self._start()
                process = self._idle.get()
                if process.lives():
                    return process
                self._all.discard(process)
            process.end()

    def _one(self, content, name, which=""):
        process = self._take()
        answer, why = process.ask(content, f"{name}\0{which}", self.seconds)
        if answer is not None:
            self._idle.put(process)
            return answer
        with self._lock:
            self._all.discard(process)
        process.end()
        self.warm()
        if why == "start":
            raise SedflowError(
                f"{name} was not read, because the process that reads uploads did not start within "
                f"{_STARTING:g} seconds: the machine is busy; upload the file again in a minute"
            )
        if why == "late":
            raise SedflowError(
                f"{name} took longer than {self.seconds:g} seconds to read, and was given up; keep "
                "only the columns that are needed, or run `sedflow infer`"
            )
        raise SedflowError(
            f"the process that read {name} ended, perhaps because it needed more than "
            f"{self.megabytes:,} MB of memory; keep only the columns that are needed, or run "
            "`sedflow infer`"
        )


class _Process:
    """One process that reads, and the pipes to it."""

    def __init__(self, megabytes):
        self._child = subprocess.Popen(
            [sys.executable, "-m", "sedflow.dashboard.server.reader", str(megabytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | _ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            cwd="/",
            start_new_session=True,
        )

    def lives(self):
        return self._child.poll() is None

    def end(self):
        self._child.kill()
        for pipe in (self._child.stdin, self._child.stdout):
            with suppress(OSError):  # of what could not be written before it ended
                pipe.close()
        self._child.wait()

    def ask(self, content, name, seconds):
        """The answer, or None; and why: "start" or "late" where that took too long, else ""."""
        ready, late = self._within(_STARTING, self._ready)
        if ready is None:
            return None, "start" if late else ""
        answer, late = self._within(seconds, lambda: self._exchange(content, name.encode()))
        return answer, "late" if late else ""

    def _within(self, seconds, work):
        late = threading.Event()

        def give_up():
            late.set()
            self._child.kill()

        timer = threading.Timer(seconds, give_up)
        timer.start()
        try:
            return work(), late.is_set()
        except (OSError, EOFError):
            return None, late.is_set()
        finally:
            timer.cancel()

    def _ready(self):
        return self._exactly(1)

    def _exchange(self, content, name):
        pipe = self._child.stdin
        pipe.write(struct.pack("<IQ", len(name), len(content)) + name)
        pipe.write(content)
        pipe.flush()
        (size,) = struct.unpack("<Q", self._exactly(8))
        if size > ANSWER_BYTES + 1_000_000:
            raise EOFError
        return self._exactly(size)

    def _exactly(self, n):
        answer = self._child.stdout.read(n)
        if len(answer) < n:
            raise EOFError
        return answer


_SHARED = None
_SHARED_LOCK = threading.Lock()


def shared_readers() -> Readers:
    """The readers of this server process."""
    global _SHARED
    with _SHARED_LOCK:
        if _SHARED is None:
            _SHARED = Readers()
            atexit.register(_SHARED.close)
        return _SHARED
