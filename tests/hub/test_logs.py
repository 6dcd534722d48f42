"""Log lines: JSON off a terminal, and never a secret in one."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from hub.logs import configure_logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    configure_logs("info", out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


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
