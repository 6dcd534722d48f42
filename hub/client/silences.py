"""Silences of a hub.

Owns the paths; the hub decides. Used by the command line and by programs. Every function raises HubError.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from hub.client.http import HubClient
from hub.client.rules import asked


async def silences(client: HubClient) -> list[dict[str, Any]]:
    """Return every silence, newest first."""
    return list((await asked(client, "GET", "/api/v1/silences"))["silences"])


async def put_silence(client: HubClient, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Make a silence of a `rule`, a `device` or devices by `where`, for `for_s` or `until_us`, with its `reason`."""
    return await asked(client, "POST", "/api/v1/silences", fields)


async def lift(client: HubClient, silence_id: str) -> None:
    """End a silence now."""
    await asked(client, "DELETE", f"/api/v1/silences/{quote(silence_id, safe='')}")
