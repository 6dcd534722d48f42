"""Live frames of several nodes put together: the confluence, the two ways frames come by, and what this node tells the others.

Owns what main.py need not know one by one. Made where the settings name a Redis; starts nothing by itself.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hub.bus.confluence import Confluence
from hub.bus.drained import DrainedJournals
from hub.bus.pulling import PulledNode, Puller
from hub.bus.serving import Serving
from hub.bus.wire import packed
from hub.config import Settings
from hub.core.interest import read_interest
from hub.history import HistorySide
from hub.history.health import HISTORY
from hub.journal import Journal
from hub.layers import Run
from hub.metrics import Metrics
from hub.nodes.membership import Membership
from hub.ports import Now, StateStore
from hub.sessions.live import Live
from hub.system import System
from hub.web.beside import OtherNodes
from hub.web.node import NodeFrames

if TYPE_CHECKING:
    from hub.bus.redis import RedisBus
    from hub.redis import Redis


class Gathering:
    """The live frames of this node and of all others in the cluster, which is there when something runs."""

    def __init__(
        self, settings: Settings, bus: "RedisBus", journal: Journal, state: StateStore, cluster: Callable[[], Membership | None], now: Now
    ) -> None:
        self._name, self._cluster, self._bus = settings.node, cluster, bus
        self._puller = Puller(self._token)
        self.confluence = Confluence(journal, self._nodes, bus, int(settings.live_ring_bytes), now)
        self.drained = DrainedJournals(state, self.confluence, now)  # has a memory of the state store
        # Until the writer has found its store, after a start, what the journal noted of it counts.
        self._serving = Serving(journal, lambda: max(self.confluence.own_stored, journal.cursor(HISTORY).safe))
        self._journal = journal
        self.for_others = NodeFrames(self._frames, self._token, self.confluence)
        self.others = OtherNodes(settings.node, self._url_of, self._token)

    def connect(self, live: Live, side: HistorySide, system: System, metrics: Metrics) -> None:
        """Connect it with who watches, with who writes the history, and with what is told of it."""
        self.confluence.followings.watched = live.watched
        self.confluence.on_stored(live.store_applied)
        self.confluence.on_rewound(live.rewound)
        side.writer.on_applied(self.confluence.store_applied)
        side.on_lost(self.confluence.store_lost)
        system.of_cluster = self._of_cluster
        if (cluster := self._cluster()) is not None:
            cluster.unanswered_us = self.unanswered_us
            self.confluence.followings.leaving = cluster.leaving
        metrics.add_part("bus", self._statistics)

    def runs(self) -> tuple[Run, ...]:
        """Return the tasks; what reads the rows stands on them."""
        return self._puller.run, self._bus.run, self.confluence.run, self.drained.run

    async def _frames(self, after: int | None, devices: str | None) -> bytes:
        """Return what another node asks for; for a while it is taken to want more of the same devices."""
        interest = read_interest(devices)
        self._bus.wanted(interest)
        return packed(await self._serving.frames(after, interest))

    def _nodes(self) -> list[PulledNode]:
        known = () if (cluster := self._cluster()) is None else cluster.alive()
        return [
            PulledNode(each.name, each.journal, each.url, self._puller) for each in known if each.url and each.journal != self._journal.id
        ]

    def _url_of(self, name: str) -> str | None:
        node = None if (cluster := self._cluster()) is None else cluster.get(name)
        return None if node is None or not node.is_alive else node.url or None

    def _token(self) -> str:
        cluster = self._cluster()
        return "" if cluster is None else cluster.token

    def unanswered_us(self) -> dict[str, int]:
        """Return the nodes that do not answer this one, which asks them while somebody watches, and since when."""
        return {each.name: each.since_us for each in self.confluence.followings.stale()}

    def _of_cluster(self) -> dict[str, Any]:
        cluster, silent = self._cluster(), self.unanswered_us().items()
        away = None if cluster is None else cluster.stale
        return {"node": self._name, "redis_away": away, "nodes": [{"name": name, "since_us": us} for name, us in silent]}

    def _statistics(self) -> Mapping[str, float]:
        return {**self.confluence.statistics(), **self._bus.statistics()}


def make_gathering(
    settings: Settings, redis: "Redis | None", journal: Journal, state: StateStore, cluster: Callable[[], Membership | None], now: Now
) -> Gathering | None:
    """Return what gathers the frames of a cluster; None for a hub that stands alone."""
    if redis is None:
        return None
    from hub.bus.redis import RedisBus  # a hub that stands alone would wait for coredis

    bus = RedisBus(redis, lambda: journal.id, int(settings.bus_buffer_bytes), int(settings.bus_stream_bytes))
    return Gathering(settings, bus, journal, state, cluster, now)
