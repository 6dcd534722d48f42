"""Routes of connections: those that are open, with their figures, and those that a device had.

Owns their pages; traffic.py and the sessions count, core's history keeps what is over. Made into the app by api.py.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from hub.core.connections import KEPT
from hub.core.errors import Refusal
from hub.core.registry import Registry
from hub.web.access import Access, Action
from hub.web.envelope import Answer
from hub.web.traffic import OpenConnections

_PAST = {"came_us": 1_700_000_000_000_000, "remote": "10.0.0.9:40000", "left_us": 1_700_000_060_000_000, "lasted_s": 60.0, "code": 4001}
_PAST_EXAMPLE: Any = {"connections": [_PAST | {"reason": "2 pings were not answered"}], "next": None}
_OPEN = {"id": 7, "kind": "device", "who": "pump-7", "remote": "10.0.0.9:40000", "age_s": 61.5, "round_trip_s": 0.004}
_COUNTS = {"received_bytes": 71_000, "received_frames": 620, "sent_bytes": 9_000, "sent_frames": 610}
_OPEN_EXAMPLE: Any = {"connections": [_OPEN | _COUNTS], "next": None}


class PastConnections(BaseModel):
    """Connections that a device had, newest first; one without `left_us` is there still. `next`: the `after` of the next page."""

    model_config = {"json_schema_extra": {"example": _PAST_EXAMPLE}}
    connections: list[dict[str, Any]]
    next: int | None


class CountedConnections(BaseModel):
    """Connections that are open, oldest first, with what went over each. `next`: the `after` of the next page."""

    model_config = {"json_schema_extra": {"example": _OPEN_EXAMPLE}}
    connections: list[dict[str, Any]]
    next: int | None


def connection_routes(registry: Registry, connections: OpenConnections, access: Access) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1")
    may_see = Depends(access.may(Action.CONNECTIONS))

    @router.get("/connections", dependencies=[may_see], response_model=CountedConnections)
    async def counted(
        kind: Literal["device", "viewer"] | None = None,
        after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> Response:
        """Return the open WebSockets, oldest first: whose, since when, bytes, frames, round trip, what waits, credit in use."""
        items, more = connections.page(after, limit, kind)
        return Answer({"connections": items, "next": more})

    @router.get("/devices/{name}/connections", dependencies=[may_see], response_model=PastConnections)
    async def past(
        name: str, after: Annotated[int | None, Query(ge=0, lt=2**63)] = None, limit: Annotated[int, Query(ge=1, le=KEPT)] = KEPT
    ) -> Response:
        """Return the connections of a device, newest first: when, from where, how each ended. The newest 100 are kept."""
        if registry.record(name) is None:
            raise Refusal("no_device", f"no device is called {name[:64]!r}", "see: tributary device list", 404)
        items, more = await registry.connections.page(name, after, limit)
        return Answer({"connections": items, "next": more})

    return router
