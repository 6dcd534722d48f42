"""Whose question to the history store runs: two at a time, a few waiting, each for ten seconds at most.

Owns these limits and how they are told; devices are acked by other threads and never wait here. The routes that ask the store use it.
"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import trio

from hub.core.errors import Refusal

AT_ONCE: Final = 2  # as many as an embedded store has threads for
MAX_WAITING: Final = 30  # a page asks for a few at once; beyond it somebody asks faster than it is answered
TIMEOUT_S: Final = 10.0
T = TypeVar("T")


class Turns:
    """The questions of everybody."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._limiter = trio.CapacityLimiter(AT_ONCE)

    async def take(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask when it is this question's turn. Raises Refusal 503 where too many wait, 504 where the answer takes too long."""
        if self._limiter.statistics().tasks_waiting >= MAX_WAITING:
            raise self._busy()
        is_running = False
        with trio.move_on_after(self._timeout_s):
            async with self._limiter:
                is_running = True
                return await ask()
        if not is_running:
            raise self._busy()
        said = f"the history did not answer within {self._timeout_s:g} s, the limit"
        raise Refusal("query_timeout", said, "ask for less time, wider buckets, fewer series or a lower limit", 504)

    def _busy(self) -> Refusal:
        waiting = self._limiter.statistics().tasks_waiting
        said = f"{AT_ONCE} queries run and {waiting} wait, the limits are {AT_ONCE} and {MAX_WAITING}"
        return Refusal("busy", said, "ask again in a moment", 503)
