"""What a rule is: which readings or which silence are wrong, for how long, and how bad that is.

Owns the kinds of rules, their fields and limits, and how a rule is read and written as a document. No clock, no I/O; rules_course.py
judges by it, hub/rules keeps them.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from devices.wire.fields import shown
from hub.core.errors import Refusal
from hub.core.selector import MAX_NAMES, Selector
from hub.core.tags import MAX_EXPRESSION, parse

MAX_FOR_S: Final = 7 * 86_400.0
MAX_LATE_S: Final = 86_400.0
MAX_PATTERN: Final = 256  # characters, as many bytes as a text has
MAX_NOTE: Final = 500
DEFAULT_LATE_S: Final = 60.0
SEVERITIES: Final = ("info", "warning", "critical")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


class RuleKind(StrEnum):
    """What a rule looks for."""

    ABOVE = "above"  # a value above `limit`
    BELOW = "below"
    RISING = "rising"  # a value that rises by more than `limit` a second, from one reading to the next
    FALLING = "falling"
    TEXT = "text"  # a text that the pattern `text` matches
    NO_DATA = "no_data"  # no fresh reading for `for_s`
    OFFLINE = "offline"  # a device that was there once is offline for `for_s`

    @property
    def is_of_readings(self) -> bool:
        """Tell whether a reading breaks the rule, and not the absence of something."""
        return self not in (RuleKind.NO_DATA, RuleKind.OFFLINE)


_OF_NUMBERS: Final = frozenset({RuleKind.ABOVE, RuleKind.BELOW, RuleKind.RISING, RuleKind.FALLING})


@dataclass(frozen=True, slots=True)
class Rule:
    """A checked rule."""

    name: str
    kind: RuleKind
    selector: Selector
    limit: float = 0.0  # in the channel's unit, of a rate: per second
    hysteresis: float = 0.0  # so far back beyond the limit a value must be to clear the alert
    for_s: float = 0.0
    text: str = ""
    severity: str = "warning"
    late_s: float = DEFAULT_LATE_S  # a reading that was older when it came raises nothing
    note: str = ""
    where: str = ""  # a tag expression: the devices of the selector are those that it means
    is_disabled: bool = False  # it is kept, and judges nothing

    def body(self) -> dict[str, Any]:
        """Return the rule as it is kept and shown, without its name."""
        body: dict[str, Any] = {"kind": self.kind.value, "severity": self.severity, "for_s": self.for_s}
        body["devices"] = names_of(self.selector.devices)
        if self.kind is not RuleKind.OFFLINE:
            body |= {"channels": names_of(self.selector.channels), "late_s": self.late_s}
        if self.kind in _OF_NUMBERS:
            body |= {"limit": self.limit, "hysteresis": self.hysteresis}
        if self.kind is RuleKind.TEXT:
            body["text"] = self.text
        more = {"note": self.note, "where": self.where, "disabled": self.is_disabled}
        return body | {key: value for key, value in more.items() if value}


def checked_name(name: object, what: str = "a rule") -> str:
    """Return a name as it may be. Raises Refusal."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        said = f"the name of {what} is 1 to 64 of A-Z a-z 0-9 . _ : - and begins with a letter or digit; this is {shown(name)}"
        raise Refusal("bad_name", said, "choose another name", 422)
    return name


def rule_in(name: str, body: Mapping[str, Any]) -> Rule:
    """Read a rule strictly. Raises Refusal that names the field, the limit and the value."""
    checked_name(name)
    kind = _kind(body.get("kind"))
    fields = _fields_of(kind)
    for key in body:
        if key not in fields:
            raise _wrong(f"a rule of kind {kind} has no field {shown(key)}", f"it takes: {', '.join(sorted(fields))}")
    selector = Selector(body_names(body, "devices"), body_names(body, "channels") if "channels" in fields else None)
    rule = Rule(
        name,
        kind,
        selector,
        limit=_number(body, "limit", -1e300, 1e300) if kind in _OF_NUMBERS else 0.0,
        hysteresis=_number(body, "hysteresis", 0.0, 1e300, 0.0),
        for_s=_number(body, "for_s", 0.0, MAX_FOR_S, None if kind is RuleKind.NO_DATA else 0.0),
        text=body_text(body, "text", 1, MAX_PATTERN) if kind is RuleKind.TEXT else "",
        severity=_severity(body.get("severity", "warning")),
        late_s=_number(body, "late_s", 0.0, MAX_LATE_S, DEFAULT_LATE_S),
        note=body_text(body, "note", 0, MAX_NOTE) if body.get("note") is not None else "",
        where=_where(body, selector),
        is_disabled=_flag(body, "disabled"),
    )
    if kind is RuleKind.NO_DATA and rule.for_s < 1:
        raise _wrong(f"for_s of a rule of kind no_data must be at least 1, not {rule.for_s:g}", "say how long silence is allowed")
    return rule


