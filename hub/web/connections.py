"""Routes of connections: those that are open, with their figures, and those that a device had; how long its frames are under way.

Owns their pages; traffic.py and the sessions count, core's history keeps what is over. Made into the app by api.py.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response

from hub.core.connections import KEPT
from hub.core.errors import Refusal
from hub.core.registry import Registry
from hub.web.access import Access, Action
from hub.web.envelope import Answer
from hub.web.openapi.convention import refuses
from hub.web.openapi.parameters import DEFAULT_PAGE, DeviceName, Limit
from hub.web.shapes import connections as shapes
from hub.web.traffic import OpenConnections

_Kind = Annotated[Literal["device", "viewer"] | None, Query(description="Only of this kind", examples=["device"])]
_After = Annotated[int | None, Query(ge=0, lt=2**63, description="Go on after this, the `next` of the page before", examples=[7])]
_Kept = Annotated[int, Query(ge=1, le=KEPT, description="The most connections to return", examples=[10])]


FirstHop = Callable[[str], dict[str, Any] | None]  # of a device; None while it is not connected


def connection_routes(registry: Registry, connections: OpenConnections, first_hop: FirstHop, access: Access) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1")
    may_see = Depends(access.may(Action.CONNECTIONS))

    @router.get("/connections", dependencies=[may_see], response_model=shapes.OpenConnections)
    async def counted(kind: _Kind = None, after: _After = None, limit: Limit = DEFAULT_PAGE) -> Response:
        """Return the open WebSockets, oldest first: whose, since when, bytes, frames, round trip, what waits, credit in use."""
        items, more = connections.page(after or 0, limit, kind)
        return Answer({"connections": items, "next": more})

    @router.get(
        "/devices/{name}/connections", dependencies=[may_see], response_model=shapes.PastConnections, responses=refuses(no_device=404)
    )
    async def past(name: DeviceName, after: _After = None, limit: _Kept = KEPT) -> Response:
        """Return the connections of a device, newest first: when, from where, how each ended. The newest 100 are kept."""
        if registry.record(name) is None:
            raise Refusal("no_device", f"no device is called {name[:64]!r}", "see: tributary device list", 404)
        items, more = await registry.connections.page(name, after, limit)
        return Answer({"connections": items, "next": more})

    @router.get(
        "/devices/{name}/latency",
        dependencies=[Depends(access.may(Action.READ))],
        response_model=shapes.DeviceLatency,
        responses=refuses(no_device=404),
    )
    async def latency(name: DeviceName) -> Response:
        """Return how long a device's frames are under way to the hub, and how far its clock is off; null while it is not connected."""
        if registry.record(name) is None:
            raise Refusal("no_device", f"no device is called {name[:64]!r}", "see: tributary device list", 404)
        return Answer({"device_to_hub": first_hop(name)})

    return router
