"""The ports of the hub: what it needs from a journal file, a history store and a state store.

Owns the promises; adapters are named in main.py and stores.py only. JournalFile is blocking and is called from one worker thread at a
time; the others are async and own their threads.
"""

from collections.abc import Callable

from hub.ports.bus import Bus, Frames, NodeUnavailable, OtherNode
from hub.ports.history import HistoryStore, Retention, StoreFull, StoreRefused, StoreUnavailable
from hub.ports.journal import EpochMark, FollowerCursor, JournalBroken, JournalDamaged, JournalFile, JournalFull, JournalState, Opening
from hub.ports.kept import (
    LINES_KEPT,
    MAX_PAGE_BYTES,
    Audited,
    AuditWanted,
    Changed,
    CommandPage,
    CommandRecord,
    CommandsWanted,
    Conflict,
    ConnectionRecord,
    DeviceRecord,
    Document,
    LogLine,
    WebSession,
)
from hub.ports.leases import Lease, Leases
from hub.ports.state import StateStore

Now = Callable[[], int]  # wall clock in µs, injected so that simulations own time

__all__ = [
    "LINES_KEPT", "MAX_PAGE_BYTES", "AuditWanted", "Audited", "Bus", "Changed", "CommandPage", "CommandRecord", "CommandsWanted",
    "Conflict", "ConnectionRecord", "DeviceRecord", "Document", "EpochMark", "FollowerCursor", "Frames", "HistoryStore",
    "JournalBroken", "JournalDamaged", "JournalFile", "JournalFull", "JournalState", "Lease", "Leases", "LogLine", "NodeUnavailable",
    "Now", "Opening", "OtherNode", "Retention", "StateStore", "StoreFull", "StoreRefused", "StoreUnavailable", "WebSession",
]  # fmt: skip
