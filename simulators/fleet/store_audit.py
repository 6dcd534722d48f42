"""Everything that was made against everything that is stored, read back through the hub's API, whatever its store is.

Owns the reading, device by device and stretch by stretch so that memory stays bounded, and how long a store is waited for; comparison.py
compares. Used by course.py after the spools are empty.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any, Final

import trio

from hub.client import HubClient
from simulators.fleet.comparison import Compared, compared
from simulators.fleet.difference import Difference
from simulators.fleet.excuses import Excuses
from simulators.fleet.grain import EXACT, grain_of
from simulators.fleet.lives import Life
from simulators.fleet.plans import Truth

POINTS: Final = 50_000  # asked for at once; the hub gives at most
LIMIT: Final = 100_000
MAX_NAMES: Final = 100  # of one query
MARGIN_US: Final = 60_000_000  # looked at beyond the run, for readings that were never made
CATCH_UP_S: Final = 120.0  # for the store to have what the journal has
SHOWS_AFTER_S: Final = 75.0  # a store other than the embedded one may show later what it has taken
MAX_KEPT: Final = 1_000  # differences, in order of time; all are counted


@dataclass(frozen=True, slots=True)
class Subject:
    """A device that is audited: its place in the truth, its channels, its lives."""

    name: str
    at: int
    lives: Sequence[Life]


@dataclass(slots=True)
class StoreVerdict:
    """Where the readings are; `differences` are the earliest of `different`."""

    made: int = 0
    stored: int = 0
    uncertain: int = 0
    excused: dict[str, int] = field(default_factory=lambda: {"spooled": 0, "in_gaps": 0, "rejected": 0, "too_fine_for_the_store": 0})
    different: int = 0
    differences: list[Difference] = field(default_factory=list)


class StoreAudit:
    """The comparison of one run."""

    def __init__(self, client: HubClient, truth: Truth, excuses: Excuses, range_us: tuple[int, int], told: Callable[[int], None]) -> None:
        self.verdict = StoreVerdict()
        self._client = client
        self._truth = truth
        self._excuses = excuses
        self._range_us = (range_us[0] - MARGIN_US, range_us[1] + MARGIN_US)
        self._told = told
        self._head = 0
        self._is_embedded = True
        self._grain = EXACT
        self._began_s = 0.0
        self._done = 0

    async def run(self, subjects: Sequence[Subject]) -> None:
        """Compare all; `verdict` has the outcome. Raises HubError where the hub cannot be asked."""
        hub = await self._client.hub()
        self._head, self._is_embedded = hub["position"], hub["store"]["name"] == "DuckDB"
        self._grain = grain_of(hub["store"]["name"])
        self._began_s = trio.current_time()
        rest = list(subjects)
        while rest:
            points = max(1, max(map(self._points, rest[:MAX_NAMES])))
            batch, rest = rest[: max(1, min(MAX_NAMES, POINTS // points))], rest[max(1, min(MAX_NAMES, POINTS // points)) :]
            windows = ceil(points / POINTS)
            begin, end = self._range_us
            step = (end - begin) // windows + 1
            for low in range(begin, end, step):
                await self._window(batch, (low, min(low + step, end)))
            self._done += len(batch)
            self._told(self._done)
        self.verdict.differences.sort(key=lambda each: each.order)

    def _points(self, subject: Subject) -> int:
        sensor, schedule = self._truth.sensor(subject.at), self._truth.schedule(subject.at)
        frames = sum(life.begun - life.first for life in subject.lives)
        seconds = (schedule.end_us - schedule.pieces[0].start_us) / 1e6
        bursts = sum(signal.samples * (seconds / signal.every_s + 1) for signal in sensor.sampled.values())
        return frames * len(sensor.plain) + int(bursts)

    async def _window(self, batch: Sequence[Subject], window_us: tuple[int, int]) -> None:
        """Compare some devices in a stretch of time; where something differs, again until the store has had its time."""
        while True:
            position, points = await self._stored([subject.name for subject in batch], window_us)
            found = [self._compared(subject, window_us, points) for subject in batch]
            has_shown = self._is_embedded or trio.current_time() >= self._began_s + SHOWS_AFTER_S
            is_final = (position >= self._head and has_shown) or trio.current_time() >= self._began_s + CATCH_UP_S
            if is_final or not any(each.differences for each in found):
                break
            await trio.sleep(0.5)
        for each in found:
            await self._add(each)

    def _compared(self, subject: Subject, window_us: tuple[int, int], points: Mapping[tuple[str, str], Sequence[Any]]) -> Compared:
        sensor, schedule = self._truth.sensor(subject.at), self._truth.schedule(subject.at)
        whole = Compared()
        for channel in sensor.signals:
            found = points.get((subject.name, channel), ())
            one = compared(sensor, schedule, subject.lives, channel, window_us, found, self._grain)
            whole.coarser += one.coarser
            whole.made += one.made
            whole.stored += one.stored
            whole.uncertain += one.uncertain
            whole.differences += one.differences
        return whole

    async def _add(self, found: Compared) -> None:
        verdict = self.verdict
        verdict.made += found.made
        verdict.stored += found.stored
        verdict.uncertain += found.uncertain
        verdict.excused["too_fine_for_the_store"] += found.coarser
        for each in sorted(found.differences, key=lambda each: each.order):
            if each.kind == "missing" and each.number is not None:
                await self._excuses.load(each.device)
                if (why := self._excuses.why(each.device, each.channel, each.number, each.time_us)) is not None:
                    verdict.excused[why] += 1
                    continue
            verdict.different += 1
            verdict.differences.append(replace(each, where="store"))
        if len(verdict.differences) > 2 * MAX_KEPT:
            verdict.differences = sorted(verdict.differences, key=lambda each: each.order)[:MAX_KEPT]

    async def _stored(self, names: Sequence[str], window_us: tuple[int, int]) -> tuple[int, dict[tuple[str, str], list[Any]]]:
        """Return every raw point of some devices in a stretch, and the journal's position that the answer includes."""
        params = {"device": list(names), "from": window_us[0], "to": window_us[1], "width": "raw", "limit": LIMIT}
        async with self._client.answered("GET", "/api/v1/query", params=params) as answer:
            said = json.loads(await answer.aread())
        position = int(said["cursor"]["position"])
        found: dict[tuple[str, str], list[Any]] = {}
        if said["truncated"] and window_us[1] - window_us[0] > 1:
            middle = sum(window_us) // 2
            for part in ((window_us[0], middle), (middle, window_us[1])):
                at, points = await self._stored(names, part)
                position = min(position, at)
                for series, column in points.items():
                    found.setdefault(series, []).extend(column)
            return position, found
        for series in said["series"]:
            found.setdefault((series["device"], series["channel"]), []).extend(series["points"])
        return position, found