def _fields_of(kind: RuleKind) -> set[str]:
    fields = {"kind", "devices", "where", "for_s", "severity", "note", "disabled"}
    if kind is not RuleKind.OFFLINE:
        fields |= {"channels", "late_s"}
    if kind in _OF_NUMBERS:
        fields |= {"limit", "hysteresis"}
    return fields | ({"text"} if kind is RuleKind.TEXT else set())


def _where(body: Mapping[str, Any], selector: Selector) -> str:
    """Return the tag expression of a body. Raises Refusal where it cannot be read, or devices are named as well."""
    if body.get("where") is None:
        return ""
    where = body_text(body, "where", 1, MAX_EXPRESSION)
    parse(where)
    if selector.devices is not None:
        raise _wrong("devices and where contradict each other", "say one of them; where may ask for a name: name=pump")
    return where


def _wrong(said: str, hint: str) -> Refusal:
    return Refusal("bad_rule", said, hint, 422)


def _kind(value: object) -> RuleKind:
    try:
        return RuleKind(str(value))
    except ValueError:
        raise _wrong(f"kind must be one of {', '.join(RuleKind)}, not {shown(value)}", "correct kind") from None


def _severity(value: object) -> str:
    if not isinstance(value, str) or value not in SEVERITIES:
        raise _wrong(f"severity must be one of {', '.join(SEVERITIES)}, not {shown(value)}", "correct severity")
    return value


def _flag(body: Mapping[str, Any], key: str) -> bool:
    value = body.get(key, False)
    if not isinstance(value, bool):
        raise _wrong(f"{key} must be true or false, not {shown(value)}", f"correct {key}")
    return value


def _number(body: Mapping[str, Any], key: str, low: float, high: float, default: float | None = None) -> float:
    value = body.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        said = "is missing" if key not in body else f"must be a number from {low:g} to {high:g}, not {shown(value)}"
        raise _wrong(f"{key} {said}", f"give {key}")
    if not low <= value <= high or not math.isfinite(value):  # an int too large for a float is beyond every bound
        raise _wrong(f"{key} must be a number from {low:g} to {high:g}, not {shown(value)}", f"correct {key}")
    return float(value)


def body_text(body: Mapping[str, Any], key: str, least: int, most: int, code: str = "bad_rule") -> str:
    """Return a text of a body. Raises Refusal."""
    value = body.get(key)
    if not isinstance(value, str) or not least <= len(value) <= most or any(0xD800 <= ord(each) < 0xE000 for each in value):
        raise Refusal(code, f"{key} must be a text of {least} to {most} characters, not {shown(value)}", f"correct {key}", 422)
    return value


def body_names(body: Mapping[str, Any], key: str, code: str = "bad_rule") -> frozenset[str] | None:
    """Return a set of names of a body, None for all. Raises Refusal."""
    names = body.get(key, ["*"])
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) and 0 < len(name) <= 256 for name in names):
        raise Refusal(code, f"{key} must be an array of names, not {shown(names)}", f'send "{key}": ["*"] for all', 422)
    if "*" in names:
        return None
    if not 0 < len(names) <= MAX_NAMES:
        raise Refusal(code, f"{key} of {len(names)} names is outside 1 to {MAX_NAMES}", 'name fewer, or ["*"] for all', 422)
    return frozenset(names)


def names_of(names: frozenset[str] | None) -> list[str]:
    """Return a set of names as a body has it."""
    return ["*"] if names is None else sorted(names)
