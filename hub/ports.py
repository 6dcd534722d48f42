"""The ports of the hub: what it needs from a journal file, a history store and a state store.

Owns the promises; adapters are named in main.py only. JournalFile is blocking and is called from one worker thread at a time;
the others are async and own their threads.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from devices.wire.messages import Channel
from hub.core.records import Columns, Cursor, RangeAnswer, Reading, Row, Series


class StoreUnavailable(Exception):
    """The store cannot answer now; the same call may succeed later."""


class StoreFull(StoreUnavailable):
    """The store cannot answer until there is room on its disk."""


class StoreRefused(Exception):
    """The store will never take this; the text says what and why."""


class JournalFull(Exception):
    """No space for the batch (ENOSPC, or a page limit): nothing was written, try again when there is room."""


class JournalBroken(Exception):
    """A write or sync failed (EIO): nothing may be acked any more and the process ends."""


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

    def open(self) -> JournalState:
        """Open or make the file and verify it."""

    def commit(self, openings: Sequence[Opening], rows: Sequence[Row], marks: Mapping[tuple[str, int], int]) -> int:
        """Append rows, move marks and sync, all or nothing; return the position of the first row (rows are consecutive)."""

    def read(self, after: int, max_rows: int, max_bytes: int) -> list[Row]:
        """Return rows above `after`, oldest first; at least one where there is one."""

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


class HistoryStore(Protocol):
    """Where readings live for years. Times are point keys in ns; ranges are half open [from_us, to_us)."""

    async def start(self) -> None:
        """Open or recover the store."""

    async def cursor(self) -> Cursor | None:
        """Return the cursor up to which rows are applied."""

    async def safe(self) -> Cursor | None:
        """Return the cursor that survives a crash of the store."""

    async def append(self, columns: Columns, cursor: Cursor) -> None:
        """Store the readings and move the cursor, in one transaction. Raises StoreUnavailable, StoreRefused."""

    async def make_safe(self) -> Cursor | None:
        """Do what makes `applied` survive a crash (a checkpoint) and return it."""

    async def query(self, series: Sequence[Series], from_us: int, to_us: int, width_us: int, max_points: int) -> RangeAnswer:
        """Return readings (width 0) or buckets aligned to 1970 UTC, oldest first, and the cursor of the same transaction."""

    async def list_series(self) -> list[Series]:
        """Return every series that has a reading, by device, channel, unit; asked after a query, at least those below its cursor."""

    async def latest(self, series: Sequence[Series]) -> dict[Series, Reading]:
        """Return the newest reading of each."""

    async def statistics(self) -> Mapping[str, float]:
        """Return readings, bytes, query and insert counts for metrics and doctor."""

    async def aclose(self) -> None:
        """Make safe and close; idempotent."""


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """A device as the registry keeps it."""

    name: str
    created_us: int
    token_hash: bytes
    description: Mapping[str, Any]  # what its last hello declared: channels, commands, firmware, interval_s, max_message_bytes
    last_seen_us: int | None = None
    is_disabled: bool = False


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """A command in the ledger. `version` rises with each change; a final state never changes again."""

    id: str
    device: str
    name: str
    args: Mapping[str, Any]
    state: str
    version: int
    by: str
    created_us: int
    updated_us: int
    expires_us: int
    progress: float | None = None
    value: Any = None
    reason: str | None = None
    note: str | None = None  # a result that came after the final state


class CommandPage(NamedTuple):
    """The newest commands; not whole where their size cut it short of what was asked for."""

    records: list[CommandRecord]
    is_whole: bool


class StateStore(Protocol):
    """Devices, logins, commands. Every change is synced before the call returns."""

    async def start(self) -> None:
        """Open or make the store."""

    async def devices(self) -> list[DeviceRecord]:
        """Return all devices."""

    async def put_device(self, device: DeviceRecord) -> None:
        """Insert or replace by name."""

    async def delete_device(self, name: str) -> bool:
        """Delete a device and its commands; tell whether it was there."""

    async def put_command(self, command: CommandRecord) -> None:
        """Insert, or replace where the kept version is lower."""

    async def command(self, command_id: str) -> CommandRecord | None:
        """Return one command."""

    async def commands(self, device: str | None, limit: int) -> CommandPage:
        """Return the newest commands, newest first: at most `limit`, and fewer where they are large."""

    async def open_commands(self) -> list[CommandRecord]:
        """Return all commands that are in no final state."""

    async def put_commands_at(self, commands: Sequence[CommandRecord], cursor: Cursor) -> None:
        """Write the commands and the ledger follower's cursor in one transaction."""

    async def ledger_cursor(self) -> Cursor | None:
        """Return the cursor of put_commands_at."""

    async def put_login(self, token_hash: bytes, kind: str, name: str, role: str, expires_us: int) -> None:
        """Keep a one-time login link (kind link) or a web session (kind session)."""

    async def take_login(self, token_hash: bytes, now_us: int) -> tuple[str, str] | None:
        """Use up a one-time link: return (name, role) once, then None."""

    async def session(self, token_hash: bytes, now_us: int) -> tuple[str, str, int] | None:
        """Return (name, role, end in µs) of a live web session."""

    async def end_session(self, token_hash: bytes) -> None:
        """End a web session."""

    async def aclose(self) -> None:
        """Close; idempotent."""


Now = Callable[[], int]  # wall clock in µs, injected so that simulations own time
