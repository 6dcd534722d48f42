"""Messages to bytes and back, with every limit held before anything is decoded.

Owns the msgpack form of each message (docs/protocol.md); knows no order of messages (session.py) and no channel list (the
hub's ingest checks readings against it). Both ends call it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgpack

from devices.wire import fields
from devices.wire.fields import BadMessage
from devices.wire.from_hub import decode_from_hub
from devices.wire.hello import hello_from_map, hello_to_map, outcome_from_map, outcome_to_map
from devices.wire.limits import MAX_LISTED_REJECTS, MAX_LOG_BYTES, MAX_REASON_BYTES
from devices.wire.messages import (
    Ack,
    Bye,
    Cancel,
    Command,
    Credit,
    Data,
    Desired,
    Frame,
    FromDevice,
    FromHub,
    Gap,
    Hello,
    Log,
    Pack,
    Reject,
    Reported,
    Result,
    UnknownOp,
    Unreadable,
    Welcome,
)
from devices.wire.pack import pack_from_map, pack_to_map
from devices.wire.peek import peek
from devices.wire.shadow import reported_from_map, reported_to_map
from devices.wire.unpack import unpack

__all__ = ["BadMessage", "decode_from_device", "decode_from_hub", "encode", "unpack"]

_KNOWN_DATA_KEYS: Final = frozenset({"e", "s", "op", "t", "c", "d", "v"})
_LEVELS: Final = ("debug", "info", "warning", "error")
_packb: Final = msgpack.Packer(use_bin_type=True, autoreset=True).pack


def decode_from_device(message: bytes) -> FromDevice:
    """Read what a device sent.

    A numbered frame with a bad body comes back as Unreadable, so that it still takes its seq. Raises BadMessage where not even
    the number can be read, or hello breaks a rule.
    """
    try:
        decoded = unpack(message)
    except BadMessage as error:
        number = peek(message)
        if number is None:
            raise
        return Unreadable(*number, "bad_frame", str(error))
    if type(decoded) is not dict:
        raise BadMessage(f"a message must be a map, not {fields.shown(decoded)}")
    if "e" in decoded or "s" in decoded:
        return _frame(decoded, fields.epoch(decoded), fields.seq(decoded))
    if decoded.get("op") == "hello":
        fields.plain_fields(decoded, "hello", 0)  # hello -> commands -> entry -> args -> spec is one deeper than a frame
        return hello_from_map(decoded)
    return UnknownOp(fields.shown(decoded.get("op")))


def _frame(decoded: dict[Any, Any], epoch: int, seq: int) -> Frame:
    op = decoded.get("op")
    try:
        if op == "data":
            return _data(decoded, epoch, seq)
        fields.plain_fields(decoded, "frame")
        if op == "pack":
            return pack_from_map(decoded, epoch, seq)
        if op == "result":
            return Result(epoch, seq, outcome_from_map(decoded))
        if op == "reported":
            return reported_from_map(decoded, epoch, seq)
        if op == "log":
            return _log(decoded, epoch, seq)
        if op == "gap":
            return _gap(decoded, epoch, seq)
    except BadMessage as error:
        return Unreadable(epoch, seq, "bad_frame", str(error))
    return Unreadable(epoch, seq, "unknown_op", f"op {fields.shown(op)} is not known")


def _data(decoded: dict[Any, Any], epoch: int, seq: int) -> Data:
    channels, offsets, values = decoded.get("c"), decoded.get("d"), decoded.get("v")
    if type(channels) is not list or type(offsets) is not list or type(values) is not list:
        raise BadMessage("c, d and v must be arrays")
    if not len(channels) == len(offsets) == len(values) >= 1:
        raise BadMessage(f"c, d and v must be equally long, at least 1; they have {len(channels)}, {len(offsets)} and {len(values)} items")
    if not decoded.keys() <= _KNOWN_DATA_KEYS:
        fields.plain_fields({key: value for key, value in decoded.items() if key not in _KNOWN_DATA_KEYS}, "frame")
    return Data(epoch, seq, fields.time_us(decoded, "t"), channels, offsets, values)


def _log(decoded: dict[Any, Any], epoch: int, seq: int) -> Log:
    if decoded.get("level") not in _LEVELS:
        raise BadMessage(f"level must be one of {', '.join(_LEVELS)}, not {fields.shown(decoded.get('level'))}")
    return Log(epoch, seq, decoded["level"], fields.time_us(decoded, "t"), fields.text(decoded, "text", MAX_LOG_BYTES))


def _gap(decoded: dict[Any, Any], epoch: int, seq: int) -> Gap:
    last = fields.seq(decoded, "last")
    of = fields.optional_integer(decoded, "of", 1, 2**63 - 1)
    of_last = fields.optional_integer(decoded, "of_last", 1, 2**53 - 1)
    if last < seq or ((of is None) != (of_last is None)) or (of is not None and (last != seq or of == epoch)):
        raise BadMessage("gap needs last >= s; with of also of_last, last = s, and another epoch than its own")
    return Gap(
        epoch,
        seq,
        last,
        fields.integer(decoded, "readings", 0, 2**53 - 1),
        fields.time_us(decoded, "from_us"),
        fields.time_us(decoded, "to_us"),
        fields.text(decoded, "reason", MAX_REASON_BYTES),
        of,
        of_last,
    )


def encode(message: FromDevice | FromHub) -> bytes:
    """Write a message as msgpack; the caller keeps it within MAX_MESSAGE_BYTES."""
    return bytes(_packb(_TO_MAP[type(message)](message)))


def _optional(message: dict[str, Any], **more: Any) -> dict[str, Any]:
    message.update({key: value for key, value in more.items() if value is not None})
    return message


def _gap_to_map(m: Gap) -> dict[str, Any]:
    head = {"e": m.epoch, "s": m.seq, "op": "gap", "last": m.last, "readings": m.readings}
    return head | _optional({"from_us": m.from_us, "to_us": m.to_us, "reason": m.reason}, of=m.of, of_last=m.of_last)


def _reject_to_map(m: Reject) -> dict[str, Any]:
    listed = None if m.readings is None else m.readings[:MAX_LISTED_REJECTS]
    return _optional({"op": "reject", "code": m.code, "reason": m.reason}, e=m.epoch, s=m.seq, readings=listed)


def _welcome_to_map(m: Welcome) -> dict[str, Any]:
    head = {"op": "welcome", "time_us": m.time_us, "marks": m.marks, "credit": credit_to_map(m.credit)}
    return head | _optional({"limits": dict(m.limits), "heartbeat_s": m.heartbeat_s, "hub": m.hub}, reported=m.reported, fence=m.fence)


def credit_to_map(credit: Credit) -> dict[str, Any]:
    """Write the two windows."""
    windows = {"live": [credit.live.frames, credit.live.bytes], "backfill": [credit.backfill.frames, credit.backfill.bytes]}
    return _optional(windows, reason=credit.reason)


_TO_MAP: Final[Mapping[type, Callable[[Any], dict[str, Any]]]] = {
    Hello: hello_to_map,
    Data: lambda m: {"e": m.epoch, "s": m.seq, "op": "data", "t": m.base_us, "c": m.channels, "d": m.offsets_us, "v": m.values},
    Pack: pack_to_map,
    Result: lambda m: {"e": m.epoch, "s": m.seq, "op": "result"} | outcome_to_map(m.outcome),
    Reported: reported_to_map,
    Log: lambda m: {"e": m.epoch, "s": m.seq, "op": "log", "level": m.level, "t": m.time_us, "text": m.text},
    Gap: _gap_to_map,
    Welcome: _welcome_to_map,
    Ack: lambda m: {"op": "ack", "acks": m.acks, "credit": credit_to_map(m.credit)},
    Reject: _reject_to_map,
    Command: lambda m: _optional(
        {"op": "command", "id": m.id, "name": m.name, "args": dict(m.args), "ttl_s": m.ttl_s, "created_us": m.created_us}, fence=m.fence
    ),
    Cancel: lambda m: _optional({"op": "cancel", "id": m.id}, fence=m.fence),
    Desired: lambda m: {"op": "desired", "version": m.version, "document": dict(m.document)},
    Bye: lambda m: _optional(
        {"op": "bye", "code": m.code, "reason": m.reason}, retry_s=m.retry_s, jitter_s=m.jitter_s, expected=m.expected
    ),
    UnknownOp: lambda m: {"op": m.op},
}
