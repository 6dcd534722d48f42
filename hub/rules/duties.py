"""Which node does what: whose devices' absence it judges, and whose notices it sends.

Owns that choice. Each is made by one node as far as all nodes know the same of each other; where they do not for a moment, the versions
of documents in the state store decide. A hub that is alone does everything.
"""

from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Final, Protocol

import trio

from hub.core.presence import RETURN_S

_ASK_EVERY_S: Final = 2.0  # where devices are that are not here


class Places(Protocol):
    """Who is where, as this node knows it."""

    node: str  # the name of this one

    def alive(self) -> Collection[str]:
        """Return the nodes that live, this one among them."""

    def gone_s(self, node: str) -> float:
        """Return for how long a node that does not live has been gone, infinity where that is not known."""

    def is_here(self, device: str) -> bool:
        """Tell whether a device is connected to this node."""

    async def last(self, devices: Collection[str]) -> Mapping[str, str]:
        """Return to which node each device is connected, or was last; nothing of those that never were. Raises StoreUnavailable."""


class Duties:
    """The duties of this node, or of a hub that is alone."""

    def __init__(self) -> None:
        self._places: Places | None = None
        self._alive: frozenset[str] = frozenset()
        self._drawn: dict[str, str] = {}  # among those alive
        self._asked_s = -_ASK_EVERY_S

    def join(self, places: Places) -> None:
        """Be a node beside others; called before anything runs."""
        self._places = places

    @property
    def node(self) -> str:
        """The name of this node, empty where it is alone."""
        return "" if self._places is None else self._places.node

    @property
    def is_alone(self) -> bool:
        """Tell whether there are no other nodes, ever."""
        return self._places is None

    def is_here(self, device: str) -> bool:
        """Tell whether a device, where it is connected, is connected here."""
        return self._places is None or self._places.is_here(device)

    async def missing(self, devices: Collection[str], expected_s: Mapping[str, float]) -> tuple[set[str], set[str]]:
        """Return those of some devices that are absent which this node says are missed, and those that it waits for no more.

        The node that has a device or had it last knows whether it sleeps. Of a node that is gone one other says it, after the time that
        devices have to come back and to say something, `expected_s`. Of the rest nothing is known now. Raises StoreUnavailable.
        """
        if self._places is None:
            return set(devices), set()
        ours, others = {device for device in devices if self._places.is_here(device)}, set[str]()
        away, now_s = set(devices) - ours, trio.current_time()
        if not away or now_s - self._asked_s < _ASK_EVERY_S:
            return ours, others
        self._asked_s = now_s
        last, alive = await self._places.last(away), self._places.alive()
        for device in away:
            node = last.get(device, "")
            is_back = node in alive or (node and self._places.gone_s(node) < RETURN_S + expected_s.get(device, 0.0))
            is_ours = node == self.node or (not is_back and self.draws(device))
            (ours if is_ours else others).add(device)
        return ours, others

    def sends(self, maker: str, id_: str) -> bool:
        """Tell whether a notice is sent here: by the node that made it, or by one that all agree on where that is gone."""
        if self._places is None or maker == self.node:
            return True
        return maker not in self._places.alive() and self.draws(id_)

    def draws(self, name: str) -> bool:
        """Tell whether a name falls to this node: to that alive with the highest hash, so that few fall anew when one is gone."""
        if self._places is None:
            return True
        if (alive := frozenset(self._places.alive())) != self._alive:
            self._alive, self._drawn = alive, {}
        if (drawn := self._drawn.get(name)) is None:
            drawn = max(alive, key=lambda node: blake2b(f"{node} {name}".encode(), digest_size=8).digest(), default=self.node)
            self._drawn[name] = drawn
        return drawn == self.node
