"""The VictoriaMetrics history store: lines of JSON in, MetricsQL and export out, its cursor a point of its own.

Owns what is asked when, and what is shown and safe; the server answers before it has either. What it cannot hold is in limits.py. Must
not know the journal. Raises StoreUnavailable for what may work later.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import trio

from devices.wire.messages import Channel
from hub.core.records import Columns, Cursor, RangeAnswer, Reading, Refused, Series
from hub.ports import Now, Retention, StoreRefused, StoreUnavailable
from hub.store.failures import Database
from hub.store.victoriametrics import answers, limits
from hub.store.victoriametrics.answering import answer_of
from hub.store.victoriametrics.importing import Encoder, Importing, cursor_line, label_refusal
from hub.store.victoriametrics.listing import LISTED_S, SHARED_S, Listing
from hub.store.victoriametrics.questions import Questions, TooMuch
from hub.store.victoriametrics.ranges import Ranges
from hub.store.victoriametrics.selecting import of_device
from hub.store.victoriametrics.server import Server

DAY_MS: Final = 86_400_000


class VictoriaMetricsStore:
    """A HistoryStore in a VictoriaMetrics, or behind the proxy of a cluster of them. The URL holds no credential."""

    name = "VictoriaMetrics"
    resolution_ns = limits.NS
    syncs_before_it_answers = False

    def __init__(
        self,
        url: str,
        token: str | None,
        retention: Retention,
        *,
        own: Callable[[], str] | None = None,
        now: Now = lambda: time.time_ns() // 1_000,
    ) -> None:
        database = Database(self.name, url, "")
        self._questions = Questions(database, token)
        self._ranges = Ranges(self._questions)
        self._server = Server(self._questions, self._ranges, retention, now, own)
        self._importing = Importing(database, token)
        self.notes = self._server.notes
        self._encoder, self._limits = Encoder(), limits.Limits()
        self._listing = Listing(self._questions, LISTED_S if own is None else SHARED_S)
        self._encoding = trio.CapacityLimiter(1)
        self._now = now
        self._inserted = self._queried = 0

    async def start(self) -> None:
        """Look into the server. Raises StoreUnavailable."""
        await self._server.begin()

    async def cursor(self) -> Cursor | None:
        """Return the cursor up to which rows are applied; it goes back when the server was started anew."""
        return await self._server.cursor()

    async def safe(self) -> Cursor | None:
        """Return the cursor that survives a crash of the server: what it took a minute before it was last seen alive."""
        await trio.lowlevel.checkpoint()
        return self._server.safe

    async def make_safe(self) -> Cursor | None:
        """Look whether the server still runs, and return what is safe."""
        await self._server.look()
        return self._server.safe

    async def append(self, columns: Columns, cursor: Cursor) -> list[Refused]:
        """Write the readings and the cursor behind them."""
        self._server.check_that_nothing_is_lost()
        encode = partial(self._encode, columns, self._now() // 1_000)
        held, parts, refused = await trio.to_thread.run_sync(encode, limiter=self._encoding)
        if self._server.has(cursor):
            self._note_series(columns, held)
            self._server.brought(cursor)
            return refused  # brought again only so that these are parked
        t_ms = self._server.next_cursor_ms()
        *first, last = parts or [b""]
        for part in first:
            await self._importing.post(part)
        await self._importing.post(last + cursor_line(cursor, t_ms))
        self._limits.written(columns, held)
        newest_us = int(columns.t_ns[held].max()) // 1_000 if len(held) else 0
        self._server.applied(cursor, t_ms, newest_us)
        self._note_series(columns, held)
        self._inserted += len(held)
        return refused

    def _note_series(self, columns: Columns, held: npt.NDArray[np.int64]) -> None:
        self._listing.add(columns.series[at] for at in np.unique(columns.index[held]).tolist())

    def _encode(self, columns: Columns, now_ms: int) -> tuple[npt.NDArray[np.int64], list[bytes], list[Refused]]:
        held, refused = self._limits.sift(columns, self._server.oldest_ms(), now_ms)
        return held, self._encoder.requests(columns, held), refused

    async def query(self, series: Sequence[Series], from_us: int, to_us: int, width_us: int, max_points: int) -> RangeAnswer:
        """Return readings or buckets; what is younger than the joint comes as readings."""
        self._queried += 1
        joint_us = self._server.joint_us(width_us)
        cursor = self._server.listed(await self._server.show(), self._listing.asked_s)
        answer = RangeAnswer(cursor, joint_us=joint_us, others_s=max(self._server.others_s, self._listing.others_s()))
        oldest_us = self._server.oldest_ms() * 1_000
        answer.kept_from_us = oldest_us if from_us < oldest_us and oldest_us > limits.OLDEST_MS * 1_000 else None
        await answer_of(answer, self._ranges, series, (from_us, to_us), width_us, max_points, self._until_ms())
        return answer

    async def read(self, series: Sequence[Series], from_ns: int, to_ns: int, first_from_ns: int, max_readings: int) -> Columns:
        """Return the first readings of a range, series by series, oldest first."""
        await self._server.show()
        # A bound within a ms begins at the next: its reading lies at the beginning of the ms.
        from_ms, to_ms, first_from_ms = (-(-t_ns // limits.NS) for t_ns in (from_ns, to_ns, max(from_ns, first_from_ns)))
        to_ms = min(to_ms, self._until_ms())
        found = await self._ranges.oldest(
            list(series), max(limits.OLDEST_MS, from_ms), to_ms, max(limits.OLDEST_MS, first_from_ms), max_readings
        )
        return answers.columns_of(series, found, max_readings)

    async def list_series(self) -> list[Series]:
        """Return every series that has a reading, by device, channel, unit."""
        await self._server.show()
        return await self._listing.listed(self._until_ms())

    async def latest(self, series: Sequence[Series]) -> dict[Series, Reading]:
        """Return the newest reading of each."""
        await self._server.show()
        found = await self._ranges.latest(series, self._now() // 1_000, self._until_ms())
        values = ((each, t_ms, answers.typed(each.kind, np.array([number]))[0]) for each, (t_ms, number) in found.items())
        return {each: Reading(t_ms * limits.NS, value) for each, t_ms, value in values}

    async def delete_device(self, device: str) -> None:
        """Delete every reading of a device; the server gives its bytes back when it next merges files."""
        await self._server.show()
        try:
            await self._questions.do("/api/v1/admin/tsdb/delete_series", [("match[]", of_device(device))])
        except TooMuch as error:
            raise StoreRefused(f"{self.name} does not delete {device!r}: {error}") from error
        self._limits.forget(device)
        self._listing.forget(device)

    async def tend(self, now_us: int) -> None:
        """Look after the server: whether it was started anew, whether its flags and its room are right. It keeps its own retention."""
        try:
            await self._server.look()
        except StoreUnavailable:
            return  # the follower says so

    def refuses(self, channel: Channel) -> str | None:
        """Return why no reading of such a channel can be held; None where it can."""
        return limits.refuses(channel) or label_refusal("channel", channel.name) or label_refusal("unit", channel.unit)

    async def statistics(self) -> Mapping[str, float]:
        """Return figures for metrics and doctor; readings and bytes are of everybody who uses the server."""
        await trio.lowlevel.checkpoint()
        figures = self._server.figures
        server = {"readings": figures.readings, "bytes": figures.size_bytes} if figures is not None else {"readings": 0.0, "bytes": 0.0}
        sent = {"requests": self._importing.requests, "sent_bytes": self._importing.sent_bytes}
        return {**server, **sent, "inserted_readings": self._inserted, "queries": self._queried, "notes": len(self.notes)}

    async def aclose(self) -> None:
        """Close the connections; idempotent."""
        await self._importing.aclose()
        await self._questions.aclose()

    def _until_ms(self) -> int:
        """Return a time after every reading that the server can hold."""
        return self._now() // 1_000 + 3 * DAY_MS
