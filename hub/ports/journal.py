"""The journal's storage as the journal needs it.

Owns the promise of JournalFile and what passes through it; hub/journal keeps it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from devices.wire.messages import Channel
from hub.core.records import Cursor, Row


class JournalFull(Exception):
    """No space for the batch (ENOSPC, or a page limit): nothing was written, try again when there is room."""


class JournalBroken(Exception):
    """A write or sync failed (EIO): nothing may be acked any more and the process ends."""


class JournalDamaged(JournalBroken):
    """What is read of the file cannot be right: the disk has changed it. The next start keeps what can still be read."""


@dataclass(frozen=True, slots=True)
class EpochMark:
    """What a journal knows of one epoch of one device."""

    device: str
    epoch: int
    seq: int  # highest durable seq, 0: opened only
    position: int  # of the row that moved it there
    channels: tuple[Channel, ...]
    opened_us: int


@dataclass(frozen=True, slots=True)
class FollowerCursor:
    """How far a follower is: `safe` survives a crash of the follower's own storage; trimming stops below it."""

    applied: int
    safe: int


@dataclass(frozen=True, slots=True)
class JournalState:
    """What a journal file holds when it is opened."""

    journal: str  # id, drawn when the file was made
    first: int  # lowest position still there, or last + 1
    last: int  # highest position ever given out
    marks: Sequence[EpochMark]
    cursors: Mapping[str, FollowerCursor]
    before: str = ""  # id of the damaged journal that this one was saved from
    notes: Sequence[str] = ()  # for the operator, of what was lost of it


@dataclass(frozen=True, slots=True)
class Opening:
    """An epoch to open in the next commit, with the channel list it is numbered with."""

    device: str
    epoch: int
    channels: tuple[Channel, ...]
    opened_us: int
    elsewhere: int = 0  # frames up to here were acked elsewhere


class JournalFile(Protocol):
    """The journal's storage. Every method blocks; commit, trim and set_cursor raise JournalFull or JournalBroken."""

    def open(self, seen: Sequence[Cursor] = ()) -> JournalState:
        """Open or make the file and verify it; of a damaged one a new file is made of what can be read, and the old one set aside.

        No position up to one that others have `seen` in this journal is given again.
        """

    def commit(self, openings: Sequence[Opening], rows: Sequence[Row], marks: Mapping[tuple[str, int], int]) -> int:
        """Append rows, move marks and sync, all or nothing; return the position of the first row (rows are consecutive)."""

    def read(self, after: int, max_rows: int, max_bytes: int) -> list[Row]:
        """Return rows above `after`, oldest first; at least one where there is one."""

    def copy_to(self, path: Path, told: Callable[[int, int], None]) -> None:
        """Write what is committed now into a new file and sync it, beside commits; `told(done, of)` may raise. Raises OSError."""

    def set_cursor(self, follower: str, cursor: FollowerCursor) -> None:
        """Keep a follower's cursor."""

    def trim(self, below: int, max_rows: int) -> int:
        """Delete at most `max_rows` rows with positions lower than `below`; return how many went."""

    def forget_marks(self, marks: Iterable[tuple[str, int]]) -> None:
        """Forget epochs (device, epoch) that no device will send again."""

    def size_bytes(self) -> int:
        """Bytes of pages in use, free pages not counted."""

    def free_bytes(self) -> int:
        """Bytes that may still be written: free disk and the file's own free pages."""

    def disk_bytes(self) -> int:
        """Size of the disk that the file is on."""

    def close(self) -> None:
        """Close the file; idempotent."""
