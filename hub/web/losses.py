"""What a device has lost and what was refused of it, read out of the journal.

Owns the scan and its bounds; one page of rows a request. Used by devices.py.
"""

from typing import Any, Final, Protocol

import msgpack

from devices.wire.codec import decode_from_device
from devices.wire.messages import Gap
from hub.core.records import Row, RowKind

MAX_ROWS: Final = 20_000  # of all devices, looked at for one answer
MAX_ENTRIES: Final = 1_000


class JournalReader(Protocol):
    """What of a journal is read here."""

    @property
    def first(self) -> int:
        """The lowest position that is still there."""

    @property
    def position(self) -> int:
        """The last committed position."""

    async def read(self, after: int) -> list[Row]:
        """Return rows above a position, at least one where there is one."""


async def losses_of(journal: JournalReader, device: str, after: int) -> dict[str, Any]:
    """Return gaps and rejects of a device above a position.

    `position` is how far this answer looked; where `is_more` is true, ask again after it.
    """
    gaps: list[dict[str, Any]] = []
    rejects: list[dict[str, Any]] = []
    position, looked = max(after, journal.first - 1), 0
    last = journal.position
    while position < last and looked < MAX_ROWS and len(gaps) + len(rejects) < MAX_ENTRIES:
        rows = await journal.read(position)
        for row in rows:
            if row.device == device:
                _sort(row, gaps, rejects)
        position, looked = rows[-1].position, looked + len(rows)
    return {"gaps": gaps, "rejects": rejects, "position": position, "is_more": position < last}


def _sort(row: Row, gaps: list[dict[str, Any]], rejects: list[dict[str, Any]]) -> None:
    where = {"position": row.position, "epoch": row.epoch, "first": row.seq}
    if row.kind == RowKind.GAP and isinstance(gap := decode_from_device(row.body), Gap):
        told = {"readings": gap.readings, "from_us": gap.from_us, "to_us": gap.to_us, "reason": gap.reason}
        gaps.append({**where, "last": gap.last, **told, "of": gap.of, "of_last": gap.of_last})
    elif row.kind == RowKind.BAD and row.rejects is not None:
        code, reason = msgpack.unpackb(row.rejects)
        rejects.append({**where, "code": code, "reason": reason})
    elif row.kind == RowKind.DATA and row.rejects is not None:
        rejects.append({**where, "code": "readings", "readings": _rejected_readings(row)})


def _rejected_readings(row: Row) -> list[dict[str, Any]]:
    """Return each rejected reading with where it would have been, as far as the frame says so."""
    body = msgpack.unpackb(row.body, strict_map_key=False)
    found = []
    for index, code in msgpack.unpackb(row.rejects or b"\x90"):
        offset_us = body["d"][index]
        is_dated = isinstance(body["t"], int) and isinstance(offset_us, int)
        found.append({"index": index, "code": code, "channel": body["c"][index], "time_us": body["t"] + offset_us if is_dated else None})
    return found
