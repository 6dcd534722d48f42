"""Notices of alerts and the targets that get them: what a target wants, what a notice says, when it is tried again.

Owns the forms that are kept and shown, and their limits. No clock, no I/O; hub/rules keeps the notices and sends them.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from devices.wire.fields import shown
from hub.core.errors import Refusal
from hub.core.rules import SEVERITIES, body_names, body_text, names_of
from hub.core.rules_alerts import Alert

MAX_URL: Final = 2_048  # characters
MAX_NOTE: Final = 500
MAX_RECIPIENTS: Final = 20
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")  # RFC 5321, unquoted
WAITING: Final = "waiting"
DELIVERED: Final = "delivered"
GIVEN_UP: Final = "given_up"
STATES: Final = (WAITING, DELIVERED, GIVEN_UP)
FIRST_PAUSE_S: Final = 1.0
MAX_PAUSE_S: Final = 300.0
_SHOWN: Final = ("id", "target", "event", "alert", "made_us", "state", "attempts", "last_us", "status", "error")


class Event(StrEnum):
    """What a notice tells of."""

    OPENED = "alert.opened"
    CLEARED = "alert.cleared"
    TEST = "test"


class TargetKind(StrEnum):
    """How a target is reached."""

    WEBHOOK = "webhook"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Target:
    """A checked target; its address is checked by who sends there."""

    name: str
    kind: TargetKind
    url: str = ""  # of a webhook
    to: tuple[str, ...] = ()  # of e-mail
    rules: frozenset[str] | None = None  # None: all
    severity: str = "info"  # the least that is told
    note: str = ""
    secret: str = ""  # what a webhook is signed with
    old_secret: str = ""
    old_secret_until_us: int = 0

    def wants(self, alert: Alert) -> bool:
        """Tell whether the target is told of an alert."""
        is_grave = SEVERITIES.index(str(alert["severity"])) >= SEVERITIES.index(self.severity)
        return is_grave and (self.rules is None or alert["rule"] in self.rules)

    def body(self) -> dict[str, Any]:
        """Return the target as it is kept, without its name and with its secrets."""
        body = self.item() | {"secret": self.secret}
        return body | ({"old_secret": self.old_secret, "old_secret_until_us": self.old_secret_until_us} if self.old_secret else {})

    def item(self) -> dict[str, Any]:
        """Return the target as administrators see it, without its name and without its secrets."""
        where = {"url": self.url} if self.kind is TargetKind.WEBHOOK else {"to": list(self.to)}
        item: dict[str, Any] = {"kind": self.kind.value, **where, "rules": names_of(self.rules), "severity": self.severity}
        return item | ({"note": self.note} if self.note else {})

    def secrets_at(self, now_us: int) -> tuple[str, ...]:
        """Return what to sign with: the secret, and the one before it while that is still good."""
        return (self.secret, self.old_secret) if self.old_secret and now_us < self.old_secret_until_us else (self.secret,)


def target_in(name: str, body: Mapping[str, Any]) -> Target:
    """Read a target, as people send it, strictly. Raises Refusal that names the field, the limit and the value."""
    kind = body.get("kind")
    if kind not in tuple(TargetKind):
        raise wrong_target(f"kind must be one of {', '.join(TargetKind)}, not {shown(kind)}", "correct kind")
    is_webhook = kind == TargetKind.WEBHOOK
    fields = ("kind", "url" if is_webhook else "to", "rules", "severity", "note")
    for key in body:
        if key not in fields:
            raise wrong_target(f"a target of kind {kind} has no field {shown(key)}", f"it takes: {', '.join(fields)}")
    severity = body.get("severity", "info")
    if severity not in SEVERITIES:
        raise wrong_target(f"severity must be one of {', '.join(SEVERITIES)}, not {shown(severity)}", "correct severity")
    return Target(
        name,
        TargetKind(kind),
        url=body_text(body, "url", 1, MAX_URL, "bad_target") if is_webhook else "",
        to=() if is_webhook else _recipients(body.get("to")),
        rules=body_names(body, "rules", "bad_target"),
        severity=severity,
        note=body_text(body, "note", 0, MAX_NOTE, "bad_target") if body.get("note") is not None else "",
    )


def _recipients(to: object) -> tuple[str, ...]:
    if not isinstance(to, list | tuple) or not 0 < len(to) <= MAX_RECIPIENTS:
        raise wrong_target(f"to must be an array of 1 to {MAX_RECIPIENTS} e-mail addresses, not {shown(to)}", "correct to")
    for each in to:
        if not isinstance(each, str) or not _ADDRESS.fullmatch(each) or len(each) > 254:
            raise wrong_target(f"to must hold e-mail addresses like ann@example.com, not {shown(each)}", "correct to")
    return tuple(to)


def kept_target(name: str, body: Mapping[str, Any]) -> Target:
    """Return a target as it was kept."""
    rules = None if body["rules"] == ["*"] else frozenset(body["rules"])
    return Target(
        name,
        TargetKind(body["kind"]),
        url=body.get("url", ""),
        to=tuple(body.get("to", ())),
        rules=rules,
        severity=body["severity"],
        note=body.get("note", ""),
        secret=body["secret"],
        old_secret=body.get("old_secret", ""),
        old_secret_until_us=body.get("old_secret_until_us", 0),
    )


def wrong_target(said: str, hint: str) -> Refusal:
    """Return the refusal of a target."""
    return Refusal("bad_target", said, hint, 422)


def new_secret() -> str:
    """Draw a secret of 256 bits."""
    return "whsec_" + secrets.token_urlsafe(32)


def notice(target: str, event: Event, alert: Alert | None, number: int, now_us: int, for_s: float, node: str = "") -> dict[str, Any]:
    """Return a new notice; `number` is above those of all notices of this hub before, `for_s` how long it is tried, `node` who sends it."""
    id_ = secrets.token_hex(12)
    told = {} if alert is None else {"alert": {key: value for key, value in alert.items() if key not in ("version", "held")}}
    content = {"id": id_, "event": event.value, "made_us": now_us, **told}
    body = {"id": id_, "number": number, "target": target, "event": event.value, "made_us": now_us, "state": WAITING, "attempts": 0}
    body |= {"left_s": for_s, "content": content} | ({"node": node} if node else {})
    return body | ({} if alert is None else {"alert": alert["id"]})


def tried(notice: Mapping[str, Any], state: str, now_us: int, status: int | None, error: str, left_s: float) -> dict[str, Any]:
    """Return a notice after an attempt that ended so."""
    body = {key: value for key, value in notice.items() if key not in ("status", "error")}
    body |= {"state": state, "attempts": notice["attempts"] + 1, "last_us": now_us, "left_s": max(0.0, left_s)}
    return body | ({} if status is None else {"status": status}) | ({"error": error} if error else {})


def given_up(notice: Mapping[str, Any], now_us: int, reason: str) -> dict[str, Any]:
    """Return a notice that is tried no more; the error of its last attempt goes along."""
    last = f"; last: {notice['error']}" if notice.get("error") else ""
    return {**notice, "state": GIVEN_UP, "last_us": now_us, "error": f"given up: {reason}{last}"}


def delivery(notice: Mapping[str, Any]) -> dict[str, Any]:
    """Return a notice as the delivery log shows it."""
    return {key: notice[key] for key in _SHOWN if key in notice}


def pause_s(failures: int, chance: float) -> float:
    """Return the wait after so many failures in a row: doubled each time, and by chance (0 to 1) up to half of it less."""
    return float(min(MAX_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures - 1, 20)) * (1.0 - chance / 2))
