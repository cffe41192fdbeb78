"""Opens this folder in the browser: python open.py. Nobody else can reach it; Ctrl-C ends it."""

import http.server
import webbrowser
from contextlib import suppress
from functools import partial
from pathlib import Path


class Handler(http.server.SimpleHTTPRequestHandler):
    # Some systems know scripts as plain text, which browsers refuse to run.
    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".json": "application/json",
        ".gz": "application/octet-stream",
    }

    def log_message(self, *_):
        pass


def main():
    handler = partial(Handler, directory=str(Path(__file__).resolve().parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        print(f"Open {address} in a browser; Ctrl-C ends it.", flush=True)
        webbrowser.open(address)
        with suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    main()
