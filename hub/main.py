"""The composition root: settings -> adapters -> the nursery tree. The one place to see the whole hub.

    data directory (locked)
      layer: journal
        layer: followers (history), the control plane (registry, commands, rules), live fan-out, system
          layer: device sessions, imports of files
            the door: listener and one task per connection

Stopping runs from the inside out (hub/layers.py): the door closes its listener, sessions say bye and close with 1012, followers end,
the journal commits what it has. Called by the command line and, in process, by tests.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from typing import Any

import trio

from devices.link import ServerLink
from hub.api_parts import api_parts
from hub.auth import Principal
from hub.config import Settings
from hub.control import Control
from hub.core.closed import SHARED_AGE_US, ClosedAnswers
from hub.core.records import Cursor
from hub.datadir import DataDir
from hub.doors import Doors
from hub.figures import Figures
from hub.gathering import make_gathering
from hub.history import HistorySide
from hub.hops import Hops
from hub.journal import Journal, SQLiteJournalFile
from hub.journal.room import MAX_PENDING_BYTES
from hub.layers import Run, layer, only_one
from hub.load import Load
from hub.metrics import Metrics
from hub.nodes.membership import Membership
from hub.nodes.node import Own, alone
from hub.orphans import Orphans, make_orphans
from hub.part_settings import journal_settings, retention, store_token
from hub.ports import StoreUnavailable
from hub.sessions.devices import DeviceSessions
from hub.sessions.imports import Imports
from hub.sessions.live import Live
from hub.sessions.logins import Logins
from hub.sessions.own_device import OwnDevice
from hub.sessions.parts import DeviceParts
from hub.sessions.stored_acks import StoredAcks
from hub.states import check_taken_along, file_notes, make_leases, make_redis, make_state, notes_of, open_state
from hub.stores import make_store
from hub.strain import Strain
from hub.system import System
from hub.web.api import make_app
from hub.web.door import ASGIApp, Door, DoorSettings
from hub.web.importing import Importer
from hub.web.traffic import OpenConnections
from hub.web.ways.routes import Ways
from hub.workers import Worker


def now_us() -> int:
    """Return the wall clock in µs."""
    return time.time_ns() // 1000


async def serve(settings: Settings, worker: Worker | None = None, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
    """Run a hub until cancelled, which may be one of several on its port; started with its base url once it listens.

    Raises DataDirError and Refusal (nothing was started; the text says what to do), JournalBroken (end the process with 75).
    """
    try:
        with DataDir(settings.data_dir) as data:
            await Hub(settings, data, worker).run(task_status=task_status)
    except BaseExceptionGroup as group:
        raise only_one(group) from None


class Hub:
    """All parts of one hub, put together; `run` gives them their life."""

    def __init__(self, settings: Settings, data: DataDir, worker: Worker | None = None) -> None:
        self.settings, self.data, self._root = settings, data, data.path if worker is None else worker.root
        self.redis = make_redis(settings)
        self.state = make_state(settings, data, self.redis)
        self.journal = Journal(SQLiteJournalFile(data.journal), journal_settings(settings, self._knows), now_us)
        self.control = control = Control(settings, data, self.state, self.journal, now_us, make_leases(settings, self.redis, now_us))
        self.gathering = make_gathering(settings, self.redis, self.journal, self.state, lambda: self.cluster, now_us)
        rows = None if self.gathering is None else self.gathering.confluence
        self.history = make_store(settings.store, store_token(settings), retention(settings), data.history, rows.own_id if rows else None)
        self.side = HistorySide(self.journal, self.history, data.path, now_us, settings.ack_after)
        self.system = System(self.journal, self.side, control.entities, settings.ack_after)
        name = f"tributary {version('tributary-hub')}"
        self.metrics = Metrics()
        self.open = OpenConnections(self.metrics.round_trip.observe)
        watching = (control.registry.members, self.metrics, self.open.round_trip_s)
        self.live = Live(rows or self.journal, self.history, control.entities, now_us, name, *watching, rows)
        # A database on the network may have other writers, who do not tell of late readings.
        self.closed = ClosedAnswers(max_age_us=None if settings.store == "duckdb" else SHARED_AGE_US)
        self.hops = Hops(self.metrics.hops)
        self.load = Load(self.metrics.durable_counts, lambda: self.journal.position, lambda: self.figures.lags())
        self.own = OwnDevice(settings.own_name, self.journal, control.registry, lambda: self.figures.own(), now_us)
        self.stored_acks = StoredAcks() if settings.ack_after == "store" else None
        parts = DeviceParts(
            *(self.journal, *control.for_devices, self.metrics, now_us, name, settings.restart_jitter_s),
            raw_retention_us=int(settings.keep_raw_days * 86_400_000_000),
            refuses=self.history.refuses,
            stored_acks=self.stored_acks,
            round_trip_s=self.open.round_trip_s,
        )
        self.sessions = DeviceSessions(parts)
        self.importer = self._make_importer()
        self.logins = Logins(control.auth, now_us)
        self.strain = Strain(settings, self.metrics, lambda: self.journal.statistics()["pending_bytes"] / MAX_PENDING_BYTES)
        self.ways = self._make_ways()
        self.figures = Figures(
            *(self.journal, control, self.system, self.live, self.sessions, self.closed, self.ways, self.open, self.load, self.hops),
            *(settings.data_dir, now_us),
        )
        self.cluster, self.nodes, self.orphans = self._make_cluster(worker)
        self.doors = Doors(settings, worker, partial(self._make_door, make_app(api_parts(self, now_us))))
        self._wire()

    def _knows(self, device: str) -> bool:
        return self.control.registry.knows(device)

    def _make_cluster(self, worker: Worker | None) -> tuple[Membership | None, Callable[[], dict[str, Any]], Orphans | None]:
        """Return the cluster, None for a hub that stands alone, what is told of the nodes, and what adopts what they leave."""
        settings = self.settings
        store, where = settings.store.partition("+")[0], lambda: settings.node_url or self.doors.own_url
        own = Own(settings.node, version("tributary-hub"), store, lambda: self.journal.id, where, self.figures.of_node)
        if self.redis is None:
            return None, partial(alone, own, now_us), None
        cluster = Membership(self.redis, own, now_us)
        self.control.join(cluster, self.redis)
        return cluster, cluster.described, make_orphans(settings, self.data, worker, self.redis, cluster, self.control, self.closed, now_us)

    def _make_importer(self) -> Importer:
        registry, folder = self.control.registry, self.data.path / "imports"
        imports = Imports(self.journal, registry, now_us)
        return Importer(imports, registry, self.history, folder, int(self.settings.min_free_bytes), now_us)

    def _make_ways(self) -> Ways:
        others = None if self.gathering is None else self.gathering.others
        return Ways(self._serve_viewer, self.sessions.serve, self.strain.pressure.check, others)

    def _make_door(self, app: ASGIApp, settings: DoorSettings) -> Door:
        return Door(
            settings=settings,
            auth=self.control.auth,
            app=app,
            serve_device=self.sessions.serve,
            serve_viewer=self._serve_viewer,
            open_connections=self.open,
            refused=self.metrics.refused,
            others=None if self.gathering is None else self.gathering.others,
            check=self.strain.pressure.check,
        )

    def _wire(self) -> None:
        """Connect what only this file may know of each other."""
        self.open.figures = {"device": self.sessions.figures, "viewer": self.live.figures}
        self.side.on_lost(self.live.store_lost)
        if self.gathering is None:
            self.side.writer.on_applied(self.live.store_applied)
        else:
            self.gathering.connect(self.live, self.side, self.system, self.metrics)
            self.control.remembering.append(self.gathering.drained)
        self.system.more_notes += [self.doors.main.certificates.notes, self.own.notes, lambda: notes_of(self.redis, self.cluster)]
        self.system.more_notes.append(lambda: file_notes(self.state))
        self.system.more_notes += [] if self.orphans is None else [self.orphans.notes]
        if self.stored_acks is not None:
            self.side.writer.on_safe(self.stored_acks.store_safe)
            self.journal.on_commit(partial(self.metrics.count_commit, now_us))
        self.side.writer.on_stored(self.closed.stored)
        self.control.registry.on_revoked(self.sessions.drop)
        self.control.remembering.append(self.logins)
        self.journal.on_holding(lambda: self.doors.hold(is_held=self.journal.holding == "overload"))
        self.figures.add_to(self.metrics)
        self.metrics.add_part("door", self.doors.statistics)
        self.live.least_rest_s = self.strain.pressure.rest_s
        self.system.more_notes.append(self.strain.pressure.notes)

    async def run(self, *, task_status: trio.TaskStatus[str]) -> None:
        """Run until cancelled."""
        async with layer(*([self.redis.run] if self.redis is not None else [])):
            await open_state(self.state, self.redis)
            await check_taken_along(self.state, self.redis, self._root / self.data.state.name)
            try:
                await self.control.start()
                await self.side.start(is_remote=self.settings.store != "duckdb")
                self.journal.seen = await self._seen()
                joined = [self.cluster.run] if self.cluster is not None else []
                async with layer(self.journal.run, *joined):
                    await self.control.carry_cursors()
                    async with layer(*self._followers()), layer(self.sessions.run, self.importer.run, self.ways.run):
                        await self._listen(task_status)
            finally:
                with trio.CancelScope(shield=True):
                    await self.history.aclose()
                    await self.state.aclose()

    async def _seen(self) -> list[Cursor]:
        """Return up to where what is kept beside the journal has followed it."""
        if self.settings.store != "duckdb" or self.redis is not None:
            return []
        with suppress(StoreUnavailable):
            found = [await self.history.cursor(), *[await self.state.cursor_of(name) for name in ("ledger", "rules")]]
            return [cursor for cursor in found if cursor is not None]
        return []

    def _followers(self) -> tuple[Run, ...]:
        figures: tuple[Run, ...] = (self.load.run, self.hops.run, self.own.run, self.metrics.loop.run, *self.strain.runs())
        gathering = (*(() if self.gathering is None else self.gathering.runs()), *(() if self.orphans is None else (self.orphans.run,)))
        return (*gathering, *self.side.runs(), *self.control.runs(), self.live.run, self.system.run, self.data.reserve.run, *figures)

    async def _listen(self, task_status: trio.TaskStatus[str]) -> None:
        """Open the doors, say where, and serve until cancelled."""

        def tell(url: str, is_encrypted: bool) -> None:
            self.data.tell(url, self.settings.tls_certificate if is_encrypted else None)
            if self.cluster is not None:
                self.cluster.announce()

        try:
            async with trio.open_nursery() as nursery:
                if self.cluster is not None:
                    nursery.start_soon(self.cluster.tell_of_leaving)
                await self.doors.run(tell, task_status=task_status)
                nursery.cancel_scope.cancel()
        finally:
            self.data.hub_json.unlink(missing_ok=True)

    async def _serve_viewer(self, principal: Principal, link: ServerLink, encoding: str) -> None:
        serve = partial(self.live.serve, link, encoding, principal.role, self.control.reach(principal))
        await self.strain.seats.serve(principal, link, partial(self.logins.serve, principal, link, serve))
