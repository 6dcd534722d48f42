"""The spool's SQLite file: epochs, frames, commands; every statement that touches it.

Owns SQL and transactions; blocking, called by one thread at a time (spool.py holds the lock). It decides nothing: which frames go
and what stands in their place is decided in spool.py.
"""

import sqlite3
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from typing import Any, Final

import msgpack

from devices.spool.records import FRAME_COST_BYTES, SEQ_BITS, SEQ_MASK, CommandEntry, FrameRow, ShadowEntry, SpooledEpoch, SpooledFrame
from devices.wire.messages import Channel, CommandState, Kind, Outcome

SCHEMA_VERSION: Final = 1
_SCHEMA: Final = """
BEGIN;
CREATE TABLE epochs (ordinal INTEGER PRIMARY KEY, epoch INTEGER NOT NULL UNIQUE, channels BLOB NOT NULL);
CREATE TABLE frames (key INTEGER PRIMARY KEY, last INTEGER NOT NULL, kind INTEGER NOT NULL, readings INTEGER NOT NULL,
    from_us INTEGER, to_us INTEGER, body BLOB NOT NULL);
CREATE TABLE commands (id TEXT PRIMARY KEY, expires_us INTEGER NOT NULL, outcome BLOB NOT NULL, epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL);
PRAGMA user_version = 1;
COMMIT;
"""
# Of the same version: a program from before these has no use for their tables and leaves them alone.
_SHADOW: Final = "CREATE TABLE IF NOT EXISTS shadow (id INTEGER PRIMARY KEY CHECK (id = 1), entry BLOB NOT NULL)"
_FENCE: Final = "CREATE TABLE IF NOT EXISTS fence (id INTEGER PRIMARY KEY CHECK (id = 1), highest INTEGER NOT NULL)"


