"""Up to where the history store has everything safe, for connections whose acks wait for it (`ack_after = "store"`).

Owns that position and who waits; plain code. main.py has the history writer tell it, intake_stored.py waits.
"""

from typing import Protocol
from weakref import WeakSet


class Waiter(Protocol):
    """A connection with frames that are journaled and not stored."""

    def stored(self, position: int) -> bool:
        """Take the word that everything up to a position of the journal is stored; tell whether something still waits."""


class StoredAcks:
    """The store's word, and who needs it. A connection that is gone waits for nothing."""

    def __init__(self) -> None:
        self.position = 0  # nothing is known before the writer has asked the store
        self._waiters: WeakSet[Waiter] = WeakSet()

    def wait(self, waiter: Waiter) -> None:
        """Tell a connection whenever the position moves, as long as it waits."""
        self._waiters.add(waiter)

    def store_safe(self, position: int) -> None:
        """Take the history writer's word that everything up to a position survives the loss of this machine's disk."""
        self.position = position
        for waiter in list(self._waiters):
            if not waiter.stored(position):
                self._waiters.discard(waiter)
