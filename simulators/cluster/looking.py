"""What is looked at while something is done to a cluster: what a page on each node says of the others, and the fleet's own figures.

Owns the looking and the differences between two moments; does nothing to anybody. acts.py asks.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import trio

from hub.client import HubError
from simulators.cluster.stand import Stand
from simulators.fleet.figures import Figures
from simulators.fleet.histogram import Histogram, low_of

AGAIN_S = 0.2


class Screen:
    """What a page on one node says of the cluster, kept open as a page is."""

    def __init__(self, stand: Stand, name: str) -> None:
        self.system: Mapping[str, Any] = {}
        self._stand = stand
        self._name = name

    @property
    def stale(self) -> set[str]:
        """The nodes that do not answer this one."""
        return {node["name"] for node in self.system.get("nodes", ())}

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            with suppress(HubError, OSError):  # its node is away, which is what is tested
                async with self._stand.client(self._name) as client, client.live("websocket") as live:
                    # Of no channel that there is: a node follows the others while somebody watches, and names those it cannot.
                    await live.subscribe("screen", ["*"], channels=["none"], width_us=60_000_000)
                    async for message in live:
                        if message["op"] == "system":
                            self.system = message
            self.system = {}
            await trio.sleep(AGAIN_S)


class Since:
    """The fleet's figures from one moment on. A worker tells its own once a second."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._away, self._dark = dict(figures.away.counts), dict(figures.dark.counts)
        self._ticks = len(figures.ticks)

    @property
    def devices(self) -> int:
        """How often a device lost its connection and had a frame acked again."""
        return _grown(self._figures.away, self._away)[0]

    @property
    def device_s(self) -> float:
        """The longest time from a lost connection to the next ack."""
        return _grown(self._figures.away, self._away)[1]

    @property
    def viewers(self) -> int:
        """How often a viewer lost its connection and was shown something again."""
        return _grown(self._figures.dark, self._dark)[0]

    @property
    def viewer_s(self) -> float:
        """The longest time from a lost connection to the next update."""
        return _grown(self._figures.dark, self._dark)[1]

    def acked(self) -> Sequence[int]:
        """Return how many frames were acked in each second."""
        return [tick["acked"] for tick in self._figures.ticks[self._ticks :]]

    def slowest_ms(self) -> float:
        """Return the longest time from when a frame was due to its ack."""
        return max((tick["ack_max"] or 0.0 for tick in self._figures.ticks[self._ticks :]), default=0.0)


def _grown(histogram: Histogram, before: Mapping[int, int]) -> tuple[int, float]:
    """Return how many came, and the longest of them in seconds, known to 1 in 64."""
    new = {at: count - before.get(at, 0) for at, count in histogram.counts.items() if count > before.get(at, 0)}
    return sum(new.values()), low_of(max(new) + 1) / 1e6 if new else 0.0
