"""Routes of single devices and the hub itself; those of the fleet are fleet.py's, those of commands commands.py's.

Owns their bodies and limits; the registry decides. Made into the app by api.py.
"""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from hub.core.commands import CommandDesk
from hub.core.errors import Refusal
from hub.core.registry import Registry
from hub.sessions.journals import JournalReader
from hub.web.access import Access, Action
from hub.web.commands import command_routes
from hub.web.envelope import Answer
from hub.web.erasing import Eraser
from hub.web.fleet import fleet_routes
from hub.web.group_commands import group_command_routes
from hub.web.losses import losses_of
from hub.web.openapi.convention import refuses
from hub.web.openapi.parameters import DeviceName
from hub.web.shapes.devices import Device, Losses
from hub.web.shapes.hub import Hub

_After = Annotated[
    int, Query(ge=0, lt=2**63, description="Go on after this journal position, the `next` of the page before", examples=[4_712])
]


def device_routes(
    registry: Registry, desk: CommandDesk, access: Access, journal: JournalReader, hub: Callable[[], dict[str, Any]], eraser: Eraser
) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1")
    fleet_routes(router, registry, access, eraser)
    _read_routes(router, registry, access, journal, hub)
    command_routes(router, desk, access)
    group_command_routes(router, desk.groups, access)
    return router


def _known(registry: Registry, name: str) -> dict[str, Any]:
    item = registry.item(name)
    if item is None:
        raise Refusal("no_device", f"no device is called {name[:64]!r}", "see: tributary device list", 404)
    return item


def _read_routes(router: APIRouter, registry: Registry, access: Access, journal: JournalReader, hub: Callable[[], dict[str, Any]]) -> None:
    may_read = Depends(access.may(Action.READ))

    @router.get("/hub", response_model=Hub, dependencies=[may_read])
    async def about_hub() -> Response:
        """Return name, version, journal, time, credit and counts of this hub."""
        return Answer(hub())

    @router.get("/devices/{name}", response_model=Device, responses=refuses(no_device=404), dependencies=[may_read])
    async def device(name: DeviceName) -> Response:
        """Return one device."""
        return Answer(_known(registry, name))

    @router.get("/devices/{name}/losses", response_model=Losses, responses=refuses(no_device=404), dependencies=[may_read])
    async def losses(name: DeviceName, after: _After = 0) -> Response:
        """Return what the device declared lost and what was refused of it, as far as the journal reaches back."""
        _known(registry, name)
        return Answer(await losses_of(journal, name, after))
