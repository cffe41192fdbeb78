"""Answers that refuse a request, in a sentence that a person can read."""

import html

from tornado.web import RequestHandler

__all__ = ["HEADERS", "RefusalHandler", "say"]

#: Headers of every answer. Scripts and styles stand in the page itself, as Bokeh and Panel write
#: it, so the policy says only what no page needs.
HEADERS = {
    "Content-Security-Policy": "object-src 'none'; base-uri 'self'; form-action 'none'; "
    "frame-ancestors 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Server": "sedflow",
}
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>SEDflow Explorer</title>
<meta name="viewport" content="width=device-width"></head>
<body style="font: 16px/1.5 sans-serif; max-width: 40em; margin: 15vh auto; padding: 0 1em">
<h1 style="font-size: 20px">SEDflow Explorer</h1><p>{text}</p></body></html>
"""


def say(handler, status, text):
    """Answer with a sentence that a person can read."""
    handler.clear()
    handler.set_status(status)
    handler.set_header("Content-Type", "text/html; charset=utf-8")
    handler.set_header("Cache-Control", "no-store")
    if status in (429, 503):
        handler.set_header("Retry-After", "30")
    text = text[0].upper() + text[1:]
    handler.finish(_PAGE.format(text=html.escape(f"{text}.")))


class RefusalHandler(RequestHandler):
    """Says what is wrong with a request."""

    def initialize(self, status, text):
        self._status, self._text = status, text

    def prepare(self):
        say(self, self._status, self._text)

    def check_xsrf_cookie(self):
        """There is no form to protect."""
