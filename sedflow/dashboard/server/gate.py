"""The gate of the server: what a visitor can reach, and how much of it.

Every request passes here before Bokeh and Panel see it. `ROUTES` is the whole list of what
there is; all else is not found. No answer holds a traceback.
"""

import re
from functools import partial
from urllib.parse import unquote
from weakref import WeakKeyDictionary

from bokeh.server.util import check_allowlist
from bokeh.settings import settings
from panel.io.server import DocHandler
from tornado.netutil import is_valid_ip
from tornado.routing import Router

from sedflow.dashboard.server.beginning import begin_page, has_begun, reload_page
from sedflow.dashboard.server.loop_time import LOOP_TIME
from sedflow.dashboard.server.refusals import HEADERS, RefusalHandler, say
from sedflow.dashboard.server.sessions import begin, wait_for_socket
from sedflow.dashboard.server.sockets import SocketHandler
from sedflow.dashboard.server.talks import Accounts, Talk
from sedflow.dashboard.server.turns import Builds, Busy
from sedflow.dashboard.server.visitors import VISITORS, Full, visitor_at, visitor_of

__all__ = ["CONNECTIONS", "MAX_QUERY", "ROUTES", "Gate", "bound_connections"]

#: Longest query of an address that is read, in characters; of a longer one, nothing is.
MAX_QUERY = 8_000

#: Connections, besides websockets, that one address may have for each page that it may open.
CONNECTIONS = 8

#: What there is: path (a pattern) -> (methods, what it is).
ROUTES = {
    r"/": (("GET",), "the page; each request builds a session of its own"),
    r"/ws": (("GET",), "the websocket of a page; needs the signed token that came with the page"),
    r"/favicon\.ico": (("GET",), "the icon"),
    r"/static/[\w@.~+^/-]+\.(?:css|ico|js|map|mjs|png|svg|ttf|woff|woff2)": (
        ("GET", "HEAD"),
        "scripts, styles, fonts and pictures of Bokeh and Panel",
    ),
}

# What a proxy may say of a visitor, and a visitor of itself. Only the last X-Forwarded-For counts.
_HEARSAY = (
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Prefix",
    "X-Forwarded-Proto",
    "X-Real-Ip",
    "X-Scheme",
    "X-Script-Name",
)
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\n\r\n"  # as Tornado writes it past all handlers


_WITH_PORT = re.compile(r'"?(?:\[(?P<six>[0-9a-fA-F:.]+)\](?::\d+)?|(?P<four>[\d.]+):\d+)"?')


def _without_port(address):
    """An address, behind which some proxies write a port, and brackets around one of IPv6.

    >>> _without_port("9.9.9.9:4711"), _without_port("[2001:db8::1]:443"), _without_port("::1")
    ('9.9.9.9', '2001:db8::1', '::1')
    """
    found = _WITH_PORT.fullmatch(address)
    return (found["six"] or found["four"]) if found else address


class Gate(Router):
    """Lets through what `ROUTES` names, to the page and its websocket by handlers of its own.

    Parameters
    ----------
    app : BokehTornado
        The application behind.
    behind_proxy : bool
        Whether a visitor's address is the last one in X-Forwarded-For.
    """

    def __init__(self, app, behind_proxy: bool = False):
        self._app, self._behind_proxy = app, behind_proxy
        self._accounts, self._loop_time = Accounts(), LOOP_TIME
        self._talks: WeakKeyDictionary[object, Talk] = WeakKeyDictionary()
        self._builds = Builds(
            self._loop_time.left, VISITORS.limits.visitor_sessions, VISITORS.count
        )
        self._routes = [(re.compile(path, re.ASCII), *about) for path, about in ROUTES.items()]

    def start_request(self, server_conn, request_conn):
        """Give the answer the headers of every answer."""
        write = request_conn.write_headers

        def write_headers(start_line, headers, chunk=None):
            for name, value in HEADERS.items():
                headers[name] = value
            return write(start_line, headers, chunk)

        request_conn.write_headers = write_headers
        if request_conn.stream is not None:
            request_conn.stream.write = _with_headers(request_conn.stream.write)
        return super().start_request(server_conn, request_conn)

    def find_handler(self, request, **kwargs):
        """The handler of a request: one of the application's, or a refusal."""
        self._set_address(request)
        if request.method == "GET":  # what a form in its body says would join the query
            request.headers.pop("Content-Type", None)
        path = unquote(request.path)
        for pattern, methods, _ in self._routes:
            if pattern.fullmatch(path) and ".." not in path and "//" not in path:
                if request.method not in methods:
                    return self._refuse(request, 405, f"only {', '.join(methods)} works here")
                if not self._is_called(request):
                    return self._refuse(request, 421, self._names())
                return self._handler(request, path)
        return self._refuse(request, 404, "there is nothing at this address; the page is at /")

    def _is_called(self, request):
        """Whether a request has a name of this server; what a proxy calls it is the proxy's."""
        return self._behind_proxy or check_allowlist(request.host.lower(), self._origins())

    def _origins(self):
        return settings.allowed_ws_origin() or sorted(self._app.websocket_origins)

    def _names(self):
        names = ", ".join(self._origins())
        return f"this server is {names}; for another name, start it with --allow-origin HOST:PORT"

    def _set_address(self, request):
        """Who asks: the socket's other end, or who the proxy there says that it is."""
        seen = _without_port(request.headers.get("X-Forwarded-For", "").split(",")[-1].strip())
        if self._behind_proxy and is_valid_ip(seen):
            request.remote_ip = seen
        for name in _HEARSAY:
            request.headers.pop(name, None)

    def _handler(self, request, path):
        own = {"/": PageHandler, "/ws": SocketHandler}.get(path)
        if own is None:
            return self._app.find_handler(request)
        kwargs = {
            "application_context": self._app.applications["/"],
            "bokeh_websocket_path": "/ws",
            "builds": self._builds,
            "loop_time": self._loop_time,
        }
        if own is SocketHandler:
            kwargs |= {"accounts": self._accounts, "talks": self._talks}
        return self._app.get_handler_delegate(request, own, target_kwargs=kwargs)

    def _refuse(self, request, status, text):
        kwargs = {"status": status, "text": text}
        return self._app.get_handler_delegate(request, RefusalHandler, target_kwargs=kwargs)


