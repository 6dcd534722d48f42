"""Why a simulation could not be run, said in one line with what to do.

Owns FleetError; the command line prints it. Raised by every part of simulators/fleet, in this process and in workers.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from hub.client import HubError


class FleetError(Exception):
    """The simulation cannot begin, or could not go on; `hint` says what to do. `is_usage`: what was asked for is wrong."""

    def __init__(self, message: str, hint: str, *, is_usage: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.is_usage = is_usage


@contextmanager
def one_error() -> Iterator[None]:
    """Let the first FleetError or HubError of a group out alone: a person is told one thing."""
    try:
        yield
    except BaseExceptionGroup as group:
        told = next((leaf for leaf in _leaves(group) if isinstance(leaf, FleetError | HubError)), None)
        if told is None:
            raise
        raise told from None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error
