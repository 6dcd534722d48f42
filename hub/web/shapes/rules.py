"""The shapes of answers about rules and alerts.

Owns descriptions and examples. Used by rules.py.
"""

from typing import Any, Final, Literal

from hub.web.openapi.convention import Shape, example

_RULE: Final = {
    **{"rule": "too-hot", "version": 1, "kind": "above", "severity": "warning", "for_s": 10.0, "devices": ["*"]},
    **{"channels": ["temperature"], "late_s": 60.0, "limit": 30.0, "hysteresis": 2.0},
}
_FIRED: Final = {"open": 1, "week": 3, "last_us": 1_795_248_010_200_000}
_PREVIEWED: Final = {
    **{"device": "greenhouse", "channel": "temperature", "value": 31.5, "message": "greenhouse temperature is 31.5, above 30 for 10 s"},
    **{"raised_us": 1_795_248_010_200_000, "cleared_us": 1_795_248_310_200_000},
}
_PREVIEW: Final = {
    **{"days": 7.0, "from_us": 1_794_650_000_000_000, "to_us": 1_795_254_800_000_000, "looked_from_us": 1_794_650_000_000_000},
    **{"width_us": 0, "readings": 60_480, "series": 1, "fired": 1, "of_series": 1, "alerts": [_PREVIEWED]},
    **{"notes": ["When readings came is not kept: each counts as if it had come at once."]},
}
_ALERT: Final = {
    **{"id": "6f1c0c8e2b7a4d55", "version": 1, "rule": "too-hot", "kind": "above", "severity": "warning", "state": "open"},
    **{"device": "greenhouse", "channel": "temperature", "value": 31.5, "message": "greenhouse temperature is 31.5, above 30 for 10 s"},
    **{"raised_us": 1_795_248_010_200_000, "at_us": 1_795_248_010_000_000},
}

_NOT_OPEN: Final = {"alert": "0a3d5e7f9b1c2d44", "code": "not_open", "message": "alert 0a3d5e7f9b1c2d44 is acknowledged, by ann"}


class Fired(Shape, json_schema_extra=example(_FIRED)):
    """How often a rule fired, as far as its alerts are kept."""

    open: int
    """Alerts that are not over"""
    week: int
    """Alerts of the last 7 days"""
    last_us: int | None
    """When it last fired"""


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
    where: str | None = None
    """The devices that a tag expression means"""
    disabled: bool | None = None
    """It is kept, and judges nothing"""
    fired: Fired | None = None
    """In the list of all rules"""


class Rules(Shape, json_schema_extra=example({"rules": [{**_RULE, "fired": _FIRED}]})):
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


class RefusedAlert(Shape, json_schema_extra=example(_NOT_OPEN)):
    """An alert that was left as it is, and why."""

    alert: str
    code: str
    message: str
    """For people"""


class Acknowledged(Shape, json_schema_extra=example({"alerts": [_ALERT], "refusals": [_NOT_OPEN]})):
    """What became of the alerts that somebody has seen."""

    alerts: list[Alert]
    """Acknowledged now"""
    refusals: list[RefusedAlert]


class Previewed(Shape, json_schema_extra=example(_PREVIEWED)):
    """An alert that would have been raised."""

    device: str
    channel: str | None = None
    value: Any = None
    message: str
    raised_us: int
    cleared_us: int | None
    """Null: it would still be open"""


class Preview(Shape, json_schema_extra=example(_PREVIEW)):
    """What a rule would have raised."""

    days: float
    from_us: int
    to_us: int
    looked_from_us: int
    """What is older could not be looked at"""
    width_us: int
    """0: readings were looked at one by one; else the width of the buckets that were looked at"""
    readings: int
    series: int
    """Series, or devices, that were looked at"""
    fired: int
    of_series: int
    """Of how many series something would have been raised"""
    alerts: list[Previewed]
    """The newest, 200 at most"""
    notes: list[str]
    """What could not be looked at, for people"""
