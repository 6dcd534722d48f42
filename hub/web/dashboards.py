"""Routes of dashboards: listed, shown, saved, deleted, their versions and how one is brought back.

Owns their bodies and how a conflict is answered; core's Dashboards decides. Made into the app by api.py.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from hub.auth import Principal
from hub.core.dashboards import DashboardConflict, Dashboards
from hub.web.access import Access, Action
from hub.web.envelope import Answer
from hub.web.openapi.convention import Whole, refuses
from hub.web.shapes.dashboards import DOCUMENT, AllDashboards, ConflictingDashboard, Dashboard, DashboardVersions

_EXAMPLE: Final[Any] = {"version": 0, "dashboard": DOCUMENT}
_Name = Annotated[str, Path(description="Name of the dashboard", examples=["greenhouse"])]
_Number = Annotated[int, Path(ge=1, lt=2**53, description="Number of the version", examples=[3])]
_Deleted = Annotated[bool, Query(description="Those that were deleted in the last 30 days instead", examples=[True])]
_SHOWN: Final = refuses(no_dashboard=404)
_SAVED: Final[dict[int | str, dict[str, Any]]] = {
    **refuses(no_dashboard=404, bad_name=422, bad_dashboard=422),
    409: {**refuses(conflict=409, too_many_dashboards=409)[409], "model": ConflictingDashboard},
}


class NewDocument(BaseModel):
    """A document in the place of a version of the dashboard."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})
    version: Annotated[Whole, Field(ge=0, description="of the dashboard that this changes; 0: there is none yet")]
    dashboard: dict[str, Any]


class OldVersion(BaseModel):
    """A version that is to be the present one again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"version": 3}]})
    version: Annotated[Whole, Field(ge=1)]


def dashboard_routes(dashboards: Dashboards, access: Access) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1/dashboards")
    _version_routes(router, dashboards, access)
    viewer = Depends(access.may(Action.READ))
    editor = Annotated[Principal, Depends(access.may(Action.DASHBOARDS))]

    @router.get("", response_model=AllDashboards, dependencies=[viewer])
    async def every(deleted: _Deleted = False) -> Response:
        """Return every dashboard by name, without its document. There are at most 200, with the deleted ones."""
        return Answer({"dashboards": dashboards.items(is_deleted=deleted)})

    @router.get("/{name}", response_model=Dashboard, responses=_SHOWN, dependencies=[viewer])
    async def one(name: _Name) -> Response:
        """Return one dashboard with its document."""
        return Answer(await dashboards.dashboard(name))

    @router.put("/{name}", response_model=Dashboard, responses=_SAVED)
    async def save(name: _Name, new: Annotated[NewDocument, Body()], by: editor) -> Response:
        """Save a dashboard in the place of a version of it; 409 shows both where the version is another."""
        try:
            return Answer(await dashboards.save(name, new.dashboard, new.version, by.name))
        except DashboardConflict as error:
            told = {"code": error.code, "message": error.message, "hint": error.hint}
            return Answer(told | {"now": error.now, "sent": error.sent}, error.status)

    @router.delete("/{name}", status_code=204, responses=refuses(no_dashboard=404, conflict=409))
    async def delete(name: _Name, by: editor) -> Response:
        """Delete a dashboard; for 30 days each of its versions can be restored."""
        await dashboards.delete(name, by.name)
        return Response(status_code=204)

    return router


def _version_routes(router: APIRouter, dashboards: Dashboards, access: Access) -> None:
    viewer = Depends(access.may(Action.READ))
    editor = Annotated[Principal, Depends(access.may(Action.DASHBOARDS))]
    found = refuses(no_dashboard=404, no_version=404)

    @router.get("/{name}/versions", response_model=DashboardVersions, responses=_SHOWN, dependencies=[viewer])
    async def versions(name: _Name) -> Response:
        """Return the versions of a dashboard that are kept, newest first: the last 20."""
        return Answer({"versions": dashboards.versions(name)})

    @router.get("/{name}/versions/{version}", response_model=Dashboard, responses=found, dependencies=[viewer])
    async def version(name: _Name, version: _Number) -> Response:
        """Return a version of a dashboard with its document."""
        return Answer(await dashboards.version(name, version))

    @router.post("/{name}/restore", response_model=Dashboard, responses=found | refuses(conflict=409))
    async def restore(name: _Name, old: Annotated[OldVersion, Body()], by: editor) -> Response:
        """Save an older version anew as the present one, also of a dashboard that was deleted."""
        return Answer(await dashboards.restore(name, old.version, by.name))
