"""Taking connections off a listening socket: many in a turn, and none left to wait where no descriptor is left.

Owns one descriptor that is kept for that: with it a connection is accepted, told to come back, and closed. What becomes of all others
door.py decides.
"""

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import Final

import structlog
import trio

from hub.core.errors import Refusal, TooOften
from hub.web.refusals import answer

_TURN_S: Final = 0.004  # a flood is taken off the queue faster than it comes, and everything else has its turn between
_PAUSE_S: Final = 0.1  # descriptors come back when connections end
_NONE_LEFT: Final = Refusal("busy", "the hub has no descriptor for another connection", "come back later", 503)
_HEARD_BYTES: Final = 8_192
_LOG: Final = structlog.get_logger("hub.web.door")


async def accept(listener: trio.SocketListener, take: Callable[[socket.socket, str], None], count: Callable[[], int]) -> None:
    """Hand each connection with its address to `take` until cancelled; then the listener is closed. `count` says how many are open."""
    is_failing = False
    spare = _Spare()
    raw = socket.socket(fileno=listener.socket.fileno())
    raw.setblocking(False)
    try:
        while True:
            await trio.lowlevel.wait_readable(raw)
            try:
                _take_some(raw, take)
                spare.take()
                is_failing = False
            except OSError as error:
                # Out of descriptors or memory, or a network error handed on by accept(2): none of them may end the hub.
                if not is_failing:
                    _LOG.error("accept_failed", reason=str(error), connections=count(), hint="raise the limit of open files")
                is_failing = True
                spare.give_up()
                with suppress(OSError):
                    _take_some(raw, lambda connection, _: turn_away(connection, _NONE_LEFT, is_plain=True))
                spare.take()
                await trio.sleep(_PAUSE_S)
    finally:
        raw.detach()  # it is the listener's
        listener.socket.close()
        spare.give_up()


class _Spare:
    """A descriptor to be given up when there is no other."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self.take()

    def take(self) -> None:
        """Keep one, if there is one."""
        if self._descriptor is None:
            with suppress(OSError):
                self._descriptor = os.open(os.devnull, os.O_RDONLY)

    def give_up(self) -> None:
        """Let somebody else have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _take_some(raw: socket.socket, take: Callable[[socket.socket, str], None]) -> None:
    until_s = perf_counter() + _TURN_S
    while perf_counter() < until_s:
        try:
            connection, address = raw.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        take(connection, str(address[0]))


def has_spoken(connection: socket.socket) -> bool:
    """Tell whether anything has come on a connection that is new."""
    try:
        return bool(connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except OSError:
        return False


def turn_away(connection: socket.socket, refusal: Refusal, *, is_plain: bool, retry_after_s: int = 5) -> None:
    """Say no in one breath, where the other side can read it (not with TLS), and close; nobody waits for whoever it is."""
    with suppress(OSError), connection:
        if is_plain:
            connection.setblocking(False)
            with suppress(BlockingIOError):
                connection.recv(_HEARD_BYTES)  # what is not read makes a reset of the end, which may overtake the answer
            wait_s = refusal.wait_s if isinstance(refusal, TooOften) else retry_after_s
            connection.send(answer(refusal, [("Retry-After", str(wait_s))]))
