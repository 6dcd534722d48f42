"""Routes of devices without a WebSocket: the messages of docs/protocol.md part A, some at a time, by POST; commands by long poll.

Owns the form of their requests and answers, msgpack maps that carry whole messages as binaries; the device session behind the link is the
socket's, and so are its rules. Made into the app by routes.py.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Annotated, Any, Final

import msgpack
from fastapi import APIRouter, Depends, Request, Response

from devices.link import ServerLink
from devices.wire.limits import MAX_MESSAGE_BYTES
from hub.core.errors import Refusal
from hub.web.access import address_of, check_parameters
from hub.web.admission import AuthPort, device_by
from hub.web.openapi.convention import refuses, text_content
from hub.web.openapi.parameters import After, SessionId
from hub.web.ways.answers import POLL_S, LaterAnswer
from hub.web.ways.link import FetchedLink, over
from hub.web.ways.sessions import Sessions

MAX_MESSAGES: Final = 1_024  # of one request; the credit is far below
ANSWER_S: Final = 2.0  # for an ack, which mostly takes a tenth of that; what comes later waits for the next request
WELCOME_S: Final = 30.0
_MSGPACK: Final = "application/msgpack"
_MAP: Final = {_MSGPACK: text_content('{"messages": [binary...], "next": 3}, in msgpack')}
_SENT: Final = {_MSGPACK: text_content('{"messages": [binary...], "after": 2}, in msgpack')}
_BODY: Final = {"requestBody": {"required": True, "content": _SENT}}
_TOLD: Final = {"description": "A msgpack map: messages, next, and closed where the session has ended", "content": _MAP}
_BEGUN: Final = {
    201: {**_TOLD, "description": "A msgpack map, as of a poll, with the session's id"},
    **refuses(too_large=413, too_many_sessions=429, busy=503),
}
_SAID: Final = {200: _TOLD, **refuses(no_session=404, session_over=409, too_large=413, bad_after=422, busy=429)}
_POLLED: Final = {200: _TOLD, **refuses(no_session=404, bad_after=422)}
_FORM: Final = 'send a msgpack map {"messages": [binary...], "after": number}'
ServeDevice = Callable[[str, ServerLink], Awaitable[None]]


def device_routes(auth: AuthPort, sessions: Sessions, serve: ServeDevice, check: Callable[[str], None]) -> APIRouter:
    """Return the routes; `check` raises Refusal where no new device is let in now."""
    router = APIRouter(prefix="/api/v1/device")
    device = DeviceGate(auth)

    @router.post("", status_code=201, response_class=Response, responses=_BEGUN, openapi_extra=_BODY)
    async def begin(request: Request, name: Annotated[str, Depends(device)]) -> Response:
        """Begin a session with hello; the answer holds its id, a secret of this device, and welcome or bye."""
        check("device")
        hello = _read_hello(await request.body())
        session, link = sessions.open(("device", name), address_of(request), partial(serve, name))
        link.deliver(hello)
        return LaterAnswer(lambda: _answer(link, WELCOME_S, 0, 201, session=session))

    @router.post("/{session}", response_class=Response, responses=_SAID, openapi_extra=_BODY)
    async def say(session: SessionId, request: Request, name: Annotated[str, Depends(device)]) -> Response:
        """Take frames; the answer holds what the hub has to say, mostly their ack. What came already may come again."""
        messages, after = _read(await request.body())
        link = sessions.find(session, ("device", name))
        if messages and link.end is not None:
            raise over(link.end)
        link.confirm(after)
        heard = link.last if link.is_heard else 0  # an answer that was lost is given again at once
        for message in messages:
            link.deliver(message)
        return LaterAnswer(lambda: _answer(link, ANSWER_S if messages else 0.0, heard))

    @router.get("/{session}", response_class=Response, responses=_POLLED)
    async def poll(session: SessionId, name: Annotated[str, Depends(device)], after: After = 0) -> Response:
        """Return what the hub says, a command above all; wait for it up to 30 s."""
        link = sessions.find(session, ("device", name))
        link.confirm(after)
        return LaterAnswer(lambda: _answer(link, POLL_S, 0))

    @router.delete("/{session}", status_code=204, responses=refuses(no_session=404))
    async def end(session: SessionId, name: Annotated[str, Depends(device)]) -> Response:
        """End a session: the device is offline at once."""
        sessions.find(session, ("device", name))
        sessions.end(session)
        return Response(status_code=204)

    return router


class DeviceGate:
    """The check before a route for devices: it gives the device whose token a request has."""

    schemes = ("device",)
    roles = ()

    def __init__(self, auth: AuthPort) -> None:
        self._auth = auth

    def refuses(self) -> Iterator[tuple[str, int]]:
        """Yield what this refuses, each code with its status, for the API to describe itself."""
        yield from (("no_token", 401), ("wrong_token", 401), ("disabled", 423), ("too_many_tries", 429), ("busy", 503))

    async def __call__(self, request: Request) -> str:
        """Return the device. Raises Refusal 401, 422, 423, 429, 503."""
        name = await device_by(request.headers.get("authorization", ""), self._auth, address_of(request))
        check_parameters(request)
        return name


def _read_hello(body: bytes) -> bytes:
    """Return the one message of a request that begins a session. Raises Refusal."""
    messages, _ = _read(body)
    if len(messages) != 1:
        raise Refusal("bad_request", f"{len(messages)} messages came where hello is due, alone", _FORM, 422)
    return messages[0]


def _read(body: bytes) -> tuple[Sequence[bytes], int]:
    """Return the messages of a request and the number of the last one that the device has. Raises Refusal."""
    try:
        said = msgpack.unpackb(
            body, max_array_len=MAX_MESSAGES, max_map_len=16, max_bin_len=MAX_MESSAGE_BYTES, max_str_len=64, max_ext_len=0
        )
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise Refusal("bad_request", f"the body is not as it should be: {type(error).__name__} {error}"[:200], _FORM, 422) from None
    if not isinstance(said, dict):
        raise Refusal("bad_request", "the body is no msgpack map", _FORM, 422)
    messages, after = said.get("messages", []), said.get("after", 0)
    if not isinstance(messages, list) or not all(isinstance(each, bytes) for each in messages) or type(after) is not int:
        raise Refusal("bad_request", "`messages` is an array of binaries, and `after` a number", _FORM, 422)
    return messages, after


async def _answer(link: FetchedLink, wait_s: float, beyond: int, status: int = 200, **first: str) -> Response:
    with link:
        messages, last, closed, _ = await link.fetch(wait_s, beyond=beyond)
    said: dict[str, Any] = {**first, "messages": messages, "next": last}
    if closed is not None:
        said["closed"] = {"code": closed.code, "reason": closed.reason}
    return Response(msgpack.packb(said), status, media_type=_MSGPACK)
