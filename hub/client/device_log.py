"""What devices log, from Python.

Owns the path; the hub keeps the lines. Used by the command line and by programs. Raises HubError.
"""

import json
from typing import Any, Final
from urllib.parse import quote

from hub.client.http import HubClient

PAGE: Final = 500  # the hub's limit for one request


async def lines(client: HubClient, device: str, limit: int = 100, level: str = "debug") -> list[dict[str, Any]]:
    """Return the newest lines that a device logged, of `level` or worse, newest first."""
    found: list[dict[str, Any]] = []
    params: dict[str, Any] = {"level": level}
    while len(found) < limit:
        params["limit"] = min(limit - len(found), PAGE)
        async with client.answered("GET", f"/api/v1/devices/{quote(device, safe='')}/log", params=params) as answer:
            page = json.loads(await answer.aread())
        found += page["lines"]
        if page["next"] is None:
            break
        params["after"] = page["next"]
    return found
