"""Routes of single devices, commands and the hub itself; those of the fleet are fleet.py's.

Owns their bodies and limits; the registry and the command desk decide. Made into the app by api.py.
"""

from collections.abc import Callable
from typing import Annotated, Any

import msgpack
from fastapi import APIRouter, Depends, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from hub.auth import Principal
from hub.core.commands import CommandDesk
from hub.core.errors import Refusal
from hub.core.registry import Registry
from hub.web.access import Access, Action
from hub.web.envelope import Answer
from hub.web.erasing import Eraser
from hub.web.fleet import fleet_routes
from hub.web.losses import JournalReader, losses_of


def _sendable(args: dict[str, Any]) -> dict[str, Any]:
    """Refuse what JSON can spell and msgpack cannot carry: half a surrogate pair, an integer beyond 64 bits, 500 nested arrays."""
    try:
        msgpack.packb(args)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"a device cannot be sent this: {error}") from None
    return args


class NewCommand(BaseModel):
    """A command to send."""

    model_config = ConfigDict(extra="forbid")
    name: str
    args: Annotated[dict[str, Any], AfterValidator(_sendable)] = Field(default_factory=dict)
    ttl_s: float = 30.0


def device_routes(
    registry: Registry, desk: CommandDesk, access: Access, journal: JournalReader, hub: Callable[[], dict[str, Any]], eraser: Eraser
) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1")
    fleet_routes(router, registry, access, eraser)
    _read_routes(router, registry, desk, access, journal, hub)
    _command_routes(router, registry, desk, access)
    return router


def _known(registry: Registry, name: str) -> dict[str, Any]:
    item = registry.item(name)
    if item is None:
        raise Refusal("no_device", f"no device is called {name[:64]!r}", "see: tributary device list", 404)
    return item


def _read_routes(
    router: APIRouter, registry: Registry, desk: CommandDesk, access: Access, journal: JournalReader, hub: Callable[[], dict[str, Any]]
) -> None:
    may_read = Depends(access.may(Action.READ))

    @router.get("/hub", dependencies=[may_read])
    async def about_hub() -> dict[str, Any]:
        """Return name, version, journal, time, credit and counts of this hub."""
        return hub()

    @router.get("/devices/{name}", dependencies=[may_read])
    async def device(name: str) -> Response:
        """Return one device."""
        return Answer(_known(registry, name))

    @router.get("/devices/{name}/losses", dependencies=[may_read])
    async def losses(name: str, after: Annotated[int, Query(ge=0, lt=2**63)] = 0) -> Response:
        """Return what the device declared lost and what was refused of it, as far as the journal reaches back."""
        _known(registry, name)
        return Answer(await losses_of(journal, name, after))

    @router.get("/commands", dependencies=[may_read])
    async def commands(device: str | None = None, limit: Annotated[int, Query(ge=1, le=1_000)] = 100) -> Response:
        """Return the newest commands, newest first; `truncated` where they are so large that not all that were asked for are given."""
        found = await desk.list(device, limit)
        return Answer({"commands": [desk.item(record) for record in found.records], "truncated": not found.is_whole})

    @router.get("/commands/{command_id}", dependencies=[may_read])
    async def command(command_id: str) -> Response:
        """Return one command."""
        record = await desk.get(command_id)
        if record is None:
            raise Refusal("no_command", f"no command has the id {command_id[:64]!r}", "see: GET /api/v1/commands", 404)
        return Answer(desk.item(record))


def _command_routes(router: APIRouter, registry: Registry, desk: CommandDesk, access: Access) -> None:
    @router.post("/devices/{name}/commands", status_code=202)
    async def send(name: str, new: NewCommand, by: Annotated[Principal, Depends(access.may(Action.COMMAND))]) -> Response:
        """Send a command to a connected device; its result comes later, under its id."""
        _known(registry, name)
        return Answer(desk.item(await desk.create(name, new.name, new.args, new.ttl_s, by.name)), 202)
