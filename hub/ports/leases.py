"""The port of leases: which node a device belongs to, and the number that tells a newer owner from an older one.

Owns the promise; hub/nodes has the adapters. Device sessions take a lease before they welcome a device.
"""

from typing import NamedTuple, Protocol


class Lease(NamedTuple):
    """The right to speak to a device for the hub."""

    device: str
    fence: int  # above that of every lease on this device before


class Leases(Protocol):
    """The leases of one node."""

    async def take(self, device: str, seen: int) -> Lease:
        """Take the device, which connects here: nobody else has it from now on. `seen` is the highest fence that it knows, 0: none."""
