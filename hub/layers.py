"""Stopping from the inside out: what a block stands on ends only when the block has ended.

Owns one context manager, and what is told of its failures; main.py nests it: journal, then followers, then sessions. Cancelling the
outermost scope reaches the innermost block first; each layer is cancelled when the block inside it is done.
"""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

import trio

E = TypeVar("E", bound=BaseException)


class Run(Protocol):
    """A part's `run`: it says `started` when it really serves, and goes on until it is cancelled."""

    def __call__(self, *, task_status: trio.TaskStatus[None]) -> Awaitable[None]:
        """Run."""


@asynccontextmanager
async def layer(*runs: Run) -> AsyncIterator[None]:
    """Run parts under a block, started in order; they are cancelled, the last first, only once the block is left, however it is left.

    A part that fails cancels the block, and the other parts end after it. Raises what a part raised, in an exception group.
    """
    scopes: list[trio.CancelScope] = []

    async def keep(run: Run, *, task_status: trio.TaskStatus[None]) -> None:
        with trio.CancelScope(shield=True) as scope:
            scopes.append(scope)
            await run(task_status=task_status)

    async with trio.open_nursery() as nursery:
        try:
            for run in runs:
                await nursery.start(keep, run)
            yield
        finally:
            for scope in reversed(scopes):
                scope.cancel()


def only_one(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the one thing that went wrong; several stay a group."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def first_of(group: BaseExceptionGroup[E]) -> E:
    """Return the first thing that went wrong, out of groups in groups."""
    first = group.exceptions[0]
    return first_of(first) if isinstance(first, BaseExceptionGroup) else first
