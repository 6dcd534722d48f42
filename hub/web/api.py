"""The HTTP app: the API under /api/v1, the page, health and metrics, with one shape for every refusal.

Owns what all routes share: security headers, the parts of the hub. Errors are errors.py's, routes are in the files beside it. Opens no
socket; the door runs it. main.py makes it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from hub.auth import Account, Auth
from hub.core.closed import ClosedAnswers
from hub.core.commands import CommandDesk
from hub.core.dashboards import Dashboards
from hub.core.entities import Entities
from hub.core.provisioning import Provisioning
from hub.core.reach import Reaches
from hub.core.registry import Registry
from hub.core.shadows import Shadows
from hub.core.shares import Shares
from hub.ports import HistoryStore
from hub.sessions.journals import JournalReader
from hub.web.access import Access, Action, is_loopback
from hub.web.account import account_routes
from hub.web.audit import audit_routes
from hub.web.backup import Backup, backup_routes
from hub.web.connections import FirstHop, connection_routes
from hub.web.dashboards import dashboard_routes
from hub.web.device_log import device_log_routes
from hub.web.devices import device_routes
from hub.web.docs import docs_routes
from hub.web.envelope import Envelope
from hub.web.erasing import Eraser, JournalEnd
from hub.web.errors import add_errors
from hub.web.exchange import exchange_routes
from hub.web.history import history_routes
from hub.web.importing import Importer
from hub.web.json_bodies import JsonBodies
from hub.web.latest import latest_routes
from hub.web.login import login_routes
from hub.web.looking_again import look_again
from hub.web.node import NodeFrames, node_routes
from hub.web.nodes import cluster_routes
from hub.web.openapi.convention import refuses, text_content
from hub.web.openapi.document import describer
from hub.web.page import Files, page_routes
from hub.web.provisioning import provisioning_routes
from hub.web.rules import Previews, Rules, rule_routes
from hub.web.shadow import shadow_routes
from hub.web.shapes.hub import Health, Readiness
from hub.web.shares import share_routes
from hub.web.silences import Silences, silence_routes
from hub.web.store import StoreFacts, store_routes
from hub.web.targets import Targets, target_routes
from hub.web.traffic import OpenConnections
from hub.web.users import user_routes
from hub.web.ways.routes import Ways

_METRICS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/plain": text_content("tributary_readings_total 4711.0\n")}},
    **refuses(
        not_logged_in=401,
        wrong_token=401,
        not_allowed=403,
        out_of_reach=403,
        too_many_tries=429,
        unknown_parameter=422,
        busy=503,
        store_unavailable=503,
    ),
}
_LOCAL: Final[dict[str, Any]] = {"security": [{}, {"bearer": []}, {"cookie": []}]}


class Journaled(JournalReader, JournalEnd, Protocol):
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
    reaches: Reaches
    metrics_text: Callable[[], bytes]
    ready: Callable[[], Sequence[str]]  # why not; empty: ready
    hub: Callable[[], dict[str, Any]]
    base_url: Callable[[], str]
    static_folder: Path
    csp: str
    open_connections: OpenConnections = field(default_factory=OpenConnections)
    refused: Callable[[str], None] = lambda code: None  # told of each refusal
    first_hop: FirstHop = lambda device: None
    allowed_origins: tuple[str, ...] = ()
    closed: ClosedAnswers = field(default_factory=ClosedAnswers)  # who writes to the history tells it
    store: StoreFacts = field(default_factory=StoreFacts)
    backup: Backup | None = None  # None: there is no such route
    importer: Importer | None = None  # None: there is no such route
    ways: Ways | None = None  # None: there is no such route
    rules: Rules | None = None  # None: there is no such route
    preview: Previews | None = None  # None: there is no such route
    account: Account | None = None  # None: there is no such route
    provisioning: Provisioning | None = None  # None: there is no such route
    targets: Targets | None = None  # None: there is no such route
    silences: Silences | None = None  # None: there is no such route
    dashboards: Dashboards | None = None  # None: there is no such route
    shares: Shares | None = None  # None: there is no such route
    node: NodeFrames | None = None  # None: there is no such route
    nodes: Callable[[], Mapping[str, Any]] | None = None  # None: there is no such route
    catch_up: Callable[[], Awaitable[bool]] | None = None  # with other nodes; None: there is none


def make_app(parts: ApiParts) -> FastAPI:
    """Return the ASGI app."""
    app = FastAPI(
        title="Tributary",
        docs_url=None,  # they would load their scripts from elsewhere
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    access = Access(parts.auth, parts.reaches, parts.allowed_origins)
    eraser = Eraser(parts.registry, parts.journal, parts.history, parts.closed)
    _add(app, device_routes(parts.registry, parts.desk, access, parts.journal, parts.hub, eraser))
    _add(app, device_log_routes(parts.registry, access))
    _add(app, shadow_routes(parts.shadows, access))
    _add(app, history_routes(parts.history, parts.registry, access, parts.closed, parts.store.figures))
    _add(app, latest_routes(parts.journal, parts.history, parts.registry, access, parts.node and parts.node.rows))
    _add(app, store_routes(parts.history, parts.entities, access, parts.store))
    _add(app, exchange_routes(parts.history, parts.registry, access, parts.importer))
    _include_optional(app, parts, access)
    _add(app, connection_routes(parts.registry, parts.open_connections, parts.first_hop, access))
    _add(app, user_routes(access))
    _add(app, audit_routes(access))
    if parts.account is not None:
        _add(app, account_routes(access, parts.account, parts.base_url))
    if parts.ways is not None:
        _add(app, parts.ways.routes(access))
    files = Files(parts.static_folder)
    _add(app, page_routes(access, files))
    _add(app, docs_routes(lambda: app.openapi(), files))
    _add(app, login_routes(access, parts.base_url, files))
    _add_health(app, parts, access)
    if parts.catch_up is not None:
        look_again(app, parts.catch_up)
    add_errors(app, parts.refused)
    app.add_middleware(JsonBodies, refused=parts.refused)
    app.add_middleware(Envelope, csp=parts.csp)
    if parts.ways is not None:
        parts.ways.stand_round(app, parts.refused)  # outside of the envelope: an answer of another node is in one
    app.openapi = describer(app, parts.auth.cookie)  # type: ignore[method-assign]
    return app


def _add(app: FastAPI, router: APIRouter) -> None:
    """Add routes as they are: FastAPI's include_router would make each of them again, at the first request, and be slower at every one."""
    app.router.routes.extend(router.routes)


def _include_optional(app: FastAPI, parts: ApiParts, access: Access) -> None:
    if parts.nodes is not None:
        _add(app, cluster_routes(parts.nodes, access))
    if parts.backup is not None:
        _add(app, backup_routes(access, parts.backup))
    if parts.rules is not None:
        _add(app, rule_routes(parts.rules, access, parts.preview))
    if parts.silences is not None:
        _add(app, silence_routes(parts.silences, access))
    if parts.targets is not None:
        _add(app, target_routes(parts.targets, access))
    if parts.dashboards is not None:
        _add(app, dashboard_routes(parts.dashboards, access))
    if parts.provisioning is not None:
        _add(app, provisioning_routes(parts.provisioning, access))
    if parts.node is not None:
        _add(app, node_routes(parts.node))
    if parts.shares is not None:
        _add(app, share_routes(parts.shares, access, parts.base_url))


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
