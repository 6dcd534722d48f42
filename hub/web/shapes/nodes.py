"""The shapes of answers about the nodes of a cluster.

Owns descriptions and examples. Used by nodes.py.
"""

from typing import Any, Final

from hub.web.openapi.convention import Shape, example

_FIGURES: Final = {"devices": 812, "viewers": 14, "position": 4_711, "stored": 4_700, "frames_per_s": 1_012.4}
_NODE: Final = {
    **{"name": "hub-1", "alive": True, "url": "http://10.0.0.7:8080", "journal": "b8f1c2", "version": "0.1.0"},
    **{"store": "victoriametrics", "started_us": 1_795_248_000_000_000, "seen_us": 1_795_248_060_000_000, "figures": _FIGURES},
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
    figures: dict[str, Any]
    """devices: connected there. stored: the position up to which its history store has its journal"""


class Nodes(Shape, json_schema_extra=example({"node": "hub-1", "stale": None, "nodes": [_NODE]})):
    """The nodes on one state."""

    node: str
    """Which answers"""
    stale: str | None
    """Why the others are known as they were, and not as they are; null: they are known"""
    nodes: list[Node]
