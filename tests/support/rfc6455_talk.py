"""A session that talks at random through its link, from several tasks at once, and clients that take few bytes at a time.

Owns what it said, when, and whether the link took it. Used by the test of the sending half.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import count
from typing import Final

import trio
import trio.testing

from devices.link import LinkClosed, Prepared, ServerLink
from tests.support.rfc6455 import CLOSE, PONG, Ear, frame

TALK_CODE: Final = 4000


class Act(Enum):
    """What a task of the session does next."""

    TRY = "try_send"
    SEND = "send"
    PING = "ping"
    REST = "let others go on"
    CLOSE = "close"


@dataclass
class Said:
    """A message: when it was given to the link, when the link had it, whether the link took it (None: nobody knows)."""

    message: bytes
    began: int
    ended: int = -1
    is_taken: bool | None = None


class Talker:
    """Does what each of its tasks is told, and closes."""

    def __init__(self, lanes: Sequence[Sequence[tuple[Act, int]]]) -> None:
        self.said: list[Said] = []
        self.pings = 0  # answered
        self._lanes = lanes
        self._now = count()
        self._numbers = count()
        self.closed_at: int | None = None

    async def serve(self, link: ServerLink) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._hear, link)
            async with trio.open_nursery() as talking:
                for lane in self._lanes:
                    talking.start_soon(self._talk, link, lane)
            await self._close(link)
            nursery.cancel_scope.cancel()

    async def _hear(self, link: ServerLink) -> None:
        try:
            while True:
                await link.receive()
        except LinkClosed:
            pass

    async def _close(self, link: ServerLink) -> None:
        if self.closed_at is None:
            self.closed_at = next(self._now)
        await link.aclose(TALK_CODE, "said enough")

    async def _talk(self, link: ServerLink, lane: Sequence[tuple[Act, int]]) -> None:
        try:
            for act, size in lane:
                match act:
                    case Act.TRY:
                        said = self._begin(size)
                        said.is_taken = link.try_send(Prepared(said.message))
                        said.ended = next(self._now)
                    case Act.SEND:
                        said = self._begin(size)
                        await link.send(said.message)
                        said.ended, said.is_taken = next(self._now), True
                    case Act.PING:
                        await link.ping()
                        self.pings += 1
                    case Act.REST:
                        await trio.lowlevel.checkpoint()
                    case Act.CLOSE:
                        await self._close(link)
        except LinkClosed:
            return

    def _begin(self, size: int) -> Said:
        number = next(self._numbers)
        said = Said(number.to_bytes(4, "big") + bytes((number + n) & 0xFF for n in range(size)), next(self._now))
        self.said.append(said)
        return said

    def check(self, ear: Ear) -> None:
        """Hold what was heard against what was taken: whole, once, in the order it was taken, all of it, and nothing else."""
        places = {message: at for at, message in enumerate(ear.messages)}
        assert len(places) == len(ear.messages), "a message came twice"
        assert places.keys() <= {said.message for said in self.said if said.is_taken is not False}
        assert self.closed_at is not None
        taken = [said for said in self.said if said.is_taken]
        for said in taken:
            assert said.message in places, f"{said} was taken and did not come"
        latest = -1  # the furthest place of what was taken before
        for moment, said in sorted(
            [(said.began, said) for said in taken] + [(said.ended, said) for said in taken], key=lambda pair: pair[0]
        ):
            if moment == said.ended:
                latest = max(latest, places[said.message])
            else:
                assert places[said.message] > latest, f"{said} came before what was taken earlier"
        assert ear.code == TALK_CODE


class Answerer:
    """What a client answers: a pong to a ping, a Close to a Close."""

    def __init__(self) -> None:
        self.ear = Ear()
        self.answers: deque[bytes] = deque()
        self._pings = 0
        self._has_closed = False

    def hear(self, data: bytes) -> None:
        """Take what came."""
        self.ear.hear(data)
        for payload in self.ear.pings[self._pings :]:
            self.answers.append(frame(payload, PONG))
        self._pings = len(self.ear.pings)
        if self.ear.has_heard_close and not self._has_closed:
            self._has_closed = True
            self.answers.append(frame(self.ear.code.to_bytes(2, "big"), CLOSE))


class SlowClient(trio.abc.Stream):
    """A transport in memory whose far end takes so many bytes at a time, and lets everybody else go on between."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self.answerer = Answerer()
        self._sizes = sizes
        self._taken = 0
        self._moved = trio.Event()
        self._is_closed = False
        self._is_sending = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        assert not self._is_sending, "two tasks send at once"
        self._is_sending = True
        left = bytes(data)
        try:
            while left:
                if self._is_closed:
                    raise trio.ClosedResourceError
                size = self._sizes[self._taken % len(self._sizes)]
                self._taken += 1
                self.answerer.hear(left[:size])
                left = left[size:]
                self._moved.set()
                await trio.lowlevel.checkpoint()
        finally:
            self._is_sending = False

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        while not self.answerer.answers:
            if self._is_closed:
                raise trio.ClosedResourceError
            if self.answerer.ear.has_heard_close:
                return b""
            self._moved = trio.Event()
            await self._moved.wait()
        return self.answerer.answers.popleft()

    async def aclose(self) -> None:
        self._is_closed = True
        self._moved.set()
        await trio.lowlevel.checkpoint()


async def listen_slowly(stream: trio.SocketStream, sizes: Sequence[int]) -> Ear:
    """Hear what comes on a socket, so many bytes at a time, answer it, and return it at the end."""
    answerer = Answerer()
    try:
        for at in count():
            data = await stream.receive_some(sizes[at % len(sizes)])
            if not data:
                break
            answerer.hear(bytes(data))
            while answerer.answers:
                await stream.send_all(answerer.answers.popleft())
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # a reset is an end as well
    finally:
        await trio.aclose_forcefully(stream)
    answerer.ear.end()
    return answerer.ear
