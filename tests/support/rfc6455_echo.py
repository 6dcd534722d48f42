"""What stands on both ends of a WebSocket under test: an echo session, and a client that says given bytes in given pieces.

Owns the ways a session can use a ServerLink (by waiting, by plain calls) and the transport in memory that cuts exactly where it is
told. Used by the case table and the differential test.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any, Final, Protocol, cast

import trio
import trio.testing

from devices.link import LinkClosed, Prepared, ServerLink
from hub.web.poller import Poller
from hub.web.settings import DoorSettings
from hub.web.streams import GuardedStream
from hub.web.upgrade import Upgrade, serve_upgraded
from tests.support.rfc6455 import KEY, Ear

GOODBYE: Final = b"say goodbye"  # makes the echo session close
GOODBYE_CODE: Final = 4004
SETTINGS: Final = DoorSettings()
DEADLINE_S: Final = 30.0


class Session(Protocol):
    """What serves a link."""

    async def serve(self, link: ServerLink) -> None:
        """Return when the link is done with."""


class Echo:
    """A session that sends every message back, and hears on when nothing can be sent any more.

    `is_handed`: it takes messages by plain calls, and answers in them where the link can. It never cancels a send: that would leave
    the link unusable, and with it the Close.
    """

    def __init__(self, *, is_handed: bool) -> None:
        self.messages: list[bytes | str] = []
        self.code: int | None = None  # as the link told it
        self._is_handed = is_handed
        self._pending: deque[bytes | str] = deque()
        self._has_more = trio.Event()
        self._is_over = False
        self._link: ServerLink | None = None

    async def serve(self, link: ServerLink) -> None:
        self._link = link
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._answer, link)
            if self._is_handed:
                link.hand_to(self._take)
            try:
                while True:
                    self._take(await link.receive())
            except LinkClosed as closed:
                self.code = closed.code
            self._is_over = True
            self._has_more.set()

    def _take(self, message: bytes | str) -> None:
        assert self._link is not None
        self.messages.append(message)
        if self._is_handed and not self._pending and message != GOODBYE and self._link.try_send(Prepared(message)):
            return
        self._pending.append(message)
        self._has_more.set()

    async def _answer(self, link: ServerLink) -> None:
        try:
            while not self._is_over:
                await self._has_more.wait()
                while self._pending:
                    if (message := self._pending[0]) == GOODBYE:
                        await link.aclose(GOODBYE_CODE, "goodbye")
                        return  # and `receive` tells
                    await link.send(message)
                    self._pending.popleft()  # and only then: until it is out nothing may overtake it
                if not self._is_over:
                    self._has_more = trio.Event()
        except LinkClosed:
            return  # the other side of the session hears it, too


class Answered:
    """In a script: until so much was heard, nothing more is said."""

    def __init__(self, *, messages: int = 0, pongs: int = 0, is_closed: bool = False) -> None:
        self._messages = messages
        self._pongs = pongs
        self._is_closed = is_closed

    def by(self, ear: Ear) -> bool:
        """Tell whether it was."""
        if not ear.head:
            return False
        return len(ear.messages) >= self._messages and len(ear.pongs) >= self._pongs and (ear.has_heard_close or not self._is_closed)


class Pause:
    """In a script: until the handshake is answered and nothing moves any more, nothing more is said."""


Script = Sequence[bytes | Answered | Pause]


class ScriptedClient(trio.abc.Stream):
    """A transport whose far end says the pieces of a script, each by one receive, and hears what is sent.

    After the script it waits for a Close, unless it `leaves`, and ends. `is_slow`: it hears nothing before everything else has come to
    rest, so that each of the hub's sends is under way while the hub deals with all that came.
    """

    def __init__(self, script: Script, *, leaves: bool = False, is_slow: bool = False) -> None:
        self.ear = Ear()
        self._script = deque(step for step in script if step != b"")  # which would be the end
        self._leaves = leaves
        self._is_slow = is_slow
        self._moved = trio.Event()
        self._is_closed = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        while self._script:
            match step := self._script[0]:
                case bytes():
                    self._script.popleft()
                    if max_bytes is not None and len(step) > max_bytes:
                        self._script.appendleft(step[max_bytes:])
                        step = step[:max_bytes]
                    return step
                case Answered():
                    await self._until(step)
                case Pause():
                    await self._until(Answered())
                    await trio.testing.wait_all_tasks_blocked()
            self._script.popleft()
        if not self._leaves:
            await self._until(Answered(is_closed=True))
        return b""

    async def _until(self, answered: Answered) -> None:
        while not answered.by(self.ear):
            self._moved = trio.Event()
            await self._moved.wait()
            if self._is_closed:
                raise trio.ClosedResourceError

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self._is_closed:
            raise trio.ClosedResourceError
        if self._is_slow:
            await trio.testing.wait_all_tasks_blocked()
        else:
            await trio.lowlevel.checkpoint()
        self.ear.hear(bytes(data))
        self._moved.set()

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        self._is_closed = True
        self._moved.set()
        await trio.lowlevel.checkpoint()


async def serve_script(
    script: Script, session: Session, *, leaves: bool = False, is_slow: bool = False, settings: DoorSettings = SETTINGS
) -> Ear:
    """Serve a session over memory to a client with this script; return what the client heard. Wants a clock that jumps."""
    client = ScriptedClient(script, leaves=leaves, is_slow=is_slow)
    await serve_client(client, session, settings)
    client.ear.end()
    return client.ear


async def serve_client(client: trio.abc.Stream, session: Session, settings: DoorSettings = SETTINGS, poller: Poller | None = None) -> None:
    """Serve a session to a client until the connection ends."""
    stream = GuardedStream(cast(Any, client), settings.send_timeout_s)
    with trio.fail_after(DEADLINE_S):
        await serve_upgraded(stream, Upgrade(KEY, "echo", "memory"), settings, poller, session.serve)
