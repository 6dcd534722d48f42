"""What a journal's SQLite file is made of: its tables, the check that they are whole, and what is read from them at the start.

Owns the schema and its version; writes only when the file is made or of an older format. Called by sqlite_file.py in the journal's
thread.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgpack

from devices.wire.codec import BadMessage
from devices.wire.hello import channel_to_map, channels_from_list
from devices.wire.messages import Channel
from hub.journal.sqlite_bulk import MarkRow, last_position, read_moves
from hub.ports import EpochMark, FollowerCursor, JournalBroken, JournalDamaged, JournalState

# PRAGMA user_version. Values of format 2 have no sums (sqlite_values.py): they are read as they are until they are trimmed, so that an
# older file needs nothing but the number that keeps an older hub away from it.
FORMAT: Final = 3
_READABLE: Final = (2, FORMAT)
_MAX_FORMAT: Final = 65_536  # far above what there will be: a greater number was made by a disk
# A file up to this size is read through before it is used: 0.1 s out of memory (measured: 2 GB/s), a second from a disk. The frames of a
# larger one are looked at when they are read; the small tables, which decide what is acked, also after each kill.
_MAX_VERIFIED_BYTES: Final = 256 << 20

# A batch is a commit's rows as one value (sqlite_bulk.py); its key is the position of the first. A position is never given twice: when
# the last batch is trimmed, meta keeps the last position. The frames themselves move the marks: the table follows every few MiB, up to
# the position `marked` in meta, and a start reads the frames above. A page of the table written in each commit cost twice the frames'
# own writing. Channel lists stay apart, as marks move and they do not.
_TABLES: Final = (
    "CREATE TABLE batches (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, frames BLOB NOT NULL)",
    """CREATE TABLE marks (device TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, position INTEGER NOT NULL,
    PRIMARY KEY (device, epoch)) WITHOUT ROWID""",
    """CREATE TABLE epochs (device TEXT NOT NULL, epoch INTEGER NOT NULL, opened_us INTEGER NOT NULL, channels BLOB NOT NULL,
    PRIMARY KEY (device, epoch)) WITHOUT ROWID""",
    "CREATE TABLE cursors (follower TEXT PRIMARY KEY, applied INTEGER NOT NULL, safe INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID",
)
_SMALL: Final = ("marks", "epochs", "cursors", "meta")


def make_tables(connection: sqlite3.Connection, journal: str) -> None:
    """Make the tables of a new journal, in the caller's transaction: a kill leaves an empty file or a whole one."""
    for statement in _TABLES:
        connection.execute(statement)
    connection.execute("INSERT INTO meta VALUES ('journal', ?), ('given', 0), ('marked', 0)", (journal,))
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def is_new(connection: sqlite3.Connection) -> bool:
    """Tell whether a file is to become a journal: it has no tables. Raises JournalDamaged where it has lost them."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
        return False
    if pages > 1:
        raise JournalDamaged(f"the journal has {pages:,} pages and no table")
    return True


def verify(connection: sqlite3.Connection, path: Path, *, was_killed: bool, is_suspect: bool) -> None:
    """Check that the file is a journal and its pages are whole; bring it to this format. Raises JournalBroken, JournalDamaged.

    Of a large file only the small tables are looked at, and these where the hub `was_killed`; of one that `is_suspect` everything.
    """
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if not 0 <= found < _MAX_FORMAT:
        raise JournalDamaged(f"{path} has format {found}, which no hub has written")
    if found not in _READABLE:
        advice = "run the hub that wrote it, or move it away and begin a new journal"
        raise JournalBroken(f"{path} has format {found}, this hub reads {FORMAT}; {advice}")
    if is_suspect or path.stat().st_size <= _MAX_VERIFIED_BYTES:
        _check_pages(connection, path, ["quick_check(1)"])
    elif was_killed:
        _check_pages(connection, path, [f"quick_check('{table}')" for table in _SMALL])
    if found != FORMAT:
        connection.execute(f"PRAGMA user_version = {FORMAT}")


def _check_pages(connection: sqlite3.Connection, path: Path, checks: Sequence[str]) -> None:
    for check in checks:
        (said,) = connection.execute(f"PRAGMA {check}").fetchone()
        if said != "ok":
            raise JournalDamaged(f"{path} is damaged: {said}")


def read_state(connection: sqlite3.Connection) -> tuple[JournalState, list[MarkRow]]:
    """Return what a journal knows, its marks with the longest unused first, and the marks that its table has yet to follow.

    Raises JournalDamaged where it makes no sense.
    """
    try:
        return _state(connection)
    except (BadMessage, ValueError, TypeError, KeyError) as error:
        raise JournalDamaged(f"the journal holds what no hub wrote: {error!r}") from error


def _state(connection: sqlite3.Connection) -> tuple[JournalState, list[MarkRow]]:
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    (first,) = connection.execute("SELECT min(first) FROM batches").fetchone()
    last = last_position(connection)
    given = meta["given"] if last is None else last
    cursors = {name: FollowerCursor(applied, safe) for name, applied, safe in connection.execute("SELECT * FROM cursors")}
    moved = read_moves(connection, meta["marked"])
    begin, marks = given + 1 if first is None else first, _marks(connection, moved)
    return JournalState(meta["journal"], begin, given, marks, cursors, meta.get("before", "")), moved


def _marks(connection: sqlite3.Connection, later: Iterable[MarkRow]) -> list[EpochMark]:
    read: dict[bytes, tuple[Channel, ...]] = {}  # a device's epochs mostly have one list: it is unpacked, and kept, once
    moved = {(device, epoch): (seq, position) for device, epoch, seq, position in later}
    marks = []
    for device, epoch, seq, position, opened_us, packed in connection.execute(
        "SELECT device, epoch, seq, position, opened_us, channels FROM marks JOIN epochs USING (device, epoch)"
    ):
        if packed not in read:
            read[packed] = channels_from_list(msgpack.unpackb(packed))
        later_seq, later_position = moved.get((device, epoch), (0, 0))
        if later_position > position:
            seq, position = max(seq, later_seq), later_position
        marks.append(EpochMark(device, epoch, seq, position, read[packed], opened_us))
    return sorted(marks, key=lambda mark: (mark.position, mark.opened_us))


def packed_channels(channels: Sequence[Channel]) -> bytes:
    """Return a channel list as the table keeps it."""
    return bytes(msgpack.packb([channel_to_map(channel) for channel in channels]))
