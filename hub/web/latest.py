"""Route of the newest readings, for programs that ask now and then.

Owns the form of question and answer, and what a program may keep; hub/sessions/latest.py finds them. Made into the app by api.py.
"""

import hashlib
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from hub.core.registry import Registry
from hub.core.selector import Selector
from hub.ports import HistoryStore
from hub.sessions.latest import JournalTail, latest_readings
from hub.web.access import Access, Action
from hub.web.chosen import WhereParameter, chosen
from hub.web.envelope import Answer
from hub.web.history import MAX_DEVICES, MAX_SERIES, is_known
from hub.web.turns import Turns

_NEWEST: Final[dict[str, Any]] = {
    "device": "greenhouse",
    "channel": "temperature",
    "unit": "Cel",
    "kind": "gauge",
    "t": 1_772_352_000_000_000,
    "value": 21.5,
}
_EXAMPLE: Final[Any] = {"readings": [_NEWEST]}


class Newest(BaseModel):
    """The newest reading of one channel; `t` is its time in µs since 1970."""

    device: str
    channel: str
    unit: str
    kind: str
    t: int
    value: Any


class NewestOfAll(BaseModel):
    """The newest readings, by device and channel."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})
    readings: list[Newest] = Field(max_length=MAX_SERIES)


def latest_routes(journal: JournalTail, history: HistoryStore, registry: Registry, access: Access) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/api/v1", dependencies=[Depends(access.may(Action.READ))])
    turns = Turns()

    @router.get("/latest", responses={200: {"model": NewestOfAll}, 304: {"description": "What If-None-Match names is still the newest"}})
    async def latest(
        request: Request,
        device: Annotated[list[str], Query(max_length=MAX_DEVICES)] = [],  # noqa: B006  # FastAPI copies it
        channel: Annotated[list[str], Query(max_length=MAX_SERIES)] = [],  # noqa: B006
        where: WhereParameter = None,
    ) -> Response:
        """Return the newest durable reading of each channel, of all devices where none is named; `where` is a tag expression.

        The answer has an ETag: a program that asks again sends it as If-None-Match and gets 304 while nothing is newer.
        """
        selector = Selector(chosen(registry, device, where), frozenset(channel) or None)
        found = await turns.take(partial(latest_readings, journal, history, selector))
        said = [
            {**series._asdict(), "kind": series.kind.value, "t": reading.t_ns // 1_000, "value": reading.value}
            for series, reading in found.items()
        ]
        body = bytes(Answer({"readings": said}).body)
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if is_known(tag, request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)

    return router
