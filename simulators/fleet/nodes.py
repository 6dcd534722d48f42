"""The nodes behind an address: which live, and whether the store that they share has what each of them has.

Owns the question; a hub that stands alone is one node. Asked by store_audit.py and by simulators/cluster.
"""

import json
from typing import Any

from hub.client import HubClient


async def living_nodes(client: HubClient) -> list[dict[str, Any]]:
    """Return what each node that lives says of itself, the one that was asked first. Raises HubError."""
    async with client.answered("GET", "/api/v1/nodes") as answer:
        said = json.loads(await answer.aread())
    return [node for node in said["nodes"] if node["alive"]]


async def have_stored(client: HubClient, since_us: int) -> bool:
    """Tell whether each has said, at or after a moment of the hub's clock, that the store has all that it has. Raises HubError."""
    said = await living_nodes(client)
    return all(node["seen_us"] >= since_us and node["figures"]["stored"] >= node["figures"]["position"] for node in said)
