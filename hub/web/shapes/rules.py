"""The shapes of answers about rules and alerts.

Owns descriptions and examples. Used by rules.py.
"""

from typing import Any, Final, Literal

from hub.web.openapi.convention import Shape, example

_RULE: Final = {
    **{"rule": "too-hot", "version": 1, "kind": "above", "severity": "warning", "for_s": 10.0, "devices": ["*"]},
    **{"channels": ["temperature"], "late_s": 60.0, "limit": 30.0, "hysteresis": 2.0},
}
_ALERT: Final = {
    **{"id": "6f1c0c8e2b7a4d55", "version": 1, "rule": "too-hot", "kind": "above", "severity": "warning", "state": "open"},
    **{"device": "greenhouse", "channel": "temperature", "value": 31.5, "message": "greenhouse temperature is 31.5, above 30 for 10 s"},
    **{"raised_us": 1_795_248_010_200_000, "at_us": 1_795_248_010_000_000},
}


class Rule(Shape, json_schema_extra=example(_RULE)):
    """A rule; which fields it has depends on its kind."""

    rule: str
    version: int
    kind: Literal["above", "below", "rising", "falling", "text", "no_data", "offline"]
    severity: Literal["info", "warning", "critical"]
    for_s: float
    devices: list[str]
    channels: list[str] | None = None
    late_s: float | None = None
    limit: float | None = None
    """In the channel's unit; of a rate: per second"""
    hysteresis: float | None = None
    text: str | None = None
    note: str | None = None


class Rules(Shape, json_schema_extra=example({"rules": [_RULE]})):
    """Rules by name."""

    rules: list[Rule]


class Alert(Shape, json_schema_extra=example(_ALERT)):
    """What a rule raised."""

    id: str
    version: int
    rule: str
    kind: str
    severity: Literal["info", "warning", "critical"]
    state: Literal["open", "acknowledged", "cleared"]
    device: str
    channel: str | None = None
    value: Any = None
    message: str
    """For people"""
    raised_us: int
    at_us: int
    """Time of the reading"""
    by: str | None = None
    """Who acknowledged it"""
    acknowledged_us: int | None = None
    cleared_us: int | None = None
    reason: str | None = None
    """Why it was cleared"""


class Alerts(Shape, json_schema_extra=example({"alerts": [_ALERT], "next": None}, {"alerts": [_ALERT], "next": "6f1c0c8e2b7a4d55"})):
    """Alerts, newest first."""

    alerts: list[Alert]
    next: str | None
    """The `after` of the next page; null at the end"""
