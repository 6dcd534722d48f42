"""A history store as the hub needs it: readings for years, found in milliseconds.

Owns the promise that tests/contract/test_history_store.py holds each adapter to; those live in hub/store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from devices.wire.messages import Channel
from hub.core.records import Columns, Cursor, RangeAnswer, Reading, Refused, Series


class StoreUnavailable(Exception):
    """The store cannot answer now; the same call may succeed later, not before `retry_after_s` where the store said so."""

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StoreFull(StoreUnavailable):
    """The store cannot answer until there is room on its disk."""


class StoreRefused(Exception):
    """The store will never take this; the text says what and why."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a history store keeps what, and how many bytes it may use. 0 days: for ever; 0 `max_bytes`: all but `min_free_bytes`."""

    raw_days: float = 30.0
    minutes_days: float = 365.0  # buckets of one minute
    hours_days: float = 3_650.0  # buckets of one hour
    max_bytes: int = 0
    min_free_bytes: int = 2_000_000_000  # of the disk, at most 10 % of it
    memory_bytes: int = 512_000_000  # of an embedded store, but for what works on its files beside it: a half more


class HistoryStore(Protocol):
    """Where readings live for years. Times are point keys in ns; ranges are half open.

    A store may have several writers: hubs that share it. Its cursors are of the journal that it was made with.
    """

    name: str  # for people: DuckDB, InfluxDB, VictoriaMetrics
    resolution_ns: int  # readings of one series within a stretch of this are one; 1 but for stores of milliseconds
    syncs_before_it_answers: bool  # make_safe is never behind append: an ack may wait for this store
    notes: list[str]  # what the operator should know: what was set aside, what is missing, what is nearly full

    async def start(self) -> None:
        """Open or recover the store. Raises StoreUnavailable; the next call of `cursor` tries again."""

    async def cursor(self) -> Cursor | None:
        """Return the cursor up to which rows are applied; after a failure it may have gone back. Raises StoreUnavailable."""

    async def safe(self) -> Cursor | None:
        """Return the cursor that survives a crash of the store."""

    async def append(self, columns: Columns, cursor: Cursor) -> list[Refused]:
        """Store the readings and move the cursor; the same batch again changes nothing. Return what it can never hold.

        Raises StoreUnavailable (nothing or a part was stored: bring it again), StoreRefused (nothing of it was stored, some reading in it
        is to blame).
        """

    async def make_safe(self) -> Cursor | None:
        """Do what makes `applied` survive a crash (a checkpoint) and return what does; it may trail."""

    async def query(self, series: Sequence[Series], from_us: int, to_us: int, width_us: int, max_points: int) -> RangeAnswer:
        """Return readings (width 0) or buckets aligned to 1970 UTC, oldest first.

        Buckets are whole: from_us counts as rounded down and to_us as rounded up to a multiple of the width.
        """

    async def read(self, series: Sequence[Series], from_ns: int, to_ns: int, first_from_ns: int, max_readings: int) -> Columns:
        """Return the first readings of a range in the order of `series`, then of time: what exports and copies page through.

        Of the first series only those from `first_from_ns` on, so that a page goes on after the last reading of the one before. Fewer than
        `max_readings` means that there are no more. One transaction, and short.
        """

    async def list_series(self) -> list[Series]:
        """Return every series that has a reading, by device, channel, unit; asked after a query, at least those below its cursor."""

    async def latest(self, series: Sequence[Series]) -> dict[Series, Reading]:
        """Return the newest reading of each."""

    async def delete_device(self, device: str) -> None:
        """Delete every reading of a device. It is in no answer from now on; its bytes are given back by `tend`, soon."""

    async def tend(self, now_us: int) -> None:
        """Keep the bounds: retention, disk quota, files in order. Called every few seconds; long work is done in parts."""

    def refuses(self, channel: Channel) -> str | None:
        """Return why no reading of such a channel can be held, for a person; None where it can."""

    async def statistics(self) -> Mapping[str, float]:
        """Return readings, bytes, query and insert counts for metrics and doctor."""

    async def aclose(self) -> None:
        """Make safe and close; idempotent."""
