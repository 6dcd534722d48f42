"""Devices that other nodes have, or had last: how each is by the word of its node, and which of these nodes are gone.

Owns that word as long as no other one comes; plain code. The registry shows it, hub/nodes/presence.py brings it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

_THERE = ("online", "silent")


class Sighting(NamedTuple):
    """How a device is by the word of a node."""

    node: str
    presence: str
    facts: Mapping[str, Any]  # as Presence.item gives them
    last_seen_us: int | None


class Elsewhere:
    """Every device of which another node spoke last."""

    def __init__(self) -> None:
        self._said: dict[str, Sighting] = {}
        self._gone_us: dict[str, int] = {}  # nodes, and since when

    def say(self, device: str, sighting: Sighting | None) -> bool:
        """Take a node's word and tell whether it is news; None: this node speaks for the device, or nobody does."""
        before = self._said.pop(device, None)
        if sighting is not None:
            self._said[device] = sighting
        return sighting != before

    def lose(self, nodes: Mapping[str, int]) -> list[str]:
        """Know which nodes are gone, and since when; return the devices of those that are so only now, or are back."""
        moved, self._gone_us = {*self._gone_us} ^ {*nodes}, dict(nodes)
        return [device for device, sighting in self._said.items() if sighting.node in moved] if moved else []

    def presence(self, device: str) -> str | None:
        """Return how a device is; None: no living node says."""
        sighting = self._said.get(device)
        return None if sighting is None or sighting.node in self._gone_us else sighting.presence

    def is_connected(self, device: str) -> bool:
        """Tell whether a device has a connection to another node that lives."""
        return self.presence(device) in _THERE

    def item(self, device: str) -> dict[str, Any]:
        """Return what viewers see of it beside its presence: the node, and since when that is gone, where it is."""
        sighting = self._said.get(device)
        if sighting is None:
            return {}
        gone_us = self._gone_us.get(sighting.node)
        return {"node": sighting.node} | (dict(sighting.facts) if gone_us is None else {"node_gone_us": gone_us})
