"""What every answer of the app wears: its JSON, its security headers, and how HEAD is answered.

Owns nothing of what is said. Used by api.py and the routes beside it.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, TypeAdapter

from hub.web.refusals import SECURITY

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Message, Receive, Send], Awaitable[None]]

NOT_KEPT: Final = {"Cache-Control": "no-store"}
LOGIN_PATH: Final = "/login"
_JSON: Final = TypeAdapter[Any](Any, config=ConfigDict(ser_json_inf_nan="null", ser_json_bytes="base64"))


class Refused(BaseModel):
    """The one shape of a refusal, as the API describes itself."""

    code: str
    message: str
    hint: str


class Answer(JSONResponse):
    """JSON of what devices say as well: NaN and infinities become null, bytes base64url text."""

    def render(self, content: Any) -> bytes:
        """Write the content."""
        return _JSON.dump_json(content)


def refusal_answer(status: int, code: str, message: str, hint: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return the one shape of a refusal. Text that is no Unicode, which JSON can spell, comes back with question marks."""
    told = {"code": code, "message": message, "hint": hint}
    return JSONResponse({key: text.encode(errors="replace").decode() for key, text in told.items()}, status, headers=headers)


class Envelope:
    """The middleware that puts headers on each answer, and answers HEAD as GET, whose body the server keeps back.

    Only the login link tells them apart, and must: GET uses it up.
    """

    def __init__(self, app: ASGIApp, csp: str) -> None:
        self._app = app
        self._headers = [(name.lower().encode(), value.encode()) for name, value in SECURITY.items()]
        self._defaults = [(b"content-security-policy", csp.encode()), (b"cache-control", b"no-store")]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [(bytes(name).lower(), bytes(value)) for name, value in message.get("headers", ())]
                names = {name for name, _ in headers}
                headers += [*self._headers, *(each for each in self._defaults if each[0] not in names)]
                message = {**message, "headers": headers}
            await send(message)

        is_head = scope["method"] == "HEAD" and scope["path"] != LOGIN_PATH
        await self._app({**scope, "method": "GET"} if is_head else scope, receive, send_dressed)
