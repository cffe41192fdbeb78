"""Visitors without a browser: a page over HTTP, a websocket, hand-made messages.

What the benchmarks and the tests of the server share. A visitor of another address of this
machine (127.0.0.2) is another visitor to the server.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

ROOT = Path(__file__).parent.parent
_TOKEN = re.compile(r'"token":"([^"]+)"')


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def serving(*options, environment=None, log=subprocess.DEVNULL, command="serve"):
    """A running `sedflow serve` on a port of its own, as (process, address of the page)."""
    port = free_port()
    if command == "serve":
        words = ["-m", "sedflow.cli", "serve", "--port", str(port), *options]
        page = f"http://127.0.0.1:{port}/"
    else:
        words = ["-m", "panel", "serve", str(ROOT / "app.py"), "--address", "127.0.0.1"]
        words += ["--port", str(port), "--allow-websocket-origin", f"127.0.0.1:{port}", *options]
        page = f"http://127.0.0.1:{port}/app"
    process = subprocess.Popen(
        [sys.executable, *words],
        stdout=log,
        stderr=log,
        start_new_session=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
    )
    try:
        until_it_answers(process, page)
        yield process, page
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def until_it_answers(process, page, seconds=90):
    """Until the server gives a page."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(page, timeout=seconds).read()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"no page at {page}; the server's exit code is {process.poll()}")


class Visitor:
    """One session; `await Visitor.open(page)`."""

    def __init__(self, page, source=None):
        self.page, self.source = page, source
        self.socket, self.models, self.pulled, self._sent = None, {}, "", 0

    @classmethod
    async def open(cls, page, source=None, query="", pull=True):
        """Fetch the page, open its websocket, say that the document is there."""
        one = cls(page, source)
        await one.fetch(query)
        await one.connect()
        if pull:
            await one.pull()
        return one

    def _request(self, address, **options):
        return HTTPRequest(
            address,
            network_interface=self.source,
            request_timeout=180,
            connect_timeout=180,
            **options,
        )

    async def fetch(self, query=""):
        """The page's HTML; its token is kept."""
        client = AsyncHTTPClient(force_instance=True)
        try:
            answer = await client.fetch(self._request(self.page + query), raise_error=False)
        finally:
            client.close()
        self.status, self.html = answer.code, (answer.body or b"").decode("utf-8", "replace")
        found = _TOKEN.search(self.html)
        self.token = found.group(1) if found else None
        return self.status

    async def connect(self, token=None):
        """The websocket, up to the server's ACK."""
        address = self.page.replace("http", "ws", 1).rstrip("/") + "/ws"
        self.socket = await websocket_connect(
            self._request(address),
            subprotocols=["bokeh", token or self.token],
            max_message_size=2**28,
        )
        self.socket.protocol.stream.set_nodelay(True)  # as browsers do; else 40 ms a message
        await self.next()

    async def next(self):
        """The next message: (kind, content, whole text); None once the socket is closed."""
        parts = []
        while len(parts) < 3 or len(parts) < 3 + 2 * parts[0].get("num_buffers", 0):
            part = await self.socket.read_message()
            if part is None:  # perhaps in the middle of a message
                return None
            parts.append(part if parts else json.loads(part))
        header, _, text = parts[:3]
        return header["msgtype"], json.loads(text or "{}"), text

    async def send(self, kind, content):
        """A message of Bokeh's protocol; returns its number."""
        self._sent += 1
        name = f"v{id(self)}-{self._sent}"
        for part in ({"msgid": name, "msgtype": kind}, {}, content):
            await self.socket.write_message(json.dumps(part))
        return name

    async def pull(self):
        """The document's models by ID, and the word that it has been drawn."""
        await self.send("PULL-DOC-REQ", {})
        while True:
            message = await self.next()
            if message is None:
                raise ConnectionError(self._why())
            if message[0] == "PULL-DOC-REPLY":
                break
        self.models, self.pulled = dict(_objects(message[1]["doc"])), message[2]
        event = {"type": "event", "name": "document_ready", "values": {"type": "map"}}
        await self.send(
            "PATCH-DOC",
            {"events": [{"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": event}]},
        )

    def model(self, **attributes):
        """ID of the first model with these attributes."""
        for name, values in self.models.items():
            if all(values.get(k) == v for k, v in attributes.items()):
                return name
        raise KeyError(attributes)

    async def set(self, model, attr, value):
        """Set a property, as a browser does, whatever the value."""
        change = {"kind": "ModelChanged", "model": {"id": model}, "attr": attr, "new": value}
        await self.send("PATCH-DOC", {"events": [change]})

    async def say(self, text):
        """A word of the page's bar, such as "find 2490", "view forward" or "next"."""
        await self.set(self.model(name="frame_say"), "value", f"{self._sent} {text}")

    async def turn_to(self, title):
        """Open a card of Explore's deck, such as "Network", and learn the models in it."""
        name = next(n for n, m in self.models.items() if title in (m.get("labels") or ()))
        before, place = set(self.models), self.models[name]["labels"].index(title)
        is_open = self.models[name].get("active") == place
        await self.set(name, "active", place)
        for _ in range(20):  # a busy server takes its time
            await asyncio.sleep(0.5)
            await self.pull()
            if is_open or set(self.models) - before:
                return

    async def click(self, model):
        """Press a button."""
        values = {"type": "map", "entries": [["model", {"id": model}]]}
        event = {"type": "event", "name": "button_click", "values": values}
        await self.send(
            "PATCH-DOC",
            {"events": [{"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": event}]},
        )

    async def until(self, text, seconds=120):
        """Wait for a message that holds this text; returns it."""

        async def listen():
            while True:
                message = await self.next()
                if message is None:
                    raise ConnectionError(self._why())
                if text in message[2]:
                    return message[2]

        return await asyncio.wait_for(listen(), seconds)

    async def shows(self, text, seconds=120):
        """Wait until the document, as it was pulled or since, holds this text."""
        if text not in self.pulled:
            await self.until(text, seconds)

    def _why(self):
        socket_ = self.socket
        return f"the server closed the socket: {socket_.close_code} {socket_.close_reason}"

    def close(self):
        """Say goodbye."""
        self.socket.close()

    def drop(self):
        """Go without a word, as a machine that loses its network."""
        stream = self.socket.stream
        if stream is not None and stream.socket is not None:
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            stream.close()


def _objects(node):
    """(ID, type and attributes) of every model of a document's JSON."""
    if isinstance(node, dict):
        if node.get("type") == "object" and "id" in node:
            yield node["id"], {**node.get("attributes", {}), "type": node["name"]}
        for value in node.values():
            yield from _objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from _objects(value)
