"""The websocket of a page: who may open one, which session it speaks for, and how it ends."""

import contextlib
import itertools
import json
import logging
import time

from bokeh.util.token import (
    check_token_signature,
    generate_jwt_token,
    get_session_id,
    get_token_payload,
)
from tornado.websocket import WebSocketClosedError

from sedflow.dashboard.server.hearing import Hearing
from sedflow.dashboard.server.refusals import say
from sedflow.dashboard.server.sessions import begin, found_socket
from sedflow.dashboard.server.turns import Busy
from sedflow.dashboard.server.visitors import VISITORS, Full, visitor_of
from sedflow.dashboard.server.wire import Wire

__all__ = ["SocketHandler"]

_LOG = logging.getLogger(__name__)
_SOCKETS = 2  # of each session that an address may have: one goes while the next comes
_REASON = 120  # bytes of the reason for which a socket is closed
_NUMBERS = itertools.count(1)


class SocketHandler(Hearing):
    """The websocket of a page that this server gave out."""

    def __init__(self, *args, builds, **kwargs):
        self._builds, self._unsent, self._number = builds, None, 0
        super().__init__(*args, **kwargs)

    async def prepare(self):
        """Refuse what is not a websocket of a page, before the handshake: after it nothing is."""
        await super().prepare()
        if self._finished:
            return
        self._visitor = visitor_of(self.request)
        account = self._accounts[self._visitor]
        if account.barred:
            say(self, 429, "too much was refused that came from your address; reload in a minute")
        elif account.sockets >= _SOCKETS * VISITORS.limits.visitor_sessions:
            say(
                self,
                429,
                f"{account.sockets} sockets are open from your address, which is all that it may "
                "have; close some pages, and reload this one",
            )
        elif self.request.headers.get("Upgrade", "").lower() != "websocket":
            say(self, 400, "this is the websocket of the page at /")
        elif not self._is_signed():
            say(self, 403, "the server chooses the session; reload the page")
        elif not self._is_living and time.time() >= self._payload.get("session_expiry", 0):
            say(self, 403, "this page is too old to be connected again; reload it")

    def _is_signed(self):
        words = self.request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        app = self.application
        if len(words) != 2 or words[0].strip() != "bokeh":
            return False
        token = words[1].strip()
        try:
            if not check_token_signature(
                token, secret_key=app.secret_key, signed=app.sign_sessions
            ):
                return False
            self._session_id, self._payload = get_session_id(token), get_token_payload(token)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return False  # not a token at all
        return True

    @property
    def _is_living(self):
        return self._session_id in self.application_context._sessions

    def open(self, *args, **kwargs):
        """Count the socket; Bokeh does the rest."""
        self._counted, self._number = True, next(_NUMBERS)
        self._accounts[self._visitor].open(self.ws_connection.stream)
        if self._is_living:  # it may be connected again for as long as it lives
            self._token = self._renewed()
        return super().open(*args, **kwargs)

    def _renewed(self):
        app, payload = self.application, dict(self._payload)
        payload.pop("session_expiry", None)
        return generate_jwt_token(
            self._session_id,
            secret_key=app.secret_key,
            signed=app.sign_sessions,
            expiration=app.session_token_expiration,
            extra_payload=payload,
        )

    async def _async_open(self, token):
        """Begin; the session may have gone, then it is a page to build like any other."""
        visitor = self._visitor
        try:
            if self._is_living:
                await self._loop_time.turn(visitor)
                await self._loop_time.measured(visitor, super()._async_open(token))
            else:
                await self._build(token)
        except (Full, Busy) as error:
            _LOG.info("no session for a socket: %s", error)
            self.close(1013, str(error)[:_REASON])
        except WebSocketClosedError:
            pass  # it left before it was let in
        connection = self.connection
        if connection is not None and connection._session is not None:  # it is still there
            self._loop_time.ration(connection.session, visitor)
            found_socket(connection.session)
            self._replace()

    async def _build(self, token):
        """Begin with a new session; what is to be sent is sent after the turn.

        A visitor that does not read would have the turn for as long as it likes.
        """
        VISITORS.check(self._visitor)
        self._unsent = []
        try:
            async with self._builds.turn(self._visitor):
                VISITORS.check(self._visitor)
                if self.ws_connection is not None:
                    await self._loop_time.measured(self._visitor, self._begin(token))
            while self._unsent:
                await self._send(self._unsent.pop(0))
        finally:
            self._unsent = None

    async def _begin(self, token):
        session = await self.application_context.create_session_if_needed(
            self._session_id, self.request, token
        )
        begin(session, self._visitor, self._loop_time)
        await super()._async_open(token)

    def _replace(self):
        """Let go of the earlier socket of the session: each would have every answer."""
        other = self._talk().take_socket(self, self._number)
        if other is not None:
            other.leave()

    def leave(self):
        """Hear and say no more: the page has another socket."""
        connection, self.connection = self.connection, None
        if connection is not None:
            self.application.client_lost(connection)
        self.close(1000, "the page has another socket")

    def get_websocket_protocol(self):
        """Tornado's, which asks before it reads."""
        protocol = super().get_websocket_protocol()
        return protocol and Wire(self, False, protocol.params)

    async def send_message(self, message):
        """Errors without their traceback, which is for the log; nothing while a page is built."""
        if message.msgtype == "ERROR":
            message._content = {"text": "this change was refused", "traceback": None}
        if self._unsent is not None:
            self._unsent.append(message)
        else:
            await self._send(message)

    async def _send(self, message):
        wire = self.ws_connection
        try:
            with await self.write_lock.acquire():
                if wire is None or wire.is_closing():
                    raise WebSocketClosedError
                await wire.write_together(_parts(message))
        except (WebSocketClosedError, AssertionError):
            if self.ws_connection is not None and not self.ws_connection.is_closing():
                raise
            _LOG.debug("a socket closed before its message was sent")

    def on_close(self):
        """Forget the socket."""
        self.deafen()
        with contextlib.suppress(AssertionError):  # its session has ended before it
            super().on_close()


def _parts(message):
    """What Bokeh sends of a message, each in a frame: three texts, and two parts for a buffer."""
    yield from (message.header_json, message.metadata_json, message.content_json)
    for buffer in message.buffers:
        yield json.dumps(buffer.ref)
        yield buffer.to_bytes()
