"""The port of leases: which node a device belongs to, and the number that tells a newer owner from an older one.

Owns the promise; hub/nodes has the adapters. A device session takes a lease before it welcomes its device and drops it when it ends; the
command desk sends nothing without.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

import trio


class Lease(Protocol):
    """The right of one connection to speak to its device for the hub."""

    @property
    def device(self) -> str:
        """Whose."""

    @property
    def fence(self) -> int | None:
        """Its number, above that of every lease on this device before; None where it does not hold now, be it for a while."""


class Leases(Protocol):
    """The leases of one node."""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep what is held until cancelled; then it runs out."""

    async def take(self, device: str, seen: int) -> Lease:
        """Take the device, which connects here: nobody else has it from now on. `seen` is the highest fence that it knows, 0: none.

        Waits a moment for what nodes share; where that is away the lease does not hold yet, and does once it is back. Cancelled, it may
        have been taken, and is given back.
        """

    async def refresh(self, kind: str, keys: Sequence[str]) -> None:
        """Look at once at the leases (kind `lease`) that another node is said to have taken."""

    async def reload(self) -> None:
        """Look at all of them."""

    async def last(self, devices: Collection[str]) -> Mapping[str, str]:
        """Return which node has each device, or had it last; nothing of those that none ever had. Raises StoreUnavailable."""

    def drop(self, lease: Lease) -> None:
        """Give it back; idempotent."""

    def on_lost(self, callback: Callable[[Lease, str], None]) -> None:
        """Call `callback(lease, node)` when another node has taken a device; from then on the lease never holds again."""
