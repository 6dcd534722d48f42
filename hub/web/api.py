"""The HTTP app: the API under /api/v1, the page, health and metrics, with one shape for every refusal.

Owns what all routes share: errors, security headers, the parts of the hub. Routes are in the files beside it. Opens no socket; the
door runs it. main.py makes it.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException

from hub.auth import Auth
from hub.core.commands import CommandDesk
from hub.core.entities import Entities
from hub.core.errors import Refusal
from hub.core.registry import Registry
from hub.ports import HistoryStore, StoreUnavailable
from hub.web.access import is_loopback
from hub.web.devices import device_routes
from hub.web.history import history_routes
from hub.web.losses import JournalReader
from hub.web.page import page_routes

_HINTS: Final = {404: "see docs/operating.md for the paths", 405: "use another method"}


@dataclass(frozen=True, slots=True)
class ApiParts:
    """The parts of the hub that HTTP reaches."""

    registry: Registry
    desk: CommandDesk
    history: HistoryStore
    journal: JournalReader
    entities: Entities
    auth: Auth
    metrics_text: Callable[[], bytes]
    ready: Callable[[], Sequence[str]]  # why not; empty: ready
    hub: Callable[[], dict[str, Any]]
    base_url: Callable[[], str]
    static_folder: Path
    csp: str


def make_app(parts: ApiParts) -> FastAPI:
    """Return the ASGI app."""
    app = FastAPI(title="Tributary", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json", redirect_slashes=False)
    app.include_router(device_routes(parts.registry, parts.desk, parts.auth, parts.journal, parts.hub))
    app.include_router(history_routes(parts.history, parts.auth))
    app.include_router(page_routes(parts.auth, parts.base_url, parts.static_folder))
    _add_health(app, parts)
    _add_errors(app)
    _add_headers(app, parts.csp)
    return app


def _add_health(app: FastAPI, parts: ApiParts) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Answer while the process serves."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        """Say whether new connections are welcome, and why not."""
        reasons = list(parts.ready())
        return JSONResponse({"reasons": reasons}, 503 if reasons else 200)

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics(request: Request) -> Response:
        """Return the figures for Prometheus, to who is logged in or asks from this machine."""
        if not is_loopback(request) and await parts.auth.principal(request.headers) is None:
            raise Refusal("not_logged_in", "metrics need a login from other machines", "send Authorization: Bearer", 401)
        return Response(parts.metrics_text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _add_errors(app: FastAPI) -> None:
    def say(status: int, code: str, message: str, hint: str, headers: dict[str, str] | None = None) -> JSONResponse:
        return JSONResponse({"code": code, "message": message, "hint": hint}, status, headers=headers)

    @app.exception_handler(Refusal)
    async def refusal(request: Request, error: Refusal) -> JSONResponse:
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
        return say(error.status, error.code, error.message, error.hint, headers)

    @app.exception_handler(StoreUnavailable)
    async def unavailable(request: Request, error: StoreUnavailable) -> JSONResponse:
        return say(503, "store_unavailable", str(error), "try again; the hub's log says more", {"Retry-After": "1"})

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path")) or "the body"
        return say(422, "bad_request", f"{where}: {first['msg']}", f"correct {where}")

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        code = {404: "not_found", 405: "bad_method"}.get(error.status_code, "bad_request")
        said = f"{request.method} {request.url.path}: {error.detail}"
        return say(error.status_code, code, said, _HINTS.get(error.status_code, ""), dict(error.headers or {}))


def _add_headers(app: FastAPI, csp: str) -> None:
    @app.middleware("http")
    async def headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers.setdefault("Content-Security-Policy", csp)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers.setdefault("Cache-Control", "no-store")
        return response
