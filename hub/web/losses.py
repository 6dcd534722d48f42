"""What a device has lost and what was refused of it, read out of the journal.

Owns the scan and its bounds; one page of rows a request. Used by devices.py.
"""

from typing import Any, Final

import msgpack

from devices.wire.codec import decode_from_device
from devices.wire.fields import shown
from devices.wire.messages import Gap, Pack
from hub.core.packs import offsets_of, read_rejects
from hub.core.records import Row, RowKind
from hub.sessions.journals import JournalReader

MAX_ROWS: Final = 20_000  # of all devices, looked at for one answer
MAX_ENTRIES: Final = 1_000  # after which an answer ends with the frame it is at


async def losses_of(journal: JournalReader, device: str, after: int) -> dict[str, Any]:
    """Return gaps and rejects of a device above a position.

    `next` is how far this answer looked, to ask again after it; null where that is all.
    """
    gaps: list[dict[str, Any]] = []
    rejects: list[dict[str, Any]] = []
    position, looked, entries = max(after, journal.first - 1), 0, 0
    last = journal.position
    while position < last and looked < MAX_ROWS and entries < MAX_ENTRIES:
        rows = await journal.read(position)
        for row in rows:
            position, looked = row.position, looked + 1
            if row.device == device:
                entries += _sort(row, journal, gaps, rejects)
            if entries >= MAX_ENTRIES:
                break
        if not rows:
            position = last  # trimmed while we looked
    return {"gaps": gaps, "rejects": rejects, "next": position if position < last else None}


def _sort(row: Row, journal: JournalReader, gaps: list[dict[str, Any]], rejects: list[dict[str, Any]]) -> int:
    """Put what a row tells where it belongs; return how many entries and rejected readings that were."""
    where = {"position": row.position, "epoch": row.epoch, "first": row.seq}
    if row.kind == RowKind.GAP and isinstance(gap := decode_from_device(row.body), Gap):
        told = {"readings": gap.readings, "from_us": gap.from_us, "to_us": gap.to_us, "reason": gap.reason}
        gaps.append({**where, "last": gap.last, **told, "of": gap.of, "of_last": gap.of_last})
    elif row.kind == RowKind.BAD and row.rejects is not None:
        code, reason = msgpack.unpackb(row.rejects)
        rejects.append({**where, "code": code, "reason": reason})
    elif row.kind == RowKind.PACK and row.rejects is not None:
        rejects.append({**where, **_rejected_of_pack(row, row.rejects, journal)})
        return len(rejects[-1].get("readings", [None]))
    elif row.kind == RowKind.DATA and row.rejects is not None:
        readings = _rejected_readings(row, row.rejects, journal)
        rejects.append({**where, "code": "readings", "readings": readings})
        return len(readings)
    else:
        return 0
    return 1


def _rejected_of_pack(row: Row, rejects: bytes, journal: JournalReader) -> dict[str, Any]:
    """Return what was rejected of a pack: single readings, as of a data frame, or all of it with a reason."""
    pack = decode_from_device(row.body)
    assert isinstance(pack, Pack)
    channel = _names(row, journal).get(pack.channel, pack.channel)
    refused = read_rejects(rejects)
    offsets_us = offsets_of(pack.step_ns, pack.offsets_us, pack.count)
    if refused[0].indexes is None:
        reason = f"every one of {pack.count} readings of channel {channel}"
        ends = {"from_us": pack.base_us + int(offsets_us.min()), "to_us": pack.base_us + int(offsets_us.max())} if pack.base_us else {}
        return {"code": refused[0].code, "reason": reason, "channel": channel, **ends}
    listed = sorted((index, code) for code, at in refused if at is not None for index in at.tolist())
    readings = [
        {"index": index, "code": code, "channel": channel, "time_us": (pack.base_us or 0) + int(offsets_us[index])}
        for index, code in listed
    ]
    return {"code": "readings", "readings": readings}


def _names(row: Row, journal: JournalReader) -> dict[int, str]:
    try:
        return {number: channel.name for number, channel in enumerate(journal.channels(row.device, row.epoch))}
    except KeyError:
        return {}  # forgotten: the epoch is long over


def _rejected_readings(row: Row, rejects: bytes, journal: JournalReader) -> list[dict[str, Any]]:
    """Return each rejected reading with where it would have been, as far as the frame says so.

    `channel` is the name, or what the frame said where that is the number of no channel.
    """
    body = msgpack.unpackb(row.body, strict_map_key=False)
    names = _names(row, journal)
    found = []
    for index, code in msgpack.unpackb(rejects):
        base_us, offset_us, number = body.get("t"), body["d"][index], body["c"][index]
        is_dated = type(base_us) is int and type(offset_us) is int
        channel = names.get(number, number) if type(number) is int else shown(number)
        found.append({"index": index, "code": code, "channel": channel, "time_us": base_us + offset_us if is_dated else None})
    return found
