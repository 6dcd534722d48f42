"""How far a copy is: figures out of worker threads, told now and then from the event loop.

Owns that hand-over; draws nothing. Used by taking.py.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import trio

_PERIOD_S: Final = 0.2


class Step(NamedTuple):
    """How far one step is."""

    name: str
    done_bytes: int
    all_bytes: int


Said = Callable[[Step], None]
Told = Callable[[int, int], None]  # so many bytes are done, of so many; for any thread


@asynccontextmanager
async def step(name: str, said: Said, growing: tuple[Path, int] | None = None) -> AsyncIterator[Told]:
    """Tell `said` of a step while the block runs, at its begin and at its end as well.

    The block calls what it is given, or has `growing`, a file and the size it will have, watched.
    """
    at = [0, growing[1] if growing else 0]

    def told(done_bytes: int, all_bytes: int) -> None:
        at[:] = done_bytes, all_bytes

    async def tell() -> None:
        while True:
            if growing is not None and growing[0].exists():
                at[0] = min(growing[0].stat().st_size, at[1])
            said(Step(name, *at))
            await trio.sleep(_PERIOD_S)

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell)
            yield told
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        if len(group.exceptions) > 1:
            raise
        raise group.exceptions[0] from group.exceptions[0].__cause__  # what the block raised, as if no task had been beside it
    said(Step(name, at[1], at[1]))
