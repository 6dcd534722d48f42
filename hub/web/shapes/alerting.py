"""The shapes of answers about silences, targets and deliveries.

Owns descriptions and examples. Used by silences.py and targets.py.
"""

from typing import Final, Literal

from hub.web.openapi.convention import Shape, example

_SILENCE: Final = {
    **{"id": "5c1f0c8e2b7a4d55", "where": "floor=2", "from_us": 1_795_248_000_000_000, "until_us": 1_795_255_200_000_000},
    **{"by": "ann", "reason": "the pumps are being replaced", "state": "active"},
}
_TARGET: Final = {
    **{"target": "on-call", "version": 1, "kind": "webhook", "url": "https://example.com/hook", "rules": ["*"], "severity": "warning"},
}
_DELIVERY: Final = {
    **{"id": "9f86d081884c7d659a2feaa0", "target": "on-call", "event": "alert.opened", "alert": "6f1c0c8e2b7a4d55", "state": "delivered"},
    **{"attempts": 1, "made_us": 1_795_248_000_000_000, "last_us": 1_795_248_000_300_000, "status": 200},
}


class Silence(Shape, json_schema_extra=example(_SILENCE)):
    """A stretch of time in which alerts of a rule, a device or tagged devices are told to nobody."""

    id: str
    rule: str | None = None
    device: str | None = None
    where: str | None = None
    from_us: int
    until_us: int | None
    """Null: until it is lifted"""
    by: str
    reason: str
    state: Literal["coming", "active", "over"]


class AllSilences(Shape, json_schema_extra=example({"silences": [_SILENCE]})):
    """Silences, newest first."""

    silences: list[Silence]


class Target(Shape, json_schema_extra=example(_TARGET)):
    """Who is told of alerts."""

    target: str
    version: int
    kind: Literal["webhook", "email"]
    url: str | None = None
    to: list[str] | None = None
    rules: list[str]
    severity: Literal["info", "warning", "critical"]
    """Alerts of this and above"""
    note: str | None = None
    secret: str | None = None
    """Of a new webhook, shown this once: what its notices are signed with"""


class AllTargets(Shape, json_schema_extra=example({"targets": [_TARGET]})):
    """Targets by name."""

    targets: list[Target]


class TargetSecret(Shape, json_schema_extra=example({"target": "on-call", "secret": "whsec_kq3Jd0x7yY1v"})):
    """A target's new secret, which is shown this once."""

    target: str
    secret: str


class Delivery(Shape, json_schema_extra=example(_DELIVERY)):
    """A notice to a target, and how its delivery fares."""

    id: str
    target: str
    event: str
    alert: str | None = None
    """Absent in a test notice"""
    state: Literal["waiting", "delivered", "given_up"]
    attempts: int
    made_us: int
    last_us: int | None = None
    """Time of the last attempt"""
    status: int | None = None
    """What the receiver answered to it"""
    error: str | None = None


class Deliveries(Shape, json_schema_extra=example({"deliveries": [_DELIVERY], "next": None})):
    """Deliveries, newest first."""

    deliveries: list[Delivery]
    next: str | None
    """The `after` of the next page; null at the end"""
