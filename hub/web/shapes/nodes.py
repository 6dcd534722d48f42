"""The shapes of answers about the nodes of a cluster.

Owns descriptions and examples. Used by nodes.py.
"""

from typing import Any, Final

from hub.web.openapi.convention import Shape, example

_FIGURES: Final = {
    **{"devices": 812, "viewers": 14, "position": 4_711, "stored": 4_700, "frames_per_s": 1_012.4, "credit": "open"},
    **{"journal_bytes": 52_428_800, "store_state": "ok", "lag_frames": {"history": 11, "ledger": 0, "rules": 0, "live": 0}},
}
_NODE: Final = {
    **{"name": "hub-1", "alive": True, "url": "http://10.0.0.7:8080", "journal": "b8f1c2", "version": "0.1.0"},
    **{"store": "victoriametrics", "started_us": 1_795_248_000_000_000, "seen_us": 1_795_248_060_000_000, "figures": _FIGURES},
    "unanswered_us": None,
}


class Node(Shape, json_schema_extra=example(_NODE)):
    """A node, as it says itself."""

    name: str
    alive: bool
    """It said so within the last 10 s"""
    url: str
    """At which other nodes reach it; empty: it does not listen yet"""
    journal: str
    version: str
    store: str
    started_us: int
    seen_us: int
    """When it last said something, by the clock of the node that answers"""
    unanswered_us: int | None
    """Since when it does not answer the node that answers here, which asks it while somebody watches; null: it does, or was not asked"""
    figures: dict[str, Any]
    """devices, viewers: connected there. position: the end of its journal. stored: the position up to which its history store has that.
    lag_frames: how far each reader of its journal is behind. credit: open, or why its devices are held. store_state: ok, behind or down"""


class Nodes(Shape, json_schema_extra=example({"node": "hub-1", "alone": False, "stale": None, "nodes": [_NODE]})):
    """The nodes on one state."""

    node: str
    """Which answers"""
    alone: bool
    """It keeps its state by itself: there can be no other node"""
    stale: str | None
    """Why the others are known as they were, and not as they are; null: they are known"""
    nodes: list[Node]
