"""Viewers that ask for the same and keep up: each update is made and encoded once, and given to every one of them by a plain call.

Owns who is in, what all of them got, and the way in and out. A member that does not draw, or whose link is busy, goes on alone from the
very place where it is; one that is alone and keeps up comes in with an update. Neither costs the others anything. Kept by groups.py.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, Protocol

import trio

from devices.link import Prepared
from hub.sessions.columns import Message
from hub.sessions.encoding import encoded
from hub.sessions.subscription import SLOW_PACE_S, WIDE_PACE_S, Owner, Subscription
from hub.sessions.undrawn import SentLog
from hub.sessions.updates import Updates

JOINING_AT_ONCE: Final = 64  # each needs an update of its own
MEMBERS_AT_ONCE: Final = 512  # then others have their turn: 3 ms


class Moment(NamedTuple):
    """When something is sent: up to which position viewers are fed, both clocks, and up to where the store shows everything."""

    position: int
    now_s: float
    now_us: int
    stored: int
    settle: Callable[[], None] = lambda: None  # has whoever is alone fed up to it, before anything else runs; more than once is nothing


class Keeper(Protocol):
    """Who keeps the groups, and sees to it that mailboxes are fed."""

    def feed(self, updates: Updates, owner: Owner) -> None:
        """Feed a mailbox from now on; where it is fed already it has another owner now."""

    def feed_no_more(self, updates: Updates) -> None:
        """End that, and take the lines back."""

    def stirred(self, group: "Group") -> None:
        """Take note that a group may have something to send."""

    def parted(self, subscription: Subscription) -> None:
        """Take note that a member goes on alone."""

    def sent(self, seconds: float, viewers: int) -> None:
        """Count an update, by how long the oldest of it has waited, and to how many viewers."""


class Variant(NamedTuple):
    """How one message differs between members: by its encoding, and by what the viewer calls the subscription."""

    is_json: bool
    id: str

    def prepared(self, messages: Iterable[Message]) -> list[Prepared]:
        """Encode messages."""
        return [Prepared(encoded({**message, "id": self.id}, is_json=self.is_json)) for message in messages]


class Group:
    """Members at one place of one run of updates."""

    def __init__(self, updates: Updates, keeper: Keeper) -> None:
        self.updates = updates
        self._keeper = keeper
        self._members: dict[Variant, dict[Subscription, None]] = {}
        self._joining: dict[Subscription, None] = {}
        self._log = SentLog()
        self._drawn_to = 0  # by every member, at least
        self._sent_s = float("-inf")
        self._pace_s = WIDE_PACE_S if updates.rung_us >= 1_000_000 else 0.0
        keeper.feed(updates, self)

    def __len__(self) -> int:
        return len(self._joining) + sum(map(len, self._members.values()))

    def wake(self) -> None:
        """Look for something to send."""
        self._keeper.stirred(self)

    def enter(self, first: Subscription, now_s: float) -> None:
        """Take in the one whose updates these are."""
        first.join(self.updates.n, now_s)
        self._put(first)

    def invite(self, subscription: Subscription) -> None:
        """Let a subscription in at the next update."""
        self._joining[subscription] = None

    def leave(self, subscription: Subscription) -> None:
        """Forget a subscription that ends, or one that is not to come in now."""
        self._joining.pop(subscription, None)
        variant = self._variant(subscription)
        members = self._members.get(variant, {})
        members.pop(subscription, None)
        if not members:
            self._members.pop(variant, None)

    def turn_away(self) -> list[Subscription]:
        """Return those who are not in yet, and forget them."""
        waiting = list(self._joining)
        self._joining.clear()
        return waiting

    def due_s(self, stored: int) -> float:
        """Return when the next message may go; infinity: there is nothing to say."""
        return self.updates.due_s(self._sent_s + self._pace_s, stored)

    async def turn(self, moment: Moment) -> None:
        """Send what is due, part with who is slow, let in who waits.

        Waits for nothing, but lets other tasks run within a large group. Cancelled in the middle, some have the update and some do not.
        """
        slow_below = self._log.slow_below(moment.now_s)
        since_s = self.updates.waiting_since_s
        is_update = bool(self.updates.mailbox)  # goes along with whatever is due: nothing may wait here when a member parts
        if not self.updates.mailbox.is_overrun:
            messages = list(self.updates.due(moment.position, moment.now_s, moment.now_us, moment.stored, may_update=True))
            await self._deliver(messages, moment)
            if is_update and since_s is not None:
                self._keeper.sent(trio.current_time() - since_s, sum(map(len, self._members.values())))
        if slow_below > self._drawn_to or self.updates.mailbox.is_overrun:
            self._part_slow(slow_below, moment)
        if is_update:
            self._sent_s = moment.now_s
            await self._admit(moment)

    async def _deliver(self, messages: Sequence[Message], moment: Moment) -> None:
        everything = [(members, variant.prepared(messages)) for variant, members in self._members.items()]
        self._log.sent(self.updates.n, max((sum(len(each.frame) for each in frames) for _, frames in everything), default=0), moment.now_s)
        for members, frames in everything:
            everybody = list(members)
            for at in range(0, len(everybody), MEMBERS_AT_ONCE):
                some = everybody[at : at + MEMBERS_AT_ONCE]
                if at:
                    moment.settle()
                    await trio.lowlevel.checkpoint()
                    some = [each for each in some if each in members]  # who has not left meanwhile
                self._offer(frames, some, moment)

    def _offer(self, frames: Sequence[Prepared], members: list[Subscription], moment: Moment) -> None:
        """Give members messages; those whose link is busy part with the rest of them."""
        for at, frame in enumerate(frames):
            busy = [member for member in members if not member.try_send(frame)]
            for member in busy:
                self._part(member, frames[at:], moment)
            if busy:
                members = [member for member in members if member.updates is None]

    def _part_slow(self, slow_below: int, moment: Moment) -> None:
        """Part with who has not drawn up to a number; note how far the others are at least, so that few turns have to look at them."""
        everybody = [member for members in self._members.values() for member in members]
        is_overrun = self.updates.mailbox.is_overrun
        slow = [each for each in everybody if each.drawn_n < slow_below or is_overrun]
        for at, member in enumerate(slow):  # those who are slow one after the other, or all of them would be served in the same moment
            self._part(member, (), moment, 0.0 if is_overrun else SLOW_PACE_S * at / len(slow))
        # Numbers only rise, and who comes in begins with the newest; a report may say more than was ever sent.
        self._drawn_to = min([self.updates.n, *(each.drawn_n for each in everybody if each.updates is None)])

    def _part(self, member: Subscription, backlog: Iterable[Prepared], moment: Moment, rest_s: float = 0.0) -> None:
        """Let a member go on alone, after a rest. What it was sent and did not draw comes along."""
        moment.settle()  # it has what the group has
        self.leave(member)
        updates = self.updates.fork()
        self._keeper.feed(updates, member)
        self._keeper.parted(member)
        member.part(updates, self._log.undrawn(member.drawn_n), backlog, moment.now_s, rest_s)

    async def _admit(self, moment: Moment) -> None:
        """Let in those who can be served with what the others get: with their own update up to the place where the others are."""
        moment.settle()
        for at, subscription in enumerate(list(self._joining)):
            if at % JOINING_AT_ONCE == JOINING_AT_ONCE - 1:
                await trio.lowlevel.checkpoint()
            own = subscription.updates
            if own is None or subscription not in self._joining or not self._may_serve(subscription, own, moment.now_s):
                continue
            del self._joining[subscription]
            frames = self._variant(subscription).prepared(own.joining(self.updates, moment.position, moment.now_us))
            if not self.updates.covers(own):
                subscription.hold(frames, own.n, moment.now_s)
                self._keeper.parted(subscription)
                continue
            self.updates.follow(own)
            self._keeper.feed_no_more(own)
            subscription.join(self.updates.n, moment.now_s)
            self._put(subscription)
            self._offer(frames, [subscription], moment)

    def _may_serve(self, subscription: Subscription, own: Updates, now_s: float) -> bool:
        return subscription.is_ready(now_s) and self.updates.mailbox.is_merged == own.mailbox.is_merged and self.updates.covers(own)

    def _put(self, subscription: Subscription) -> None:
        self._members.setdefault(self._variant(subscription), {})[subscription] = None

    @staticmethod
    def _variant(subscription: Subscription) -> Variant:
        return Variant(subscription.is_json, subscription.request.id)
