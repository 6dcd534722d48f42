"""Waiting for a condition that has no event of its own, with a deadline: for tests instead of a fixed sleep."""

import time
from collections.abc import Callable

import trio


async def until(holds: Callable[[], object], timeout_s: float = 30.0) -> None:
    """Return as soon as `holds()` is true; raises trio.TooSlowError after `timeout_s`, by the clock of the run and by that of the wall.

    A minute of virtual time is over in a blink, the sooner the faster the machine, while a thread still writes to its disk.
    """
    end_s, wall_end_s = trio.current_time() + timeout_s, time.monotonic() + timeout_s
    while not holds():
        if trio.current_time() > end_s and time.monotonic() > wall_end_s:
            raise trio.TooSlowError
        await trio.sleep(0.002)


def wait_until(holds: Callable[[], object], timeout_s: float = 30.0) -> None:
    """Return as soon as `holds()` is true, which asks another process; raises AssertionError after `timeout_s`. Not for a task of trio."""
    deadline_s = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline_s, "it never came"
        time.sleep(0.02)  # between two looks
