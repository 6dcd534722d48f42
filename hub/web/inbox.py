"""Messages of one connection on their way to its session: handed over by a plain call, or waiting to be received.

Owns their order and the bound of what waits; knows no bytes. Filled by frames.py, emptied by the link in upgrade.py.
"""

from collections.abc import Callable
from typing import Final

import trio

from devices.link import LinkClosed

_MAX_WAITING: Final = 32
_MAX_WAITING_BYTES: Final = 65_536


class HeardBeforeError(Exception):
    """The session has heard why this failed, and asks again: a defect of the session."""


class Inbox:
    """What came and was not taken yet. Above its bound `is_full`: nothing more may be read until there is room."""

    __slots__ = ("_room", "_size_bytes", "_take", "_waiting", "failure", "messages")

    def __init__(self) -> None:
        self.messages: list[bytes | str] = []  # few, mostly none
        self.failure: Exception | None = None  # what `take` raised, or why the connection was given up
        self._take: Callable[[bytes | str], None] | None = None
        self._size_bytes = 0
        self._waiting: trio.lowlevel.Task | None = None  # for a message; an Event would be 1 KB of each connection
        self._room: trio.Event | None = None

    @property
    def is_full(self) -> bool:
        """Tell whether more would only pile up."""
        return len(self.messages) >= _MAX_WAITING or self._size_bytes >= _MAX_WAITING_BYTES

    def put(self, message: bytes | str) -> None:
        """Hand a message over, or let it wait behind others. After a failure nothing is kept."""
        if self.failure is not None:
            return
        if self._take is None or self.messages:
            self.messages.append(message)
            self._size_bytes += len(message)
            self.wake()
            return
        try:
            self._take(message)
        except Exception as error:  # it belongs to the session's own task, which gets it from `receive`; here it would end all others
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """End the reception: the session's `receive` raises this."""
        if self.failure is None:
            self.failure = error
        self._take = None
        self.wake()

    def heard(self) -> Exception:
        """Return why nothing more comes, for the session to raise.

        What `take` raised is not kept beyond that: it holds the calls that it came through, with the message, and those hold this.
        """
        error = self.failure or HeardBeforeError()
        if not isinstance(error, LinkClosed):
            self.failure = HeardBeforeError()
        return error

    def hand_to(self, take: Callable[[bytes | str], None] | None) -> None:
        """Hand over what comes from now on, and what waits. Raises what `take` raises."""
        self._take = take
        while self._take is not None and self.messages:
            self._take(self.pop())

    def pop(self) -> bytes | str:
        """Take the oldest message that waits."""
        message = self.messages.pop(0)
        self._size_bytes -= len(message)
        if not self.is_full:
            self.make_way()
        return message

    def wake(self) -> None:
        """Let who waits for a message look again."""
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            trio.lowlevel.reschedule(waiting)

    def make_way(self) -> None:
        """Let who waits for room look again."""
        if self._room is not None:
            self._room.set()
            self._room = None

    def expect(self) -> Callable[[object], trio.lowlevel.Abort]:
        """Reschedule the present task when there may be something to take, or a reason why nothing more comes; return how it gives up.

        One task may wait at a time.
        """
        self._waiting = trio.lowlevel.current_task()
        return self._give_up

    def _give_up(self, _: object) -> trio.lowlevel.Abort:
        self._waiting = None
        return trio.lowlevel.Abort.SUCCEEDED

    async def wait_for_room(self) -> None:
        """Return when there may be room."""
        if self._room is None:
            self._room = trio.Event()
        await self._room.wait()
