"""The frames of a websocket: how much of them is read, and whether the other end is there."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Iterable
from types import SimpleNamespace

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketProtocol13

__all__ = ["SMALL", "UNREAD", "Wire"]

#: Bytes of a frame's header, which are not counted.
SMALL = 8
#: Bytes that may wait for a visitor to read them; with more it is not heard until it has read.
UNREAD = 2**21
_MOST_UNREAD = 2**26  # with more the socket is closed; the largest file has a third of that
_FRAMES = 64  # that are read before the visitor rests for them
_FRAME = 5e-5  # seconds on the loop that one takes, however little is in it
_TEXT, _BINARY = 1, 2  # what a frame holds
_PATIENCE = 120.0  # seconds that this server may read nothing, and not ask who is there


class Wire(WebSocketProtocol13):
    """Reads what a visitor sends while its sockets together hold no more than they may.

    The answer to a ping lies behind all that was sent before it. So a visitor is there as long
    as anything comes from it, or waits for this server to read on.
    """

    _held_since: float | None = None
    _frames = 0  # that have come

    async def _hold(self, wait: Awaitable):
        self._held_since = time.monotonic()
        try:
            await wait
        finally:
            self._held_since, self._received_pong = None, True

    async def _receive_frame(self):
        if self.handler.is_full:
            await self._hold(self.handler.room())
        self._frames += 1
        if self._frames % _FRAMES == 0:
            await self._hold(self.handler.rest(_FRAMES * _FRAME))
        await super()._receive_frame()

    async def _read_bytes(self, n):
        if n > SMALL:
            await self._hold(self.handler.reserve(n))
        return await super()._read_bytes(n)

    @property
    def _arrived(self):
        return self._wire_bytes_in + self.stream._read_buffer_size

    @property
    def _is_held(self):
        since = self._held_since
        return since is not None and time.monotonic() - since < _PATIENCE

    @property
    def unread(self) -> int:
        """Bytes that wait for the visitor to read them."""
        buffer = self.stream._write_buffer  # none of a stream that is closed
        return 0 if buffer is None else len(buffer)

    def _is_read(self, more=0):
        """Whether the visitor reads what is sent; of who does not, the socket is closed.

        more : bytes that would wait, too
        """
        is_read = self.unread + more <= _MOST_UNREAD
        if not is_read:
            self._abort()
        return is_read

    def write_message(self, message, binary=False):
        """Write what the visitor reads; of who does not read, the socket is closed."""
        if not self._is_read(len(message)):
            nothing = asyncio.get_running_loop().create_future()
            nothing.set_result(None)
            return nothing
        return super().write_message(message, binary)

    async def write_together(self, parts: Iterable[str | bytes]) -> None:
        """Write the frames of one message at once: each alone would wake its reader up.

        Text goes as text, bytes as binary; of who does not read, the socket is closed.
        """
        frames: list[bytes] = []
        stream = self.stream
        self.stream = SimpleNamespace(write=frames.append)  # type: ignore[assignment]
        try:
            for part in parts:
                if isinstance(part, str):
                    self._write_frame(True, _TEXT, part.encode())
                else:
                    self._write_frame(True, _BINARY, part)
        finally:
            self.stream = stream
        if not self._is_read(sum(map(len, frames))):
            return
        try:
            await stream.write(b"".join(frames))
        except StreamClosedError:
            raise WebSocketClosedError from None

    async def periodic_ping(self):
        """Ask whether the visitor is there, and close the socket if nothing comes.

        Who sends, but reads nothing of what waits for it, is not there either.
        """
        interval, timeout = self.ping_interval, self.ping_timeout
        await asyncio.sleep(interval)
        with contextlib.suppress(StreamClosedError):
            while True:
                self._received_pong, before = False, self._arrived
                self.write_ping(b"")
                waits, read = self.unread, self.stream._total_write_done_index
                await asyncio.sleep(timeout)
                if timeout > 0 and waits > SMALL and read == self.stream._total_write_done_index:
                    self._abort()
                    return
                answered = self._received_pong or self._is_held or self._arrived != before
                if timeout > 0 and not answered:
                    self.close(reason="ping timed out")
                    return
                await asyncio.sleep(max(0.0, interval - timeout))
