"""Routes of viewers without a WebSocket: long polling and server-sent events, with the messages of docs/protocol.md part B.

Owns the form of their requests; the viewer session behind the link is the socket's. Made into the app by api.py.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from devices.link import ServerLink
from devices.wire.limits import MAX_MESSAGE_BYTES
from hub.auth import Principal
from hub.core.errors import Refusal
from hub.web.access import Access, Action, address_of
from hub.web.envelope import Answer
from hub.web.openapi.convention import refuses, text_content
from hub.web.openapi.parameters import After, SessionId
from hub.web.shapes.live import Begun, Fetched
from hub.web.ways.answers import GATHER_S, POLL_S, EventStream, LaterAnswer
from hub.web.ways.link import FetchedLink
from hub.web.ways.sessions import ABSENT_S, Sessions

MAX_MESSAGES: Final = 32
_SAID: Final = refuses(no_session=404, session_over=409, too_large=413, busy=429)
_STREAM: Final = {"text/event-stream": text_content('data: {"op": "hello", "time_us": 1795248000000000}\n\n')}
_EVENTS: Final = {200: {"description": "The stream, until the session ends", "content": _STREAM}, **refuses(no_session=404)}
ServeViewer = Callable[[Principal, ServerLink, str], Awaitable[None]]


class Said(BaseModel):
    """What a viewer says: messages as they would go over the socket."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"messages": [{"op": "subscribe", "id": "a", "devices": ["*"]}]}]}
    )
    messages: list[dict[str, Any]] = Field(default_factory=list, max_length=MAX_MESSAGES)


def viewer_routes(access: Access, sessions: Sessions, serve: ServeViewer) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1/live")
    may_watch = access.may(Action.SEE, narrows=True)  # the session does

    @router.post("", status_code=201, response_model=Begun, responses=refuses(too_large=413, too_many_sessions=429, busy=503))
    async def begin(said: Said, request: Request, principal: Annotated[Principal, Depends(may_watch)]) -> Response:
        """Begin a session; its id is a secret of this login. The messages are taken as if they came next."""
        texts = _texts(said)
        name, link = sessions.open(_owner(principal), address_of(request), lambda link: serve(principal, link, "json"))
        _deliver(link, texts)
        return Answer({"session": name, "poll_s": POLL_S, "absent_s": ABSENT_S}, 201)

    @router.post("/{session}", status_code=204, responses=_SAID)
    async def say(session: SessionId, said: Said, principal: Annotated[Principal, Depends(may_watch)]) -> Response:
        """Say something in a session: subscribe, unsubscribe, drawn."""
        with sessions.find(session, _owner(principal)) as link:
            _deliver(link, _texts(said))
        return Response(status_code=204)

    @router.get("/{session}", response_model=Fetched, responses=refuses(no_session=404, bad_after=422))
    async def poll(session: SessionId, principal: Annotated[Principal, Depends(may_watch)], after: After = 0) -> Response:
        """Return what the hub has said since `after`, the `next` of the answer before (which it takes as drawn); wait for it up to 30 s."""
        link = sessions.find(session, _owner(principal))
        gone = link.confirm(after)
        if link.end is None:
            _deliver(link, _drawn(gone))
        return LaterAnswer(lambda: _fetched(link))

    @router.get("/{session}/events", response_class=Response, responses=_EVENTS)
    async def events(session: SessionId, principal: Annotated[Principal, Depends(may_watch)]) -> Response:
        """Stream what the hub says as server-sent events; the session ends with the stream."""
        return EventStream(sessions.find(session, _owner(principal)), lambda: sessions.end(session))

    @router.delete("/{session}", status_code=204, responses=refuses(no_session=404))
    async def end(session: SessionId, principal: Annotated[Principal, Depends(may_watch)]) -> Response:
        """End a session."""
        sessions.find(session, _owner(principal))
        sessions.end(session)
        return Response(status_code=204)

    return router


def _owner(principal: Principal) -> tuple[str, bytes | None]:
    return principal.name, principal.login


def _texts(said: Said) -> list[str]:
    """Return messages as the session takes them. Raises Refusal 413."""
    texts = [json.dumps(message) for message in said.messages]
    if any(len(text) > MAX_MESSAGE_BYTES for text in texts):
        raise Refusal("too_large", f"a message is over the limit of {MAX_MESSAGE_BYTES:,} bytes", "ask for less at once", 413)
    return texts


def _deliver(link: FetchedLink, texts: Sequence[str]) -> None:
    for text in texts:
        link.deliver(text)


def _drawn(gone: Sequence[bytes | str]) -> list[str]:
    """Return the reports of what a poller has: it asks for more when it has drawn that."""
    drawn: dict[str, int] = {}
    for text in gone:
        message: Mapping[str, Any] = json.loads(text)
        if message["op"] in ("snapshot", "update"):
            drawn[message["id"]] = message["n"]
    return [json.dumps({"op": "drawn", "id": name, "n": n}) for name, n in drawn.items()]


async def _fetched(link: FetchedLink) -> Response:
    with link:
        messages, last, closed, _ = await link.fetch(POLL_S, GATHER_S)
    end = "" if closed is None else f',"closed":{json.dumps({"code": closed.code, "reason": closed.reason})}'
    texts = ",".join(str(message) for message in messages)  # they are JSON
    return Response(f'{{"messages":[{texts}],"next":{last}{end}}}', media_type="application/json")
