"""The wall clock of a run: read once, then carried on by the monotonic clock, which all processes of a machine share.

Owns the conversion. A step of the system's clock in the middle of a run moves no reading and no latency. Used by every process of a run.
"""

import time

import trio


class Clock:
    """µs since 1970, as of the moment that `offset_ns` was taken (`measured`); the same in each process that is given the same offset."""

    def __init__(self, offset_ns: int) -> None:
        self.offset_ns = offset_ns

    @classmethod
    def measured(cls) -> "Clock":
        """Return one that agrees with the wall clock now."""
        return cls(time.time_ns() - time.monotonic_ns())

    def now_us(self) -> int:
        """Return the time."""
        return (time.monotonic_ns() + self.offset_ns) // 1_000

    def trio_time(self, at_us: int) -> float:
        """Return a time as trio's clock has it, for sleep_until."""
        return trio.current_time() + (at_us - self.now_us()) / 1e6
