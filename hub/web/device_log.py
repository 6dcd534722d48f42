"""The route of what a device logs, newest first, page by page, from a level on.

Owns the parameters; core's DeviceLog has the lines. Made into the app by api.py.
"""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Response

from hub.core.errors import Refusal
from hub.core.registry import Registry
from hub.web.access import Access, Action
from hub.web.envelope import Answer
from hub.web.openapi.convention import refuses
from hub.web.openapi.parameters import DEFAULT_PAGE, DeviceName
from hub.web.shapes.device_log import LogLines

MAX_LINES: Final = 500
_After = Annotated[
    int | None, Query(ge=1, lt=2**63, description="Go on after the line with this number, the `next` of the page before", examples=[17])
]
_Level = Annotated[
    Literal["debug", "info", "warning", "error"], Query(description="Only lines of this level and worse", examples=["warning"])
]
_Limit = Annotated[int, Query(ge=1, le=MAX_LINES, description="The most lines to return", examples=[100])]


def device_log_routes(registry: Registry, access: Access) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/api/v1")

    @router.get(
        "/devices/{name}/log", response_model=LogLines, responses=refuses(no_device=404), dependencies=[Depends(access.may(Action.READ))]
    )
    async def log(name: DeviceName, after: _After = None, level: _Level = "debug", limit: _Limit = DEFAULT_PAGE) -> Response:
        """Return what the device logs, newest first, all of it or from a level on. The newest 500 lines of each device are kept."""
        if registry.record(name) is None:
            raise Refusal("no_device", f"no device is called {name[:64]!r}", "see: tributary device list", 404)
        lines, more = await registry.log.page(name, level, after, limit)
        return Answer({"lines": lines, "next": more})

    return router
