"""Live frames of several nodes put together: the confluence, the two ways frames come by, and what this node tells the others.

Owns what main.py need not know one by one. Made where the settings name a Redis; starts nothing by itself.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from hub.bus.confluence import Confluence
from hub.bus.pulling import PulledNode, Puller
from hub.bus.redis import RedisBus
from hub.bus.serving import Serving
from hub.bus.wire import packed
from hub.config import Settings
from hub.journal import Journal
from hub.layers import Run
from hub.ports import Now
from hub.redis import Redis


class Member(Protocol):
    """A node of the cluster as membership knows it."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def url(self) -> str:
        """Where it answers."""

    @property
    def journal(self) -> str:
        """The id of its journal."""


class Gathering:
    """The live frames of one node and of all others; `others()` are those that are alive, `token()` is what nodes show each other."""

    def __init__(
        self,
        settings: Settings,
        redis: Redis,
        journal: Journal,
        others: Callable[[], Sequence[Member]],
        token: Callable[[], str],
        now: Now,
    ) -> None:
        self._others = others
        self._puller = Puller(token)
        self._bus = RedisBus(redis, lambda: journal.id, int(settings.bus_buffer_bytes), int(settings.bus_stream_bytes))
        self.confluence = Confluence(journal, self._nodes, self._bus, int(settings.live_ring_bytes), now)
        self._serving = Serving(journal, lambda: self.confluence.own_stored)

    def _nodes(self) -> list[PulledNode]:
        return [PulledNode(each.name, each.journal, each.url, self._puller) for each in self._others()]

    async def frames(self, after: int | None) -> bytes:
        """Return what another node asks for; it follows this one from now on for a while."""
        self._bus.wanted()
        return packed(await self._serving.frames(after))

    def stale(self) -> list[dict[str, Any]]:
        """Return the nodes that do not answer, as viewers are told of them."""
        return [{"name": each.name, "since_us": each.since_us} for each in self.confluence.followings.stale()]

    def runs(self) -> tuple[Run, ...]:
        """Return the tasks; what reads the rows stands on them."""
        return self._puller.run, self._bus.run, self.confluence.run

    def statistics(self) -> Mapping[str, float]:
        """Return figures for metrics."""
        return {**self.confluence.statistics(), **self._bus.statistics()}
