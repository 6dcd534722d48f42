"""What a journal's SQLite file is made of: its tables, the check that they are whole, and what is read from them at the start.

Owns the schema and its version; writes only when the file is made. Called by sqlite_file.py in the journal's thread.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgpack

from devices.wire.codec import BadMessage
from devices.wire.hello import channel_to_map, channels_from_list
from devices.wire.messages import Channel
from hub.ports import EpochMark, FollowerCursor, JournalBroken, JournalState

FORMAT: Final = 1  # PRAGMA user_version; a change comes with a migration in hub/datadir.py
# After a kill a file up to this size is read through before it is used: 0.1 s out of memory (measured: 2 GB/s), a second from a disk.
# The frames of a larger one are left to `tributary doctor`; the small tables, which decide what is acked, are always read.
_MAX_VERIFIED_BYTES: Final = 256 << 20

# AUTOINCREMENT: a position is never given twice, also when the table was trimmed empty. No second index: with one a commit
# takes four times as long.
_TABLES: Final = (
    """CREATE TABLE frames (position INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
    kind INTEGER NOT NULL, arrived_us INTEGER NOT NULL, body BLOB NOT NULL, rejects BLOB)""",
    """CREATE TABLE marks (device TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, position INTEGER NOT NULL,
    opened_us INTEGER NOT NULL, channels BLOB NOT NULL, PRIMARY KEY (device, epoch)) WITHOUT ROWID""",
    "CREATE TABLE cursors (follower TEXT PRIMARY KEY, applied INTEGER NOT NULL, safe INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
)


def make_tables(connection: sqlite3.Connection, journal: str) -> None:
    """Make the tables of a new journal, in the caller's transaction: a kill leaves an empty file or a whole one."""
    for statement in _TABLES:
        connection.execute(statement)
    connection.execute("INSERT INTO meta VALUES ('journal', ?)", (journal,))
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def verify(connection: sqlite3.Connection, path: Path, *, is_thorough: bool) -> None:
    """Check that the file is a journal of this format and, where `is_thorough`, that its pages are whole. Raises JournalBroken."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found != FORMAT:
        raise JournalBroken(f"{path} has format {found}, this hub reads {FORMAT}")
    if not is_thorough:
        return
    is_small = path.stat().st_size <= _MAX_VERIFIED_BYTES
    for check in ("quick_check(1)",) if is_small else ("quick_check('marks')", "quick_check('cursors')", "quick_check('meta')"):
        (said,) = connection.execute(f"PRAGMA {check}").fetchone()
        if said != "ok":
            raise JournalBroken(f"{path} is damaged: {said}; keep a copy of the directory, then restore a backup")


def read_state(connection: sqlite3.Connection) -> JournalState:
    """Return what a journal knows; its marks with the longest unused first. Raises JournalBroken where it makes no sense."""
    try:
        return _state(connection)
    except (BadMessage, ValueError, TypeError) as error:
        raise JournalBroken(f"the journal holds what no hub wrote: {error!r}; keep a copy of it, then restore a backup") from error


def _state(connection: sqlite3.Connection) -> JournalState:
    (journal,) = connection.execute("SELECT value FROM meta WHERE key = 'journal'").fetchone()
    (given,) = connection.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'frames'").fetchone()
    (first,) = connection.execute("SELECT min(position) FROM frames").fetchone()
    cursors = {name: FollowerCursor(applied, safe) for name, applied, safe in connection.execute("SELECT * FROM cursors")}
    return JournalState(journal, given + 1 if first is None else first, given, _marks(connection), cursors)


def _marks(connection: sqlite3.Connection) -> list[EpochMark]:
    read: dict[bytes, tuple[Channel, ...]] = {}  # a device's epochs mostly have one list: it is unpacked, and kept, once
    marks = []
    for device, epoch, seq, position, opened_us, packed in connection.execute(
        "SELECT device, epoch, seq, position, opened_us, channels FROM marks ORDER BY position, opened_us"
    ):
        if packed not in read:
            read[packed] = channels_from_list(msgpack.unpackb(packed))
        marks.append(EpochMark(device, epoch, seq, position, read[packed], opened_us))
    return marks


def packed_channels(channels: Sequence[Channel]) -> bytes:
    """Return a channel list as the table keeps it."""
    return bytes(msgpack.packb([channel_to_map(channel) for channel in channels]))
