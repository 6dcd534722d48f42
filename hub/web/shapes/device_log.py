"""The shape of answers about what devices log.

Owns descriptions and examples. Used by device_log.py.
"""

from typing import Final, Literal

from hub.web.openapi.convention import Shape, example

_LINE: Final = {
    **{"number": 17, "arrived_us": 1_795_248_000_400_000, "at_us": 1_795_248_000_000_000, "level": "warning"},
    "text": "the valve needs 3 tries",
}


class DeviceLogLine(Shape, json_schema_extra=example(_LINE)):
    """A line that a device logged."""

    number: int
    """Rises from line to line, over all devices"""
    arrived_us: int
    """When the hub had it"""
    at_us: int | None
    """By the device's clock; null: it has none"""
    level: Literal["debug", "info", "warning", "error"]
    text: str


class LogLines(Shape, json_schema_extra=example({"lines": [_LINE], "next": 17}, {"lines": [_LINE], "next": None})):
    """Lines that a device logged, newest first."""

    lines: list[DeviceLogLine]
    next: int | None
    """The `after` of the next page; null at the end"""
