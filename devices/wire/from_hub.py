"""What a hub says, from bytes to messages: the device's half of the codec.

Owns the readers of hub messages; codec.py gives decode_from_hub to everyone else.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from devices.wire import fields
from devices.wire.fields import BadMessage
from devices.wire.limits import MAX_FENCE, MAX_MESSAGE_BYTES, MAX_REASON_BYTES, MAX_SEQ
from devices.wire.messages import Ack, Bye, Cancel, Command, Credit, FromHub, Reject, UnknownOp, Welcome, Window
from devices.wire.shadow import desired_from_map
from devices.wire.unpack import unpack


def decode_from_hub(message: bytes) -> FromHub:
    """Read what a hub sent. Raises BadMessage."""
    decoded = fields.mapping(unpack(message), "a message")
    reader = _FROM_HUB.get(str(decoded.get("op")))
    return UnknownOp(fields.shown(decoded.get("op"))) if reader is None else reader(decoded)


def _pairs(decoded: Mapping[str, Any], key: str) -> tuple[tuple[int, int], ...]:
    pairs = fields.array(decoded, key)
    if any(type(pair) is not list or len(pair) != 2 or type(pair[0]) is not int or type(pair[1]) is not int for pair in pairs):
        raise BadMessage(f"{key} must be pairs of integers")
    return tuple((pair[0], pair[1]) for pair in pairs)


def _credit(decoded: Mapping[str, Any]) -> Credit:
    credit = fields.mapping(decoded.get("credit"), "credit")
    windows = []
    for lane in ("live", "backfill"):
        window = fields.array(credit, lane, 2)
        if len(window) != 2 or any(type(item) is not int or item < 0 for item in window):
            raise BadMessage(f"credit.{lane} must be [frames, bytes], not {fields.shown(window)}")
        windows.append(Window(window[0], window[1]))
    return Credit(windows[0], windows[1], fields.text(credit, "reason", MAX_REASON_BYTES, "") or None)


def _fence(m: Mapping[str, Any]) -> int | None:
    return fields.optional_integer(m, "fence", 0, MAX_FENCE)


def _reject_from_map(m: Mapping[str, Any]) -> Reject:
    readings = None
    if m.get("readings") is not None:
        readings = tuple((int(index), str(code)) for index, code in fields.array(m, "readings"))
    numbered = m.get("e") is not None
    return Reject(
        fields.epoch(m) if numbered else None,
        fields.seq(m) if numbered else None,
        fields.text(m, "code", 64),
        fields.text(m, "reason", MAX_MESSAGE_BYTES, ""),
        readings,
    )


def _bye_from_map(m: Mapping[str, Any]) -> Bye:
    code = fields.integer(m, "code", 1000, 4999)
    expected = None if m.get("expected") is None else _pairs(m, "expected")
    reason = fields.text(m, "reason", MAX_MESSAGE_BYTES, "")
    return Bye(code, reason, fields.number(m, "retry_s", 0, 1e9), fields.number(m, "jitter_s", 0, 1e9), expected)


_FROM_HUB: Final[Mapping[str, Callable[[Mapping[str, Any]], FromHub]]] = {
    "welcome": lambda m: Welcome(
        time_us=fields.time_us(m, "time_us") or 0,
        marks=_pairs(m, "marks"),
        credit=_credit(m),
        heartbeat_s=fields.number(m, "heartbeat_s", 0.01, 86_400) or 20.0,
        hub=fields.text(m, "hub", MAX_REASON_BYTES, ""),
        limits=fields.mapping(m.get("limits") or {}, "limits"),
        reported=fields.optional_integer(m, "reported", 0, MAX_SEQ),
        fence=_fence(m),
    ),
    "ack": lambda m: Ack(_pairs(m, "acks"), _credit(m)),
    "reject": _reject_from_map,
    "command": lambda m: Command(
        id=fields.text(m, "id", 64),
        name=fields.text(m, "name", 64),
        args=fields.mapping(m.get("args") or {}, "args"),
        ttl_s=fields.number(m, "ttl_s", 0, 1e9) or 0.0,
        created_us=fields.time_us(m, "created_us") or 0,
        fence=_fence(m),
    ),
    "cancel": lambda m: Cancel(fields.text(m, "id", 64), _fence(m)),
    "desired": desired_from_map,
    "bye": _bye_from_map,
}
