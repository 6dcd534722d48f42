"""What of a hub HTTP reaches: its parts, as the API wants them.

Owns nothing but the list. main.py makes the app of it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import dashboard
from dashboard.csp import content_security_policy
from hub.backup.service import BackupService
from hub.backup.taking import Parts, made_by
from hub.config import Settings
from hub.control import Control
from hub.core.closed import ClosedAnswers
from hub.datadir import DataDir
from hub.doors import Doors
from hub.figures import Figures
from hub.gathering import Gathering
from hub.journal import Journal
from hub.metrics import Metrics
from hub.part_settings import retention
from hub.ports import HistoryStore, Now, StateStore
from hub.rules import Preview
from hub.sessions.devices import DeviceSessions
from hub.strain import Strain
from hub.system import System
from hub.web.api import ApiParts
from hub.web.importing import Importer
from hub.web.store import StoreFacts
from hub.web.traffic import OpenConnections
from hub.web.ways.routes import Ways

if TYPE_CHECKING:
    from hub.redis import Redis  # a hub that stands alone would wait for coredis


class HubParts(Protocol):
    """The parts of a hub that HTTP reaches."""

    settings: Settings
    data: DataDir
    redis: "Redis | None"
    state: StateStore
    journal: Journal
    control: Control
    gathering: Gathering | None
    history: HistoryStore
    system: System
    metrics: Metrics
    open: OpenConnections
    closed: ClosedAnswers
    sessions: DeviceSessions
    importer: Importer
    ways: Ways
    figures: Figures
    nodes: Callable[[], dict[str, Any]]
    doors: Doors
    strain: Strain


def api_parts(hub: HubParts, now_us: Now) -> ApiParts:
    """Return the parts."""
    return ApiParts(
        registry=hub.control.registry,
        desk=hub.control.desk,
        shadows=hub.control.shadows,
        history=hub.history,
        journal=hub.journal,
        entities=hub.control.entities,
        auth=hub.control.auth,
        reaches=hub.control.reaches,
        metrics_text=hub.metrics.text,
        refused=hub.metrics.refused,
        open_connections=hub.open,
        ready=lambda: [*hub.system.unready(), *hub.strain.pressure.unready()],
        hub=hub.figures.described,
        base_url=lambda: hub.settings.public_url or hub.doors.url,
        static_folder=dashboard.STATIC,
        csp=content_security_policy(),
        allowed_origins=hub.settings.origins,
        closed=hub.closed,
        store=StoreFacts(hub.settings.store, retention(hub.settings), hub.system.history_figures, hub.journal.statistics, hub.figures.lags),
        backup=BackupService(
            Parts(*(hub.data, hub.journal, hub.history, now_us, made_by(), int(hub.settings.min_free_bytes)), hub.redis is not None)
        ),
        importer=hub.importer,
        ways=hub.ways,
        rules=hub.control.rules.desk,
        preview=Preview(hub.history, hub.control.registry, hub.control.registry.connections, now_us),
        provisioning=hub.control.provisioning,
        targets=hub.control.rules.targets,
        silences=hub.control.rules.silences,
        dashboards=hub.control.dashboards,
        first_hop=hub.sessions.first_hop,
        shares=hub.control.shares,
        account=hub.control.account,
        nodes=hub.nodes,
        catch_up=hub.state.catch_up if hub.redis is not None else None,
        node=None if hub.gathering is None else hub.gathering.for_others,
    )
