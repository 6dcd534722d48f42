"""The lanes of a worker, by which its connections reach the hub: ten of them, so that a share of a fleet can be hit by a fault.

Owns which faults are on in which lane: those of networks at a proxy for each lane, those of single frames at the devices' own links.
What each does to a connection is simulators/faults'. Orders come from the course through device_worker.py and viewer_worker.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import trio

from simulators.faults import FaultProxy, FaultyLinks

LANES: Final = 10


class Proxies:
    """The lanes before one hub; where no network fault is wanted everybody goes straight to it."""

    def __init__(self, hub_url: str, *, are_needed: bool) -> None:
        parts = urlsplit(hub_url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self._hub_url = hub_url
        self._scheme = parts.scheme
        self._lanes = [FaultProxy(parts.hostname or "", port, seed=lane) for lane in range(LANES)] if are_needed else []
        self._links: list[list[FaultyLinks]] = [[] for _ in range(LANES)]
        self._active: dict[int, Mapping[str, Any]] = {}  # fault -> its order

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the proxies until cancelled; reports when all listen."""
        async with trio.open_nursery() as nursery:
            for proxy in self._lanes:
                await nursery.start(proxy.run)
            task_status.started()

    def url(self, member: int) -> str:
        """Return the address by which a member reaches the hub."""
        if not self._lanes:
            return self._hub_url
        return self._lanes[member % LANES].url.replace("http", self._scheme, 1)

    def join(self, member: int, links: FaultyLinks) -> None:
        """Let the faults of a member's lane reach its links."""
        self._links[member % LANES].append(links)

    def break_(self, order: Mapping[str, Any]) -> None:
        """Begin a fault: `fault` its number, `kind`, `lanes`, and what its kind needs."""
        self._active[order["fault"]] = order
        for lane in order["lanes"]:
            self._apply(lane, order, is_new=True)

    def mend(self, fault: int) -> None:
        """End a fault; others in the same lanes go on."""
        order = self._active.pop(fault, None)
        for lane in order["lanes"] if order is not None else ():
            for broken in self._in(lane):
                broken.heal()
            for other in self._active.values():
                if lane in other["lanes"]:
                    self._apply(lane, other, is_new=False)

    def _in(self, lane: int) -> Sequence[FaultProxy | FaultyLinks]:
        return [*self._lanes[lane : lane + 1], *self._links[lane]]

    def _apply(self, lane: int, order: Mapping[str, Any], *, is_new: bool) -> None:
        for links in self._links[lane]:
            if order["kind"] == "duplicate":
                links.duplicate(order["frames"])
            elif order["kind"] == "reorder":
                links.reorder()
        for proxy in self._lanes[lane : lane + 1]:
            _break(proxy, order, is_new=is_new)


def _break(proxy: FaultProxy, order: Mapping[str, Any], *, is_new: bool) -> None:
    if is_new and order["kind"] in ("cut", "storm"):
        proxy.cut("rst")
    match order["kind"]:
        case "storm" | "refuse":
            proxy.refuse()
        case "half-open":
            proxy.half_open()
        case "delay":
            proxy.delay(order["delay_s"], order["jitter_s"])
        case "throttle":
            proxy.throttle(order["bytes_per_s"])
        case "stall":
            proxy.stall()
