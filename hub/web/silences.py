"""Routes of silences.

Owns their bodies; the desk of silences decides. Made into the app by api.py.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Body, Depends, Response
from pydantic import BaseModel, ConfigDict

from hub.auth import Principal
from hub.web.access import Access, Action
from hub.web.envelope import Answer

_EXAMPLE: Final[Any] = {"where": "floor=2", "for_s": 7200, "reason": "the pumps are being replaced"}


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

    @router.get("/silences", dependencies=[Depends(access.may(Action.READ))])
    async def all_silences() -> Response:
        """Return every silence, newest first; those that are over for a week."""
        return Answer({"silences": silences.silences()})

    @router.post("/silences", status_code=201)
    async def put(body: Annotated[NewSilence, Body()], by: operator) -> Response:
        """Make a silence: alerts that it means are raised and shown, and told to nobody."""
        return Answer(await silences.put_silence(body.model_dump(), by.name), 201)

    @router.delete("/silences/{silence_id}", status_code=204)
    async def lift(silence_id: str, by: operator) -> Response:
        """End a silence now; alerts that opened under it and are still open are told."""
        await silences.lift(silence_id, by.name)
        return Response(status_code=204)

    return router
