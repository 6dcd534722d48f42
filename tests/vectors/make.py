"""Write vectors.json: every message of the protocol as hex with its meaning, and messages that a hub refuses.

Run by hand after a change of the protocol (`python -m tests.vectors.make`); a test holds that the file is what this makes.
"""

import json
from pathlib import Path
from typing import Any

import msgpack

PATH = Path(__file__).with_name("vectors.json")
EPOCH = 0x1122334455667788
TIME_US = 1_700_000_000_000_000


def _good() -> list[tuple[str, str, dict[str, Any]]]:
    credit = {"live": [256, 1_048_576], "backfill": [64, 262_144]}
    hello = {
        "op": "hello",
        "device": "boiler-1",
        "epoch": EPOCH,
        "unfinished": [{"epoch": 77, "first": 3, "last": 9}],
        "channels": [{"name": "temp", "unit": "Cel", "kind": "gauge"}, {"name": "door", "unit": "", "kind": "state"}],
        "commands": [{"name": "set_interval", "description": "how often to report", "args": {"s": {"type": "number", "min": 0.1}}}],
        "results": [{"id": "c-1", "state": "failed", "reason": "interrupted"}],
        "firmware": "boiler 2.1",
        "clock_us": TIME_US,
        "interval_s": 1.0,
        "max_message_bytes": 4096,
        "shadow": {"version": 1_700_000_000_000, "reported": 1_700_000_000_500},
        "fence": 1_700_000_000_000_007,
    }
    frame = {"e": EPOCH, "s": 1}
    return [
        ("device", "hello with one unfinished epoch, a command and a result not yet acked", hello),
        (
            "device",
            "two readings, the second 1 ms later",
            frame | {"op": "data", "t": TIME_US, "c": [0, 1], "d": [0, 1000], "v": [21.5, True]},
        ),
        ("device", "a reading that can never be dated", frame | {"op": "data", "t": None, "c": [0], "d": [0], "v": [1]}),
        (
            "device",
            "a pack of three float32 readings 0.5 ms apart: 1.5, -2, 0.25",
            frame | {"op": "pack", "t": TIME_US, "c": 0, "step_ns": 500_000, "f": "f4", "v": bytes.fromhex("0000c03f 000000c0 0000803e")},
        ),
        (
            "device",
            "a pack of two float64 readings, 1.5 at t and -2 a microsecond before it",
            frame
            | {"op": "pack", "t": TIME_US, "c": 0, "d": bytes.fromhex("00000000 ffffffff")}
            | {"f": "f8", "v": bytes.fromhex("000000000000f83f 00000000000000c0")},
        ),
        ("device", "a command is done", frame | {"op": "result", "id": "c-2", "state": "done", "value": 42}),
        (
            "device",
            "what the device is like, by the desired document of that version",
            frame
            | {
                "op": "reported",
                "n": 1_700_000_002_000,
                "version": 1_700_000_001_000,
                "document": {"interval_s": 5, "net": {"dhcp": True}},
            },
        ),
        (
            "device",
            "that version could not be applied",
            frame | {"op": "reported", "n": 1_700_000_002_000, "version": 1_700_000_001_000, "document": {}, "error": "too fast"},
        ),
        ("device", "a log line", frame | {"op": "log", "level": "warning", "t": TIME_US, "text": "low battery"}),
        (
            "device",
            "frames 1 to 5 are lost",
            frame | {"op": "gap", "last": 5, "readings": 50, "from_us": TIME_US, "to_us": TIME_US + 5_000_000, "reason": "spool_full"},
        ),
        (
            "device",
            "the rest of epoch 77 is given up",
            frame | {"op": "gap", "last": 1, "readings": 7, "from_us": None, "to_us": None, "reason": "spool_full", "of": 77, "of_last": 9},
        ),
        (
            "hub",
            "welcome: epoch 77 is durable up to 4",
            {
                "op": "welcome",
                "time_us": TIME_US,
                "marks": [[EPOCH, 0], [77, 4]],
                "credit": credit,
                "limits": {"frame_bytes": 65536, "readings": 4096, "future_s": 86400},
                "heartbeat_s": 20.0,
                "hub": "tributary-hub 0.1.0",
                "reported": 1_700_000_000_500,
                "fence": 1_700_000_000_000_008,
            },
        ),
        ("hub", "frames up to 12 are durable", {"op": "ack", "acks": [[EPOCH, 12]], "credit": credit}),
        (
            "hub",
            "hold: the disk is full",
            {"op": "ack", "acks": [], "credit": {"live": [0, 0], "backfill": [0, 0], "reason": "store_full"}},
        ),
        (
            "hub",
            "reading 1 of frame 3 is refused, the others are stored",
            {"op": "reject", "code": "readings", "reason": "1 of 2 readings", "e": EPOCH, "s": 3, "readings": [[1, "not_finite"]]},
        ),
        ("hub", "a command", {"op": "command", "id": "c-3", "name": "identify", "args": {}, "ttl_s": 60.0, "created_us": TIME_US}),
        (
            "hub",
            "a command of the connection with this fence",
            {"op": "command", "id": "c-4", "name": "identify", "args": {}, "ttl_s": 60.0, "created_us": TIME_US}
            | {"fence": 1_700_000_000_000_008},
        ),
        ("hub", "stop a command", {"op": "cancel", "id": "c-3"}),
        ("hub", "stop a command, of the connection with this fence", {"op": "cancel", "id": "c-4", "fence": 1_700_000_000_000_008}),
        ("hub", "the desired document", {"op": "desired", "version": 1_700_000_001_000, "document": {"interval_s": 5}}),
        ("hub", "nothing is desired", {"op": "desired", "version": 0, "document": {}}),
        ("hub", "the hub restarts", {"op": "bye", "code": 1012, "reason": "restart", "retry_s": 1.0, "jitter_s": 15.0}),
        (
            "hub",
            "the frame's number cannot be read",
            {"op": "bye", "code": 4005, "reason": "bad_frame", "retry_s": 0.0, "jitter_s": 1.0, "expected": [[EPOCH, 4]]},
        ),
    ]


