"""Pings for every connection, from one clock: whoever gives no sign of life for two periods is taken for dead.

Who has begun a frame and says nothing more of it is waited for one period only: in the middle of a frame nobody can answer a ping.
Owns the timing. Anything that comes is a sign of life, and what answers a ping comes. Run by the door; visit.py enters each link while its
session lasts.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import trio

from devices.wire.limits import MISSED_HEARTBEATS, CloseCode

_TURNS: Final = 40  # of one period


class Beating(Protocol):
    """A connection that can be asked."""

    def beat(self) -> bool:
        """Ask for a sign of life, and tell whether there was one since the last time."""

    def is_halfway(self) -> bool:
        """Tell whether it has begun a frame that has not ended."""

    def fail(self, code: CloseCode, reason: str) -> None:
        """Give the connection up; its session hears the code."""


class _Turn(NamedTuple):
    """Links that are asked together."""

    due_s: float
    missed: dict[Beating, int]  # link -> periods without a sign of life


class Heartbeats:
    """The links that are asked each period; nobody is judged while `is_deaf()`: nothing is read then.

    Links that come within a fortieth of a period are asked together: few links wake the hub seldom, and ten thousand are not asked at once.
    """

    def __init__(self, period_s: float, is_deaf: Callable[[], bool] = lambda: False) -> None:
        self._period_s = period_s
        self._is_deaf = is_deaf
        self._turns: deque[_Turn] = deque()  # in the order in which they are due
        self._wake = trio.Event()

    def add(self, link: Beating) -> None:
        """Ask a link from now on, the first time after one period."""
        due_s = trio.current_time() + self._period_s
        if not self._turns or self._turns[-1].due_s < due_s - self._period_s / _TURNS:
            self._turns.append(_Turn(due_s, {}))
            self._wake.set()
        self._turns[-1].missed[link] = 0

    def remove(self, link: Beating) -> None:
        """Ask it no more."""
        for turn in self._turns:
            turn.missed.pop(link, None)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Ask until cancelled."""
        task_status.started()
        while True:
            if not self._turns:
                self._wake = trio.Event()
                await self._wake.wait()
            await trio.sleep_until(self._turns[0].due_s)
            missed = self._turns.popleft().missed
            if missed:  # again a whole period from now, be it late
                self._turns.append(_Turn(trio.current_time() + self._period_s, missed))
            self._ask(missed)

    def _ask(self, missed: dict[Beating, int]) -> None:
        for link, periods in list(missed.items()):
            is_alive = link.beat() or self._is_deaf()
            missed[link] = 0 if is_alive else periods + 1
            if missed[link] and link.is_halfway():
                link.fail(CloseCode.HEARTBEAT_LOST, f"a frame was begun, and nothing more of it came in {self._period_s:g} s")
            elif missed[link] >= MISSED_HEARTBEATS:
                link.fail(CloseCode.HEARTBEAT_LOST, f"{MISSED_HEARTBEATS} pings were not answered")
