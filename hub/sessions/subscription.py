"""One viewer's subscription: what it was sent and has drawn, and when the next message may go.

Owns the pace of a viewer that is served alone; in a group it is a member, and keeps the number it has drawn and nothing else. Plain code
but for the monotonic time it is given. Made by viewer.py; group.py takes it in and lets it go.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from devices.link import Prepared
from hub.core.selector import Request
from hub.sessions.columns import Message
from hub.sessions.undrawn import Sent, Undrawn
from hub.sessions.updates import Updates

PACE_S: Final = 0.05  # between updates of raw points and 100 ms buckets, alone; in a group each commit may bring one
WIDE_PACE_S: Final = 0.25  # of wider buckets: an open one changes with every reading
SLOW_PACE_S: Final = 2.0  # for a viewer that does not draw what it gets, or does not say so
SETTLE_EVERY_S: Final = 2.0  # a snapshot costs a question to the store; devices may come and go many in a second
HELD_PACE_S: Final = 30.0  # for one that says so, and has far too much before it: more would only make it later
FIRST_REST_S: Final = 0.1  # alone after a link was busy; four times as long each time it is busy again soon
MAX_REST_S: Final = 60.0
_LONG_TOGETHER_S: Final = 10.0


class Owner(Protocol):
    """Who sends what a mailbox holds."""

    def wake(self) -> None:
        """Look for something to send."""


class Subscription:
    """A viewer's subscription; equal only to itself. `updates` are its own, or None while it shares those of a group."""

    __slots__ = (
        "_is_planned",
        "_rest_s",
        "_sent_s",
        "_settled_s",
        "_since_s",
        "_wake",
        "_was_slow",
        "backlog",
        "drawn_n",
        "is_json",
        "joined_s",
        "may_join_s",
        "request",
        "try_send",
        "undrawn",
        "unwatch",
        "updates",
    )

    def __init__(
        self,
        request: Request,
        updates: Updates,
        wake: Callable[[], None],
        try_send: Callable[[Prepared], bool],
        *,
        is_json: bool,
        now_s: float = float("-inf"),
    ) -> None:
        self.request = request
        self.updates: Updates | None = updates
        self.try_send = try_send
        self.is_json = is_json
        self.undrawn = Undrawn()  # while alone
        self.drawn_n = 0  # in a group
        self.backlog: deque[Prepared] = deque()  # of the group's last messages, those that the link did not take
        self.joined_s = float("-inf")
        self.may_join_s = float("-inf")  # a group before that would be for nothing: the link was busy
        self._wake = wake
        self._is_planned = False  # the viewer's task knows when it has to look
        self._rest_s = FIRST_REST_S
        self._sent_s = float("-inf")
        self._since_s: float | None = None
        self._was_slow = False
        self._settled_s = now_s
        # Called when the subscription ends. A device that joins or leaves wakes the viewer's task at once, whatever it waits for.
        self.unwatch = request.members.watch(lambda _: wake()) if request.members is not None else lambda: None

    def wake(self) -> None:
        """Let the viewer's task look for something to send, unless it knows when it must: a slow viewer is not asked at each commit."""
        if not self._is_planned:
            self._wake()

    def drawn(self, n: int) -> None:
        """Note that everything up to a number is drawn."""
        self.drawn_n = max(self.drawn_n, n)
        self.undrawn.drawn(n)

    def join(self, n: int, now_s: float) -> None:
        """Become a member; how slow the viewer is is measured anew from the group's number `n` on."""
        self.updates = None
        self.drawn_n, self.joined_s = n, now_s
        self.undrawn.clear()

    def hold(self, frames: Iterable[Prepared], n: int, now_s: float) -> None:
        """Let the viewer's own task send these messages, up to number `n`, first."""
        self.backlog.extend(frames)
        self.undrawn.sent(n, sum(len(each.frame) for each in self.backlog), now_s)
        self._is_planned = False
        self.wake()

    def part(self, updates: Updates, undrawn: Iterable[Sent], backlog: Iterable[Prepared], now_s: float, rest_s: float = 0.0) -> None:
        """Go on alone, the backlog first; the pace is counted from so much later."""
        self.updates = updates
        self.backlog.extend(backlog)
        for sent in undrawn:
            self.undrawn.sent(*sent)
        self._sent_s = now_s + rest_s
        if self.backlog:
            is_again = now_s - self.joined_s < _LONG_TOGETHER_S
            self._rest_s = min(4 * self._rest_s, MAX_REST_S) if is_again else FIRST_REST_S
            self.may_join_s = now_s + self._rest_s
        self._is_planned = False
        self.wake()

    def is_ready(self, now_s: float) -> bool:
        """Tell whether the viewer may join others: it got all that was meant for it, and keeps up."""
        if self.updates is None or self.updates.mailbox.is_overrun:
            return False
        return not self.backlog and self.may_join_s <= now_s and not self.undrawn.is_slow(now_s)

    def due_s(self, now_s: float, stored: int) -> float:
        """Return when the next message of a viewer alone may go; infinity: there is nothing to say."""
        if self.updates is None:
            return float("inf")
        due_s = now_s if self.backlog else self.updates.due_s(self._sent_s + self._pace_s(now_s), stored)
        self._is_planned = due_s < float("inf")
        return due_s

    def settle_s(self, now_s: float) -> float:
        """Return when the viewer may be told that devices joined or left, by a new snapshot; infinity: none did."""
        if self.request.is_settled:
            return float("inf")
        return self._settled_s + max(SETTLE_EVERY_S, self._pace_s(now_s))

    def due(self, position: int, now_s: float, now_us: int, stored: int) -> Iterator[Message]:
        """Return the messages that are due to a viewer alone: what waits, up to the fan-out's position, and what the store shows now."""
        if self.updates is None:
            return iter(())
        may_update = self._sent_s + self._pace_s(now_s) <= now_s
        if may_update and self.undrawn.is_slow(now_s):
            self.updates.mailbox.merge()
        elif may_update:
            self._since_s, self._was_slow = None if self._was_slow else self.updates.waiting_since_s, False
        return self.updates.due(position, now_s, now_us, stored, may_update=may_update)

    def take_since_s(self) -> float | None:
        """Return since when the oldest of what was sent alone had waited, once; None: nothing was, or its viewer made it wait."""
        since_s, self._since_s = self._since_s, None
        return since_s

    def sent(self, message: Message, size_bytes: int, now_s: float) -> None:
        """Note a message that was handed to the connection."""
        if "n" in message:
            self.undrawn.sent(message["n"], size_bytes, now_s)
            self._sent_s = now_s

    def _pace_s(self, now_s: float) -> float:
        if not self.undrawn.is_slow(now_s):
            return WIDE_PACE_S if self.updates is not None and self.updates.rung_us >= 1_000_000 else PACE_S
        self._was_slow = True  # what waits now waits for its viewer
        return HELD_PACE_S if self.undrawn.is_swamped else SLOW_PACE_S
