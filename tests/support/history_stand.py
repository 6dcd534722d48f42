"""One empty place for readings and the stores opened on it: what the contract suite stands on, whatever the adapter.

Owns the closing of what was opened; how each store is made and emptied stands in tests/contract/conftest.py.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from hub.ports import HistoryStore, Retention
from simulators.faults import FaultProxy, fault_proxy

KEEP_ALL = Retention(raw_days=0, minutes_days=0, hours_days=0, min_free_bytes=0)


@dataclass
class Stand:
    """One empty place for readings, and the stores that are opened on it."""

    make: Callable[[str, Retention], HistoryStore]  # of an address, which may be a proxy's
    address: str = ""  # http://HOST:PORT of the server; empty: there is none
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def open(self, retention: Retention = KEEP_ALL, address: str = "") -> HistoryStore:
        """Open a store on what is there; it is closed at the end of the test."""
        store = self.make(address or self.address, retention)
        self._open.push_async_callback(store.aclose)
        await store.start()
        return store

    @asynccontextmanager
    async def proxy(self) -> AsyncIterator[FaultProxy]:
        """Run a proxy to the server."""
        parts = urlsplit(self.address)
        async with fault_proxy(parts.hostname or "", parts.port or 80) as proxy:
            yield proxy

    async def aclose(self) -> None:
        """Close the stores."""
        await self._open.aclose()
