"""Waiting for a condition that has no event of its own, with a deadline: for tests instead of a fixed sleep."""

from collections.abc import Callable

import trio


async def until(holds: Callable[[], object], timeout_s: float = 30.0) -> None:
    """Return as soon as `holds()` is true; raises trio.TooSlowError after `timeout_s`."""
    with trio.fail_after(timeout_s):
        while not holds():  # noqa: ASYNC110
            await trio.sleep(0.002)
