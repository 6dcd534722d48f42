"""Routes of silences.

Owns their bodies; the desk of silences decides. Made into the app by api.py.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Body, Depends, Path, Response
from pydantic import BaseModel, ConfigDict

from hub.auth import Principal
from hub.web.access import Access, Action
from hub.web.envelope import Answer
from hub.web.openapi.convention import refuses
from hub.web.shapes.alerting import AllSilences, Silence

_EXAMPLE: Final[Any] = {"where": "floor=2", "for_s": 7200, "reason": "the pumps are being replaced"}
_SilenceId = Annotated[str, Path(description="Id of the silence", examples=["5c1f0c8e2b7a4d55"])]


class Silences(Protocol):
    """What the routes ask and change. Each change raises Refusal."""

    def silences(self) -> list[dict[str, Any]]:
        """Return all silences, newest first."""

    async def put_silence(self, body: Mapping[str, Any], who: str) -> dict[str, Any]:
        """Make a silence."""

    async def lift(self, id_: str, who: str) -> None:
        """End a silence now."""


class NewSilence(BaseModel):
    """A silence to make: of which alerts, from when (now), until when (until it is lifted), and why."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_EXAMPLE]})
    reason: str


def silence_routes(silences: Silences, access: Access) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1")
    operator = Annotated[Principal, Depends(access.may(Action.ALERTS))]

    @router.get("/silences", response_model=AllSilences, dependencies=[Depends(access.may(Action.READ))])
    async def all_silences() -> Response:
        """Return every silence, newest first; those that are over for a week. At most 200 can be that are not over."""
        return Answer({"silences": silences.silences()})

    @router.post(
        "/silences", status_code=201, response_model=Silence, responses=refuses(too_many_silences=409, bad_silence=422, bad_where=422)
    )
    async def put(body: Annotated[NewSilence, Body()], by: operator) -> Response:
        """Make a silence: alerts that it means are raised and shown, and told to nobody."""
        return Answer(await silences.put_silence(body.model_dump(), by.name), 201)

    @router.delete("/silences/{silence_id}", status_code=204, responses=refuses(no_silence=404))
    async def lift(silence_id: _SilenceId, by: operator) -> Response:
        """End a silence now; alerts that opened under it and are still open are told."""
        await silences.lift(silence_id, by.name)
        return Response(status_code=204)

    return router
