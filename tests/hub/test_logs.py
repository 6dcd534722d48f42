"""Log lines: JSON off a terminal, and never a secret in one."""

import io
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog

from hub.logs import configure_logs
from tests.support.hostile import fitting, is_control


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextmanager
def logging_to(out: io.StringIO) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs("info", out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    with logging_to(io.StringIO()) as out:
        yield out


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_line_is_json_with_level_and_utc_time(stream: io.StringIO) -> None:
    structlog.get_logger().info("device connected", device="pump-1")
    (line,) = lines_of(stream)
    assert (line["event"], line["level"], line["device"]) == ("device connected", "info", "pump-1")
    assert line["timestamp"].endswith("Z")


def test_lines_below_the_level_are_left_out(stream: io.StringIO) -> None:
    structlog.get_logger().debug("detail")
    logging.getLogger("tributary.device").debug("detail")
    assert stream.getvalue() == ""


def test_standard_loggers_come_out_the_same_way(stream: io.StringIO) -> None:
    logging.getLogger("tributary.device").warning("%s: welcomed", "pump-1")
    (line,) = lines_of(stream)
    assert (line["event"], line["level"]) == ("pump-1: welcomed", "warning")


def test_traceback_is_part_of_its_line(stream: io.StringIO) -> None:
    try:
        raise OSError("the disk is gone")
    except OSError:
        structlog.get_logger().exception("connection failed")
    (line,) = lines_of(stream)
    assert "the disk is gone" in line["exception"]


@pytest.mark.parametrize(
    "event",
    [
        {"token": "s3cret"},
        {"Authorization": "s3cret"},
        {"body": b"s3cret"},
        {"frame": b"s3cret"},
        {"header": "Bearer s3cret"},
        {"url": "http://127.0.0.1:8080/login?token=s3cret"},
        {"cookie_text": "tributary_session=s3cret; Path=/"},
    ],
)
def test_secret_is_redacted(stream: io.StringIO, event: dict[str, Any]) -> None:
    structlog.get_logger().info("request", **event)
    logging.getLogger("other").info("request %s", event.get("header", event.get("url", "")))
    assert "s3cret" not in stream.getvalue()


def test_secret_in_a_traceback_is_redacted(stream: io.StringIO) -> None:
    try:
        raise ValueError("bad header Bearer s3cret")
    except ValueError:
        structlog.get_logger().exception("request failed")
    assert "s3cret" not in stream.getvalue()


SAID = [*fitting(may_have_controls=True, is_trimmed=False), "\x1b]0;title\x07", "\x9b31m", '", "level": "critical"}\n{"event": "x']


def test_whatever_a_device_is_called_is_one_value_of_one_line(stream: io.StringIO) -> None:
    for text in SAID:
        structlog.get_logger().info("device_connected", device=text)
        logging.getLogger("other").info("%s", text)
    assert [line.get("device", line["event"]) for line in lines_of(stream)] == [text for text in SAID for _ in range(2)]
    assert stream.getvalue().isascii()


def test_on_a_terminal_it_neither_breaks_the_line_nor_says_anything_to_the_terminal() -> None:
    with logging_to(Terminal()) as out:
        for text in SAID:
            structlog.get_logger().info("device_connected", device=text)
            logging.getLogger("other").info("%s", text)
    lines = out.getvalue().splitlines()
    assert len(lines) == 2 * len(SAID)
    assert not any(is_control(letter) for line in lines for letter in re.sub(r"\x1b\[\d+m", "", line))


def test_a_traceback_on_a_terminal_has_its_lines() -> None:
    with logging_to(Terminal()) as out:
        try:
            raise ValueError("odd")
        except ValueError:
            structlog.get_logger().exception("request failed")
    assert "\nValueError: odd" in out.getvalue()
