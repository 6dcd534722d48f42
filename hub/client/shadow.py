"""Shadows of a hub's devices: what is desired of them, what they report.

Owns the paths; the hub decides. Used by the command line and by programs. Every function raises HubError.
"""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import trio

from hub.client.errors import HubError
from hub.client.http import HubClient

_POLL_S: Final = 0.2


async def shadow(client: HubClient, device: str) -> dict[str, Any]:
    """Return a device's shadow: `desired`, `reported`, `delta`, `is_in_step`, `takes_shadow`."""
    return await _asked(client, "GET", _path(device))


async def replace(client: HubClient, device: str, document: Mapping[str, Any], version: int) -> dict[str, Any]:
    """Replace that version of the desired document and return the shadow. HubError `conflict`: it is another one now."""
    return await _asked(client, "PUT", f"{_path(device)}/desired", {"version": version, "document": dict(document)})


async def merge(client: HubClient, device: str, patch: Mapping[str, Any], version: int | None = None) -> dict[str, Any]:
    """Merge into the desired document (None removes), at any version or only at this one, and return the shadow."""
    body = {"document": dict(patch)} | ({} if version is None else {"version": version})
    return await _asked(client, "PATCH", f"{_path(device)}/desired", body)


async def in_step(client: HubClient, device: str, timeout_s: float = 60.0) -> dict[str, Any]:
    """Return the shadow once the device reports what is desired.

    HubError `not_applied` where it says that it could not apply that version, `timeout` where it takes longer.
    """
    with trio.move_on_after(timeout_s):
        while True:
            said = await shadow(client, device)
            reported = said["reported"]
            if said["is_in_step"]:
                return said
            if "error" in reported and reported["version"] == said["desired"]["version"]:
                raise HubError("not_applied", f"{device} could not apply it: {reported['error']}", "desire something else")
            await trio.sleep(_POLL_S)
    said_so = f"{device} has not reported what is desired within {timeout_s:g} s"
    raise HubError("timeout", said_so, f"see: tributary shadow show {device}")


def _path(device: str) -> str:
    return f"/api/v1/devices/{quote(device, safe='')}/shadow"


async def _asked(client: HubClient, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    content, headers = (None, {}) if body is None else (_encoded(body), {"Content-Type": "application/json"})
    async with client.answered(method, path, content=content, headers=headers) as answer:
        return dict(json.loads(await answer.aread()))


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise HubError("bad_value", f"this cannot be sent as JSON: {error}", "send what JSON can hold", 422) from None
