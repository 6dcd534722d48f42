"""Provisioning keys of a hub, with which devices register themselves.

Owns the paths; the hub decides. Used by the command line and by programs. Every function raises HubError. A device registers by
devices.client.provisioning.
"""

import json
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from hub.client.http import HubClient

_KEYS: Final = "/api/v1/provisioning"


async def keys(client: HubClient) -> list[dict[str, Any]]:
    """Return every key: whom it lets in, how many it has registered, until when it is good."""
    async with client.answered("GET", _KEYS) as answer:
        return list(json.loads(await answer.aread())["keys"])


async def make_key(
    client: HubClient, name: str, *, prefix: str = "", days: float = 7.0, max_devices: int = 100, kind: str = "", tags: Sequence[str] = ()
) -> dict[str, Any]:
    """Make a key; its `key` is shown this once."""
    body = {"name": name, "prefix": prefix, "days": days, "max_devices": max_devices, "kind": kind, "tags": list(tags)}
    headers = {"Content-Type": "application/json"}
    async with client.answered("POST", _KEYS, content=json.dumps(body).encode(), headers=headers) as answer:
        return dict(json.loads(await answer.aread()))


async def revoke_key(client: HubClient, name: str) -> None:
    """Revoke a key; the devices that it registered stay."""
    async with client.answered("DELETE", f"{_KEYS}/{quote(name, safe='')}"):
        pass
