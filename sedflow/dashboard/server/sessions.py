"""How a session begins: with a page, or with a socket that came back after its session went."""

import weakref

from bokeh.server.session import ServerSession
from panel.config import config
from panel.io.resources import LOCAL_DIST, patch_model_css
from panel.reactive import Syncable
from tornado.ioloop import IOLoop

from sedflow.dashboard.server.loop_time import LoopTime

__all__ = ["FIRST", "LINGER", "begin", "found_socket", "wait_for_socket"]

#: Seconds that a session outlives its last socket, and that it waits for its first.
LINGER = 15.0
FIRST = 60.0
# A click that comes while a field's change waits is put off with that change, and Panel then takes
# no lock for either: figures, which a click may draw, cannot be changed. It asks for this word.
for _put_off in (Syncable._event_coroutine, Syncable._change_coroutine):
    vars(_put_off)["lock"] = True
_WAITS: weakref.WeakKeyDictionary[ServerSession, object] = weakref.WeakKeyDictionary()


def begin(session: ServerSession, visitor: str, loop_time: LoopTime) -> None:
    """Take the files of a session's page from this server, and ration its time on the loop.

    Panel says where the files are when it writes the page; a document that nobody told this
    would name Panel's server on the net.
    """
    document = session.document
    document._template_variables["theme_name"] = config.theme
    document._template_variables["dist_url"] = LOCAL_DIST
    for root in document.roots:
        patch_model_css(root, dist_url=LOCAL_DIST)
    loop_time.ration(session, visitor)


def wait_for_socket(session: ServerSession) -> None:
    """Keep a session whose page is on its way to the browser: a slow link takes a minute."""
    session.block_expiration()
    there = weakref.ref(session)
    _WAITS[session] = IOLoop.current().call_later(FIRST, lambda: found_socket(there()))


def found_socket(session: ServerSession | None) -> None:
    """Let a session end like any other: its socket has come, or has not in time."""
    if session is not None and _WAITS.pop(session, None) is not None:
        session.unblock_expiration()
