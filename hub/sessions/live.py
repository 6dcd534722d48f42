"""The live half of the hub: it follows the journal from commit to commit and feeds every subscription of every viewer.

Owns the position up to which viewers are fed, the shared lines, and who is connected. Each batch is decoded once, and only where
somebody watches. Built by main.py; the door calls `serve` for each viewer's connection.
"""

from collections.abc import Mapping
from typing import Final

import trio

from devices.link import ServerLink
from hub.core.entities import Entities
from hub.core.fanout import Fanout
from hub.core.lines import Lines
from hub.core.readings import points_in, readable_columns
from hub.core.records import Columns, Row, Series
from hub.journal import Journal
from hub.ports import HistoryStore, Now
from hub.sessions.snapshot import Painter
from hub.sessions.subscription import Subscription
from hub.sessions.viewer import ViewerConnection

_MAX_ROWS: Final = 1_000  # of one turn
GATHER_S: Final = 0.02  # between turns while somebody watches: a commit may come each 5 ms, and a turn has a price of its own


class Live:
    """All viewers of this hub."""

    def __init__(self, journal: Journal, history: HistoryStore, entities: Entities, now: Now, hub_name: str) -> None:
        self.journal = journal
        self.entities = entities
        self.now = now
        self.hub_name = hub_name
        self.position = 0  # everything up to here has been fed
        self.stored = 0  # and is shown by the store
        self.lines = Lines()
        self.painter = Painter(journal, history, self, now)
        self._subscriptions: Fanout[Subscription] = Fanout()
        self._owners: dict[Subscription, ViewerConnection] = {}
        self._viewers: set[ViewerConnection] = set()
        self._moved = trio.Event()
        self._fed = 0

    @property
    def viewers(self) -> int:
        """How many viewers are connected."""
        return len(self._viewers)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow the journal from its present end until cancelled."""
        self.position = self.journal.position
        task_status.started()
        next_s = trio.current_time()
        while True:
            await self.journal.wait_beyond(self.position)
            if self._owners:
                await trio.sleep_until(next_s)  # the first commit after a quiet moment goes at once
                next_s = trio.current_time() + GATHER_S
                while self.position < self.journal.position:
                    self._feed(await self.journal.read(self.position, _MAX_ROWS))
            else:
                self._moved_to(self.journal.position)

    async def serve(self, link: ServerLink, encoding: str, role: str) -> None:
        """Serve one viewer until it leaves, breaks a rule, or the hub stops."""
        viewer = ViewerConnection(link, encoding, role, self)
        self._viewers.add(viewer)
        try:
            await viewer.run()
        finally:
            self._viewers.discard(viewer)

    async def wait_for(self, position: int) -> None:
        """Return when everything up to a position has been fed."""
        while self.position < position:
            await self._moved.wait()

    def store_applied(self, position: int) -> None:
        """Take the history writer's word that the store shows everything up to a position."""
        self.stored = position
        for subscription, viewer in self._owners.items():
            if subscription.mailbox.late:
                viewer.wake()

    def register(self, subscription: Subscription, viewer: ViewerConnection) -> None:
        """Feed a subscription from now on."""
        self._subscriptions.add(subscription, subscription.request.selector)
        self._owners[subscription] = viewer

    def unregister(self, subscription: Subscription) -> None:
        """Feed it no more."""
        self._subscriptions.remove(subscription)
        if self._owners.pop(subscription, None) is not None:
            subscription.leave()

    def statistics(self) -> Mapping[str, float]:
        """Return figures for metrics."""
        figures = {"viewers": len(self._viewers), "subscriptions": len(self._owners), "lines": len(self.lines)}
        figures["waiting_bytes"] = sum(subscription.mailbox.waiting_bytes for subscription in self._owners)
        return {**figures, "fed_frames": self._fed, "lag_rows": self.journal.position - self.position}

    def _feed(self, rows: list[Row]) -> None:
        wanted = self._subscriptions.wanted(rows)
        if wanted:
            self._fed += len(wanted)
            arrived_us = min(row.arrived_us for row in wanted)
            columns = readable_columns(wanted, self.journal.channels)
            for subscription in feed(columns, arrived_us, rows[-1].position, self._subscriptions, self.lines):
                self._owners[subscription].wake()
        self._moved_to(rows[-1].position)

    def _moved_to(self, position: int) -> None:
        self.position = position
        woken, self._moved = self._moved, trio.Event()
        woken.set()


def feed(columns: Columns, arrived_us: int, position: int, subscriptions: Fanout[Subscription], lines: Lines) -> set[Subscription]:
    """Put the readings of a batch into the lines and into the mailboxes of who wants them; return whose have something."""
    woken: set[Subscription] = set()
    raw: set[Series] = set()
    for series in columns.series:
        for subscription in subscriptions.targets(series):
            subscription.adopt(series)
            if subscription.mailbox.is_raw:
                raw.add(series)
    for touched in lines.absorb(columns):
        for subscription in subscriptions.targets(touched.series):
            if subscription.rung_us == touched.rung_us and not subscription.mailbox.is_raw:
                subscription.mailbox.touch(touched, arrived_us, position)
                woken.add(subscription)
    for series, points in points_in(columns).items() if raw else ():
        for subscription in subscriptions.targets(series) if series in raw else ():
            if subscription.mailbox.is_raw:
                subscription.mailbox.add_points(series, points, arrived_us)
                woken.add(subscription)
    return woken
