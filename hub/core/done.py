"""Whether the work at hand has done something that people are told of: who would do it once more asks that first.

Owns a mark that goes with the context, so also into tasks and threads that the work starts. Set by a state store that others share, with
each change that it notes in the audit log; asked by web/looking_again.py.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final


class Done:
    """What was done within a `watched` block."""

    def __init__(self) -> None:
        self.is_any = False


_present: Final[ContextVar[Done | None]] = ContextVar("what the work at hand has done", default=None)


@contextmanager
def watched() -> Iterator[Done]:
    """Have what is done within the block marked."""
    done = Done()
    token = _present.set(done)
    try:
        yield done
    finally:
        _present.reset(token)


def mark_done() -> None:
    """Note that something was done; nothing where nobody watches."""
    if (done := _present.get()) is not None:
        done.is_any = True
