"""The live half of the hub: it follows the journal from commit to commit and feeds every mailbox that somebody watches.

Owns the position up to which viewers are fed, the shared lines, the pace of its turns, and who is connected. Each batch is decoded
once, and only where somebody watches. Built by main.py; the door calls `serve` for each viewer's connection.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from time import thread_time
from typing import Final

import trio

from devices.link import ServerLink
from hub.core.entities import Entities
from hub.core.fanout import Fanout
from hub.core.lines import Lines
from hub.core.reach import Reach
from hub.core.readings import readable_columns
from hub.core.records import Row
from hub.core.selector import MembersOf
from hub.ports import HistoryStore, Now
from hub.sessions.batch import Batch
from hub.sessions.drawn import ViewerHops
from hub.sessions.group import Group, Moment
from hub.sessions.groups import Groups
from hub.sessions.journals import Followed
from hub.sessions.news import News
from hub.sessions.places import OneJournal, Places
from hub.sessions.snapshot import Painter
from hub.sessions.subscription import Owner
from hub.sessions.updates import Updates
from hub.sessions.viewer import ViewerConnection

_MAX_ROWS: Final = 1_000  # of one turn
WIDE_GATHER_S: Final = 0.1  # between turns where everybody watches buckets of 1 s and wider, which go out four times a second
REST: Final = 4  # sending is followed by so many times its own time without it: it takes a fifth of a core at most
QUICK_US: Final = 1_000_000  # narrower buckets, and raw points, go out with each commit


class Live:
    """All viewers of this hub."""

    def __init__(
        self,
        journal: Followed,
        history: HistoryStore,
        entities: Entities,
        now: Now,
        hub_name: str,
        members: MembersOf,
        hops: ViewerHops,
        round_trip_s: Callable[[ServerLink], float | None] = lambda link: None,
        places: Places | None = None,
    ) -> None:
        self.journal = journal
        self.places = places or OneJournal(journal)
        self.entities = entities
        self.now = now
        self.hub_name = hub_name
        self.members = members
        self.hops = hops
        self.round_trip_s = round_trip_s
        self.least_rest_s: Callable[[], float] = lambda: 0.0  # between turns, where load is shed
        self.position = self.stored = 0  # everything up to here has been fed; is shown by the store
        self.lines = Lines()
        self.painter = Painter(journal, history, self, now, self.places)
        self.groups = Groups(self, self._stir)
        self.news = News(entities, self._stir)
        self._fanout: Fanout[Updates] = Fanout()
        self._owners: dict[Updates, Owner] = {}
        self._quick: set[Updates] = set()
        self._painted_s = float("-inf")  # when somebody last began to watch
        self._viewers: dict[ServerLink, ViewerConnection] = {}
        self._moved = trio.Event()
        self._stirred = trio.Event()
        self._fresh: list[Row] = []  # what was committed since the last turn, at most _MAX_ROWS
        self._is_whole = True  # beyond that nothing is kept, and the next turns read it from the journal
        self._since_s = 0.0  # when the first of `_fresh` was committed
        self._fed = 0
        self._batch: tuple[Batch, float] | None = None  # which those who are alone have not got yet, and when it was committed
        self._settling_s = 0.0  # what taking it in has cost in this turn
        journal.on_commit(self._committed)

    @property
    def viewers(self) -> int:
        """How many viewers are connected."""
        return len(self._viewers)

    @property
    def lag_rows(self) -> int:
        """How many rows viewers have yet to be fed."""
        return self.journal.position - self.position

    def watched(self) -> set[frozenset[str] | None]:
        """Return the sets of devices whose readings somebody watches, None for all devices."""
        return {updates.wish.selector.devices for updates in self._owners}

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow the journal from its present end until cancelled."""
        self.position = self.journal.position
        task_status.started()
        due_s = float("inf")
        while True:
            with trio.CancelScope(deadline=due_s):
                await self._stirred.wait()
            self._stirred = trio.Event()
            rows, since_s = await self._next_rows()
            position = self._feed_groups(rows, since_s) if rows else self.position
            self._settling_s, began_s = 0.0, thread_time()
            self.news.turn()
            moment = Moment(position, trio.current_time(), self.now(), self.stored, self._settle)
            due_s = await self.groups.turn(moment)
            self._settle()
            # The first commit after a quiet moment goes at once; what comes while we rest goes together. Taking it in is not counted:
            # that costs by the reading, whether one by one or together.
            sending_s = thread_time() - began_s - self._settling_s
            await trio.sleep(max(REST * sending_s, 0.0 if self._quick else WIDE_GATHER_S, self.least_rest_s()))

    async def serve(self, link: ServerLink, encoding: str, role: str, reach: Reach | None = None) -> None:
        """Serve one viewer until it leaves, breaks a rule, or the hub stops; it sees what is in reach, without one everything."""
        viewer = ViewerConnection(link, encoding, role, self, reach)
        self._viewers[link] = viewer
        try:
            await viewer.run()
        finally:
            del self._viewers[link]

    def figures(self, name: str, link: ServerLink) -> Mapping[str, int | bool]:
        """Return what is on its way to a viewer; nothing where it is not here."""
        viewer = self._viewers.get(link)
        return {} if viewer is None else viewer.figures(trio.current_time())

    async def wait_for(self, position: int) -> None:
        """Return when everything up to a position has been fed."""
        while self.position < position:
            await self._moved.wait()

    def store_lost(self) -> None:
        """Take the word that the store does not answer: nobody is told to ask again before `store_applied`."""
        self.stored = -1

    def store_applied(self, position: int) -> None:
        """Take the history writer's word that the store shows everything up to a position."""
        self.stored = position
        for updates, owner in self._owners.items():
            if updates.mailbox.late:
                owner.wake()

    def register(self, updates: Updates, owner: Owner) -> None:
        """Feed a mailbox from now on; where it is fed already it has another owner now."""
        if updates not in self._owners:
            self._fanout.add(updates, updates.wish.selector)
            self._painted_s = trio.current_time()
            if updates.rung_us < QUICK_US:
                self._quick.add(updates)
        self._owners[updates] = owner

    def unregister(self, updates: Updates) -> None:
        """Feed it no more, and take its lines back; nothing where it is not fed."""
        if self._owners.pop(updates, None) is not None:
            self._fanout.remove(updates)
            self._quick.discard(updates)
            updates.leave()

    def statistics(self) -> Mapping[str, float]:
        """Return figures for metrics."""
        viewers, now_s = self._viewers.values(), trio.current_time()
        figures = {"viewers": len(viewers), "subscriptions": sum(viewer.subscriptions for viewer in viewers)}
        figures["conflated_viewers"] = sum(viewer.is_conflated(now_s) for viewer in viewers)
        figures |= {"mailboxes": len(self._owners), "groups": len(self.groups), "lines": len(self.lines)}
        figures["waiting_bytes"] = sum(updates.mailbox.waiting_bytes for updates in self._owners)
        return {**figures, "fed_frames": self._fed, "lag_rows": self.lag_rows}

    def _committed(self, rows: Sequence[Row]) -> None:
        if not self._owners and not self._fresh and self._is_whole:
            self._moved_to(rows[-1].position)
            return
        if not self._fresh:
            self._since_s = trio.current_time()
        self._is_whole = self._is_whole and len(self._fresh) + len(rows) <= _MAX_ROWS
        if self._is_whole:
            self._fresh.extend(rows)
        else:
            self._fresh.clear()
        self._stirred.set()

    async def _next_rows(self) -> tuple[list[Row], float]:
        """Return what follows on the position, where that is more than was kept a part of it, and when the oldest was committed."""
        if self._is_whole:
            rows, self._fresh = self._fresh, []
            return rows, self._since_s
        rows = await self.journal.read(self.position, _MAX_ROWS)
        if self.journal.first - 1 > self.position:
            self._begin_anew("too_far")
        self._is_whole = rows[-1].position >= self.journal.position  # then what is committed next follows on these
        if not self._is_whole:
            self._stirred.set()
        # Nobody noted when; it came not long before.
        return rows, trio.current_time() - max(0, self.now() - min(row.arrived_us for row in rows)) / 1e6

    def rewound(self, devices: Collection[str] | None, since_s: float) -> None:
        """Take the word that what was painted of devices (None: of all) since a time (monotonic) may be wrong."""
        wanted = (updates.wish.selector.devices for updates in self._owners)
        if since_s <= self._painted_s and any(devices is None or each is None or not each.isdisjoint(devices) for each in wanted):
            self._begin_anew("nodes")

    def _begin_anew(self, reason: str) -> None:
        """Give everybody who watches a new snapshot: what they have may not be right, nor what is known of the series they watch."""
        self.lines = Lines()
        for updates, owner in self._owners.items():
            updates.mailbox.is_overrun, updates.anew = True, reason
            owner.wake()

    def _stir(self) -> None:
        self._stirred.set()

    def _feed_groups(self, rows: list[Row], since_s: float) -> int:
        """Take rows in and feed the groups, which can be served then up to the position that is returned; `_settle` does the rest."""
        position = rows[-1].position
        if not (wanted := self._fanout.wanted(rows)):
            self._moved_to(position)
            return position
        self._fed += len(wanted)
        arrived_us = min(row.arrived_us for row in wanted)
        batch = Batch(readable_columns(wanted, self.journal.channels), arrived_us, position, self._fanout, self.lines)
        self._wake(batch.put(lambda updates: isinstance(self._owners[updates], Group)), since_s)
        self._batch = batch, since_s
        return position

    def _settle(self) -> None:
        """Feed those who are alone, if they have not got what the groups have: before anything else runs, or one of a group goes alone."""
        if self._batch is None:
            return
        (batch, since_s), self._batch = self._batch, None
        began_s = thread_time()
        self._wake(batch.put(lambda updates: not isinstance(self._owners[updates], Group)), since_s)
        self._moved_to(batch.position)
        self._settling_s += thread_time() - began_s

    def _wake(self, fed: Iterable[Updates], since_s: float) -> None:
        for updates in fed:
            updates.waits(since_s)
            self._owners[updates].wake()

    def _moved_to(self, position: int) -> None:
        self.position = position
        woken, self._moved = self._moved, trio.Event()
        woken.set()
