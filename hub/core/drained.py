"""What is told of a journal that its node has left for good, once another has gone through it: its readings are in the store.

Owns the document that all nodes share of it. hub/orphans writes it, hub/bus reads it. Plain code.
"""

from collections.abc import Collection
from typing import Final, NamedTuple

from hub.ports import Document

KIND: Final = "drained"
KEPT_S: Final = 3_600.0  # viewers that were away longer find none of their rows in memory anyhow
MAX_DEVICES: Final = 1_000  # that are named; of more it is said that there are many


class Drained(NamedTuple):
    """One journal."""

    journal: str  # the id
    position: int  # its end
    at_us: int
    devices: frozenset[str] | None  # of which readings were brought into the store; None: of many

    @classmethod
    def now(cls, journal: str, position: int, at_us: int, devices: Collection[str]) -> "Drained":
        """Return what is told of a journal that is gone through now."""
        return cls(journal, position, at_us, frozenset(devices) if len(devices) <= MAX_DEVICES else None)

    def is_over(self, now_us: int) -> bool:
        """Tell whether nobody needs to know it any more."""
        return now_us - self.at_us >= KEPT_S * 1e6

    def document(self) -> Document:
        """Return what is kept."""
        devices = None if self.devices is None else sorted(self.devices)
        return Document(KIND, self.journal, 1, {"position": self.position, "at_us": self.at_us, "devices": devices})

    @classmethod
    def of(cls, document: Document) -> "Drained":
        """Return what a document says."""
        body = document.body
        devices = None if body["devices"] is None else frozenset(body["devices"])
        return cls(document.key, body["position"], body["at_us"], devices)
