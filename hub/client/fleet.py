"""The fleet of a hub from Python: which devices are meant, what people say of them, their tokens.

Owns the paths and bodies; shows nothing and decides nothing. Every function raises HubError. Used by the command line and by programs.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from hub.client.http import HubClient

PAGE: Final = 1_000  # the hub's limit for one request
_DEVICES: Final = "/api/v1/devices"


async def devices(client: HubClient, where: str | None = None) -> list[dict[str, Any]]:
    """Return the devices that a tag expression means, all without one, as in protocol section 11."""
    return [each async for each in client.listed(_DEVICES, "devices", where=where)]


async def edit(client: HubClient, device: str, changes: Mapping[str, Any], revision: int | None = None) -> dict[str, Any]:
    """Change `title`, `kind`, `tags`, `notes` or `disabled` of a device and return it; `conflict` where it is at another revision."""
    body = {**changes} | ({} if revision is None else {"revision": revision})
    return await _asked(client, "PATCH", _path(device), body)


async def new_token(client: HubClient, device: str, overlap_s: float = 0.0) -> str:
    """Replace a device's token and return the new one; the old one is good for so long, or its connection ends."""
    return str((await _asked(client, "POST", f"{_path(device)}/token", {"overlap_s": overlap_s}))["token"])


async def revoke(client: HubClient, device: str) -> None:
    """Withdraw a device's tokens and end its connection."""
    await _asked(client, "DELETE", f"{_path(device)}/token")


async def check_new(client: HubClient, new: Sequence[Mapping[str, Any]]) -> None:
    """See whether devices could be added: each a `name` and what else is said of it."""
    for at in range(0, len(new), PAGE):
        await _asked(client, "POST", _DEVICES, {"devices": [dict(each) for each in new[at : at + PAGE]], "check": True})


async def add(client: HubClient, new: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Add at most a thousand devices, all or none, and return the token of each."""
    said = await _asked(client, "POST", _DEVICES, {"devices": [dict(each) for each in new]})
    return {item["device"]: item["token"] for item in said["devices"]}


async def _asked(client: HubClient, method: str, path: str, body: Mapping[str, Any] | None = None, **params: Any) -> dict[str, Any]:
    """Send a request and return what its answer says, nothing where it has no body."""
    content, headers = (None, {}) if body is None else (json.dumps(body).encode(), {"Content-Type": "application/json"})
    async with client.answered(method, path, content=content, headers=headers, params=params) as answer:
        text = await answer.aread()
    said: dict[str, Any] = json.loads(text) if text else {}
    return said


def _path(device: str) -> str:
    return f"{_DEVICES}/{quote(device, safe='')}"