class Tables:
    """One open spool file, or a database in memory where `path` is None."""

    def __init__(self, path: str | None, *, is_power_safe: bool) -> None:
        """Open or make the file. Raises sqlite3.DatabaseError where it is damaged, RuntimeError where it is of another version."""
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False, cached_statements=64)
        self._sync = "FULL" if is_power_safe else "NORMAL"
        try:
            self._start()
        except BaseException:
            self._db.close()
            raise

    def _start(self) -> None:
        execute = self._db.execute
        execute("PRAGMA journal_mode = WAL")
        execute(f"PRAGMA synchronous = {self._sync}")
        execute("PRAGMA wal_autocheckpoint = 0")  # a checkpoint syncs: spool.py runs it in a thread, never inside an append
        version = execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._db.executescript(_SCHEMA)
        elif version != SCHEMA_VERSION:
            raise RuntimeError(f"the spool is of version {version} and this program reads {SCHEMA_VERSION}; use the newer program")
        execute(_SHADOW)
        execute(_FENCE)
        answer = execute("PRAGMA quick_check(1)").fetchone()[0]
        if answer != "ok":
            raise sqlite3.DatabaseError(answer)

    @contextmanager
    def transaction(self, *, is_synced: bool = False) -> Iterator[None]:
        """All or nothing; `is_synced`: on disk even after a power cut when it returns."""
        if is_synced:
            self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        finally:
            if is_synced:
                self._db.execute(f"PRAGMA synchronous = {self._sync}")

    def insert(self, rows: Sequence[FrameRow]) -> None:
        """Append frames; a single row is its own transaction."""
        if len(rows) == 1:
            self._db.execute("INSERT INTO frames VALUES (?, ?, ?, ?, ?, ?, ?)", rows[0])
        else:
            self._db.executemany("INSERT INTO frames VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def load_epochs(self) -> list[SpooledEpoch]:
        """Return every epoch that has frames, oldest first; those without are forgotten."""
        epochs = []
        for ordinal, epoch, packed in self._db.execute("SELECT ordinal, epoch, channels FROM epochs ORDER BY ordinal").fetchall():
            first, last, frames, size = self._db.execute(
                "SELECT min(key), max(last), count(*), sum(length(body)) FROM frames WHERE key BETWEEN ? AND ?", _span(ordinal)
            ).fetchone()
            if frames:
                cost = size + frames * FRAME_COST_BYTES
                epochs.append(SpooledEpoch(ordinal, epoch, _channels(packed), first & SEQ_MASK, last, frames, cost))
        return epochs

    def insert_epoch(self, epoch: SpooledEpoch) -> None:
        """Note a new epoch and its channel list."""
        self._db.execute("INSERT INTO epochs VALUES (?, ?, ?)", (epoch.ordinal, epoch.epoch, _packed(epoch.channels)))

    def rename_epoch(self, ordinal: int, epoch: int) -> None:
        """Give an epoch another number."""
        self._db.execute("UPDATE epochs SET epoch = ? WHERE ordinal = ?", (epoch, ordinal))

    def forget_epochs(self, ordinals: Iterable[int]) -> None:
        """Remove epochs and what is left of their frames."""
        for ordinal in ordinals:
            self._db.execute("DELETE FROM frames WHERE key BETWEEN ? AND ?", _span(ordinal))
            self._db.execute("DELETE FROM epochs WHERE ordinal = ?", (ordinal,))

    def delete_through(self, ordinal: int, seq: int) -> tuple[int, int]:
        """Delete the frames that end at or below `seq`; return (frames, bytes) that went."""
        low, _ = _span(ordinal)
        # A gap's key is its first seq, so a gap that reaches beyond `seq` lies in the range and stays.
        gone = self._db.execute(
            "DELETE FROM frames WHERE key BETWEEN ? AND ? AND last <= ? RETURNING length(body)", (low, low | min(seq, SEQ_MASK), seq)
        ).fetchall()
        return len(gone), sum(size for (size,) in gone) + len(gone) * FRAME_COST_BYTES

    def read(self, ordinal: int, after: int, max_frames: int, max_bytes: int) -> list[SpooledFrame]:
        """Return frames that reach beyond `after`, in order; at least one where there is one."""
        low, high = _span(ordinal)
        frames: list[SpooledFrame] = []
        size = 0
        # The frame that reaches beyond `after` may begin at or below it: a gap. There is at most one such, right below.
        one_below = "SELECT key, last FROM frames WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1"
        below = self._db.execute(one_below, (low, low | after)).fetchone()
        start = below[0] if below and below[1] > after else (low | after) + 1
        rows = self._db.execute("SELECT key, last, body FROM frames WHERE key BETWEEN ? AND ? ORDER BY key", (start, high))
        for key, last, body in rows:
            size += len(body)
            if frames and size > max_bytes:
                break
            frames.append(SpooledFrame(key & SEQ_MASK, last, body))
            if len(frames) == max_frames:
                break
        rows.close()
        return frames

    def rows(self, ordinal: int, from_seq: int, max_rows: int) -> list[FrameRow]:
        """Return whole rows of an epoch, the first one beginning exactly at `from_seq`; empty where none does."""
        low, high = _span(ordinal)
        found = self._db.execute("SELECT * FROM frames WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?", (low | from_seq, high, max_rows))
        rows = [FrameRow._make(row) for row in found]
        return rows if rows and rows[0].key == low | from_seq else []

    def all_rows(self, ordinal: int) -> list[FrameRow]:
        """Return every row of an epoch."""
        return [
            FrameRow._make(row) for row in self._db.execute("SELECT * FROM frames WHERE key BETWEEN ? AND ? ORDER BY key", _span(ordinal))
        ]

    def stream(self) -> Generator[FrameRow, None, None]:
        """Yield every row, oldest first; close it before writing."""
        cursor = self._db.execute("SELECT * FROM frames ORDER BY key")
        try:
            yield from map(FrameRow._make, cursor)
        finally:
            cursor.close()

    def replace(self, old: Sequence[FrameRow], new: FrameRow) -> None:
        """Put one frame in the place of others."""
        self._db.execute("DELETE FROM frames WHERE key BETWEEN ? AND ?", (old[0].key, old[-1].key))
        self.insert((new,))

    def load_commands(self) -> list[CommandEntry]:
        """Return every command kept, oldest first."""
        rows = self._db.execute("SELECT id, expires_us, outcome, epoch, seq FROM commands ORDER BY rowid").fetchall()
        return [CommandEntry(id_, expires, _outcome(id_, packed), epoch, seq) for id_, expires, packed, epoch, seq in rows]

    def put_command(self, entry: CommandEntry) -> None:
        """Insert or replace by id."""
        outcome = entry.outcome
        packed = msgpack.packb([outcome.state.value, outcome.progress, outcome.value, outcome.reason])
        self._db.execute(
            "INSERT INTO commands VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE "
            "SET outcome = excluded.outcome, epoch = excluded.epoch, seq = excluded.seq",
            (entry.id, entry.expires_us, packed, entry.epoch, entry.seq),
        )

    def delete_commands(self, ids: Iterable[str]) -> None:
        """Forget commands."""
        self._db.executemany("DELETE FROM commands WHERE id = ?", [(id_,) for id_ in ids])

    def load_shadow(self) -> ShadowEntry | None:
        """Return the shadow that is kept."""
        row = self._db.execute("SELECT entry FROM shadow").fetchone()
        return None if row is None else ShadowEntry(*msgpack.unpackb(row[0]))

    def put_shadow(self, entry: ShadowEntry) -> None:
        """Keep the shadow in the place of the one before."""
        self._db.execute("INSERT OR REPLACE INTO shadow VALUES (1, ?)", (msgpack.packb(astuple(entry)),))

    def load_fence(self) -> int:
        """Return the highest fence that is kept, 0 where none is."""
        row = self._db.execute("SELECT highest FROM fence").fetchone()
        return 0 if row is None else int(row[0])

    def put_fence(self, highest: int) -> None:
        """Keep the highest fence; the next synced transaction syncs it too."""
        self._db.execute("INSERT OR REPLACE INTO fence VALUES (1, ?)", (highest,))

    def checkpoint(self) -> None:
        """Sync what is committed and move it into the main file, so that the log starts over."""
        self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def close(self) -> None:
        """Close the file; idempotent."""
        self._db.close()


def _span(ordinal: int) -> tuple[int, int]:
    return ordinal << SEQ_BITS, (ordinal << SEQ_BITS) | SEQ_MASK


def _packed(channels: Sequence[Channel]) -> bytes:
    fields = [[c.name, c.unit, c.kind.value, c.min, c.max, c.resolution, c.values] for c in channels]
    return bytes(msgpack.packb(fields))


def _channels(packed: bytes) -> tuple[Channel, ...]:
    made = []
    for name, unit, kind, low, high, resolution, values in msgpack.unpackb(packed):
        made.append(Channel(name, unit, Kind(kind), low, high, resolution, None if values is None else tuple(values)))
    return tuple(made)


def _outcome(id_: str, packed: bytes) -> Outcome:
    fields: Mapping[int, Any] = dict(enumerate(msgpack.unpackb(packed)))
    return Outcome(id_, CommandState(fields[0]), fields[1], fields[2], fields[3])
