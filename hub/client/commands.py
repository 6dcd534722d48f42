"""Commands of a hub from Python, beyond sending one: sent under a key, to many devices, listed, cancelled.

Owns the paths and bodies; shows nothing and decides nothing. Every function raises HubError. Used by the command line and by programs.
"""

import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import trio

from hub.client.http import HubClient

_GROUPS: Final = "/api/v1/group-commands"
_LOOK_EVERY_S: Final = 0.3


async def send_once(
    client: HubClient, device: str, name: str, args: Mapping[str, Any] | None = None, *, key: str, ttl_s: float = 30.0
) -> dict[str, Any]:
    """Send a command under an idempotency key: called again with the same, it returns the same command and sends no other one."""
    body = {"name": name, "args": dict(args or {}), "ttl_s": ttl_s}
    return await _posted(client, f"/api/v1/devices/{quote(device, safe='')}/commands", body, {"Idempotency-Key": key})


async def cancel(client: HubClient, command_id: str) -> dict[str, Any]:
    """Cancel a command: `answer` is cancelled, too_late, or asked while its device has not answered; `command` is what it is now."""
    return await _posted(client, f"/api/v1/commands/{quote(command_id, safe='')}/cancel", None, {})


def listed(client: HubClient, **wanted: Any) -> AsyncGenerator[dict[str, Any], None]:
    """Yield commands, newest first, page by page; `wanted` may name device, group, state, name and the limit of a page."""
    return _pages(client, "/api/v1/commands", "commands", wanted)


async def send_to_group(
    client: HubClient,
    name: str,
    args: Mapping[str, Any] | None = None,
    *,
    devices: Sequence[str] | None = None,
    where: str | None = None,
    ttl_s: float = 30.0,
    key: str | None = None,
    is_all_or_nothing: bool = False,
) -> dict[str, Any]:
    """Send a command to many devices, those of a list or those that a tag expression means now; return the group.

    `refusals` names the devices that cannot take it. Called again with the same key it returns the same group and commands nobody again.
    """
    body = {"name": name, "args": dict(args or {}), "ttl_s": ttl_s, "all_or_nothing": is_all_or_nothing}
    body |= {"where": where} if devices is None else {"devices": list(devices)}
    return await _posted(client, _GROUPS, body, {} if key is None else {"Idempotency-Key": key})


async def group(client: HubClient, group_id: str) -> dict[str, Any]:
    """Return a group command: its tally, how many devices it has, `ended_us` once all of them have ended."""
    async with client.answered("GET", f"{_GROUPS}/{quote(group_id, safe='')}") as answer:
        said: dict[str, Any] = json.loads(await answer.aread())
    return said


def groups(client: HubClient) -> AsyncGenerator[dict[str, Any], None]:
    """Yield group commands, newest first, page by page."""
    return _pages(client, _GROUPS, "group_commands", {})


async def group_ended(
    client: HubClient, group_id: str, timeout_s: float = 60.0, on_tally: Callable[[dict[str, Any]], None] = lambda group: None
) -> dict[str, Any]:
    """Return a group command once all of it has ended, or as it is after that time; `on_tally` is told of each look on the way."""
    with trio.move_on_after(timeout_s):
        while True:
            found = await group(client, group_id)
            on_tally(found)
            if "ended_us" in found:
                return found
            await trio.sleep(_LOOK_EVERY_S)
    return await group(client, group_id)


async def cancel_group(client: HubClient, group_id: str) -> dict[str, Any]:
    """Cancel a group's commands: how many were `cancelled`, are `asked` for at their devices, had `ended`; `group` as it is now."""
    return await _posted(client, f"{_GROUPS}/{quote(group_id, safe='')}/cancel", None, {})


async def _pages(client: HubClient, path: str, name: str, wanted: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
    params = {key: value for key, value in wanted.items() if value is not None}
    while True:
        async with client.answered("GET", path, params=params) as answer:
            page = json.loads(await answer.aread())
        for item in page[name]:
            yield item
        if page["next"] is None:
            return
        params["after"] = page["next"]


async def _posted(client: HubClient, path: str, body: Mapping[str, Any] | None, headers: dict[str, str]) -> dict[str, Any]:
    content = None if body is None else json.dumps(body).encode()
    typed = headers if body is None else headers | {"Content-Type": "application/json"}
    async with client.answered("POST", path, content=content, headers=typed) as answer:
        said: dict[str, Any] = json.loads(await answer.aread())
    return said
