"""The server of the app: `sedflow serve`. It listens, says so, and ends when it is told to."""

import errno
import ipaddress
import os
import re
import secrets
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import panel as pn

from sedflow.bands import reading_curves
from sedflow.dashboard.server.gate import Gate, bound_connections
from sedflow.dashboard.server.log import guard, hush
from sedflow.dashboard.server.messages import MESSAGE_BYTES
from sedflow.dashboard.server.sessions import LINGER
from sedflow.dashboard.server.visitors import VISITORS, Limits
from sedflow.dashboard.site import page, warm_up
from sedflow.errors import SedflowError

__all__ = ["serve"]

_BODY = 65_536  # of a request: no page sends one
_ORIGIN = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[^\s:/\[\]@]+)(?::(?P<port>\d{1,5}|\*))?")
_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_HERE = (*_LOCAL, "0.0.0.0", "[::]")
_SHORTEST_KEY = 32  # characters
_MAKE_KEY = 'python -c "import secrets; print(secrets.token_urlsafe(48))"'


def serve(
    run: str | Path | None = None,
    port: int = 5006,
    address: str = "127.0.0.1",
    origins: Sequence[str] = (),
    limits: Limits | None = None,
    behind_proxy: bool = False,
    started: Callable[[str], object] | None = None,
) -> None:
    """Serve the app until SIGINT or SIGTERM.

    Parameters
    ----------
    run : path, optional
        Output of `sedflow infer` to browse.
    origins : sequence of str
        HOST:PORT that browsers reach the app by; default the address itself and localhost.
    limits : Limits, optional
        What visitors may use; default what the environment says.
    behind_proxy : bool
        Whether a visitor's address is the last one in X-Forwarded-For, which only a proxy may
        be trusted with.
    started : callable(str), optional
        Told the address, once the server listens.

    Raises
    ------
    SedflowError
        The port or the address cannot be listened on, an origin is not HOST:PORT, or the key that
        the environment names can be guessed.
    """
    if not 1 <= port <= 65_535:
        raise SedflowError(f"--port {port} is not a port; choose one from 1024 to 65535")
    VISITORS.limits = limits or Limits.from_environment()
    key = _secret()
    _free(address, port)
    known = _names(origins or [f"{_bracketed(address)}:{port}", f"localhost:{port}"])
    warm_up()
    try:
        server = pn.io.server.get_server(
            {"/": lambda: page(run)},
            port=port,
            address=address,
            websocket_origin=["localhost"],  # Bokeh takes no IPv6: `known` has them all
            start=False,
            show=False,
            verbose=False,
            title="SEDflow Explorer",
            # Sessions are the server's to name: a visitor's own is refused.
            sign_sessions=True,
            secret_key=key,
            include_headers=[],
            include_cookies=[],
            unused_session_lifetime_milliseconds=int(1000 * LINGER),
            check_unused_sessions_milliseconds=int(1000 * LINGER / 3),
            websocket_max_message_size=MESSAGE_BYTES,
            websocket_ping_interval=20,
            websocket_ping_timeout=20,
            http_server_kwargs={
                "xheaders": False,  # Tornado would believe X-Real-Ip of a visitor
                "max_body_size": _BODY,
                "body_timeout": 10,
                "idle_connection_timeout": 120,
            },
        )
    except OSError as error:
        raise SedflowError(_why_not(error, address, port)) from None
    server._tornado.websocket_origins.clear()
    server._tornado.websocket_origins.update(known)
    server._http.request_callback = Gate(server._tornado, behind_proxy)
    if not behind_proxy:  # all come from the proxy
        bound_connections(server._http)
    loop = server.io_loop
    guard()
    hush(loop.asyncio_loop)  # type: ignore[attr-defined]

    def stop(*_):
        loop.asyncio_loop.call_soon_threadsafe(loop.stop)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    server.start()
    if started is not None:
        started(f"http://{_bracketed(address)}:{port}")
    with reading_curves(False):  # visitors write names of bands
        loop.start()
    server.stop(wait=False)


def _secret() -> bytes:
    """The key that signs sessions: the environment's, or one of this process alone."""
    key = os.environ.get("BOKEH_SECRET_KEY")
    if key is None:
        return secrets.token_urlsafe(48).encode()
    if len(set(key)) < 8 or len(key.strip()) < _SHORTEST_KEY:
        raise SedflowError(
            f"BOKEH_SECRET_KEY has {len(key.strip())} characters, and can be guessed; make one of "
            f"{_SHORTEST_KEY} or more ({_MAKE_KEY}), or unset it, and the server makes its own"
        )
    return key.encode()


def _bracketed(address):
    return f"[{address}]" if ":" in address else address


def _names(origins):
    """Names that browsers give the server, with ports; those of this machine are one.

    Browsers leave the ports of http and https out, and Bokeh reads 80 then; they write addresses
    of IPv6 in one way.

    >>> sorted(_names(["SED.example.org", "localhost:5006"]))
    ['127.0.0.1:5006', '[::1]:5006', 'localhost:5006', 'sed.example.org:80']
    >>> sorted(_names(["sed.example.org:443", "[2001:DB8:0::1]:5006"]))
    ['[2001:db8::1]:5006', 'sed.example.org:443', 'sed.example.org:80']
    """
    names = set()
    for origin in map(str.lower, origins):
        found = _ORIGIN.fullmatch(origin)
        if not found:
            raise SedflowError(
                f"--allow-origin {origin[:64]!r} is not HOST:PORT; give what the browser's "
                "address has between // and the next /, as sed.example.org or localhost:5006"
            )
        host, port = _shortened(found["host"]), found["port"] or "80"
        hosts = (host, *_LOCAL) if host in _HERE else (host,)
        ports = (port, "80") if port == "443" else (port,)
        names |= {origin} if origin == "*" else {f"{h}:{p}" for h in hosts for p in ports}
    return names


def _shortened(host):
    try:
        return f"[{ipaddress.IPv6Address(host.strip('[]'))}]"
    except ValueError:  # no address of IPv6
        return host


def _free(address, port):
    """Raise at once if the address cannot be listened on, before anything is loaded."""
    try:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, place = found[0]
        with socket.socket(family, kind, protocol) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(place)
            s.listen(1)
    except (OSError, UnicodeError) as error:
        raise SedflowError(_why_not(error, address, port)) from None


def _why_not(error, address, port):
    """The sentence for an address that cannot be listened on."""
    code = getattr(error, "errno", None)
    if code == errno.EADDRINUSE:
        return f"port {port} of {address} is in use; choose another with --port"
    if code in (errno.EACCES, errno.EPERM):
        return f"port {port} is the system's; choose one from 1024 to 65535 with --port"
    return (
        f"{address[:64]!r} is not an address of this machine; give --address 127.0.0.1, or 0.0.0.0 "
        "for all of them"
    )
