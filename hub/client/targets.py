"""Targets of a hub, which are told of alerts, and the delivery log.

Owns the paths; the hub decides. Used by the command line and by programs. Every function raises HubError.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

from hub.client.http import HubClient
from hub.client.rules import asked


async def targets(client: HubClient) -> list[dict[str, Any]]:
    """Return every target."""
    return list((await asked(client, "GET", "/api/v1/targets"))["targets"])


async def put_target(client: HubClient, name: str, fields: Mapping[str, Any], version: int | None = None) -> dict[str, Any]:
    """Make a target of `kind` and its fields, whose `secret` is told this once, or replace the version that is named."""
    body = {**fields, "target": name} | ({} if version is None else {"version": version})
    return await asked(client, "POST", "/api/v1/targets", body)


async def delete_target(client: HubClient, name: str) -> None:
    """Delete a target; what waits for it is given up."""
    await asked(client, "DELETE", _path(name))


async def new_secret(client: HubClient, name: str, overlap_s: float = 0.0) -> str:
    """Replace a target's secret and return the new one; for `overlap_s` notices are signed with the old one as well."""
    return str((await asked(client, "POST", f"{_path(name)}/secret", {"overlap_s": overlap_s}))["secret"])


async def test_target(client: HubClient, name: str) -> dict[str, Any]:
    """Have a test notice sent now, once, and return its delivery."""
    return await asked(client, "POST", f"{_path(name)}/test")


async def deliveries(client: HubClient, **wanted: Any) -> AsyncIterator[dict[str, Any]]:
    """Yield deliveries, newest first, page by page; `wanted` may name state, target, alert."""
    async for each in client.listed("/api/v1/deliveries", "deliveries", **wanted):
        yield each


def _path(name: str) -> str:
    return f"/api/v1/targets/{quote(name, safe='')}"
