"""Ctrl-C and SIGTERM as a reason to stop early instead of an end: what a run made at a hub is removed all the same.

Owns how the signals reach a run, and what is said then. course.py uses it round the run and round the cleaning up.
"""

import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

Say = Callable[[str], None]


@asynccontextmanager
async def stopped_by_signals(scope: trio.CancelScope, say: Say, what: str) -> AsyncIterator[None]:
    """Cancel a scope at Ctrl-C or SIGTERM instead of ending the program, and say what happens now."""

    async def wait(received: AsyncIterator[int]) -> None:
        async for _ in received:
            say(what)
            scope.cancel()

    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, received)
            yield
            nursery.cancel_scope.cancel()
