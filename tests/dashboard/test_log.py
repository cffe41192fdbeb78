"""The log of the server: one short line a record, whatever a visitor writes, and not too many."""

import asyncio
import logging

import pytest
from tornado.websocket import WebSocketClosedError

from sedflow.dashboard.server.log import LONGEST, PER_PLACE, OneLine, Seldom, guard, hush


def record(text, error=None, line=1):
    info = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("bokeh", logging.ERROR, "ws.py", line, "%s", (text,), info)


@pytest.mark.parametrize(
    "text",
    [
        "x\nINFO:sedflow:a forged line",
        "x\r\n\x1b[2J\x1b[31m",
        "\x85\u2028\u2029\u202e\x00\x7f",
        "\ud800",
        "L" * 10_000_000,
        "\x1b" * 10_000,
        "\U000e0001" * 5000,
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_a_record_is_one_short_line_of_characters_that_print(text, inside):
    error = None
    if inside:
        try:
            raise ValueError(text)
        except ValueError as caught:
            error = caught
    line = OneLine().format(record("bad" if inside else text, error))
    assert len(line) <= LONGEST
    assert line.isprintable()
    line.encode()
    assert line.startswith("ERROR:bokeh:")


def test_the_end_of_a_traceback_is_kept():
    try:
        raise ValueError("the reason")
    except ValueError as error:
        assert OneLine().format(record("x" * 5000, error)).endswith("ValueError: the reason")


def test_a_place_writes_so_many_and_says_how_many_it_did_not():
    now = [0.0]
    seldom = Seldom(clock=lambda: now[0])
    assert sum(seldom.filter(record("x")) for _ in range(1000)) == PER_PLACE
    assert seldom.filter(record("another place", line=2))
    now[0] = 11.0
    late = record("x")
    assert seldom.filter(late)
    assert late.getMessage() == f"({1000 - PER_PLACE} like this were not written) x"


def test_all_handlers_are_guarded_once():
    handler = logging.StreamHandler()
    logger = logging.getLogger("sedflow.test_log")
    logger.addHandler(handler)
    before = [(h, h.formatter, h.filters[:]) for h in logging.root.handlers]
    last = logging.lastResort
    kept = last.formatter, last.filters[:]
    try:
        guard()
        guard()
        assert isinstance(handler.formatter, OneLine)
        assert not isinstance(handler.formatter._inner, OneLine)
        assert sum(isinstance(f, Seldom) for f in handler.filters) == 1
        assert isinstance(last.formatter, OneLine)
    finally:
        logger.removeHandler(handler)
        for h, formatter, filters in before:
            h.formatter, h.filters = formatter, filters
        last.formatter, last.filters = kept


def test_only_of_those_who_left_nothing_is_said(caplog):
    async def tasks():
        hush(asyncio.get_running_loop())
        loop = asyncio.get_running_loop()
        loop.call_exception_handler({"message": "left", "exception": WebSocketClosedError()})
        assert not caplog.records
        loop.call_exception_handler({"message": "wrong", "exception": ValueError("a bug")})
        assert "wrong" in caplog.text

    asyncio.run(tasks())
