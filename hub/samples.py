"""Samples of counts that go on since the start, one a second, so that what was counted lately can be told and nothing grows.

Owns when a sample is taken and which is the oldest; knows not what is in one. load.py and hops.py tell what lies between two.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import trio

T = TypeVar("T")
_PERIOD_S: Final = 1.0


class Samples(Generic[T]):
    """What `take()` gave in the last `over_s` seconds; it is called in the event loop and must not wait."""

    def __init__(self, take: Callable[[], T], over_s: float) -> None:
        self._take = take
        self._kept: deque[tuple[float, T]] = deque(maxlen=int(over_s / _PERIOD_S))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Sample until cancelled."""
        self._kept.append(self._now())
        task_status.started()
        while True:
            await trio.sleep(_PERIOD_S)
            self._kept.append(self._now())

    def _now(self) -> tuple[float, T]:
        return trio.current_time(), self._take()

    def recent(self) -> tuple[float, T, T]:
        """Return over how many seconds, the oldest sample, and one of now; the same twice before there is any."""
        now_s, now = self._now()
        before_s, before = self._kept[0] if self._kept else (now_s, now)
        return now_s - before_s, before, now
