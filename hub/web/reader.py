"""trio-websocket's reader: a task while it has something to do, none while it waits for the poller.

Owns its coroutine. A task that only waits costs 2 KB, and nearly all of thousands of connections only wait: so the coroutine is laid aside
where it rests, and a new task goes on with it. Keeps it from harm, too: a Ping after our Close would end it. Knows no bytes; made by
upgrade.py, rests in frames.py.
"""

from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import coroutine
from typing import Any, Final

import trio
from wsproto.utilities import LocalProtocolError

from hub.web.inbox import Inbox

_MAX_PASSED_OVER: Final = 1_000  # pings after our Close; a client that sends more is not closing
_RESTS: Final = object()


@coroutine
def lay_aside() -> Generator[Any, Any, None]:
    """Give up the task, within what a Reader runs, until its `go_on`. No cancel scope may be open that was opened in there."""
    yield _RESTS


@coroutine
def _until_rest(running: Coroutine[Any, Any, None]) -> Generator[Any, Any, bool]:
    """Run a coroutine in this task; True: it rests, False: it has returned. Raises what it raises."""
    answer = None
    while True:
        try:
            asked = running.send(answer)
        except StopIteration:
            return False
        if asked is _RESTS:
            return True
        answer = yield asked


class Reader:
    """Stands in for the nursery that wrap_server_stream starts its reader in.

    The reader is shielded, so that a session that is cancelled can still close in an orderly way.
    """

    def __init__(self, nursery: trio.Nursery, inbox: Inbox) -> None:
        self.on_end: Callable[[], None] | None = None
        self.has_ended = False
        self._nursery = nursery
        self._inbox = inbox
        self._read: Callable[[], Coroutine[Any, Any, None]] | None = None
        self._running: Coroutine[Any, Any, None] | None = None
        self._is_resting = False
        self._is_ending = False
        self._scope: trio.CancelScope | None = None  # of the task
        self._passed_over = 0
        self._ended: trio.Event | None = None  # if somebody waits for that

    def start_soon(self, read: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._read, self._running = read, read()
        self._nursery.start_soon(self._run)

    def start_beside(self, finish: Callable[[], Awaitable[None]]) -> None:
        """Start a task that ends at the latest when the stream is closed."""
        self._nursery.start_soon(self._run_beside, finish)

    def go_on(self) -> None:
        """Go on where the reader rests; nothing where it does not."""
        if self._is_resting:
            self._is_resting = False
            self._nursery.start_soon(self._run)

    async def end(self) -> None:
        """End the reader; return when it has ended."""
        self._is_ending = True
        if self._scope is not None:
            self._scope.cancel()
        self.go_on()  # to its end: what it has opened is closed there
        if self._running is not None and not self.has_ended:
            self._ended = trio.Event()
            await self._ended.wait()

    async def _run_beside(self, finish: Callable[[], Awaitable[None]]) -> None:
        with trio.CancelScope(shield=True):
            await finish()

    async def _run(self) -> None:
        try:
            with trio.CancelScope(shield=True) as self._scope:
                if self._is_ending:
                    self._scope.cancel()
                self._is_resting = await self._read_on()
        finally:
            self._scope = None
            if not self._is_resting:
                self._end()

    async def _read_on(self) -> bool:
        """Run on until it rests (True) or has ended."""
        assert self._read is not None
        assert self._running is not None
        while True:
            try:
                return await _until_rest(self._running)
            except LocalProtocolError:
                # A Ping after our Close (trio-websocket#184). It is consumed; what follows it may be the Close we wait for.
                self._passed_over += 1
                if self._passed_over >= _MAX_PASSED_OVER:
                    return False
                await trio.lowlevel.checkpoint()
                self._running = self._read()

    def _end(self) -> None:
        self.has_ended = True
        if self._ended is not None:
            self._ended.set()
        self._inbox.wake()
        if self.on_end is not None:
            self.on_end()
