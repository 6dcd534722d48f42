"""The InfluxDB history store: readings and the cursor in one write request, queries beside them in Flux.

Owns the cursor, the joint, and what a bucket keeps; asking.py, bucket.py and posting.py talk to the server. InfluxDB syncs its log before
it answers, so what is applied is safe. Must not know the journal. Raises StoreUnavailable for what may work later.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

import numpy as np
import trio

from devices.wire.messages import Channel
from hub.core.records import Columns, Cursor, RangeAnswer, Reading, Refused, Series
from hub.ports import Now, Retention, StoreUnavailable
from hub.store.influxdb.answers import columns_of, limit_buckets, limit_readings
from hub.store.influxdb.asking import Asking, pages
from hub.store.influxdb.bucket import DAY_S, Bucket, BucketDesk, database_of, days_shown, keeps_s
from hub.store.influxdb.flux import MIN_NS, STOP_NS
from hub.store.influxdb.lines import Encoded, LineEncoder, cursor_line
from hub.store.posting import Posting

JOINT_US: Final = 120_000_000  # how far back answers are readings: longer than a batch is under way, with late frames of a busy link
MAX_TAIL: Final = 1_000_000  # readings from the joint on
LIST_S: Final = 15.0  # how long the list of series is good; our own new ones are in it at once
LOOK_S: Final = 600.0  # between two looks at what the bucket keeps
FIGURES_S: Final = 60.0
_MARGIN_S: Final = 60  # a reading that has less left to live is refused by us: the server's refusal takes its batch along
_COUNTED_SERIES: Final = 500  # counted at once for a page


class InfluxDBStore:
    """A HistoryStore in a bucket."""

    name = "InfluxDB"
    resolution_ns = 1
    syncs_before_it_answers = True

    def __init__(
        self,
        url: str,
        org: str,
        bucket: str,
        token: str | None,
        retention: Retention,
        now: Now = lambda: time.time_ns() // 1_000,
        own: Callable[[], str] = lambda: "",
    ) -> None:
        self.notes: list[str] = []
        database = database_of(url, org, bucket)
        self._retention, self._now, self._own = retention, now, own
        self._posting = Posting(database, org, bucket, token)
        self._asking = Asking(database, org, bucket, token)
        self._desk = BucketDesk(url, org, bucket, token)
        self._encoder = LineEncoder()
        self._thread = trio.CapacityLimiter(1)  # of the encoder
        self._listing = trio.Lock()
        self._bucket: Bucket | None = None
        self._cursor: Cursor | None = None
        self._has_cursor = False
        self._is_own = False  # the cursor is of the journal that we have written from
        self._series: set[Series] = set()
        self._listed_s = self._looked_s = self._figured_s = -float("inf")
        self._figures: dict[str, float] = {}
        self._inserted = 0

    async def start(self) -> None:
        """Look at the bucket and read the cursor. Raises StoreUnavailable; whatever is called next tries again."""
        await self._look()
        await self.cursor()

    async def _look(self) -> None:
        """Learn what the bucket keeps; a token that may not see buckets leaves it unknown."""
        self._looked_s = trio.current_time()
        self._bucket = await self._desk.look()
        self.notes[:] = [] if self._bucket is None else _notes(self._bucket, self._retention)

    async def cursor(self) -> Cursor | None:
        """Return the cursor in the bucket: that of our journal, where that is not known the one that was written last."""
        found = await self._asking.cursors()
        if journal := self._own():
            self._cursor = max([each for each in found if each[1].journal == journal], default=(0, None))[1]
            self._has_cursor = True
            return self._cursor
        own = [each for each in found if self._is_own and self._cursor is not None and each[1].journal == self._cursor.journal]
        self._cursor = max(own or found, default=(0, None))[1]
        self._has_cursor = True
        return self._cursor

    async def safe(self) -> Cursor | None:
        """Return the cursor of the last write: it was synced before it was answered."""
        await trio.lowlevel.checkpoint()
        return self._cursor

    async def append(self, columns: Columns, cursor: Cursor) -> list[Refused]:
        """Store the readings, the cursor with the last of them."""
        encoded = await trio.to_thread.run_sync(self._encode, columns, limiter=self._thread)
        *before, last = encoded.parts or [b""]
        for part in before:
            await self._posting.post(part)
        await self._posting.post(last + self._cursor_line(cursor))
        self._cursor, self._has_cursor, self._is_own = cursor, True, True
        self._inserted += len(columns) - len(encoded.refused)
        self._series.update(_stored_series(columns, encoded))
        return encoded.refused

    def _encode(self, columns: Columns) -> Encoded:
        oldest_ns = self._oldest_us(_MARGIN_S) * 1_000
        if not len(columns) or int(columns.t_ns.min()) >= oldest_ns:
            return self._encoder.encode(columns)
        is_kept = columns.t_ns >= oldest_ns
        reason = f"older than the {days_shown(self._keeps_s())} that the bucket keeps"
        return self._encoder.encode(columns, dropped={int(at): reason for at in np.flatnonzero(~is_kept)})

    def _cursor_line(self, cursor: Cursor) -> bytes:
        """Return the cursor's point; one a day, so that it is as young as the bucket wants and replaced by the next."""
        now_us = self._now()
        step_us = min(DAY_S, self._keeps_s() // 4 or DAY_S) * 1_000_000
        return cursor_line(cursor, now_us, (now_us - now_us % step_us) * 1_000)

    def _keeps_s(self) -> int:
        return self._bucket.keeps_s if self._bucket is not None else 0

    def _oldest_us(self, margin_s: int = 0) -> int:
        """Return from when on the bucket keeps readings; the beginning of time where it keeps all."""
        return self._now() - (self._keeps_s() - margin_s) * 1_000_000 if self._keeps_s() else MIN_NS // 1_000 - 1

    async def make_safe(self) -> Cursor | None:
        """Return the cursor: nothing is left to be done."""
        return await self.safe()

    async def query(self, series: Sequence[Series], from_us: int, to_us: int, width_us: int, max_points: int) -> RangeAnswer:
        """Return readings, or buckets up to the joint and readings from there on."""
        if not self._has_cursor:
            await self.cursor()
        # Of series that others began since they were listed nobody asks.
        answer = RangeAnswer(self._cursor, joint_us=self._joint_us(width_us), others_s=trio.current_time() - self._listed_s)
        if self._keeps_s() and from_us < (kept_from_us := self._oldest_us()):
            answer.kept_from_us = kept_from_us
        if width_us:
            from_us, to_us = from_us // width_us * width_us, -(-to_us // width_us) * width_us
            await self._fill(answer, series, (from_us * 1_000, to_us * 1_000), width_us, max_points)
        elif from_us < to_us and series:
            answer.raw = await self._asking.newest(series, _point_ns(from_us), _point_ns(to_us), max_points + 1)
            limit_readings(answer, max_points)
        return answer

    async def _fill(self, answer: RangeAnswer, series: Sequence[Series], span_ns: tuple[int, int], width_us: int, max_points: int) -> None:
        from_ns, to_ns = span_ns
        joint_ns = (answer.joint_us or 0) * 1_000
        if max(from_ns, joint_ns) < to_ns and series:
            tail_ns = max(from_ns, joint_ns)
            answer.raw = await self._asking.tail(series, tail_ns, to_ns, MAX_TAIL)
        if from_ns < min(to_ns, joint_ns) and series:
            answer.buckets = await self._asking.buckets(series, from_ns, min(to_ns, joint_ns), width_us, max_points + 1)
        limit_buckets(answer, width_us, max_points)

    def _joint_us(self, width_us: int) -> int:
        """Return the joint: for wide buckets it cuts one, so that never more than some minutes come as readings."""
        joint_us = self._now() - JOINT_US
        return joint_us - joint_us % (min(width_us, JOINT_US) or 1)

    async def list_series(self) -> list[Series]:
        """Return every series that has a reading, by device, channel, unit; those of other hubs may be 15 s late."""
        async with self._listing:
            if trio.current_time() >= self._listed_s + LIST_S:
                asked_s = trio.current_time()
                before, self._series = self._series, set()  # what is appended meanwhile is added to the new set
                try:
                    self._series |= await self._asking.all_series()
                except BaseException:
                    self._series |= before
                    raise
                self._listed_s = asked_s
        return sorted(self._series)

    async def latest(self, series: Sequence[Series]) -> dict[Series, Reading]:
        """Return the newest reading of each."""
        return await self._asking.latest(series)

    async def read(self, series: Sequence[Series], from_ns: int, to_ns: int, first_from_ns: int, max_readings: int) -> Columns:
        """Return the first readings of a range, series by series, oldest first; one query or a few."""
        from_ns, to_ns = max(from_ns, MIN_NS), min(to_ns, STOP_NS)
        found: dict[Series, list[Reading]] = {}
        if series and (begin_ns := max(from_ns, first_from_ns)) < to_ns:
            found.update(await self._asking.first(series[:1], begin_ns, to_ns, max_readings))
        left = max_readings - sum(map(len, found.values()))
        for at in range(1, len(series), _COUNTED_SERIES):
            if left <= 0 or from_ns >= to_ns:
                break
            some = series[at : at + _COUNTED_SERIES]
            for run in pages(some, await self._asking.counts(some, from_ns, to_ns), left):
                more = await self._asking.first(run, from_ns, to_ns, left)
                found.update(more)
                left -= sum(map(len, more.values()))
                if left <= 0:
                    break
        return columns_of(series, found, max_readings)

    async def delete_device(self, device: str) -> None:
        """Delete every reading of a device."""
        await self._desk.delete_device(device)
        self._series = {series for series in self._series if series.device != device}

    async def tend(self, now_us: int) -> None:
        """Look now and then at what the bucket keeps: the keeping itself is InfluxDB's."""
        if trio.current_time() >= self._looked_s + LOOK_S:
            await self._look()
        await trio.lowlevel.checkpoint()

    def refuses(self, channel: Channel) -> str | None:
        """Return why a channel's name or unit cannot be written."""
        return self._encoder.refuses(channel)

    async def statistics(self) -> Mapping[str, float]:
        """Return figures for metrics and doctor; bytes and series are the server's own, and a minute old at most."""
        if self._bucket is not None and trio.current_time() >= self._figured_s + FIGURES_S:
            self._figured_s = trio.current_time()
            with suppress(StoreUnavailable):
                self._figures = await self._desk.figures(self._bucket)
        await trio.lowlevel.checkpoint()
        work = {"inserted_readings": self._inserted, "queries": self._asking.queries, "sent_bytes": self._posting.sent_bytes}
        return {"bytes": 0.0, "series": len(self._series), **self._figures, **work, "notes": len(self.notes)}

    async def aclose(self) -> None:
        """Close the connections; idempotent."""
        for each in (self._posting, self._asking, self._desk):
            await each.aclose()


def _notes(bucket: Bucket, retention: Retention) -> list[str]:
    wanted_s = keeps_s(retention.raw_days)
    if bucket.keeps_s == wanted_s:
        return []
    return [f"the bucket keeps {days_shown(bucket.keeps_s)}, keep_raw_days is {retention.raw_days:g}: `tributary doctor --fix` sets it"]


def _point_ns(t_us: int) -> int:
    return max(MIN_NS, min(t_us * 1_000, STOP_NS))


def _stored_series(columns: Columns, encoded: Encoded) -> set[Series]:
    if not encoded.refused:
        return set(columns.series) if len(columns) else set()
    is_stored = np.ones(len(columns), np.bool_)
    is_stored[[each.index for each in encoded.refused]] = False
    return {columns.series[at] for at in np.unique(columns.index[is_stored]).tolist()}