def _refused() -> list[tuple[str, str, bytes]]:
    def pack(value: Any) -> bytes:
        return bytes(msgpack.packb(value))

    head = {"e": EPOCH, "s": 2}
    burst = {"op": "pack", "t": TIME_US, "c": 0, "step_ns": 1000, "f": "f4", "v": bytes(8)}
    return [
        ("close 4005", "not msgpack at all", b"\xc1garbage"),
        ("close 4005", "an array instead of a map", pack([1, 2])),
        ("close 4005", "seq 0", pack({"e": EPOCH, "s": 0, "op": "data"})),
        ("close 4005", "epoch above 2^63-1", pack({"e": 2**63, "s": 1, "op": "data"})),
        ("close 4500", "hello without a device", pack({"op": "hello", "epoch": 1, "channels": []})),
        (
            "close 4500",
            "a channel of no known kind",
            pack({"op": "hello", "device": "a", "epoch": 1, "channels": [{"name": "x", "kind": "odd"}]}),
        ),
        ("reject bad_frame", "a body cut short", pack(head | {"op": "data", "t": 1, "c": [0], "d": [0], "v": [1.5]})[:-4]),
        ("reject bad_frame", "arrays of unequal length", pack(head | {"op": "data", "t": 1, "c": [0, 1], "d": [0], "v": [1.5]})),
        (
            "reject bad_frame",
            "an array of 4,097 items",
            pack(head | {"op": "data", "t": 1, "c": [0] * 4097, "d": [0] * 4097, "v": [0] * 4097}),
        ),
        ("reject bad_frame", "nested five deep", pack(head | {"op": "result", "id": "a", "state": "done", "value": [[[[1]]]]})),
        ("reject bad_frame", "an extension type", pack(head | {"op": "data", "x": msgpack.ExtType(5, b"abc")})),
        ("reject bad_frame", "a pack with a step and offsets", pack(head | burst | {"d": bytes(8)})),
        ("reject bad_frame", "a pack with neither", pack(head | {key: burst[key] for key in burst if key != "step_ns"})),
        ("reject bad_frame", "a pack without values", pack(head | burst | {"v": b""})),
        ("reject bad_frame", "a pack with half a value", pack(head | burst | {"v": bytes(6)})),
        ("reject bad_frame", "a pack with more offsets than values", pack(head | burst | {"step_ns": None, "d": bytes(12)})),
        ("reject bad_frame", "a pack of half floats", pack(head | burst | {"f": "f2"})),
        ("reject bad_frame", "a pack with its values in an array", pack(head | burst | {"v": [1.5, 2.5]})),
        ("reject bad_frame", "a pack of two channels", pack(head | burst | {"c": [0, 1]})),
        ("reject bad_frame", "a pack with a step of 0", pack(head | burst | {"step_ns": 0})),
        ("reject unknown_op", "an op of a later version", pack(head | {"op": "dance"})),
        ("reject bad_frame", "a report without its number", pack(head | {"op": "reported", "version": 1, "document": {}})),
        ("reject bad_frame", "a report with null", pack(head | {"op": "reported", "n": 1, "version": 1, "document": {"a": None}})),
        ("reject bad_frame", "a report with binary", pack(head | {"op": "reported", "n": 1, "version": 1, "document": {"a": b"x"}})),
        (
            "reject bad_frame",
            "a report of 8,193 bytes",
            pack(head | {"op": "reported", "n": 1, "version": 1, "document": {"a": "x" * 8187}}),
        ),
    ]


def _readable(message: dict[str, Any]) -> dict[str, Any]:
    """JSON has no binary: it stands as {"bin": hex}."""
    return {key: {"bin": value.hex()} if isinstance(value, bytes) else value for key, value in message.items()}


def vectors() -> dict[str, Any]:
    """Return the vectors as plain values."""
    good = [
        {"from": who, "meaning": meaning, "hex": msgpack.packb(message).hex(), "message": _readable(message)}
        for who, meaning, message in _good()
    ]
    refused = [{"answer": answer, "meaning": meaning, "hex": message.hex()} for answer, meaning, message in _refused()]
    return {"protocol": 1, "good": good, "refused": refused}


if __name__ == "__main__":
    PATH.write_text(json.dumps(vectors(), indent=1) + "\n")
