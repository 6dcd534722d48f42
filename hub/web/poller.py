"""One task that listens on many sockets: it reads what has come, and hands it on by plain calls.

Owns an epoll descriptor of its own, and when it is asked. A task per socket costs two system calls, an exception and two task switches for
each frame; here a turn costs that once, for all sockets that have something. Knows nothing of frames: frames.py watches its sockets
here. Made and run by the door; where the system has no epoll, `poller_here` says so and each stream reads by itself.
"""

import select
from collections.abc import Callable
from time import perf_counter
from typing import Final

import trio

GATHER_S: Final = 0.002  # between turns, and up to twice that: a turn has a price of its own, and the journal gathers longer than this
_REST_PER_SOCKET_S: Final = 0.000_3
_MAX_READY: Final = 64  # of one turn; epoll gives the others first the next time
MAX_TURN_S: Final = 0.005  # then everything else gets its turn


class Poller:
    """The sockets that are listened on. `on_ready` is called, without an argument, when one can be read; it must not raise."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watched: dict[int, Callable[[], None]] = {}
        self._again: dict[int, Callable[[], None]] = {}  # those that have more of what they have read already
        self._is_held = False
        self._released = trio.Event()
        self._rest = trio.CancelScope()  # of the wait for the next turn

    @property
    def is_held(self) -> bool:
        """Tell whether nothing is read at present: silence says nothing of who is at the other end."""
        return self._is_held

    def watch(self, descriptor: int, on_ready: Callable[[], None]) -> None:
        """Call `on_ready()` in each turn in which the descriptor can be read, until it is forgotten, before it is closed."""
        self._epoll.register(descriptor, select.EPOLLIN)
        self._watched[descriptor] = on_ready

    def again(self, descriptor: int) -> None:
        """Call a watched descriptor's `on_ready()` in the next turn, whether anything has come or not."""
        self._again[descriptor] = self._watched[descriptor]
        self._rest.cancel()  # nothing more may come that would wake it

    def forget(self, descriptor: int) -> None:
        """Watch a descriptor no more; an unknown one is ignored."""
        if self._watched.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)
            self._again.pop(descriptor, None)

    def hold(self, *, is_held: bool) -> None:
        """Read nothing for a while (True), or go on (False)."""
        if is_held:
            self._is_held = True
        elif self._is_held:
            self._is_held = False
            woken, self._released = self._released, trio.Event()
            woken.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take turns until cancelled."""
        task_status.started()
        while True:
            while self._is_held:
                await self._released.wait()
            sockets = self._turn()
            if self._again:
                await trio.lowlevel.checkpoint()
            elif sockets:
                await trio.sleep(rest_s(sockets))
            else:
                with trio.CancelScope() as self._rest:
                    await trio.lowlevel.wait_readable(self._epoll.fileno())

    def close(self) -> None:
        """Give the descriptor back, when nothing is watched any more."""
        self._epoll.close()

    def _turn(self) -> int:
        """Hand on what is there, for MAX_TURN_S at most; return of about how many sockets. Who has not had a turn is first in the next."""
        until_s = perf_counter() + MAX_TURN_S
        sockets = 0
        while ready := self._ready():
            sockets += len(ready)
            for at, descriptor in enumerate(ready):
                # A call may make another's descriptor be forgotten.
                if (on_ready := self._watched.get(descriptor)) is not None:
                    on_ready()
                if perf_counter() > until_s or self._is_held:
                    left = ready[at + 1 :]
                    self._again = {each: self._watched[each] for each in left if each in self._watched} | self._again
                    return sockets
            if len(ready) < _MAX_READY and not self._again:
                break
        return sockets

    def _ready(self) -> list[int]:
        found = [descriptor for descriptor, _ in self._epoll.poll(0, _MAX_READY)]
        if self._again:
            again, self._again = self._again, {}
            found = [*again, *(descriptor for descriptor in found if descriptor not in again)]
        return found


def rest_s(sockets: int) -> float:
    """Return how long to rest after a turn of so many sockets: the busier the longer; up to 3,300 messages a second nothing changes."""
    return min(2 * GATHER_S, max(GATHER_S, sockets * _REST_PER_SOCKET_S))


def poller_here() -> Poller | None:
    """Make a poller where the system has what it takes (Linux), else None."""
    return Poller() if hasattr(select, "epoll") else None
