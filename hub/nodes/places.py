"""Where devices and nodes are, as rules ask it: from the leases on devices and the membership of nodes.

Owns nothing but the asking. Made by control.py on a node, and by no hub that is alone.
"""

from collections.abc import Callable, Collection, Mapping

from hub.nodes.membership import Membership
from hub.ports import Leases, Now


class NodePlaces:
    """The places that one node knows."""

    def __init__(self, node: str, leases: Leases, membership: Membership, is_here: Callable[[str], bool], now: Now) -> None:
        self.node = node
        self._leases, self._membership, self._is_here, self._now = leases, membership, is_here, now

    def alive(self) -> set[str]:
        """Return the nodes that live, this one among them."""
        return {self.node, *(node.name for node in self._membership.alive())}

    def gone_s(self, node: str) -> float:
        """Return for how long a node that does not live has been gone, infinity where that is not known."""
        known = self._membership.get(node)
        return float("inf") if known is None else (self._now() - known.seen_us) / 1e6

    def is_here(self, device: str) -> bool:
        """Tell whether a device is connected to this node."""
        return self._is_here(device)

    async def last(self, devices: Collection[str]) -> Mapping[str, str]:
        """Return to which node each device is connected, or was last. Raises StoreUnavailable."""
        return await self._leases.last(devices)
