"""A node of a cluster as others know it, and what a node says of itself. A hub that stands alone is one, too.

Owns the record; membership.py keeps it where all see it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.ports import Now


@dataclass(frozen=True, slots=True)
class Node:
    """A node as it is known here."""

    name: str
    url: str  # at which other nodes reach it; empty: it does not listen yet
    journal: str  # the id of its journal
    version: str
    store: str  # the name of its history store
    started_us: int
    seen_us: int  # when it last said so
    is_alive: bool
    is_leaving: bool = False  # it is being stopped in order, or was: it need not answer
    figures: Mapping[str, Any] = field(default_factory=dict)

    def item(self) -> dict[str, Any]:
        """Return what /api/v1/nodes says."""
        known = {key: getattr(self, key) for key in ("name", "url", "journal", "version", "store", "started_us", "seen_us", "figures")}
        return known | {"alive": self.is_alive}


class Own:
    """What this node says of itself, which it may be asked once the journal is open."""

    def __init__(
        self, name: str, version: str, store: str, journal: Callable[[], str], url: Callable[[], str], figures: Callable[[], dict[str, Any]]
    ) -> None:
        self.name, self.version, self.store = name, version, store
        self.journal, self.url, self.figures = journal, url, figures
        self.started_us = 0
        self.is_leaving = False

    def node(self, now_us: int) -> Node:
        """Return it as of now."""
        about = (self.name, self.url(), self.journal(), self.version, self.store, self.started_us)
        return Node(*about, now_us, is_alive=True, is_leaving=self.is_leaving, figures=self.figures())

    def among(self, others: Sequence[Node], stale: str | None, unanswered_us: Mapping[str, int], now_us: int) -> dict[str, Any]:
        """Return what /api/v1/nodes says; `stale` is why the others are known as they were, `unanswered_us` which do not answer us."""
        items = [node.item() | {"unanswered_us": unanswered_us.get(node.name)} for node in (self.node(now_us), *others)]
        return {"node": self.name, "stale": stale, "nodes": items}


def alone(own: Own, now: Now) -> dict[str, Any]:
    """Return what /api/v1/nodes says of a hub that stands alone."""
    return own.among([], None, {}, now()) | {"alone": True}
