"""Everything that was made against everything that is stored, read back through the hub's API, whatever its store is.

Owns the reading, device by device and stretch by stretch so that memory stays bounded, and how long a store is waited for; comparison.py
compares. Used by course.py after the spools are empty.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import ceil
from random import randrange
from typing import Any, Final

import trio

from hub.client import HubClient
from hub.client.latest import latest
from simulators.fleet.comparison import Compared, compared, made_by
from simulators.fleet.derived import WIDTH, WIDTH_US, Name, Point, bucket_differences, newer, newest_difference
from simulators.fleet.difference import Difference
from simulators.fleet.excuses import Excuses
from simulators.fleet.grain import EXACT, grain_of
from simulators.fleet.lives import Life
from simulators.fleet.nodes import have_stored, living_nodes
from simulators.fleet.plans import Truth

POINTS: Final = 50_000  # asked for at once; the hub gives at most
LIMIT: Final = 100_000
LIMITS: Final = 10_000  # different ones, so that no question is asked twice
MAX_NAMES: Final = 100  # of one query, and
MAX_SERIES: Final = 1_000
MARGIN_US: Final = 60_000_000  # beyond the run that still belongs to it: bursts and rounding end there
FAR_US: Final = 366 * 86_400_000_000  # looked at beyond that, for readings that were never made; backwards to 1970
CATCH_UP_S: Final = 120.0  # for the store to have what the journal has
OTHERS_S: Final = 20.0  # for a node to show what others stored: docs/operating.md
LOOK_EVERY_S: Final = 0.5
EVER: Final = (-(10**18), 10**18)
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
    excused: dict[str, int] = field(
        default_factory=lambda: {"spooled": 0, "in_gaps": 0, "rejected": 0, "dated_too_far_ahead": 0, "too_fine_for_the_store": 0}
    )
    different: int = 0
    differences: list[Difference] = field(default_factory=list)
    left_out: str = ""  # what could not be compared, in words


class StoreAudit:
    """The comparison of one run."""

    def __init__(
        self, client: HubClient, truth: Truth, excuses: Excuses, spans_us: Sequence[tuple[int, int]], told: Callable[[int], None]
    ) -> None:
        """Make one; readings have times in `spans_us`, apart from each other and in order."""
        self.verdict = StoreVerdict()
        self._client = client
        self._truth = truth
        self._excuses = excuses
        whole = [((low - MARGIN_US) // WIDTH_US, -(-(high + MARGIN_US) // WIDTH_US)) for low, high in spans_us]
        self._spans_us = [(low * WIDTH_US, high * WIDTH_US) for low, high in whole]
        self._told = told
        self._limit = LIMIT - randrange(LIMITS)
        self._grain, self._late_s = EXACT, 0.0
        self._began_s = 0.0
        self._done = 0

    async def run(self, subjects: Sequence[Subject]) -> None:
        """Compare all; `verdict` has the outcome. Raises HubError where the hub cannot be asked."""
        hub = await self._client.hub()
        self._grain = grain_of(hub["store"]["name"])
        self._late_s = self._grain.late_s
        self.verdict.left_out = self._grain.left_out
        self._began_s = trio.current_time()
        await self._caught_up(hub["position"], (hub["time_us"], hub["time_us"] + FAR_US), [subject.name for subject in subjects[:1]])
        rest = list(subjects)
        while rest:
            points = max(1, max(map(self._points, rest[:MAX_NAMES])))
            channels = max(len(self._truth.sensor(subject.at).signals) for subject in rest[:MAX_NAMES])
            size = max(1, min(MAX_NAMES, POINTS // points, MAX_SERIES // channels))
            batch, rest = rest[:size], rest[size:]
            await self._batch(batch, ceil(points / POINTS))
            self._done += len(batch)
            self._told(self._done)
        self.verdict.differences.sort(key=lambda each: each.order)

    async def _caught_up(self, head: int, window_us: tuple[int, int], names: Sequence[str]) -> None:
        """Return once the store has what the journal has now, or has had its time; a range that is not past is asked for anew each time."""
        has_others = len(await living_nodes(self._client)) > 1  # then a position says little: another node may answer each time
        if has_others:
            self._late_s = max(self._late_s, OTHERS_S)
        while names and trio.current_time() < self._began_s + CATCH_UP_S:
            if has_others and await have_stored(self._client, window_us[0]):
                break
            if not has_others and (await self._stored(names, window_us, "raw"))[0] >= head:
                break
            await trio.sleep(LOOK_EVERY_S)

    async def _batch(self, batch: Sequence[Subject], windows: int) -> None:
        """Compare some devices: in their time, outside of it, where nothing may be, and their newest readings."""
        newest, nothing, after = dict[Name, Point](), [replace(subject, lives=()) for subject in batch], 0
        for begin, end in self._spans_us:
            await self._window(nothing, (after, begin), newest, has_buckets=False)
            step = ((end - begin) // windows // WIDTH_US + 1) * WIDTH_US
            for low in range(begin, end, step):
                await self._window(batch, (low, min(low + step, end)), newest, has_buckets=True)
            after = end
        await self._window(nothing, (after, after + FAR_US), newest, has_buckets=False)
        await self._newest(batch, newest)
        for subject in batch:
            await self._ahead(subject)

    async def _ahead(self, subject: Subject) -> None:
        """See that the hub rejected what was dated too far ahead, all of it and nothing else, as far as it says what it rejected so."""
        sensor, schedule = self._truth.sensor(subject.at), self._truth.schedule(subject.at)
        if not schedule.is_ever_beyond:
            return
        await self._excuses.load(subject.name)
        said, found, known = self._excuses.ahead(subject.name), Compared(), set[tuple[str, int]]()
        for life, channel in product(subject.lives, sensor.signals):
            made = made_by(sensor, schedule, channel, (life.first, life.begun), EVER, are_beyond=True)
            for stamp_us, value, number in zip(made.stamps_us.tolist(), made.values, made.numbers.tolist(), strict=True):
                known.add((channel, stamp_us))
                if number >= life.returned or self._excuses.is_spooled(subject.name, number):
                    continue
                found.made += 1
                if said.has(channel, stamp_us):
                    self.verdict.excused["dated_too_far_ahead"] += 1
                else:
                    found.differences.append(Difference("unrefused", subject.name, channel, stamp_us, number, value, None))
        for channel, stamp_us in said.ends() - known:
            found.differences.append(Difference("refused", subject.name, channel, stamp_us, schedule.frame_over(stamp_us), None, None))
        await self._add(found)

    def _points(self, subject: Subject) -> int:
        sensor, schedule = self._truth.sensor(subject.at), self._truth.schedule(subject.at)
        frames = sum(life.begun - life.first for life in subject.lives)
        seconds = (schedule.end_us - schedule.pieces[0].start_us) / 1e6
        bursts = sum(signal.samples * (seconds / signal.every_s + 1) for signal in sensor.sampled.values())
        return frames * len(sensor.plain) + int(bursts)

    async def _window(self, batch: Sequence[Subject], window_us: tuple[int, int], newest: dict[Name, Point], *, has_buckets: bool) -> None:
        """Compare some devices in a stretch of time, once the store has had its time to show everything."""
        names = [subject.name for subject in batch]
        while True:
            _, points = await self._stored(names, window_us, "raw")
            found = [self._compared(subject, window_us, points) for subject in batch]
            folded = await self._folded(names, window_us, points) if has_buckets else []
            differs = folded or any(each.differences for each in found)
            if not differs or trio.current_time() >= self._began_s + self._late_s:
                break
            await trio.sleep(LOOK_EVERY_S)
        for name, column in points.items():
            newest[name] = newer(newest.get(name), column) or newest[name]
        for each in [*found, Compared(differences=folded)]:
            await self._add(each)

    async def _folded(self, names: Sequence[str], window_us: tuple[int, int], points: Mapping[Name, Sequence[Point]]) -> list[Difference]:
        """Return the buckets that are not what the readings make."""
        _, buckets = await self._stored(names, window_us, WIDTH)
        found = list[Difference]()
        for name in points.keys() | buckets.keys():
            found += bucket_differences(name, points.get(name, ()), buckets.get(name, ()), self._grain)
        return found

    async def _newest(self, batch: Sequence[Subject], newest: Mapping[Name, Point]) -> None:
        """Compare the newest readings that the hub tells with the newest that are stored."""
        said = await latest(self._client, [subject.name for subject in batch])
        told = {(each["device"], each["channel"]): (each["t"], each["value"]) for each in said}
        for name in sorted(newest.keys() | told.keys()):
            difference = newest_difference(name, newest.get(name), told.get(name), self._grain)
            await self._add(Compared(differences=[difference] if difference is not None else []))

    def _compared(self, subject: Subject, window_us: tuple[int, int], points: Mapping[Name, Sequence[Point]]) -> Compared:
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
        for name in points:
            if name[0] == subject.name and name[1] not in sensor.signals:
                whole.differences += [Difference("invented", *name, time_us, None, None, value) for time_us, _, value in points[name]]
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

    async def _stored(self, names: Sequence[str], window_us: tuple[int, int], width: str) -> tuple[int, dict[Name, list[Any]]]:
        """Return every raw point of some devices in a stretch, or the columns of its buckets, and the position that the answer includes."""
        self._limit = self._limit - 1 if self._limit > LIMIT - LIMITS else LIMIT  # else the hub may give what it keeps of an audit before
        params = {"device": list(names), "from": window_us[0], "to": window_us[1], "width": width, "limit": self._limit}
        async with self._client.answered("GET", "/api/v1/query", params=params) as answer:
            said = json.loads(await answer.aread())
        position = int(said["cursor"]["position"]) if said["cursor"] is not None else 0
        found: dict[Name, list[Any]] = {}
        step_us = 1 if width == "raw" else WIDTH_US
        if said["truncated"] and window_us[1] - window_us[0] > step_us:
            middle = max(sum(window_us) // 2 // step_us * step_us, window_us[0] + step_us)
            for part in ((window_us[0], middle), (middle, window_us[1])):
                at, points = await self._stored(names, part, width)
                position = min(position, at)
                for series, column in points.items():
                    found.setdefault(series, []).extend(column)
            return position, found
        for series in said["series"]:
            found.setdefault((series["device"], series["channel"]), []).extend(series["points"] if width == "raw" else [series["buckets"]])
        return position, found
