"""Links between devices or viewers and the hub that fail as networks do: they delay, go silent, and break.

Owns one connection, message by message: a ServerLink at the hub's end, a Link at the other. Both ends see what each has sent in order
and once, or the end; which of the last messages came nobody knows. Chance is the caller's.
"""

from collections import deque
from collections.abc import Callable
from typing import Literal

import trio

from devices.link import LinkClosed, Prepared
from devices.wire.limits import CloseCode

Message = bytes | str
At = Callable[[float, Callable[[], None]], None]  # calls something at a time
LOST = 1006


class Wire:
    """One connection; `delay_s` each way, at most `room` messages on their way in one direction."""

    def __init__(self, number: int, delay_s: float, room: int, told: Callable[[int, str, Message], None], at: At) -> None:
        self.number = number
        self.delay_s = delay_s
        self.is_yielding = True  # who sends lets others run first
        self.at = at
        self.is_silent = False  # half-open: nothing comes through, and nobody is told
        self.told = told
        self.hub, self.far = End(self, "down", room), End(self, "up", room)
        self.hub.other, self.far.other = self.far, self.hub

    @property
    def is_over(self) -> bool:
        """Whether the hub's end is closed."""
        return self.hub.closed is not None

    def cut(self) -> None:
        """Break it: what is on its way is gone, and both ends know."""
        for end in (self.hub, self.far):
            end.queue.clear()
            end.end(LinkClosed(LOST, "connection lost"))

    def fall_silent(self) -> None:
        """Let nothing through any more; only who waits for an answer finds out."""
        self.is_silent = True

    def break_at_the_far_end(self) -> None:
        """Let the device know that it broke, and not the hub."""
        self.is_silent = True
        self.far.queue.clear()
        self.far.end(LinkClosed(LOST, "connection lost"))


class End:
    """One end. `hand_to` works where `is_handing`: a message then reaches its taker by a plain call."""

    def __init__(self, wire: Wire, way: Literal["up", "down"], room: int) -> None:
        self.wire = wire
        self.queue: deque[tuple[float, Message]] = deque()  # what comes to this end, with the time when it does
        self.other: End
        self.closed: LinkClosed | None = None
        self.is_handing = False
        self._way, self._room = way, room
        self._take: Callable[[Message], None] | None = None
        self._stirred = trio.Event()
        self._is_heard = True

    @property
    def remote(self) -> str:
        """The other side's address."""
        return f"wire {self.wire.number}"

    def end(self, closed: LinkClosed) -> None:
        """Know that it is over."""
        self.closed = self.closed or closed
        self.stir()

    def stir(self) -> None:
        """Wake who waits here."""
        self._stirred.set()
        self._stirred = trio.Event()

    async def send(self, message: Message) -> None:
        if self.wire.is_yielding:
            await trio.lowlevel.checkpoint()
        while len(self.other.queue) >= self._room and self.closed is None:
            await self._stirred.wait()
        if self.closed is not None:
            raise LinkClosed(self.closed.code, self.closed.reason)
        self._put(message)

    def try_send(self, prepared: Prepared) -> bool:
        if self.closed is not None or len(self.other.queue) >= self._room:
            return False
        self._put(prepared.message)
        return True

    def _put(self, message: Message) -> None:
        self.wire.told(self.wire.number, self._way, message)
        other = self.other
        if other.closed is not None:
            return
        if other._take is not None and not other.queue and not self.wire.delay_s and not self.wire.is_silent:
            try:
                other._is_heard = True
                other._take(message)
            except Exception as error:
                other._take = None
                other._raises = error
                other.stir()
            return
        at = trio.current_time() + self.wire.delay_s
        other.queue.append((at, message))
        if self.wire.delay_s:
            self.wire.at(at, other.stir)
        elif len(other.queue) == 1:
            other.stir()

    _raises: Exception | None = None

    def hand_to(self, take: Callable[[Message], None] | None) -> None:
        if self.is_handing and self._raises is None:
            self._take = take

    async def receive(self) -> Message:
        has_waited = False  # who has waited has let others run
        while True:
            if not has_waited and (self._raises is not None or self.queue or self.closed is not None):
                await trio.lowlevel.checkpoint()
            has_waited = True
            if self._raises is not None:
                raise self._raises
            if self.queue and not self.wire.is_silent:
                at, message = self.queue[0]
                if at <= trio.current_time():
                    self.queue.popleft()
                    self._is_heard = True
                    if len(self.queue) == self.other._room - 1:
                        self.other.stir()
                    return message
                await self._stirred.wait()
            elif self.closed is not None:
                raise LinkClosed(self.closed.code, self.closed.reason)
            else:
                await self._stirred.wait()

    async def ping(self) -> None:
        if self.wire.delay_s or self.wire.is_yielding:
            await trio.sleep(2 * self.wire.delay_s)
        while self.wire.is_silent and self.closed is None:
            await self._stirred.wait()
        if self.closed is not None:
            raise LinkClosed(self.closed.code, self.closed.reason)

    async def aclose(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        self.end(LinkClosed(code, reason))
        if not self.wire.is_silent:
            self.other.end(LinkClosed(code, reason))
        await trio.lowlevel.checkpoint()

    def is_halfway(self) -> bool:
        """Tell that messages come whole here."""
        return False

    def beat(self) -> bool:
        """Say whether the other end gave a sign of life, and ask for one."""
        was_heard, self._is_heard = self._is_heard, not self.wire.is_silent and self.closed is None
        return was_heard

    def fail(self, code: CloseCode, reason: str) -> None:
        """Give the connection up."""
        self.end(LinkClosed(code, reason))
