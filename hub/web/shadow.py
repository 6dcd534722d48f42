"""Routes of shadows: what is desired of a device, what it reports.

Owns their bodies and how a conflict is answered; core's Shadows decides. Made into the app by api.py.
"""

from collections.abc import Awaitable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from hub.auth import Principal
from hub.core.shadow import ShadowConflict
from hub.core.shadows import Shadows
from hub.web.access import Access, Action
from hub.web.envelope import Answer
from hub.web.openapi.convention import Whole, refuses
from hub.web.openapi.parameters import DeviceName
from hub.web.shapes.shadow import Conflicting, Shadow

_EXAMPLE: Final[Any] = {"version": 0, "document": {"interval_s": 5}}
_Version = Annotated[Whole, Field(ge=0, description="of the desired document that this changes; 0: none yet")]


class NewDesired(BaseModel):
    """A desired document in the place of a version of it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})
    version: _Version
    document: dict[str, Any]


class DesiredPatch(BaseModel):
    """What to change of the desired document: merged into it, null removes. With `version`, only if it is at it still."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})
    version: _Version | None = None
    document: dict[str, Any]


_SHOWN: Final = refuses(no_device=404)
_CHANGED: Final[dict[int | str, dict[str, Any]]] = {
    **refuses(no_device=404, bad_document=422, too_large=422),
    409: {**refuses(conflict=409, no_shadow=409)[409], "model": Conflicting},
}


def shadow_routes(shadows: Shadows, access: Access) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1/devices/{name}/shadow")
    writer = Annotated[Principal, Depends(access.may(Action.COMMAND))]

    @router.get("", response_model=Shadow, responses=_SHOWN, dependencies=[Depends(access.may(Action.READ))])
    async def shadow(name: DeviceName) -> Response:
        """Return what is desired of a device, what it reported, and how far these are apart."""
        return Answer(shadows.shadow(name))

    @router.put("/desired", response_model=Shadow, responses=_CHANGED)
    async def replace(name: DeviceName, new: NewDesired, by: writer) -> Response:
        """Replace the desired document, which goes to the device now or when it connects; 409 shows both where the version is another."""
        return await _answered(shadows.desire(name, new.document, new.version, by.name))

    @router.patch("/desired", response_model=Shadow, responses=_CHANGED)
    async def merge(name: DeviceName, patch: DesiredPatch, by: writer) -> Response:
        """Merge into the desired document (null removes), at any version or only at the one that is given."""
        return await _answered(shadows.desire(name, patch.document, patch.version, by.name, is_patch=True))

    return router


async def _answered(change: Awaitable[dict[str, Any]]) -> Response:
    """Return the shadow after a change, or both sides of a conflict."""
    try:
        return Answer(await change)
    except ShadowConflict as error:
        told = {"code": error.code, "message": error.message, "hint": error.hint}
        return Answer(told | {"now": dict(error.now), "sent": dict(error.sent)}, error.status)
