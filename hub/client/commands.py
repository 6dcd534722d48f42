"""Commands of a hub from Python, beyond sending one: sent under a key, cancelled.

Owns the paths and bodies; shows nothing and decides nothing. Every function raises HubError. Used by the command line and by programs.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from hub.client.http import HubClient


async def send_once(
    client: HubClient, device: str, name: str, args: Mapping[str, Any] | None = None, *, key: str, ttl_s: float = 30.0
) -> dict[str, Any]:
    """Send a command under an idempotency key: called again with the same, it returns the same command and sends no other one."""
    body = {"name": name, "args": dict(args or {}), "ttl_s": ttl_s}
    return await _posted(client, f"/api/v1/devices/{quote(device, safe='')}/commands", body, {"Idempotency-Key": key})


async def cancel(client: HubClient, command_id: str) -> dict[str, Any]:
    """Cancel a command: `answer` is cancelled, too_late, or asked while its device has not answered; `command` is what it is now."""
    return await _posted(client, f"/api/v1/commands/{quote(command_id, safe='')}/cancel", None, {})


async def _posted(client: HubClient, path: str, body: Mapping[str, Any] | None, headers: dict[str, str]) -> dict[str, Any]:
    content = None if body is None else json.dumps(body).encode()
    typed = headers if body is None else headers | {"Content-Type": "application/json"}
    async with client.answered("POST", path, content=content, headers=typed) as answer:
        said: dict[str, Any] = json.loads(await answer.aread())
    return said
