"""Users, API tokens and the audit log of a hub.

Owns the paths; the hub decides. Used by the command line and by programs. Every function raises HubError.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from hub.client.http import HubClient
from hub.client.pages import MAX_PAGE, newest


async def users(client: HubClient) -> list[dict[str, Any]]:
    """Return every user: name, role, when added and changed."""
    return list((await _asked(client, "GET", "/api/v1/users"))["users"])


async def add_user(client: HubClient, name: str, role: str, password: str) -> dict[str, Any]:
    """Add a user."""
    return await _asked(client, "POST", "/api/v1/users", {"name": name, "role": role, "password": password})


async def set_role(client: HubClient, name: str, role: str) -> dict[str, Any]:
    """Give a user another role; their logins end."""
    return await _asked(client, "PATCH", f"/api/v1/users/{quote(name, safe='')}", {"role": role})


async def set_password(client: HubClient, name: str, password: str) -> dict[str, Any]:
    """Replace a user's password; their logins end."""
    return await _asked(client, "PATCH", f"/api/v1/users/{quote(name, safe='')}", {"password": password})


async def remove_user(client: HubClient, name: str) -> None:
    """Remove a user; their logins end."""
    await _asked(client, "DELETE", f"/api/v1/users/{quote(name, safe='')}")


async def tokens(client: HubClient) -> list[dict[str, Any]]:
    """Return every API token: name, role, who made it, when, and when it is over."""
    return list((await _asked(client, "GET", "/api/v1/tokens"))["tokens"])


async def make_token(client: HubClient, name: str, role: str, days: float, where: str = "") -> dict[str, Any]:
    """Make an API token that is good for so many days, with `where` for some devices only; its `token` is shown this once."""
    return await _asked(client, "POST", "/api/v1/tokens", {"name": name, "role": role, "days": days, "where": where})


async def revoke_token(client: HubClient, name: str) -> None:
    """Revoke an API token; what it has open is closed."""
    await _asked(client, "DELETE", f"/api/v1/tokens/{quote(name, safe='')}")


async def set_disabled(client: HubClient, name: str, *, is_disabled: bool) -> None:
    """Disable a user, whose logins and tokens are good for nothing then, or enable them again."""
    await _asked(client, "PATCH", f"/api/v1/users/{quote(name, safe='')}", {"disabled": is_disabled})


async def end_logins(client: HubClient, name: str) -> None:
    """End every login of a user, and change nothing else."""
    await _asked(client, "DELETE", f"/api/v1/users/{quote(name, safe='')}/sessions")


async def locked(client: HubClient) -> list[dict[str, Any]]:
    """Return which users and addresses must wait before another try, and for how long."""
    return list((await _asked(client, "GET", "/api/v1/locked"))["locked"])


async def unlock(client: HubClient, key: str) -> None:
    """Let a user or an address try again at once."""
    await _asked(client, "POST", "/api/v1/locked/lift", {"key": key})


async def audit(client: HubClient, limit: int, **wanted: str | int | None) -> list[dict[str, Any]]:
    """Return the newest entries of the audit log, newest first, at most `limit`; of one `who`, `action`, `what`, `since_us`, `until_us`."""
    return await newest(client.listed("/api/v1/audit", "entries", limit=min(MAX_PAGE, limit), **wanted), limit)


async def _asked(client: HubClient, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    content, headers = (None, {}) if body is None else (json.dumps(body).encode(), {"Content-Type": "application/json"})
    async with client.answered(method, path, content=content, headers=headers) as answer:
        said = await answer.aread()
    found: dict[str, Any] = json.loads(said) if said else {}
    return found
