"""Rules and alerts of a hub.

Owns the paths; the hub decides. Used by the command line and by programs. Every function raises HubError.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from hub.client.http import HubClient


async def rules(client: HubClient) -> list[dict[str, Any]]:
    """Return every rule."""
    return list((await asked(client, "GET", "/api/v1/rules"))["rules"])


async def put_rule(client: HubClient, name: str, fields: Mapping[str, Any], version: int | None = None) -> dict[str, Any]:
    """Make a rule of `kind` and its fields, or replace the version that is named. HubError `conflict`: it is another one now."""
    body = {**fields, "rule": name} | ({} if version is None else {"version": version})
    return await asked(client, "POST", "/api/v1/rules", body)


async def delete_rule(client: HubClient, name: str) -> None:
    """Delete a rule; its alerts are over."""
    await asked(client, "DELETE", f"/api/v1/rules/{quote(name, safe='')}")


async def alerts(client: HubClient, **wanted: Any) -> AsyncIterator[dict[str, Any]]:
    """Yield alerts, newest first, page by page; `wanted` may name state, rule, device."""
    async for alert in client.listed("/api/v1/alerts", "alerts", **wanted):
        yield alert


async def acknowledge(client: HubClient, alert_id: str) -> dict[str, Any]:
    """Note that an open alert was seen."""
    return await asked(client, "POST", f"/api/v1/alerts/{quote(alert_id, safe='')}/acknowledge")


async def acknowledge_all(client: HubClient, alert_ids: Sequence[str]) -> dict[str, Any]:
    """Note in one request that up to 1,000 alerts were seen: `alerts` that are acknowledged now, `refusals` of those that were not open."""
    return await asked(client, "POST", "/api/v1/alerts/acknowledge", {"alerts": list(alert_ids)})


async def asked(
    client: HubClient, method: str, path: str, body: Mapping[str, Any] | None = None, params: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Send a body and parameters, and return the answer's JSON, empty where there is none. Raises HubError."""
    content, headers = (None, {}) if body is None else (json.dumps(body).encode(), {"Content-Type": "application/json"})
    async with client.answered(method, path, content=content, headers=headers, params=params) as answer:
        said = await answer.aread()
    return dict(json.loads(said)) if said else {}
