"""Which viewers are served together.

Owns the groups by what is asked for, the numberings that all of one kind share, and whose turn is due. Must not know rows or sockets.
live.py calls it from commit to commit; a viewer's connection offers a subscription whenever it has sent all that was due.
"""

from collections.abc import Callable
from typing import Protocol
from weakref import WeakValueDictionary

from hub.sessions.drawn import ViewerHops
from hub.sessions.group import Group, Moment
from hub.sessions.numbering import Numbering
from hub.sessions.subscription import Owner, Subscription
from hub.sessions.updates import Updates, Wish


class Register(Protocol):
    """Who feeds mailboxes."""

    @property
    def hops(self) -> ViewerHops:
        """Where updates are counted."""

    def register(self, updates: Updates, owner: Owner) -> None:
        """Feed a mailbox from now on; where it is fed already it has another owner now."""

    def unregister(self, updates: Updates) -> None:
        """Feed it no more, and take its lines back; nothing where it is not fed."""


class Groups:
    """All groups of one hub; `stir` is called when one of them may have something to send."""

    def __init__(self, register: Register, stir: Callable[[], None]) -> None:
        self.feed = register.register
        self.feed_no_more = register.unregister
        self._register = register
        self._stir = stir
        # Those that take others in, by what is asked for, and whether it is given: who was slow holds wider buckets of a while.
        self._open: dict[tuple[Wish, bool], Group] = {}
        self._of: dict[Subscription, Group] = {}
        self._stirred: dict[Group, None] = {}
        self._numberings: WeakValueDictionary[Wish, Numbering] = WeakValueDictionary()

    def __len__(self) -> int:
        return len({*self._of.values()})

    def numbering(self, wish: Wish) -> Numbering:
        """Return the numbers of series that all who ask for this share."""
        numbering = self._numberings.get(wish)
        if numbering is None:
            numbering = self._numberings[wish] = Numbering()
        return numbering

    def updates_of(self, subscription: Subscription) -> Updates:
        """Return a subscription's own updates, or those of its group."""
        return subscription.updates or self._of[subscription].updates

    def join(self, subscription: Subscription, now_s: float) -> None:
        """Let a subscription that has got all that was due be served with others as soon as that can be."""
        if (since_s := subscription.take_since_s()) is not None:
            self.sent(now_s - since_s, 1)
        updates = subscription.updates
        if updates is None or subscription in self._of or not subscription.is_ready(now_s):
            return
        key = (updates.wish, updates.mailbox.is_merged)
        group = self._open.get(key)
        if group is None:
            group = self._open[key] = Group(updates, self)
            group.enter(subscription, now_s)
        else:
            group.invite(subscription)
        self._of[subscription] = group
        self.stirred(group)  # something may be waiting in it, or be late and shown by now

    def leave(self, subscription: Subscription) -> None:
        """Take out a subscription that ends, or that has got something of its own to be sent first."""
        group = self._of.pop(subscription, None)
        if group is not None:
            group.leave(subscription)
            self._close_empty(group)

    async def turn(self, moment: Moment) -> float:
        """Send what is due; return when the next is, infinity for never. Cancelled in the middle, some have got it and some have not."""
        next_s = float("inf")
        for group in list(self._stirred):
            due_s = group.due_s(moment.stored)
            if due_s <= moment.now_s:
                await group.turn(moment)
                if group.updates.mailbox.is_merged and self._open.get((group.updates.wish, False)) is group:
                    self._shut(group)
                    self._open.setdefault((group.updates.wish, True), group)
                self._close_empty(group)
                due_s = group.due_s(moment.stored)
            if due_s == float("inf") or not len(group):
                self._stirred.pop(group, None)
            next_s = min(next_s, due_s)
        return next_s

    def stirred(self, group: Group) -> None:
        """Take note that a group may have something to send."""
        self._stirred[group] = None
        self._stir()

    def parted(self, subscription: Subscription) -> None:
        """Take note that a member goes on alone."""
        self._of.pop(subscription, None)

    def sent(self, seconds: float, viewers: int) -> None:
        """Count an update."""
        if viewers:
            self._register.hops.sent(seconds, viewers)

    def _shut(self, group: Group) -> None:
        """Let nobody in any more."""
        for key in [key for key in ((group.updates.wish, False), (group.updates.wish, True)) if self._open.get(key) is group]:
            del self._open[key]
        for subscription in group.turn_away():
            del self._of[subscription]
            subscription.wake()

    def _close_empty(self, group: Group) -> None:
        if not len(group):
            self._shut(group)
            self._stirred.pop(group, None)
            self.feed_no_more(group.updates)
