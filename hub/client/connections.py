"""The connections of devices, from Python.

Owns the paths; the hub decides. Used by the command line and by programs. Every function raises HubError.
"""

import json
from typing import Any, Final
from urllib.parse import quote

from hub.client.http import HubClient

PAGE: Final = 100  # the hub's limit for one request


async def counted(client: HubClient, limit: int = 1_000) -> list[dict[str, Any]]:
    """Return the WebSockets that are open, oldest first, with what went over each."""
    return await _pages(client, "/api/v1/connections", limit)


async def past(client: HubClient, device: str, limit: int = 100) -> list[dict[str, Any]]:
    """Return the newest connections that a device had, newest first; one without `left_us` is there still."""
    return await _pages(client, f"/api/v1/devices/{quote(device, safe='')}/connections", limit)


async def _pages(client: HubClient, path: str, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    params: dict[str, Any] = {}
    while len(found) < limit:
        params["limit"] = min(limit - len(found), PAGE)
        async with client.answered("GET", path, params=params) as answer:
            page = json.loads(await answer.aread())
        found += page["connections"]
        if page["next"] is None:
            break
        params["after"] = page["next"]
    return found
