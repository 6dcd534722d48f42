"""Virtual time for the simulation: trio's mock clock that jumps when everybody waits, and sleeps that cost a quarter of trio's.

Owns the timers of trio.sleep and trio.sleep_until while a run lasts; deadlines of cancel scopes stay trio's. A jump goes to whichever comes
first. Two thirds of what an idle hub costs are timers: a cancel scope for each, and statistics of all tasks for each jump.
"""

import math
from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Final

import trio
from trio.testing import MockClock

# chance.py has it say that there is nothing: nobody has a socket.
_get_events: Final = trio._core._run.TheIOManager.get_events  # type: ignore[attr-defined]

Wakes = Callable[[], None]


class Timers:
    """The clock of one run, and who sleeps."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self._numbers = count()
        self._sleeping: list[tuple[float, int, list[Wakes]]] = []  # an empty list: it was cancelled
        self.clock = MockClock(autojump_threshold=0)
        self.clock.current_time = lambda: self._now_s  # type: ignore[method-assign]
        self.clock._autojump = self._jump  # type: ignore[method-assign]

    def _jump(self) -> None:
        """Go to the next moment at which something happens."""
        sleeping = self._sleeping
        while sleeping and not sleeping[0][2]:
            heappop(sleeping)
        runner = trio._core._run.GLOBAL_RUN_CONTEXT.runner
        next_s = min(sleeping[0][0] if sleeping else math.inf, runner.deadlines.next_deadline())
        if next_s == math.inf:
            self._ask(runner)
            return
        self._now_s = max(self._now_s, next_s)
        while sleeping and sleeping[0][0] <= self._now_s:
            for wakes in heappop(sleeping)[2]:
                wakes()

    def _ask(self, runner: trio._core._run.Runner) -> None:
        """Look for what trio tells itself by a socket: at its end it does."""
        events = _get_events(runner.io_manager, 0)
        if not events:
            raise RuntimeError("everybody waits, and for nothing")
        runner.io_manager.process_events(events)

    def at(self, time_s: float, wakes: Wakes) -> None:
        """Call something then, which wakes tasks and does nothing else."""
        heappush(self._sleeping, (time_s, next(self._numbers), [wakes]))

    async def sleep(self, seconds: float) -> None:
        """Be trio.sleep."""
        await self.sleep_until(self._now_s + seconds)

    async def sleep_until(self, deadline_s: float) -> None:
        """Be trio.sleep_until."""
        if deadline_s <= self._now_s:
            await trio.lowlevel.checkpoint()
            return
        waking: list[Wakes] = [partial(trio.lowlevel.reschedule, trio.lowlevel.current_task())]

        def abort(raise_cancel: object) -> trio.lowlevel.Abort:
            waking.clear()
            return trio.lowlevel.Abort.SUCCEEDED

        if deadline_s < math.inf:
            heappush(self._sleeping, (deadline_s, next(self._numbers), waking))
        await trio.lowlevel.wait_task_rescheduled(abort)
