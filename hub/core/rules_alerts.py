"""The life of an alert as plain functions: open, acknowledged, cleared, and what a person reads of it.

Owns the form of an alert as it is kept and shown. No clock, no I/O; hub/rules keeps the alerts.
"""

from collections.abc import Mapping
from typing import Any, Final

from hub.core.errors import Refusal
from hub.core.rules import Rule, RuleKind
from hub.core.rules_batch import Key
from hub.core.rules_course import Change

OPEN: Final = "open"
ACKNOWLEDGED: Final = "acknowledged"
CLEARED: Final = "cleared"
STATES: Final = (OPEN, ACKNOWLEDGED, CLEARED)
Alert = Mapping[str, Any]
_SAID: Final = {
    RuleKind.ABOVE: "is {value:g}, above {limit:g}",
    RuleKind.BELOW: "is {value:g}, below {limit:g}",
    RuleKind.RISING: "rises by {value:g} a second, more than {limit:g}",
    RuleKind.FALLING: "falls by {value:g} a second, more than {limit:g}",
    RuleKind.TEXT: "says {value}",
    RuleKind.NO_DATA: "has sent nothing",
    RuleKind.OFFLINE: "is offline",
}


def raised(id_: str, rule: Rule, change: Change, now_us: int) -> dict[str, Any]:
    """Return a new alert."""
    device, channel = change.key
    value = abs(change.value) if rule.kind is RuleKind.FALLING else change.value
    said = _SAID[rule.kind].format(value=value, limit=rule.limit)
    lasting = f" for {rule.for_s:g} s" if rule.for_s else ""
    alert: dict[str, Any] = {"id": id_, "rule": rule.name, "kind": rule.kind.value, "severity": rule.severity, "state": OPEN}
    alert |= {"device": device, "message": f"{device}{' ' if channel else ''}{channel} {said}{lasting}"}
    alert |= {"raised_us": now_us, "at_us": change.at_us or now_us}
    return alert | ({"channel": channel} if channel else {}) | ({} if change.value is None else {"value": change.value})


def cleared(alert: Alert, now_us: int, reason: str) -> dict[str, Any]:
    """Return an alert that is over."""
    return {**alert, "state": CLEARED, "cleared_us": now_us, "reason": reason}


def acknowledged(alert: Alert, by: str, now_us: int) -> dict[str, Any]:
    """Return an alert that somebody has seen. Raises Refusal where somebody else was first, or it is over."""
    if alert["state"] != OPEN:
        by_whom = f", by {alert['by']}" if alert.get("by") else ""
        raise Refusal("not_open", f"alert {alert['id']} is {alert['state']}{by_whom}", "only an open alert can be acknowledged", 409)
    return {**alert, "state": ACKNOWLEDGED, "by": by, "acknowledged_us": now_us}


def key_of(alert: Alert) -> Key:
    """Return what the alert is about."""
    return str(alert["device"]), str(alert.get("channel", ""))


def is_over(alert: Alert) -> bool:
    """Tell whether the alert is cleared."""
    return bool(alert["state"] == CLEARED)