def bound_connections(server) -> None:
    """Let one visitor have `CONNECTIONS` a page open to a Tornado HTTP server, and no more."""
    handle = server.handle_stream

    def handle_stream(stream, address):
        visitor = _at(address)
        mine = sum(_at(connection.context.address) == visitor for connection in server._connections)
        if mine >= CONNECTIONS * VISITORS.limits.visitor_sessions:
            stream.close()
        else:
            handle(stream, address)

    server.handle_stream = handle_stream


def _at(address):
    """The visitor at the other end of a connection."""
    return visitor_at(str(address[0])) if isinstance(address, tuple) else ""


def _with_headers(write):
    """`write` of a connection, whose own answers to what is not HTTP have the headers, too."""
    if hasattr(write, "with_headers"):  # a connection's second request
        return write
    lines = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    bad = f"HTTP/1.1 400 Bad Request\r\n{lines}Content-Length: 0\r\nConnection: close\r\n\r\n"

    def written(data):
        return write(bad.encode() if data == _BAD_REQUEST else data)

    written.with_headers = True
    return written


class PageHandler(DocHandler):
    """The page: a new session for whoever asks, as long as there is room."""

    def __init__(self, *args, builds, loop_time, **kwargs):
        self._builds, self._loop_time, self._gone = builds, loop_time, False
        super().__init__(*args, **kwargs)

    def on_connection_close(self):
        self._gone = True
        super().on_connection_close()

    async def get(self, *args, **kwargs):
        """Build the page when its turn comes."""
        request = self.request
        named = {"bokeh-session-id", "bokeh-token"} & {*request.arguments}
        if named or "Bokeh-Session-Id" in request.headers:
            say(self, 403, "the server chooses the session; open the address without one")
            return
        if len(request.query) > MAX_QUERY:
            request.arguments = {"long": [str(len(request.query)).encode()]}
        visitor = visitor_of(request)
        try:
            VISITORS.check(visitor)
            async with self._builds.turn(visitor, partial(self._begin, visitor)):
                if self._gone:
                    return
                VISITORS.check(visitor)
                await self._loop_time.measured(visitor, super().get(*args, **kwargs))
        except Full as error:
            self._refuse(error.status, str(error))
        except Busy as error:
            self._refuse(429, str(error))

    def _begin(self, visitor, waiting):
        """Send the beginning, where there is room for those that wait and the one being built."""
        if VISITORS.room(visitor) > waiting + 1:
            begin_page(self)

    def _refuse(self, status, text):
        if has_begun(self):  # asked for again, it is refused before it begins
            reload_page(self)
        else:
            say(self, status, text)

    async def get_session(self):
        """The new session, which waits for its socket."""
        session = await super().get_session()
        begin(session, visitor_of(self.request), self._loop_time)
        wait_for_socket(session)
        return session

    def write_error(self, status_code, **kwargs):
        """No more than that it went wrong; the log says what."""
        say(self, status_code, "this page could not be built; the server's log says why")
