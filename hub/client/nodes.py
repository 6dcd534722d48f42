"""The nodes of a hub that is several, from Python.

Owns the path; the hub decides. Used by the command line and by programs. Raises HubError.
"""

from typing import Any

from hub.client.http import HubClient
from hub.client.rules import asked


async def nodes(client: HubClient) -> dict[str, Any]:
    """Return the `nodes` on one state, the one that answers (`node`) first, and why they are known as they were (`stale`), if so."""
    return dict(await asked(client, "GET", "/api/v1/nodes"))
