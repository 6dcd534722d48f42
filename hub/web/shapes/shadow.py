"""The shapes of answers about shadows.

Owns descriptions and examples. Used by shadow.py.
"""

from typing import Any, Final

from hub.web.envelope import Refused
from hub.web.openapi.convention import Shape, example

_SHADOW: Final = {
    "device": "greenhouse",
    "desired": {"version": 1_763_712_000_123, "document": {"interval_s": 5}, "at_us": 1_763_712_000_123_000, "by": "ann"},
    "reported": {"version": 1_763_711_000_000, "document": {"interval_s": 1}, "at_us": 1_763_711_000_100_000},
    "delta": {"interval_s": 5},
    "is_in_step": False,
    "takes_shadow": True,
}
_CONFLICT: Final = {
    **{"code": "conflict", "message": "the desired document is at version 1763712000123, not 0", "hint": "read it again, then change it"},
    **{"now": _SHADOW, "sent": {"interval_s": 2}},
}


class DesiredPart(Shape):
    """What is desired; `at_us` and `by` are there once it was ever changed."""

    version: int
    document: dict[str, Any]
    at_us: int | None = None
    by: str | None = None


class ReportedPart(Shape):
    """What the device reported last: by which version, when it came, and what kept it from taking that version."""

    version: int
    document: dict[str, Any]
    at_us: int | None = None
    error: str | None = None


class Shadow(Shape, json_schema_extra=example(_SHADOW)):
    """What is desired of a device, what it reported, and how far these are apart."""

    device: str
    desired: DesiredPart
    reported: ReportedPart
    delta: dict[str, Any]
    """The part of the desired document that is not reported so"""
    is_in_step: bool
    takes_shadow: bool | None
    """Null: it has never said hello"""


class Conflicting(Refused, json_schema_extra=example(_CONFLICT)):
    """A conflict: both sides, or neither where the device takes no shadow."""

    now: Shadow | None = None
    sent: dict[str, Any] | None = None
