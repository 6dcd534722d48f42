"""Route of the newest readings, for programs that ask now and then.

Owns the form of question and answer, and what a program may keep; hub/sessions/latest.py finds them. Made into the app by api.py.
"""

import hashlib
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from hub.core.registry import Registry
from hub.core.selector import Selector
from hub.ports import HistoryStore
from hub.sessions.journals import JournalReader
from hub.sessions.latest import RowsOfAll, latest_readings
from hub.web.access import Access, Action
from hub.web.chosen import chosen
from hub.web.envelope import Answer
from hub.web.history import MAX_DEVICES, MAX_SERIES, is_known
from hub.web.openapi.convention import refuses
from hub.web.openapi.parameters import Where
from hub.web.shapes.readings import NewestOfAll
from hub.web.turns import Turns

_ALL: Final = "Only of these, all without; repeatable"
_UNCHANGED: Final = {304: {"description": "What If-None-Match names is still the newest"}}
_REFUSED: Final = refuses(bad_where=422, too_much=422, store_behind=503, busy=503, query_timeout=504, store_refused=502) | _UNCHANGED


def latest_routes(
    journal: JournalReader, history: HistoryStore, registry: Registry, access: Access, of_all: RowsOfAll | None = None
) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/api/v1", dependencies=[Depends(access.may(Action.READ))])
    turns = Turns()

    @router.get("/latest", response_model=NewestOfAll, responses=_REFUSED)
    async def latest(
        request: Request,
        device: Annotated[list[str], Query(max_length=MAX_DEVICES, description=_ALL, examples=[["greenhouse"]])] = [],  # noqa: B006  # FastAPI copies it
        channel: Annotated[list[str], Query(max_length=MAX_SERIES, description=_ALL, examples=[["temperature"]])] = [],  # noqa: B006
        where: Where = None,
    ) -> Response:
        """Return the newest durable reading of each channel, of all devices where none is named; `where` is a tag expression.

        The answer has an ETag: a program that asks again sends it as If-None-Match and gets 304 while nothing is newer.
        """
        selector = Selector(chosen(registry, device, where), frozenset(channel) or None)
        found = await turns.take(partial(latest_readings, journal, history, selector, of_all))
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
