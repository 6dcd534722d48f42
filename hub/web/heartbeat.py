"""Pings for every connection, from one clock: whoever gives no sign of life for two periods is taken for dead.

Owns the timing. Anything that comes is a sign of life, and what answers a ping comes. Run by the door; visit.py enters each link while its
session lasts.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

import trio

from devices.wire.limits import MISSED_HEARTBEATS, CloseCode

_SLOTS: Final = 40  # turns of one period, so that ten thousand connections are not asked at once


class Beating(Protocol):
    """A connection that can be asked."""

    def beat(self) -> bool:
        """Ask for a sign of life, and tell whether there was one since the last time."""

    def fail(self, code: CloseCode, reason: str) -> None:
        """Give the connection up; its session hears the code."""


class Heartbeats:
    """The links that are asked each period; nobody is judged while `is_deaf()`: nothing is read then."""

    def __init__(self, period_s: float, is_deaf: Callable[[], bool] = lambda: False) -> None:
        self._period_s = period_s
        self._is_deaf = is_deaf
        self._slots: deque[dict[Beating, int]] = deque({} for _ in range(_SLOTS))  # link -> periods without a sign of life

    def add(self, link: Beating) -> None:
        """Ask a link from now on, the first time after one period."""
        self._slots[-1][link] = 0

    def remove(self, link: Beating) -> None:
        """Ask it no more."""
        for slot in self._slots:
            slot.pop(link, None)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Ask until cancelled."""
        task_status.started()
        while True:
            await trio.sleep(self._period_s / _SLOTS)
            self._slots.rotate(-1)
            self._ask(self._slots[-1])

    def _ask(self, slot: dict[Beating, int]) -> None:
        for link, missed in list(slot.items()):
            is_alive = link.beat() or self._is_deaf()
            slot[link] = 0 if is_alive else missed + 1
            if slot[link] >= MISSED_HEARTBEATS:
                link.fail(CloseCode.HEARTBEAT_LOST, f"{MISSED_HEARTBEATS} pings were not answered")
