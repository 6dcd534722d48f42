"""A computer in the simulation: what runs on it dies with it, and its disk answers when the seed says.

Owns the stand-in for trio.to_thread.run_sync: the work is done in place, before or after a delay of virtual time, and never on a
machine that is dead. Tasks belong to the machine that their context names.
"""

from collections.abc import Callable
from contextlib import nullcontext
from contextvars import ContextVar
from random import Random
from typing import Any

import trio


class Killed(BaseException):
    """The process of this machine was killed: nothing of it goes on, and nothing it was about to write is written."""


class Machine:
    """One process and its disk, until it is killed."""

    def __init__(self, name: str, draw: Random, slow: float = 0.0) -> None:
        self.name = name
        self.is_dead = False
        self.slow = slow  # share of the calls to the disk that take their time
        self.max_delay_s = 0.02
        self.is_yielding = draw.random() < 0.3  # others run between a question to a thread and its answer, be the disk quick or slow
        self._draw = draw

    def kill(self) -> None:
        """Let nothing of this machine go on."""
        self.is_dead = True

    def check(self) -> None:
        """Raise Killed where the machine is dead."""
        if self.is_dead:
            raise Killed(self.name)

    async def before(self) -> None:
        """Wait as long as the disk takes to begin. Raises Killed."""
        self.check()
        if self.slow and self._draw.random() < self.slow:
            await trio.sleep(self._draw.uniform(0, self.max_delay_s))
            self.check()

    async def after(self) -> None:
        """Wait as long as the answer takes: the work is done, and nobody knows yet. Raises Killed."""
        if self.slow and self._draw.random() < self.slow:
            await trio.sleep(self._draw.uniform(0, self.max_delay_s))
            self.check()


here: ContextVar[Machine | None] = ContextVar("the machine that a task runs on", default=None)


async def run_sync(
    work: Callable[..., Any],
    *args: Any,
    thread_name: str | None = None,
    abandon_on_cancel: bool = False,
    limiter: trio.CapacityLimiter | None = None,
) -> Any:
    """Do what trio.to_thread.run_sync promises, without a thread."""
    machine = here.get()
    if machine is not None:
        machine.check()
    await trio.lowlevel.checkpoint_if_cancelled()
    if machine is not None and not machine.slow and not machine.is_yielding and (limiter is None or limiter.available_tokens):
        return work(*args)
    async with limiter or nullcontext():
        if machine is None or not machine.slow:
            if machine is not None:
                machine.check()
            return work(*args)
        with trio.CancelScope(shield=not abandon_on_cancel):
            await machine.before()
            answer = work(*args)
            await machine.after()
            return answer
