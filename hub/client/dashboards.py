"""Dashboards of a hub.

Owns the paths; the hub decides. Used by the command line and by programs. Every function raises HubError.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from hub.client.http import HubClient
from hub.client.rules import asked


async def dashboards(client: HubClient, *, is_deleted: bool = False) -> list[dict[str, Any]]:
    """Return every dashboard by name, without its document; or those that were deleted in the last 30 days."""
    params = {"deleted": "true"} if is_deleted else None
    return list((await asked(client, "GET", "/api/v1/dashboards", params=params))["dashboards"])


async def dashboard(client: HubClient, name: str) -> dict[str, Any]:
    """Return one: name, version, at_us, by, and `dashboard`, its document."""
    return await asked(client, "GET", _path(name))


async def save(client: HubClient, name: str, document: Mapping[str, Any], version: int = 0) -> dict[str, Any]:
    """Put a document in the place of this version, 0: there is none yet. HubError `conflict`: it is another one now."""
    return await asked(client, "PUT", _path(name), {"version": version, "dashboard": dict(document)})


async def delete(client: HubClient, name: str) -> None:
    """Delete one; for 30 days it can be restored."""
    await asked(client, "DELETE", _path(name))


async def versions(client: HubClient, name: str) -> list[dict[str, Any]]:
    """Return the versions that are kept, newest first, also of one that was deleted."""
    return list((await asked(client, "GET", f"{_path(name)}/versions"))["versions"])


async def version(client: HubClient, name: str, number: int) -> dict[str, Any]:
    """Return a version that is kept, with its document."""
    return await asked(client, "GET", f"{_path(name)}/versions/{number}")


async def restore(client: HubClient, name: str, number: int) -> dict[str, Any]:
    """Save an older version anew, also of one that was deleted."""
    return await asked(client, "POST", f"{_path(name)}/restore", {"version": number})


async def shares(client: HubClient, name: str) -> list[dict[str, Any]]:
    """Return the links to a dashboard, newest first: id, name, by, created_us, is_good, and where there are such expires_us, used_us."""
    return list((await asked(client, "GET", f"{_path(name)}/shares"))["shares"])


async def share(client: HubClient, name: str, who: str, days: float | None = None) -> dict[str, Any]:
    """Make a link by which somebody sees a dashboard without an account, None: until it is withdrawn; its `url` is shown this once."""
    return await asked(client, "POST", f"{_path(name)}/shares", {"name": who} | ({} if days is None else {"days": days}))


async def unshare(client: HubClient, name: str, share_id: str) -> None:
    """Withdraw a link; what is open by it ends at once."""
    await asked(client, "DELETE", f"{_path(name)}/shares/{quote(share_id, safe='')}")


def _path(name: str) -> str:
    return f"/api/v1/dashboards/{quote(name, safe='')}"
