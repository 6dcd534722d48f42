"""Rows of all nodes as one journal would give them: what Live and its pictures read where a hub is one of several.

Owns what is followed and while whom it is wanted, how far the shared history store is with each journal, and when pictures may be wrong
because a node did not answer while they were made. Must not know viewers or Redis. Wired in main.py; hub/sessions reads it by its ports.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

import trio

from devices.wire.messages import Channel
from hub.bus.channels import KnownChannels
from hub.bus.following import Following
from hub.bus.followings import Followings
from hub.bus.past import Past
from hub.bus.ring import Ring
from hub.bus.serving import FollowedJournal
from hub.bus.stored import StoredMarks
from hub.core.drained import Drained
from hub.core.records import WITH_READINGS, RangeAnswer, Row, StoredTo
from hub.core.selector import Selector
from hub.ports import Bus, Frames, OtherNode

BACK_ROWS: Final = 50_000  # of the own journal that are taken in at the start, for viewers that come back


class Confluence:
    """One rising order of the rows of many journals."""

    def __init__(
        self, journal: FollowedJournal, nodes: Callable[[], Sequence[OtherNode]], bus: Bus, max_bytes: int, now: Callable[[], int]
    ) -> None:
        self.turn = 0
        self._journal, self._bus = journal, bus
        self._ring = Ring(max_bytes)
        self.drained_long_ago = self._ring.forget_end
        self._channels = KnownChannels(journal.channels)
        past = Past(self._ring, self._channels, self._tell, self._rewind, self._until_now)
        self.followings = Followings(nodes, self._looked, self._took, now, past)
        self._stored = StoredMarks(self._ring)
        self._on_commit: list[Callable[[Sequence[Row]], None]] = []
        self._on_stored: list[Callable[[int], None]] = []
        self._on_rewound: list[Callable[[Collection[str] | None, float], None]] = []
        self._now = now
        self._looking = trio.Lock()  # one after the other: hundreds who come at once would do all of their steps in one turn of the loop
        self._is_store_lost = True
        self._told_place = -1

    @property
    def id(self) -> str:
        """The id of this node's own journal."""
        return self._journal.id

    @property
    def position(self) -> int:
        """The place of the newest row."""
        return self._ring.position

    @property
    def first(self) -> int:
        """The lowest place that is still there, or the next one."""
        return self._ring.first

    def own_id(self) -> str:
        """Return the id of the own journal, "" until it is open."""
        return self._journal.id

    @property
    def own_stored(self) -> int:
        """The position up to which the history store has the own journal."""
        own = self._ring.inflows.get(self.id)
        return 0 if own is None else own.stored

    async def read(self, after: int, max_rows: int = 1000) -> list[Row]:
        """Return rows above a place, at least one where there is one; their positions are places."""
        await trio.lowlevel.checkpoint()
        return self._ring.read(after, max_rows)

    async def rows_of(self, selector: Selector, after: int, upto: int) -> tuple[list[Row], int]:
        """Return rows that a selector wants with places in (after, upto], and up to where was looked, which may be less."""
        async with self._looking:
            return self._ring.rows_of(selector.devices, after, upto)

    def channels(self, device: str, epoch: int) -> tuple[Channel, ...]:
        """Return the channels of an epoch. Raises KeyError. For any thread."""
        return self._channels.of(device, epoch)

    def on_commit(self, callback: Callable[[Sequence[Row]], None]) -> None:
        """Call `callback(rows)` with what comes, in order; it must not raise or block."""
        self._on_commit.append(callback)

    def on_stored(self, callback: Callable[[int], None]) -> None:
        """Call `callback(place)` when the store shows everything up to a place."""
        self._on_stored.append(callback)

    def on_rewound(self, callback: Callable[[Collection[str] | None, float], None]) -> None:
        """Call `callback(devices, since_s)` when what was painted since then (monotonic) of these (None: all) may be wrong."""
        self._on_rewound.append(callback)

    def store_applied(self, position: int) -> None:
        """Take the own writer's word that the store shows everything up to a position of the own journal."""
        self._is_store_lost = False
        self._stored.heard(self.id, position, trio.current_time())
        self._tell_stored()

    def store_lost(self) -> None:
        """Take the word that the store does not answer: nobody is told that it shows more before `store_applied`."""
        self._is_store_lost, self._told_place = True, -1

    def marks_at(self, place: int) -> Mapping[str, int]:
        """Return of each journal the position up to which everything stands at a place or below it; -1 where that is nowhere."""
        return self._ring.marks_at(place)

    def place_of(self, marks: Mapping[str, int], devices: frozenset[str] | None = None) -> int | None:
        """Return the place after which a viewer of devices, None for all, goes on that has these positions; None where it cannot."""
        return None if marks.get(self.id, 0) > self._journal.position else self._ring.place_of(marks, devices)

    def known_above(self, marks: Mapping[str, int], place: int) -> frozenset[int]:
        """Return the places above one that a viewer with these positions has rows of already."""
        return self._ring.known_above(marks, place)

    def stored_to(self, answer: RangeAnswer, asked_s: float) -> StoredTo:
        """Return up to where an answer to a question of that time has everything."""
        return self._stored.of(answer, self.id, asked_s, self._away())

    def drained(self, each: Drained) -> None:
        """Take the word that the store shows all of a journal that nobody follows any more, and frames of which never came here."""
        if each.journal != self.id:
            self.followings.give_up(each.journal)
            self._stored.ended(each.journal, each.position, trio.current_time())
            self._rewind(each.devices, float("-inf"))

    async def ready(self, devices: frozenset[str] | None) -> None:
        """Return when all of devices, None for all, is here of every node that answers, or a while has passed."""
        await self.followings.ready(devices)

    async def upto(self) -> int:
        """Return a place above which no row will stand that a node committed before this call, as far as they answer."""
        await self.followings.confirm()
        return self._ring.position

    def statistics(self) -> Mapping[str, float]:
        """Return figures for metrics."""
        followings = self.followings.by_journal.values()
        figures = {"ring_rows": self.position + 1 - self.first, "ring_bytes": self._ring.size_bytes, "followed": len(followings)}
        return figures | {"stale": len(self.followings.stale()), "rewound": self.turn}

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow the own journal and, while somebody watches, the others, until cancelled."""
        await self._begin()
        task_status.started()
        await self.followings.run(lambda: self._bus.follow(self.followings.by_journal.keys(), self._heard), self._looked_for_nodes)

    def _looked_for_nodes(self) -> None:
        """Forget journals that nobody follows and none of whose rows is here, or cursors would name every node there ever was."""
        others = self._ring.inflows.keys() - self.followings.by_journal.keys() - {self.id}
        for journal in [each for each in others if self._ring.may_forget(each)]:
            self._ring.forget(journal)
            self._stored.forget(journal)
        self._tell_stored()  # of a node that is away now nobody waits for the store

    def _away(self) -> list[str]:
        return [journal for journal in self._ring.inflows if journal != self.id and self.followings.is_away(journal)]

    async def _begin(self) -> None:
        """Take in the newest rows of the own journal."""
        journal = self._journal
        begin = max(journal.first - 1, journal.position - BACK_ROWS)
        self._ring.begin(journal.id, begin, self._until_now(await self._behind_us(begin)))
        while (looked := self._ring.inflows[journal.id].looked) < journal.position:
            rows = await journal.read(looked)
            self._ring.append(journal.id, rows, rows[-1].position)
        # In the step in which the loop found the end: what is committed from here on follows on it.
        journal.on_commit(self._committed)

    async def _behind_us(self, begin: int) -> int | None:
        """Return when the oldest row came that is kept for the store and not taken in."""
        if begin < self._journal.first:
            return None
        return (await self._journal.read(self._journal.first - 1))[0].arrived_us

    def _committed(self, rows: Sequence[Row]) -> None:
        own = self._ring.inflows[self.id]
        wanted = [row for row in rows if row.kind in WITH_READINGS]
        self._bus.publish(Frames(self.id, own.looked, rows[-1].position, own.stored, wanted))
        self._tell(self._ring.append(self.id, wanted, rows[-1].position))

    def _looked(self, journal: str) -> int | None:
        inflow = self._ring.inflows.get(journal)
        return None if inflow is None else inflow.looked

    def _heard(self, frames: Frames) -> None:
        """Take what the bus brought where it follows on what is here; else the node is asked."""
        following, looked = self.followings.by_journal.get(frames.journal), self._looked(frames.journal)
        if following is None or looked is None or not following.is_current or following.doubtful_since_s is not None:
            return  # its round brings it
        interest = self._ring.inflows[frames.journal].interest
        is_meant = frames.covers is None or interest.id in frames.covers
        epochs = {(row.device, row.epoch) for row in frames.rows if interest.wants(row.device)}
        if not is_meant or frames.after > looked or not self._channels.has_all(epochs):
            following.ask()
            return
        self._take(frames)

    def _took(self, following: Following, frames: Frames) -> None:
        """Take the answer of a node."""
        looked = self._looked(frames.journal)
        is_lost = looked is not None and frames.after > looked
        if looked is None or is_lost:
            self._ring.begin(frames.journal, frames.after, self._until_now(frames.behind_us), following.interest)
        self._ring.inflows[frames.journal].take(following.interest)
        if is_lost or frames.journal in self._stored.lacked:
            self._stored.lacked.discard(frames.journal)
            self._rewind(None, float("-inf"))
        elif following.doubtful_since_s is not None:
            # The store may have shown of these what comes now as new.
            self._rewind({row.device for row in frames.rows if row.position > (looked or 0)}, following.doubtful_since_s)
        self._channels.add(frames.channels)
        self._take(frames)
        self._tell_stored()  # not with each entry of the bus: everybody who watches is looked at for it

    def _until_now(self, from_us: int | None) -> tuple[int, int] | None:
        return None if from_us is None else (from_us, max(from_us, self._now()))

    def _rewind(self, devices: Collection[str] | None, since_s: float) -> None:
        if devices is None or devices:
            self.turn += 1
            for callback in self._on_rewound:
                callback(devices, since_s)

    def _take(self, frames: Frames) -> None:
        inflow = self._ring.inflows[frames.journal]
        # The two ways overtake each other: less than before is believed only of an answer that was given after all that is here.
        if frames.stored >= inflow.stored or frames.end >= inflow.looked:
            self._stored.heard(frames.journal, frames.stored, trio.current_time())
        rows = self._ring.append(frames.journal, frames.rows, frames.position)
        self._tell(rows)

    def _tell(self, rows: Sequence[Row]) -> None:
        if rows:
            for callback in self._on_commit:
                callback(rows)

    def _tell_stored(self) -> None:
        place = self._stored.now(self._away())
        if not self._is_store_lost and place != self._told_place:
            self._told_place = place
            for callback in self._on_stored:
                callback(place)
