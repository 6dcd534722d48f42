"""The HTTP app: the API under /api/v1, the page, health and metrics, with one shape for every refusal.

Owns what all routes share: errors, security headers, the parts of the hub. Routes are in the files beside it. Opens no socket; the
door runs it. main.py makes it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from devices.wire.fields import shown
from hub.auth import Account, Auth
from hub.core.closed import ClosedAnswers
from hub.core.commands import CommandDesk
from hub.core.dashboards import Dashboards
from hub.core.entities import Entities
from hub.core.errors import Refusal, TooOften
from hub.core.provisioning import Provisioning
from hub.core.registry import Registry
from hub.core.shadows import Shadows
from hub.ports import HistoryStore, StoreRefused, StoreUnavailable
from hub.sessions.latest import JournalTail
from hub.web.access import Access, Action, is_loopback
from hub.web.account import account_routes
from hub.web.audit import audit_routes
from hub.web.backup import Backup, backup_routes
from hub.web.connections import connection_routes
from hub.web.dashboards import dashboard_routes
from hub.web.devices import device_routes
from hub.web.docs import docs_routes
from hub.web.envelope import NOT_KEPT, SECURITY, Envelope, Refused, refusal_answer
from hub.web.erasing import Eraser, JournalEnd
from hub.web.exchange import exchange_routes
from hub.web.history import history_routes
from hub.web.importing import Importer
from hub.web.json_bodies import JsonBodies
from hub.web.latest import latest_routes
from hub.web.login import login_routes
from hub.web.losses import JournalReader
from hub.web.openapi.convention import refuses, text_content
from hub.web.openapi.document import describer, methods_of
from hub.web.page import Files, page_routes
from hub.web.provisioning import provisioning_routes
from hub.web.rules import Rules, rule_routes
from hub.web.shadow import shadow_routes
from hub.web.shapes.hub import Health, Readiness
from hub.web.silences import Silences, silence_routes
from hub.web.store import StoreFacts, store_routes
from hub.web.targets import Targets, target_routes
from hub.web.traffic import OpenConnections
from hub.web.users import user_routes
from hub.web.ways.routes import Ways

_log: Final = structlog.get_logger(__name__)
_PATHS: Final = "GET /api/v1/openapi.json lists paths and methods"
_OF_STATUS: Final = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "1"}, 503: {"Retry-After": "1"}}
_HTTP: Final = {400: ("bad_request", "send JSON in UTF-8"), 404: ("not_found", _PATHS)}
_METRICS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/plain": text_content("tributary_readings_total 4711.0\n")}},
    **refuses(
        not_logged_in=401,
        wrong_token=401,
        not_allowed=403,
        out_of_reach=403,
        too_many_tries=429,
        unknown_parameter=422,
        store_unavailable=503,
    ),
}
_LOCAL: Final[dict[str, Any]] = {"security": [{}, {"bearer": []}, {"cookie": []}]}


class Journaled(JournalReader, JournalEnd, JournalTail, Protocol):
    """What of the journal HTTP reads."""


@dataclass(frozen=True, slots=True)
class ApiParts:
    """The parts of the hub that HTTP reaches."""

    registry: Registry
    desk: CommandDesk
    shadows: Shadows
    history: HistoryStore
    journal: Journaled
    entities: Entities
    auth: Auth
    metrics_text: Callable[[], bytes]
    ready: Callable[[], Sequence[str]]  # why not; empty: ready
    hub: Callable[[], dict[str, Any]]
    base_url: Callable[[], str]
    static_folder: Path
    csp: str
    open_connections: OpenConnections = field(default_factory=OpenConnections)
    refused: Callable[[str], None] = lambda code: None  # told of each refusal
    allowed_origins: tuple[str, ...] = ()
    closed: ClosedAnswers = field(default_factory=ClosedAnswers)  # who writes to the history tells it
    store: StoreFacts = field(default_factory=StoreFacts)
    backup: Backup | None = None  # None: there is no such route
    importer: Importer | None = None  # None: there is no such route
    ways: Ways | None = None  # None: there is no such route
    rules: Rules | None = None  # None: there is no such route
    account: Account | None = None  # None: there is no such route
    provisioning: Provisioning | None = None  # None: there is no such route
    targets: Targets | None = None  # None: there is no such route
    silences: Silences | None = None  # None: there is no such route
    dashboards: Dashboards | None = None  # None: there is no such route


def make_app(parts: ApiParts) -> FastAPI:
    """Return the ASGI app."""
    app = FastAPI(
        title="Tributary",
        docs_url=None,  # they would load their scripts from elsewhere
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        responses={"default": {"model": Refused, "description": "A refusal"}},  # for the model; document.py says which
    )
    access = Access(parts.auth, parts.registry.members, parts.allowed_origins)
    eraser = Eraser(parts.registry, parts.journal, parts.history, parts.closed)
    app.include_router(device_routes(parts.registry, parts.desk, access, parts.journal, parts.hub, eraser))
    app.include_router(shadow_routes(parts.shadows, access))
    app.include_router(history_routes(parts.history, parts.registry, access, parts.closed, parts.store.figures))
    app.include_router(latest_routes(parts.journal, parts.history, parts.registry, access))
    app.include_router(store_routes(parts.history, parts.entities, access, parts.store))
    app.include_router(exchange_routes(parts.history, parts.registry, access, parts.importer))
    _include_optional(app, parts, access)
    app.include_router(connection_routes(parts.registry, parts.open_connections, access))
    app.include_router(user_routes(access))
    app.include_router(audit_routes(access))
    if parts.account is not None:
        app.include_router(account_routes(access, parts.account, parts.base_url))
    if parts.provisioning is not None:
        app.include_router(provisioning_routes(parts.provisioning, access))
    if parts.ways is not None:
        app.include_router(parts.ways.routes(access))
    files = Files(parts.static_folder)
    app.include_router(page_routes(access, files))
    app.include_router(docs_routes(lambda: app.openapi(), files))
    app.include_router(login_routes(access, parts.base_url, files))
    _add_health(app, parts, access)
    _add_errors(app, parts.refused)
    app.add_middleware(JsonBodies, refused=parts.refused)
    app.add_middleware(Envelope, csp=parts.csp)
    app.openapi = describer(app, parts.auth.cookie)  # type: ignore[method-assign]
    return app


def _include_optional(app: FastAPI, parts: ApiParts, access: Access) -> None:
    if parts.backup is not None:
        app.include_router(backup_routes(access, parts.backup))
    if parts.rules is not None:
        app.include_router(rule_routes(parts.rules, access))
    if parts.silences is not None:
        app.include_router(silence_routes(parts.silences, access))
    if parts.targets is not None:
        app.include_router(target_routes(parts.targets, access))
    if parts.dashboards is not None:
        app.include_router(dashboard_routes(parts.dashboards, access))


def _add_health(app: FastAPI, parts: ApiParts, access: Access) -> None:
    may_read = access.may(Action.READ)

    @app.get("/healthz", response_model=Health)
    async def healthz() -> Response:
        """Answer while the process serves."""
        return JSONResponse({"status": "ok"})

    @app.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness, "description": "Not ready; the reasons"}})
    async def readyz() -> JSONResponse:
        """Say whether new connections are welcome, and why not."""
        reasons = list(parts.ready())
        return JSONResponse({"reasons": reasons}, 503 if reasons else 200)

    @app.get("/metrics", response_class=Response, responses=_METRICS, openapi_extra=_LOCAL)
    async def metrics(request: Request) -> Response:
        """Return the figures for Prometheus, to who is logged in or asks from this machine."""
        if not is_loopback(request):
            await may_read(request)
        return Response(parts.metrics_text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _add_errors(app: FastAPI, refused: Callable[[str], None]) -> None:
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
