"""The HTTP app: the API under /api/v1, the page, health and metrics, with one shape for every refusal.

Owns what all routes share: security headers, the parts of the hub. Errors are errors.py's, routes are in the files beside it. Opens no
socket; the door runs it. main.py makes it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from fastapi import FastAPI, Request, Response
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
from hub.sessions.latest import JournalTail
from hub.web.access import Access, Action, is_loopback
from hub.web.account import account_routes
from hub.web.audit import audit_routes
from hub.web.backup import Backup, backup_routes
from hub.web.connections import FirstHop, connection_routes
from hub.web.dashboards import dashboard_routes
from hub.web.device_log import device_log_routes
from hub.web.devices import device_routes
from hub.web.docs import docs_routes
from hub.web.envelope import Envelope, Refused
from hub.web.erasing import Eraser, JournalEnd
from hub.web.errors import add_errors
from hub.web.exchange import exchange_routes
from hub.web.history import history_routes
from hub.web.importing import Importer
from hub.web.json_bodies import JsonBodies
from hub.web.latest import latest_routes
from hub.web.login import login_routes
from hub.web.losses import JournalReader
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
    reaches = Reaches(parts.registry.members, parts.shares.sources) if parts.shares is not None else Reaches(parts.registry.members)
    access = Access(parts.auth, reaches, parts.allowed_origins)
    eraser = Eraser(parts.registry, parts.journal, parts.history, parts.closed)
    app.include_router(device_routes(parts.registry, parts.desk, access, parts.journal, parts.hub, eraser))
    app.include_router(device_log_routes(parts.registry, access))
    app.include_router(shadow_routes(parts.shadows, access))
    app.include_router(history_routes(parts.history, parts.registry, access, parts.closed, parts.store.figures))
    app.include_router(latest_routes(parts.journal, parts.history, parts.registry, access, parts.node and parts.node.rows))
    app.include_router(store_routes(parts.history, parts.entities, access, parts.store))
    app.include_router(exchange_routes(parts.history, parts.registry, access, parts.importer))
    _include_optional(app, parts, access)
    app.include_router(connection_routes(parts.registry, parts.open_connections, parts.first_hop, access))
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
    add_errors(app, parts.refused)
    app.add_middleware(JsonBodies, refused=parts.refused)
    app.add_middleware(Envelope, csp=parts.csp)
    app.openapi = describer(app, parts.auth.cookie)  # type: ignore[method-assign]
    return app


def _include_optional(app: FastAPI, parts: ApiParts, access: Access) -> None:
    if parts.nodes is not None:
        app.include_router(cluster_routes(parts.nodes, access))
    if parts.backup is not None:
        app.include_router(backup_routes(access, parts.backup))
    if parts.rules is not None:
        app.include_router(rule_routes(parts.rules, access, parts.preview))
    if parts.silences is not None:
        app.include_router(silence_routes(parts.silences, access))
    if parts.targets is not None:
        app.include_router(target_routes(parts.targets, access))
    if parts.dashboards is not None:
        app.include_router(dashboard_routes(parts.dashboards, access))
    if parts.node is not None:
        app.include_router(node_routes(parts.node))
    if parts.shares is not None:
        app.include_router(share_routes(parts.shares, access, parts.base_url))


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
