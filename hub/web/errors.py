"""Every error of the app as an answer in the one shape: refusals, stores that are away, requests that cannot be read, and what is ours.

Owns which exception becomes which status and words, and what of it stays in the log alone. Knows no routes. Used by api.py.
"""

import math
from collections.abc import Callable
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from devices.wire.fields import shown
from hub.core.errors import Refusal, TooOften
from hub.ports import Conflict, StoreRefused, StoreUnavailable
from hub.web.envelope import NOT_KEPT, refusal_answer
from hub.web.openapi.document import methods_of
from hub.web.refusals import SECURITY

_log: Final = structlog.get_logger(__name__)
_PATHS: Final = "GET /api/v1/openapi.json lists paths and methods"
_OF_STATUS: Final = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "1"}, 503: {"Retry-After": "1"}}
_HTTP: Final = {400: ("bad_request", "send JSON in UTF-8"), 404: ("not_found", _PATHS)}


def add_errors(app: FastAPI, refused: Callable[[str], None]) -> None:
    """Make the app answer every error in the one shape; `refused` is told each code."""

    def told(status: int, code: str, said: str, hint: str, headers: dict[str, str] | None = None) -> JSONResponse:
        refused(code)
        return refusal_answer(status, code, said, hint, headers)

    @app.exception_handler(Refusal)
    async def refusal(request: Request, error: Refusal) -> JSONResponse:
        headers = {"Retry-After": str(error.wait_s)} if isinstance(error, TooOften) else _OF_STATUS.get(error.status)
        return told(error.status, error.code, error.message, error.hint, headers)

    @app.exception_handler(StoreUnavailable)
    async def unavailable(request: Request, error: StoreUnavailable) -> JSONResponse:
        # The reason names files of this machine, and may answer somebody who is not logged in.
        _log.warning("request_not_served", method=request.method, path=request.scope["path"][:200], reason=str(error))
        said, hint = "a store of the hub cannot answer now", "try again; the hub's log says why"
        wait_s = max(1, math.ceil(error.retry_after_s))
        return told(503, "store_unavailable", said, hint, {"Retry-After": str(wait_s)})

    @app.exception_handler(StoreRefused)
    async def refused_by_store(request: Request, error: StoreRefused) -> JSONResponse:
        _log.error("request_refused_by_store", method=request.method, path=request.scope["path"][:200], reason=str(error))
        said, hint = "the hub's history store refuses this", "ask for less; the hub's log has the store's own words"
        return told(502, "store_refused", said, hint)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        if isinstance(error.body, bytes) and error.body:
            kind = request.headers.get("content-type", "(nothing)")[:60]
            said = f"the body is {kind}, and JSON is due"
            return told(415, "bad_content_type", said, "send Content-Type: application/json")
        return told(422, "bad_request", *_wrong(error.errors()[0]))

    _add_http_errors(app, told)

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        """Answer for an error of ours, which goes on to the door's barrier and its log. No middleware is above this."""
        return told(500, "internal", "the hub could not answer: an error of its own", "its log says more", SECURITY | NOT_KEPT)


def _add_http_errors(app: FastAPI, told: Callable[..., Response]) -> None:
    @app.exception_handler(Conflict)
    async def changed_meanwhile(request: Request, error: Conflict) -> Response:
        """Answer for a part that has no better words of its own for what another node, or somebody else, has changed first."""
        return told(
            409, "conflict", f"{error.kind} {error.key[:64]} was changed through another node meanwhile", "read it again, then change it"
        )

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:
            allowed = {"Allow": ", ".join(methods_of(app, request.scope["path"]))}
            if request.method == "OPTIONS":
                return Response(status_code=204, headers=allowed)
            said = f"{request.method} {request.scope['path'][:200]}: Method Not Allowed"
            return told(405, "bad_method", said, f"it takes {allowed['Allow']}", allowed)
        code, hint = _HTTP.get(error.status_code, ("bad_request", _PATHS))
        said = f"{request.method} {request.scope['path'][:200]}: {error.detail}"
        return told(error.status_code, code, said, hint, dict(error.headers or {}))


def _wrong(error: dict[str, Any]) -> tuple[str, str]:
    """Return what is wrong with a request, with the value and the limit, and what to do."""
    where = ".".join(str(part) for part in error["loc"][1:]) or "the body"
    value = "" if error["type"] in ("missing", "extra_forbidden") else f", not {shown(error.get('input'))}"
    return f"{where}: {error['msg']}{value}", "leave it out" if error["type"] == "extra_forbidden" else f"correct {where}"
