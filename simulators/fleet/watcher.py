"""One viewer of a fleet: the real live connection, kept open through whatever happens, and a picture that is compared as it grows.

Owns one viewer's connections and when it asks again: after points were merged for it, or late readings came. Run by viewer_worker.py.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from math import ceil
from random import Random
from typing import Any, Final

import trio

from hub.client import HubClient, HubError, LiveConnection
from simulators.fleet.clock import Clock
from simulators.fleet.counting import Counting
from simulators.fleet.picture import Name, Picture, Series

ASK_AGAIN_S: Final = 3.0  # at most so often
LOOK_EVERY_S: Final = 0.5  # whether the last readings have come
_ID: Final = "fleet"
MAX_MISSING: Final = 100  # told; a viewer that lacks more needs no longer list


class Watcher:
    """A viewer of some devices."""

    def __init__(self, number: int, series: Mapping[Name, Series], span_s: float, clock: Clock, counting: Counting) -> None:
        self.number = number
        self.picture = Picture(series)
        self.is_connected = False
        self.was_shown = trio.Event()  # its first snapshot has come
        self.last_error = ""
        self._devices = sorted({device for device, _ in series})
        self._channels = sorted({channel for _, channel in series})
        self._schedules = {device: each.schedule for (device, _), each in series.items()}
        self._span_s = span_s
        self._clock = clock
        self._counting = counting
        self._live: LiveConnection | None = None
        self._asked_s = float("-inf")
        self._lost_us: int | None = None  # when its connection ended, until it is shown something again

    async def run(self, client: HubClient) -> None:
        """Watch until cancelled; comes back by itself, with its cursor."""
        rng, pause_s = Random(self.number), 1.0
        while True:
            began_s = trio.current_time()
            try:
                async with client.live("websocket") as live:
                    await self._watch(live)
            except HubError as error:
                self.last_error = error.message
            if self.is_connected and self._lost_us is None:
                self._lost_us = self._clock.now_us()
            self.is_connected, self._live = False, None
            self.picture.lost()
            pause_s = 1.0 if trio.current_time() - began_s > 5 else min(30.0, pause_s * 2)
            await trio.sleep(rng.uniform(0, pause_s))

    async def _watch(self, live: LiveConnection) -> None:
        await self._ask(live, self.picture.cursor)
        self._live = live
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_fresh, live)
            async for message in live:
                self.is_connected = True
                self._take(message)
            nursery.cancel_scope.cancel()

    async def _ask(self, live: LiveConnection, cursor: str | None) -> None:
        self._asked_s = trio.current_time()
        await live.subscribe(_ID, self._devices, channels=self._channels, width_us=0, span_s=self._span_s, cursor=cursor)

    async def _keep_fresh(self, live: LiveConnection) -> None:
        while True:
            await trio.sleep(max(0.2, self._asked_s + ASK_AGAIN_S - trio.current_time()))
            if self.picture.is_stale and trio.current_time() >= self._asked_s + ASK_AGAIN_S:
                await self._ask(live, None)

    def _take(self, message: Mapping[str, Any]) -> None:
        match message.get("op"):
            case "snapshot" | "update" if message.get("id") == _ID:
                told = self.picture.take(message)
                if told is None:
                    return
                if self._lost_us is not None:
                    self._counting.dark.add(self._clock.now_us() - self._lost_us)
                    self._lost_us = None
                if message["op"] == "snapshot":
                    self._counting.snapshots += 1
                    self.was_shown.set()
                else:
                    self._count(told)
            case "changed" if message.get("id") == _ID:
                self.picture.is_stale = True
            case "error":
                self.last_error = str(message.get("message"))

    def _count(self, told: Sequence[int]) -> None:
        now_us, schedule = self._clock.now_us(), next(iter(self._schedules.values()))
        self._counting.points += len(told)
        for due_us in told:
            self._counting.seen[schedule.phase_at(due_us)].add(now_us - due_us)

    async def judge(self, made: Mapping[str, Sequence[Sequence[int]]], settle_s: float) -> dict[str, Any]:
        """Return how many readings were shown and what differs, once nothing does or `settle_s` is over.

        Nothing is asked for again but for what the hub said: who only watches must have all of it. What was made before the span that it
        asks for is not expected: it is shown where it came in time.
        """
        from_us = self._clock.now_us() - int(self._span_s * 1e6)
        for _ in range(ceil(settle_s / LOOK_EVERY_S)):
            if next(self.picture.missing(made, from_us), None) is None:
                break
            await trio.sleep(LOOK_EVERY_S)
        missing = list(islice(self.picture.missing(made, from_us), MAX_MISSING))
        shown, merged = self.picture.shown()
        return {"shown": shown, "merged": merged, "differences": [each.said() for each in self.picture.wrong + missing]}
