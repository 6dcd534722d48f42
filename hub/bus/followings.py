"""Which other nodes are followed: all that are known, while somebody here watches; none otherwise. And what is wanted of them.

Owns the beginning and end of following, and the waiting for nodes that answer. Kept by confluence.py.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, NamedTuple

import trio

from hub.bus.following import Following
from hub.bus.interest import Wishes
from hub.bus.past import Past
from hub.core.interest import NOTHING
from hub.ports import Frames, OtherNode

LOOK_S: Final = 0.5  # how late a node that comes is followed
READY_S: Final = 3.0  # for nodes that may be slow; what they have comes later
STALE_S: Final = 3.0  # a node that has not answered so long is named
FORGET_S: Final = 600.0  # one that nobody knows any more is followed so long


class StaleNode(NamedTuple):
    """A node that does not answer."""

    name: str
    since_us: int


class Followings:
    """The nodes that are followed; `watched` tells which sets of devices somebody watches, None for all devices."""

    def __init__(
        self,
        nodes: Callable[[], Sequence[OtherNode]],
        after: Callable[[str], int | None],
        took: Callable[[Following, Frames], None],
        now: Callable[[], int],
        past: Past,
    ) -> None:
        self.watched: Callable[[], Iterable[frozenset[str] | None]] = tuple
        self.leaving: Callable[[], Collection[str]] = tuple  # nodes that need not answer, as they are being stopped, or were
        self.by_journal: dict[str, Following] = {}
        self.wanted = NOTHING
        self._nodes, self._after, self._took, self._now, self._past = nodes, after, took, now, past
        self._wishes = Wishes()
        self._known_s: dict[str, float] = {}  # when a node that is followed was last among those that are known
        self._is_begun = False  # those that are known are followed
        self._stirred, self._looked = trio.Event(), trio.Event()

    async def run(self, changed: Callable[[], None], looked: Callable[[], None]) -> None:
        """Follow until cancelled; `changed()` is called when there are others, `looked()` each time it was looked for them."""
        async with trio.open_nursery() as nursery:
            while True:
                self._stirred = trio.Event()
                if self._look(nursery):
                    changed()
                looked()
                woken, self._looked = self._looked, trio.Event()
                woken.set()
                with trio.move_on_after(LOOK_S):
                    await self._stirred.wait()

    def _look(self, nursery: trio.Nursery) -> bool:
        now_s = trio.current_time()
        for devices in self.watched():
            self._wishes.note(devices, now_s)
        self.wanted = self._wishes.at(now_s)
        is_wanted = self.wanted != NOTHING
        known = {node.journal: node for node in self._nodes()} if is_wanted else {}
        self._known_s = {journal: self._known_s.get(journal, now_s) for journal in self.by_journal} | dict.fromkeys(known, now_s)
        names = {node.name for node in known.values()}
        gone = [journal for journal, each in self.by_journal.items() if journal not in known and self._is_over(each, names, is_wanted)]
        for journal in gone:
            self.by_journal.pop(journal).scope.cancel()
        for journal in self.by_journal.keys() & known.keys():
            self.by_journal[journal].node = known[journal]  # it may have come back at another address
        new = [node for journal, node in known.items() if journal not in self.by_journal]
        for node in new:
            following = self.by_journal[node.journal] = Following(node, self._after, self._took, self._now, self._past, lambda: self.wanted)
            following.doubtful_since_s = float("-inf")  # whoever was shown a picture until now
            nursery.start_soon(following.run)
        self._is_begun = is_wanted
        return bool(gone or new)

    def _is_over(self, following: Following, names: set[str], is_wanted: bool) -> bool:
        is_forgotten = trio.current_time() - self._known_s[following.node.journal] > FORGET_S
        return not is_wanted or following.node.name in names or is_forgotten

    def give_up(self, journal: str) -> None:
        """Follow a journal no more: its node has left it for good."""
        if (following := self.by_journal.pop(journal, None)) is not None:
            following.scope.cancel()

    async def ready(self, devices: frozenset[str] | None) -> None:
        """Return when of every node that answers all of devices is here, None for all, or READY_S have passed; they are wanted now."""
        self._wishes.note(devices, trio.current_time())
        self.wanted = self._wishes.at(trio.current_time())
        if self.wanted == NOTHING:
            return
        with trio.move_on_after(READY_S):
            while not self._is_begun:
                self._stirred.set()
                await self._looked.wait()
            await self._confirm([each for each in self.by_journal.values() if not self._has(each, devices)])
        lacking = [each for each in self.by_journal.values() if not self._has(each, devices)]
        for following in lacking:
            self._past.be_short(following.node.journal, devices)
            following.doubt()

    def _has(self, following: Following, devices: frozenset[str] | None) -> bool:
        return following.is_current and self._past.has(following.node.journal, devices)

    async def confirm(self) -> None:
        """Return when all that nodes committed before this call is here, as far as they answer."""
        confirmed = set[Following]()
        with trio.move_on_after(READY_S):
            await self._confirm(list(self.by_journal.values()), confirmed.add)
        for following in self.by_journal.values():
            if following not in confirmed or not following.is_current:
                following.doubt()

    async def _confirm(self, followings: Sequence[Following], done: Callable[[Following], None] = lambda following: None) -> None:
        async def confirm(following: Following) -> None:
            await following.confirm()
            done(following)

        async with trio.open_nursery() as nursery:
            for following in followings:
                if not self._is_stale(following):  # for the others nobody waits again and again
                    nursery.start_soon(confirm, following)

    def is_away(self, journal: str) -> bool:
        """Tell whether the node of a journal did not answer last, or is no more followed."""
        following = self.by_journal.get(journal)
        return following is None or following.failing_since_us is not None

    def stale(self) -> list[StaleNode]:
        """Return the nodes that have not answered for a while, though they should, by name, and since when."""
        leaving = self.leaving()
        found = [each for each in self.by_journal.values() if self._is_stale(each) and each.node.name not in leaving]
        return sorted(StaleNode(each.node.name, each.failing_since_us or 0) for each in found)

    def _is_stale(self, following: Following) -> bool:
        return trio.current_time() - following.failing_since_s > STALE_S
