"""What a page says is heard one message after another, each when it is its visitor's turn.

Frames are read meanwhile: what has been read waits in a queue with a bound.
"""

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict, deque
from itertools import groupby

from bokeh.core.property.descriptors import UnsetValueError
from bokeh.protocol.exceptions import MessageError, ProtocolError, ValidationError
from panel.io.server import WSHandler
from tornado.websocket import WebSocketClosedError

from sedflow.dashboard.server.fragments import Fragments, weigh
from sedflow.dashboard.server.messages import MESSAGE_BYTES, Late, Refused, check
from sedflow.dashboard.server.talks import VISITOR_BYTES, Talk
from sedflow.dashboard.server.wire import SMALL, UNREAD

__all__ = ["UNHEARD", "Hearing"]

#: Fragments of a socket that wait to be heard, three or more a message; then no more is read.
UNHEARD = 1_500
_BYTES = 2**20  # of messages that wait or are heard, of a socket; then no more is read either
_LOG = logging.getLogger(__name__)
_LONG = 4_000  # characters of a content that is not parsed before the visitor has rested
_SESSION_BYTES = MESSAGE_BYTES  # that values hold which a page has set
_NOTHING = "{}"  # in the place of a content that is not parsed


class Hearing(WSHandler):
    """A websocket that hears no more than a page says."""

    def __init__(self, *args, accounts, talks, loop_time, **kwargs):
        self._accounts, self._talks, self._loop_time = accounts, talks, loop_time
        self._visitor, self._counted = "", False
        self._fragments, self._length = Fragments(), 0
        self._unheard: deque[tuple[str | bytes, int]] = deque()
        self._room = asyncio.Event()
        self._hearing: asyncio.Task | None = None
        self._is_hearing = False
        # Bytes: in all; of a frame that is being read; of the message that is being heard.
        self._reserved = self._reading = self._in_hand = 0
        self._too_heavy: Refused | None = None
        self._had_turn = False
        self._slides: OrderedDict = OrderedDict()
        self._sliding: asyncio.Task | None = None
        super().__init__(*args, **kwargs)

    @property
    def is_full(self) -> bool:
        """Whether so much waits to be heard that no more is to be read.

        What is not a whole message yet must be read on.
        """
        heavy = self._is_hearing and self._reserved >= _BYTES
        return heavy or len(self._unheard) >= UNHEARD

    async def room(self):
        """Wait until half of the fragments that waited, and all that was long, has been heard."""
        self._room.clear()
        await self._room.wait()

    async def rest(self, seconds: float):
        """Count time that frames took of the loop, and wait for the visitor's turn."""
        if self._counted:
            self._loop_time.charge(self._visitor, seconds)
            await self._loop_time.turn(self._visitor)

    async def reserve(self, size: int):
        """Wait until the visitor may send `size` more bytes."""
        if self._counted:
            self._reserved += size
            self._reading += size
            await self._accounts[self._visitor].reserve(size)

    def _release(self, size):
        size = min(size, self._reserved)
        self._reserved -= size
        if size:
            self._accounts[self._visitor].inbox -= size

    def on_message(self, fragment):
        """Put a fragment behind those that wait to be heard; the next frame is read at once."""
        self._unheard.append((fragment, self._reading))
        self._reading = 0
        if self._hearing is None or self._hearing.done():
            self._is_hearing = True
            self._hearing = asyncio.ensure_future(self._hear_all())

    def on_ping(self, data):
        """Nothing of it is kept."""
        if len(data) > SMALL:
            self._reading -= min(len(data), self._reading)
            self._release(len(data))

    def on_pong(self, data):
        """Nothing of it is kept either."""
        self.on_ping(data)

    def deafen(self):
        """Hear no more of what waits."""
        self._unheard.clear()
        self._room.set()
        self._release(self._reserved)

    async def _hear_all(self):
        try:
            while self._unheard:
                fragment, size = self._unheard.popleft()
                self._in_hand += size
                if await self._take(fragment):
                    self._release(self._in_hand)
                    self._in_hand, self._had_turn = 0, False
                    await asyncio.sleep(0)  # others have the loop between any two
                if len(self._unheard) <= UNHEARD // 2 and self._reserved < _BYTES:
                    self._room.set()
        finally:
            self._is_hearing = False
            self._room.set()

    @property
    def _is_here(self):
        """Whether the socket, and the session that it speaks for, are still there."""
        wire, connection = self.ws_connection, self.connection
        return (
            wire is not None
            and not wire.is_closing()
            and connection is not None
            and connection._session is not None
        )

    async def _turn(self):
        """Wait for the visitor's turn, once a message."""
        if not self._had_turn:
            await self._loop_time.turn(self._visitor, new=True)
        self._had_turn = True

    async def _take(self, fragment):
        """Fragments become a message, if a page sends such; whether it was heard, or given up."""
        if len(fragment) > _LONG:
            await self._turn()
        if self.ws_connection is None or self.ws_connection.is_closing():
            return True
        begun = time.perf_counter()
        try:
            if self.connection is None:
                raise Refused("a message before the session began")
            weighed = self._weighed(fragment) if self._fragments.awaits_content else fragment
            complete = self._fragments.take(fragment)
            message = await self.receiver.consume(weighed)
        except (Refused, MessageError, ProtocolError, ValidationError) as error:
            self._end(error if isinstance(error, Refused) else "not a message")
            return True
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self._end("not a message")
            return True
        finally:
            self._loop_time.charge(self._visitor, time.perf_counter() - begun)
        if not complete:
            return False
        with self._handling("message"):
            await self._hear(message)
        return True

    @contextlib.contextmanager
    def _handling(self, what):
        """Whatever goes wrong ends the socket, and not the task that hears it."""
        try:
            yield
        except WebSocketClosedError:
            pass  # it left meanwhile
        except Exception:
            _LOG.exception("a %s could not be handled", what)
            self._end("not handled")

    def _weighed(self, content):
        """The content, or nothing where it is not worth the time to parse it."""
        self._too_heavy, self._length = None, len(content)
        try:
            if isinstance(content, str):
                weigh(content)
        except Refused as error:
            self._too_heavy = error
            return _NOTHING
        return content

    def _end(self, why):
        _LOG.info("a socket of %s was closed: %s", self._visitor, why)
        self.close(1008, "a page does not say this")

    async def _hear(self, message):
        """Only what a page says: it may not put another document in the place of its own."""
        if not self._is_here:
            return
        if message.msgtype not in ("PATCH-DOC", "PULL-DOC-REQ", "SERVER-INFO-REQ"):
            self._end(Refused("a message that no page sends"))
            return
        talk = self._talk()
        if message.msgtype != "PATCH-DOC":
            if self._too_heavy is not None:
                await self._refuse(message, self._too_heavy)
                return
            await talk.turn({"pull": 1})
            await self._slid()
            await self._do(message)
            return
        try:
            said = self._check(message, talk)
        except Late:
            await talk.turn({"view": 1})
            return
        except Refused as error:
            await self._refuse(message, error)
            return
        if said.counts["click"] and talk.clicks.take():
            return
        if said.slides is not None:
            await talk.turn({"slide": 1})
            await self._loop_time.turn(self._visitor)  # hundreds of them take their time, too
            self._slide(said.slides, message, talk)
            return
        await talk.turn(said.counts)
        await self._slid()
        for part in _parts(message, said.counts["value"]):
            if part is not message:
                self._had_turn = False
                if not self._is_here or _has_left(part, self.connection.session.document):
                    continue
            await self._do(part)
        talk.coming = frozenset()

    def _talk(self):
        session = self.connection.session
        talk = self._talks.get(session)
        if talk is None:
            talk = self._talks[session] = Talk(self._visitor)
        return talk

    def _check(self, message, talk):
        """What a message does; raises `Refused`, or `Late` where that is short."""
        begun = time.perf_counter()
        try:
            if self._too_heavy is not None:
                raise self._too_heavy
            said = check(message.content, self.connection.session.document.models.get_by_id)
            self._hold(talk, said.held)
            return said
        except Late as error:
            if self._length > _LONG:
                raise Refused("much of a model that has left") from error
            raise
        finally:
            self._loop_time.charge(self._visitor, time.perf_counter() - begun)

    def _slide(self, key, message, talk):
        """Do what a slider says when it is this visitor's turn; by then it may say another."""
        self._slides.pop(key, None)
        self._slides[key] = message
        if self._sliding is None or self._sliding.done():
            self._sliding = asyncio.ensure_future(self._do_slides(talk))

    async def _do_slides(self, talk):
        with self._handling("slider"):
            while self._slides:
                await talk.turn({"value": 1})
                await self._caught_up()
                await self._loop_time.turn(self._visitor, new=True)
                if not self._is_here:
                    return
                (model, _), message = self._slides.popitem(last=False)
                if self.connection.session.document.models.get_by_id(model) is not None:
                    await self._act(message)

    async def _slid(self):
        """Wait until what sliders said before is done."""
        if self._sliding is not None:
            await self._sliding

    async def _caught_up(self):
        """Wait until the visitor has read most of what it was sent."""
        while self._is_here and self.ws_connection.unread > UNREAD:
            await asyncio.sleep(0.05)

    async def _do(self, message):
        await self._caught_up()
        await self._turn()
        if self._is_here:
            await self._act(message)

    async def _act(self, message):
        work = await self._loop_time.measured(self._visitor, self._handle(message))
        if work:
            await self._schedule(work)

    def _hold(self, talk, held):
        """Count what values hold, with what they held before."""
        if not any(held.values()):
            talk.held = {key: size for key, size in talk.held.items() if key not in held}
            return
        mine = 0
        for session, other in self._talks.items():
            if other.visitor == talk.visitor and not session.destroyed:
                other.held = _still_held(session.document, other)
                mine += sum(other.held.values())
        after = talk.held | held
        if sum(after.values()) > _SESSION_BYTES:
            raise Refused("more than a page may hold")
        if mine + sum(held.values()) > VISITOR_BYTES:
            raise Refused("more than the pages of a visitor may hold")
        talk.held = {key: size for key, size in after.items() if size}
        talk.coming = frozenset(held)

    async def _refuse(self, message, why):
        """Say so; after some, the socket is closed, and the visitor opens none for a while."""
        if self._accounts[self._visitor].refuse():
            self._end(f"too many messages were refused, the last: {why}")
            return
        _LOG.info("a message of %s was refused: %s", self._visitor, why)
        await self.send_message(self.connection.error(message, "refused"))


def _parts(message, values):
    """A message, or the changes of each model alone if it sets several values.

    Others have turns between them; a file comes with its name and kind.
    """
    if values <= 1:
        return [message]
    parts = []
    for _, events in groupby(message.content["events"], _about):
        content = {**message.content, "events": [*events]}
        part = type(message)(message.header, message.metadata, content)
        for buffer in message.buffers:
            part.add_buffers(buffer)
        parts.append(part)
    return parts


def _about(event):
    """The model that a change is of; a click or a box is of none."""
    return event.get("model", {}).get("id")


def _has_left(part, document):
    """Whether the model of a change has left the page since, perhaps by a change before it."""
    model = _about(part.content["events"][0])
    return model is not None and document.models.get_by_id(model) is None


def _still_held(document, talk):
    """Of the values that a page has set, those that it has still: a file is forgotten once read."""

    def is_held(model, name):
        with contextlib.suppress(UnsetValueError):  # of a field that nobody has filled
            return bool(getattr(document.models.get_by_id(model), name, None))
        return False

    return {key: size for key, size in talk.held.items() if key in talk.coming or is_held(*key)}
