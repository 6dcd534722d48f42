"""Gaps: which frames a full spool gives up, and the frame that stands in their place.

Owns pure functions over rows; shelf.py calls them and does the writing.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgpack

from devices.spool.records import FRAME_COST_BYTES, SEQ_BITS, SEQ_MASK, Draft, FrameKind, FrameRow, SpooledEpoch
from devices.wire.codec import encode
from devices.wire.messages import Gap

_DROPPED_LAST = {FrameKind.RESULT, FrameKind.GIVE_UP}


def choose(
    rows: Iterable[FrameRow], pinned: Mapping[int, int], numbers: Mapping[int, int], need: int, kept: int | None = None
) -> list[list[FrameRow]]:
    """Return runs of neighbouring rows, oldest first, that free about `need` bytes when a gap stands for each run.

    Results stay, the row with the key `kept`, and frames at or below the pinned seq of their epoch (`numbers`: ordinal -> epoch).
    """
    runs: list[list[FrameRow]] = []
    freed = 0
    run: list[FrameRow] = []
    for row in rows:
        may_go = row.kind not in _DROPPED_LAST and row.key != kept and (row.key & SEQ_MASK) > pinned.get(numbers[row.key >> SEQ_BITS], 0)
        if run and (not may_go or not _is_next(run[-1], row)):
            runs.append(run)
            run = []
        if may_go:
            run.append(row)
            # A gap frame itself takes about what two rows cost, so the first of a run frees nothing.
            freed += len(row.body) + FRAME_COST_BYTES if len(run) > 1 else 0
        if freed >= need:
            break
    runs.append(run)
    return [run for run in runs if len(run) > 1 or (run and run[0].kind != FrameKind.GAP and len(run[0].body) > 2 * FRAME_COST_BYTES)]


def _is_next(before: FrameRow, row: FrameRow) -> bool:
    return row.key >> SEQ_BITS == before.key >> SEQ_BITS and row.key & SEQ_MASK == before.last + 1


def in_place_of(epoch: int, rows: Sequence[FrameRow], reason: str) -> FrameRow:
    """Make the gap that stands for neighbouring rows."""
    readings, from_us, to_us = _extent(rows)
    seq = rows[0].key & SEQ_MASK
    body = encode(Gap(epoch, seq, rows[-1].last, readings, from_us, to_us, reason))
    return FrameRow(rows[0].key, rows[-1].last, FrameKind.GAP, readings, from_us, to_us, body)


def over_hole(epoch: SpooledEpoch, seq: int, last: int, reason: str) -> FrameRow:
    """Make the gap over frames that the file has lost; how many readings they held is unknown."""
    return FrameRow(
        epoch.ordinal << SEQ_BITS | seq, last, FrameKind.GAP, 0, None, None, encode(Gap(epoch.epoch, seq, last, 0, None, None, reason))
    )


def give_up(old: SpooledEpoch, rows: Sequence[FrameRow], reason: str) -> Draft:
    """Make the draft that gives up the rest of another epoch."""
    readings, from_us, to_us = _extent([row for row in rows if row.kind != FrameKind.GIVE_UP])
    number, last = old.epoch, old.last
    return Draft(
        FrameKind.GIVE_UP, lambda epoch, seq: Gap(epoch, seq, seq, readings, from_us, to_us, reason, number, last), readings, from_us, to_us
    )


def renumbered(body: bytes, epoch: int) -> bytes:
    """Give a frame another epoch; all else stays, in its order."""
    message = msgpack.unpackb(body)
    message["e"] = epoch
    return bytes(msgpack.packb(message))


def _extent(rows: Sequence[FrameRow]) -> tuple[int, int | None, int | None]:
    starts = [row.from_us for row in rows if row.from_us is not None]
    ends = [row.to_us for row in rows if row.to_us is not None]
    return sum(row.readings for row in rows), min(starts, default=None), max(ends, default=None)
