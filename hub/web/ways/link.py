"""A link whose other side comes by one request after another: what it says is delivered, what it is told waits to be fetched.

Owns the numbers of messages: each is kept until a request says that it came, so that a lost answer loses nothing. Bounded: above
MAX_WAITING_BYTES `send` waits and `try_send` refuses, as a socket does whose other side does not read; one message always has room.
Knows no HTTP. Made by sessions.py.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import trio

from devices.link import LinkClosed, Prepared
from devices.wire.limits import CloseCode
from hub.core.errors import Refusal
from hub.web.inbox import Inbox

MAX_WAITING_BYTES: Final = 65_536  # as much as a viewer may leave undrawn before it gets merged updates
MAX_WAITING: Final = 1_000


class Fetched(NamedTuple):
    """What a request takes home."""

    messages: Sequence[bytes | str]
    next: int  # the number of the last of them: what the next request says it has
    closed: LinkClosed | None  # how the session ended, where these were its last messages
    is_overtaken: bool = False  # by a newer request, which gets what there is


class FetchedLink:
    """A ServerLink."""

    def __init__(self, remote: str) -> None:
        self.remote = remote
        self.end: LinkClosed | None = None
        self._inbox = Inbox()
        self._waiting: deque[bytes | str] = deque()
        self.waiting_bytes = 0  # of what was not confirmed
        self._came = 0  # the number of the last message that the other side has
        self._moved = trio.Event()  # there is something to fetch, or to stop waiting for
        self._room = trio.Event()
        self._fetching = 0  # the newest fetch; an older one ends
        self._visits = 0
        self._left_s = trio.current_time()

    @property
    def last(self) -> int:
        """The number of the newest message."""
        return self._came + len(self._waiting)

    @property
    def is_heard(self) -> bool:
        """Whether all that was said has come."""
        return not self._waiting

    def absent_s(self) -> float:
        """Return for how long nobody has come."""
        return 0.0 if self._visits else trio.current_time() - self._left_s

    def __enter__(self) -> "FetchedLink":
        """Note that a request is here."""
        self._visits += 1
        return self

    def __exit__(self, *error: object) -> None:
        self._visits -= 1
        self._left_s = trio.current_time()

    async def send(self, message: bytes | str) -> None:
        while self.end is None and self._is_full():
            await self._room.wait()
        await trio.lowlevel.checkpoint_if_cancelled()
        if self.end is not None:
            raise LinkClosed(self.end.code, self.end.reason)
        self._put(message)
        await trio.lowlevel.cancel_shielded_checkpoint()  # it is sent, and must not be sent again

    def try_send(self, prepared: Prepared) -> bool:
        if self.end is not None or self._is_full():
            return False
        self._put(prepared.message)
        return True

    def hand_to(self, take: Callable[[bytes | str], None] | None) -> None:
        self._inbox.hand_to(take)

    async def receive(self) -> bytes | str:
        inbox = self._inbox
        while inbox.failure is None:
            if inbox.messages:
                await trio.lowlevel.checkpoint()
                return inbox.pop()
            await trio.lowlevel.wait_task_rescheduled(inbox.expect())
        raise inbox.heard()

    async def ping(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.end is not None:
            raise LinkClosed(self.end.code, self.end.reason)

    async def aclose(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        self.give_up(code, reason)
        await trio.lowlevel.checkpoint()

    def give_up(self, code: int, reason: str) -> None:
        """End the link now; idempotent. What waits can still be fetched."""
        if self.end is None:
            self.end = LinkClosed(code, reason)
            self._inbox.fail(LinkClosed(code, reason))
            self._woken()
            self._room.set()

    def deliver(self, message: bytes | str) -> None:
        """Take a message for the session. Raises Refusal: it is over, or takes nothing more for now (429: nothing was taken)."""
        if self.end is not None:
            raise over(self.end)
        if self._inbox.is_full:
            raise Refusal("busy", "the session has yet to take what came before", "send this again a little later", 429)
        self._inbox.put(message)

    def confirm(self, number: int) -> list[bytes | str]:
        """Forget the messages up to a number: they came. Return them. Raises Refusal where they were not told yet, or are long gone."""
        if not 0 <= number <= self.last:
            raise Refusal("bad_after", f"after = {number} is not from 0 to {self.last}", "send the `next` of the last answer", 422)
        gone = [self._waiting.popleft() for _ in range(number - self._came)]
        if gone:
            self._came = number
            self.waiting_bytes -= sum(map(len, gone))
            self._room.set()
            self._room = trio.Event()
        return gone

    async def fetch(self, wait_s: float, gather_s: float = 0.0, beyond: int = 0) -> Fetched:
        """Return what waits; where nothing does that is newer than `beyond`, wait for it, and a moment longer for more.

        A newer fetch ends this one, with nothing. Cancelling loses nothing: messages wait until they are confirmed.
        """
        self._fetching += 1
        mine = self._fetching
        self._woken()
        with trio.move_on_after(wait_s):
            while self.last <= max(beyond, self._came) and self.end is None and mine == self._fetching:
                await self._moved.wait()
            if mine == self._fetching and self.end is None:
                await trio.sleep(gather_s)
        if mine != self._fetching:
            return Fetched((), self._came, None, is_overtaken=True)
        return Fetched(tuple(self._waiting), self.last, self.end)

    def _is_full(self) -> bool:
        return bool(self._waiting) and (self.waiting_bytes >= MAX_WAITING_BYTES or len(self._waiting) >= MAX_WAITING)

    def _put(self, message: bytes | str) -> None:
        self._waiting.append(message)
        self.waiting_bytes += len(message)
        self._woken()

    def _woken(self) -> None:
        moved, self._moved = self._moved, trio.Event()
        moved.set()


def over(end: LinkClosed) -> Refusal:
    """Return what a request is told whose session has ended."""
    known = end.code in CloseCode._value2member_map_
    code = CloseCode(end.code).name.lower() if known else "session_over"
    return Refusal(code, f"the session has ended with {end.code}: {end.reason or 'without a reason'}", "begin a new session", 409)
