"""A history store without a transaction, in memory: what InfluxDB and VictoriaMetrics promise, and no more.

Owns points by their key and a cursor that says less than what a query shows; it is down, refuses and forgets when told to. Times are
point keys in ns.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import trio

from devices.wire.messages import Channel
from hub.core.buckets import absorb, values_at
from hub.core.joint import folded
from hub.core.readings import bucket_of
from hub.core.records import Columns, Cursor, RangeAnswer, Reading, Refused, Series
from hub.ports import StoreRefused, StoreUnavailable

_US = 1_000


class PointStore:
    """A HistoryStore of points."""

    name = "Points"
    syncs_before_it_answers = True

    def __init__(self, resolution_ns: int = 1, joint_back_us: int = 0) -> None:
        self.resolution_ns = resolution_ns
        self.notes: list[str] = []
        self.points: dict[tuple[Series, int], Any] = {}
        self.at: Cursor | None = None
        self.down: str | None = None  # why nothing is answered
        self.retry_after_s = 0.0
        self.is_poison: Callable[[Series, int, Any], bool] = lambda series, t_ns, value: False  # the server refuses its batch
        self.can_hold: Callable[[Series, int, Any], bool] = lambda series, t_ns, value: True  # else our own encoder says so
        self.joint_us: Callable[[int, int], int] = lambda from_us, to_us: to_us - joint_back_us
        self.requests = 0
        self.tended_us: list[int] = []
        self.dies_after: int | None = None  # so many more points are stored, then it is down
        self.hangs = trio.Event()
        self.hangs.set()
        self.dawdles: Callable[[], int] = lambda: 0  # after so many points of a batch others look, before the rest and the cursor come

    async def _asked(self) -> None:
        await trio.lowlevel.checkpoint()
        await self.hangs.wait()
        self.requests += 1
        if self.down is not None:
            raise StoreUnavailable(self.down, retry_after_s=self.retry_after_s)

    async def start(self) -> None:
        """Do nothing."""
        await self._asked()

    async def cursor(self) -> Cursor | None:
        """Return the cursor."""
        await self._asked()
        return self.at

    async def safe(self) -> Cursor | None:
        """Return the cursor."""
        await self._asked()
        return self.at

    async def append(self, columns: Columns, cursor: Cursor) -> list[Refused]:
        """Store the points, or nothing where one is poison, or a part where it dies."""
        await self._asked()
        values = values_at(columns, np.arange(len(columns)))
        readings = [(columns.series[at], t, value) for at, t, value in zip(columns.index, columns.t_ns.tolist(), values, strict=True)]
        if any(self.is_poison(*each) for each in readings):
            raise StoreRefused("a poison point")
        refused, looks = [], self.dawdles()
        for at, (series, t_ns, value) in enumerate(readings):
            if looks and at % looks == 0:
                await trio.sleep(0.001)
            if self.dies_after == 0:
                self.down, self.dies_after = "it died", None
                raise StoreUnavailable("it died")
            if self.can_hold(series, t_ns, value):
                self.points[series, t_ns // self.resolution_ns] = value
                self.dies_after = None if self.dies_after is None else self.dies_after - 1
            else:
                refused.append(Refused(at, f"{value} cannot be held"))
        self.at = cursor
        return refused

    async def make_safe(self) -> Cursor | None:
        """Return the cursor."""
        await self._asked()
        return self.at

    async def query(self, series: Sequence[Series], from_us: int, to_us: int, width_us: int, max_points: int) -> RangeAnswer:
        """Return whole buckets before the joint and raw points from it on."""
        cursor = self.at
        await self._asked()
        if width_us:
            from_us, to_us = from_us // width_us * width_us, -(-to_us // width_us) * width_us
        joint_us = max(from_us, min(to_us, self.joint_us(from_us, to_us)))
        joint_us -= joint_us % (width_us or 1)
        answer = RangeAnswer(cursor, joint_us=joint_us)
        early: dict[Series, list[Reading]] = {}
        for (each, key), value in sorted(self.points.items(), key=lambda item: item[0][1]):
            t_ns = key * self.resolution_ns
            if each in series and from_us * _US <= t_ns < to_us * _US:
                is_raw = not width_us or t_ns >= joint_us * _US
                (answer.raw if is_raw else early).setdefault(each, []).append(Reading(t_ns, value))
        if early:
            answer.buckets = folded(RangeAnswer(None, early, joint_us=0), width_us).buckets
        whole = folded(answer, width_us)  # what is to be sent in the end counts, as in the real ones
        count = sum(map(len, whole.raw.values())) + sum(len(found.start_us) for found in whole.buckets.values())
        answer.is_truncated = count > max_points
        return answer

    async def read(self, series: Sequence[Series], from_ns: int, to_ns: int, first_from_ns: int, max_readings: int) -> Columns:
        """Is asked by nobody here."""
        raise NotImplementedError

    async def list_series(self) -> list[Series]:
        """Return every series."""
        await self._asked()
        return sorted({series for series, _ in self.points})

    async def latest(self, series: Sequence[Series]) -> dict[Series, Reading]:
        """Return the newest of each."""
        await self._asked()
        return {each: Reading(key, value) for (each, key), value in sorted(self.points.items(), key=lambda i: i[0][1]) if each in series}

    async def delete_device(self, device: str) -> None:
        """Delete a device."""
        await self._asked()
        self.points = {key: value for key, value in self.points.items() if key[0].device != device}

    async def tend(self, now_us: int) -> None:
        """Remember when."""
        await self._asked()
        self.tended_us.append(now_us)

    def refuses(self, channel: Channel) -> str | None:
        """Refuse channels called `forbidden`."""
        return "it holds no such thing" if channel.name == "forbidden" else None

    async def statistics(self) -> Mapping[str, float]:
        """Return how many points there are."""
        await self._asked()
        return {"readings": len(self.points)}

    async def aclose(self) -> None:
        """Do nothing."""
        await trio.lowlevel.checkpoint()

    def truth(self, width_us: int) -> dict[Series, dict[int, Any]]:
        """Return everything as buckets, by series and start."""
        found: dict[Series, dict[int, Any]] = {}
        for (series, key), value in sorted(self.points.items(), key=lambda item: item[0][1]):
            t_ns = key * self.resolution_ns
            absorb(found.setdefault(series, {}), t_ns // _US // width_us * width_us, bucket_of(value, t_ns))
        return found
