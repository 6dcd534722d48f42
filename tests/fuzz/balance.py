"""What became of the readings that hostile devices sent: each frame in the journal is one that was sent, each reading in one place.

Owns the balance (in = stored + rejected + parked + not acked) and the comparison of what is stored with what was sent: made of the bytes
that were sent and docs/protocol.md section 6 alone.
"""

import math
import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgpack

from hub.core.packs import read_rejects
from hub.core.records import Row, RowKind
from tests.fuzz.attack import Said
from tests.fuzz.traces import Point


@dataclass
class Balance:
    """Readings by where they are, and what is wrong, by whom it was said (None: nobody knows)."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[Said | None, str]] = field(default_factory=list)


def balance_of(said: Sequence[Said], rows: Sequence[Row], stored: Mapping[Point, Any], parked: int) -> Balance:
    """Compare what was said with the rows that were committed and with the points that are stored."""
    balance = Balance()
    by_epoch = {(each.device, each.epoch): each for each in said}
    expected: dict[Point, list[tuple[Said, Any]]] = {}
    seen: set[tuple[str, int, int]] = set()
    for row in rows:
        who = by_epoch.get((row.device, row.epoch))
        if row.kind == RowKind.ELSEWHERE:
            continue
        if who is None or (who.exchange.is_framed and row.body not in who.sent):
            if who is None or who.exchange.is_framed:
                balance.wrong.append((who, f"the journal has a frame that nobody sent: {row!r}"[:300]))
            continue
        if (row.device, row.epoch, row.seq) in seen:
            balance.wrong.append((who, f"seq {row.seq} is in the journal twice"))
        seen.add((row.device, row.epoch, row.seq))
        for point, value in _points(row, who, balance):
            balance.counts["same key"] += point in expected  # one in a thousand of equal stamps of several frames: one of them is kept
            expected.setdefault(point, []).append((who, value))
    _compare(expected, stored, balance, parked)
    for each in said:
        _check_acks(each, seen, balance)
    return balance


def _points(row: Row, who: Said, balance: Balance) -> Iterator[tuple[Point, Any]]:
    """Yield what of a frame must be stored."""
    if row.kind not in (RowKind.DATA, RowKind.PACK):
        balance.counts["frames rejected" if row.kind == RowKind.BAD else "frames without readings"] += 1
        return
    body = msgpack.unpackb(row.body, strict_map_key=False)
    readings = list(_data(body) if row.kind == RowKind.DATA else _pack(body))
    rejected = set(_rejected(row, len(readings)))
    balance.counts["in"] += len(readings)
    balance.counts["rejected"] += len(rejected)
    equal = Counter[tuple[str, int]]()
    spread = zlib.crc32(struct.pack(">QQ", row.epoch, row.seq))
    for index, (channel, t_us, value) in enumerate(readings):
        if index in rejected:
            continue
        name = who.channels[channel]["name"]
        key = t_us * 1_000 + (spread + equal[name, t_us]) % 1_000
        equal[name, t_us] += 1
        balance.counts["stored"] += 1
        yield (row.device, name, key), value


def _data(body: Mapping[str, Any]) -> Iterator[tuple[Any, Any, Any]]:
    base_us = body.get("t")
    for channel, offset_us, value in zip(body["c"], body["d"], body["v"], strict=True):
        yield channel, base_us + offset_us if type(base_us) is int and type(offset_us) is int else None, value


def _pack(body: Mapping[str, Any]) -> Iterator[tuple[Any, Any, float]]:
    size, letter = (4, "f") if body["f"] == "f4" else (8, "d")
    count = len(body["v"]) // size
    if body.get("d") is not None:
        offsets: Sequence[int] = struct.unpack(f"<{count}i", body["d"])
    else:
        offsets = [n * body["step_ns"] // 1_000 for n in range(count)]
    for offset_us, value in zip(offsets, struct.unpack(f"<{count}{letter}", body["v"]), strict=True):
        yield body["c"], None if body.get("t") is None else body["t"] + offset_us, value


def _rejected(row: Row, count: int) -> Iterator[int]:
    if row.rejects is None:
        return
    if row.kind == RowKind.DATA:
        yield from (index for index, _ in msgpack.unpackb(row.rejects))
        return
    for refused in read_rejects(row.rejects):
        yield from range(count) if refused.indexes is None else refused.indexes.tolist()


def _is_same(sent: Any, stored: Any) -> bool:
    if isinstance(sent, list):
        return isinstance(stored, list) and len(sent) == 2 and all(float(one) == two for one, two in zip(sent, stored, strict=True))
    if type(sent) is float:
        return type(stored) is float and sent == stored and math.copysign(1.0, sent) == math.copysign(1.0, stored)
    return type(sent) is type(stored) and bool(sent == stored)


def _compare(expected: Mapping[Point, list[tuple[Said, Any]]], stored: Mapping[Point, Any], balance: Balance, parked: int) -> None:
    missing = [point for point in expected if point not in stored]
    balance.counts["parked"] += parked
    if len(missing) != parked:
        balance.wrong += [(expected[point][0][0], f"{point} was accepted and is not stored ({parked} parked)") for point in missing[:3]]
    balance.wrong += [(None, f"{point} is stored and nobody sent it") for point in stored if point not in expected][:3]
    for point, sent in expected.items():
        if point in stored and not any(_is_same(value, stored[point]) for _, value in sent):
            balance.wrong.append((sent[0][0], f"{point} was sent as {sent[0][1]!r} and stored as {stored[point]!r}"))


def _check_acks(said: Said, seen: set[tuple[str, int, int]], balance: Balance) -> None:
    """Hold the acks against the journal, and count what was sent and got none."""
    acked = max(
        (seq for message in said.heard if message["op"] == "ack" for epoch, seq in message["acks"] if epoch == said.epoch), default=0
    )
    for payload in said.sent:
        try:
            frame = msgpack.unpackb(payload, strict_map_key=False)
        except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException):
            continue
        if not isinstance(frame, dict) or frame.get("e") != said.epoch or type(frame.get("s")) is not int or frame["s"] < 1:
            continue
        is_kept = (said.device, said.epoch, frame["s"]) in seen
        balance.counts["frames not acked"] += not is_kept
        if frame["s"] <= acked and not is_kept and not _may_be_passed(said):
            balance.wrong.append((said, f"seq {frame['s']} was acked and is not in the journal"))


def _may_be_passed(said: Said) -> bool:
    """Tell whether numbers may be acked that no frame has: those of gaps, and those below the first of a hello."""
    return any(b"\xa3gap" in payload or b"unfinished" in payload for payload in said.sent)
