"""Silences: which alerts are told to nobody, from when to when, who said so and why.

Owns their fields and limits, and how one is read and kept as a document. No clock, no I/O; hub/rules keeps them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from devices.wire.fields import shown
from hub.core.errors import Refusal
from hub.core.rules import body_text
from hub.core.tags import parse

MAX_REASON: Final = 500  # characters
MAX_FOR_S: Final = 366 * 86_400.0
_FIELDS: Final = ("rule", "device", "where", "from_us", "until_us", "for_s", "reason")
_MAX_US: Final = 2**62


@dataclass(frozen=True, slots=True)
class Silence:
    """A checked silence. It means the alerts that are of its rule, its device and its devices, of those that it names."""

    id: str
    by: str
    reason: str
    from_us: int
    until_us: int | None  # None: until it is lifted
    rule: str = ""
    device: str = ""
    where: str = ""

    def body(self) -> dict[str, Any]:
        """Return the silence as it is kept."""
        named = {key: value for key, value in (("rule", self.rule), ("device", self.device), ("where", self.where)) if value}
        return {"id": self.id, **named, "from_us": self.from_us, "until_us": self.until_us, "by": self.by, "reason": self.reason}

    def item(self, now_us: int) -> dict[str, Any]:
        """Return the silence as people see it."""
        return self.body() | {"state": self.state(now_us)}

    def state(self, now_us: int) -> str:
        """Return whether it is coming, active or over."""
        if self.until_us is not None and now_us >= self.until_us:
            return "over"
        return "active" if now_us >= self.from_us else "coming"


def silence_in(id_: str, body: Mapping[str, Any], by: str, now_us: int) -> Silence:
    """Read a silence, as people send it, strictly. Raises Refusal that names the field, the limit and the value."""
    for key in body:
        if key not in _FIELDS:
            raise _wrong(f"a silence has no field {shown(key)}", f"it takes: {', '.join(_FIELDS)}")
    named = {key: body_text(body, key, 1, 1_024, "bad_silence") for key in ("rule", "device", "where") if body.get(key) is not None}
    if not named:
        raise _wrong("a silence must name a rule, a device or a tag expression (where)", 'for all devices say "where": "name=*"')
    if "where" in named:
        parse(named["where"])
    from_us = _time(body, "from_us", now_us)
    until_us = None if body.get("until_us") is None else _time(body, "until_us", 0)
    if body.get("for_s") is not None:
        if until_us is not None:
            raise _wrong("until_us and for_s contradict each other", "give one of them, or none: until it is lifted")
        until_us = from_us + int(_for_s(body["for_s"]) * 1e6)
    if until_us is not None and until_us <= max(from_us, now_us):
        raise _wrong(f"the silence would be over before it begins, or by now: from {from_us} to {until_us} µs", "give a later end")
    return Silence(id_, by, body_text(body, "reason", 1, MAX_REASON, "bad_silence"), from_us, until_us, **named)


def kept_silence(body: Mapping[str, Any]) -> Silence:
    """Return a silence as it was kept."""
    return Silence(**body)


def _time(body: Mapping[str, Any], key: str, default: int) -> int:
    value = default if body.get(key) is None else body[key]
    if type(value) is not int or not 0 <= value <= _MAX_US:
        raise _wrong(f"{key} must be a time in µs since 1970, from 0 to 2^62, not {shown(value)}", f"correct {key}")
    return value


def _for_s(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not 0 < value <= MAX_FOR_S:
        raise _wrong(f"for_s must be a number above 0 to {MAX_FOR_S:g}, not {shown(value)}", "correct for_s")
    return float(value)


def _wrong(said: str, hint: str) -> Refusal:
    return Refusal("bad_silence", said, hint, 422)
