"""Who is connected: one live connection a device, takeover in order, and the credit that all share.

Owns the map of device connections and the hand-over between an old and a new one (docs/protocol.md section 5); gives every
connection the parts it needs. Built by main.py, called by the door through `serve`.
"""

from collections.abc import Awaitable, Mapping, Sequence
from time import perf_counter
from typing import Any, Final

import structlog
import trio

from devices.link import ServerLink
from devices.wire.limits import CloseCode
from devices.wire.messages import Cancel, Command, Hello
from hub.core.records import Row
from hub.ports import ConnectionRecord, Lease, StoreUnavailable
from hub.sessions.comings import QUOTES_A_FRAME, Comings
from hub.sessions.device import DeviceConnection
from hub.sessions.outbox import AckClock
from hub.sessions.parts import HUB_FAILED, Connection, DeviceParts
from hub.sessions.takeovers import Takeovers

_log = structlog.get_logger(__name__)
_LAST_S: Final = 5.0  # when stopping
_RESTATE_S: Final = 20.0  # protocol section 6: while credit is 0


class DeviceSessions:
    """All device connections of this hub: the Roster."""

    def __init__(self, parts: DeviceParts) -> None:
        self.acks = AckClock()
        self._parts = parts
        self._connections: dict[str, Connection] = {}
        self._comings = Comings()
        self._takeovers = Takeovers()
        self._records: dict[Connection, ConnectionRecord] = {}  # of those that were welcomed
        self._welcoming: trio.Nursery  # while it runs

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Let acks ripen; tell devices at once when credit goes to or from 0, and every 20 s while it is 0."""
        self._parts.journal.on_holding(self._restate)
        self._parts.journal.on_commit(self._judge_windows)
        self._parts.leases.on_lost(self._lost)
        try:
            async with trio.open_nursery() as self._welcoming:
                await self._welcoming.start(self.acks.run)
                task_status.started()
                while True:
                    await trio.sleep(_RESTATE_S)
                    if self._parts.journal.holding:
                        self._restate()
        finally:
            with trio.move_on_after(_LAST_S, shield=True):
                await self._parts.registry.keep_waiting()

    def serve(self, device: str, link: ServerLink) -> Awaitable[None]:
        """Serve one connection of a device whose token was checked."""
        return DeviceConnection(device, link, self._parts, self).run()

    def count(self) -> int:
        """Return how many devices are connected."""
        return len(self._connections)

    def window_frames(self) -> int:
        """Return how many live frames a device may have on their way, while it has credit."""
        return self._parts.windows.credit.live.frames

    def figures(self, device: str, link: ServerLink) -> Mapping[str, int]:
        """Return what is on its way over a device's connection; nothing where it has another one now."""
        connection = self._connections.get(device)
        return connection.figures() if connection is not None and connection.link is link else {}

    def first_hop(self, device: str) -> dict[str, Any] | None:
        """Return how long a device's frames are under way, and what is known of its clock; None while it is not connected."""
        connection = self._connections.get(device)
        return None if connection is None else connection.intake.first_hop.described(perf_counter())

    async def take_over(self, newer: Connection) -> None:
        """Make `newer` the device's connection: return when nothing of an older one is pending any more. Raises ProtocolError 4014."""
        older = self._connections.get(newer.device)
        if older is not None and older.end is None:
            self._takeovers.check(newer.device, older.intake.silent_s(), (older.remote, newer.remote), trio.current_time())
        self._connections[newer.device] = newer
        if older is not None:
            newer.predecessors = [*older.predecessors, older]
            older.switch_off(CloseCode.TAKEN_OVER, "another connection of this device took over")
        for predecessor in newer.predecessors:
            await self._parts.journal.withdraw(predecessor.intake)
        newer.predecessors = []

    def welcome(self, connection: Connection, hello: Hello) -> None:
        """Give the device the commands that wait for it, and show it online: who sees that can send it one. Its frames do not wait."""
        self._parts.registry.declare(hello)
        self._records[connection] = self._parts.registry.connections.came(connection.device, connection.remote)
        self._welcoming.start_soon(self._behind_barrier, connection, hello)

    async def _behind_barrier(self, connection: Connection, hello: Hello) -> None:
        try:
            await self._welcome(connection, hello)
            await self._parts.registry.keep_waiting()  # also where the connection has ended since
        except Exception:  # of one connection: it must not end all others
            _log.exception("welcome_failed", device=connection.device)
            connection.switch_off(CloseCode.HUB_FAILING, "the hub failed; its log says why")

    async def _welcome(self, connection: Connection, hello: Hello) -> None:
        async def deliver(command: Command | Cancel) -> None:
            connection.put_command(command)

        if self._connections.get(connection.device) is not connection:
            return  # taken over meanwhile
        connection.deliver = deliver
        self._parts.shadows.attach(hello, connection.put_command)
        self._comings.came(connection.device, connection.remote, hello.firmware)
        try:
            await self._parts.desk.attach(connection.device, deliver, connection.lease)
        except StoreUnavailable as error:  # a full disk, say: the device streams, its commands wait for its next connection
            _log.warning("commands_not_sent", device=connection.device, reason=str(error))
        # A write that was running is not cancelled, so that also a connection that has ended since comes here.
        if self._connections.get(connection.device) is connection and connection.end is None:
            await self._parts.registry.connected(hello, connection.intake.pulse)

    async def leave(self, connection: Connection) -> None:
        """Forget a connection that ended, once its frames are committed or withdrawn: its name is free only then."""
        end = connection.end or HUB_FAILED
        if connection.end is not None:
            self._comings.left(connection.device, connection.remote, end.code, end.reason)
        await self._parts.journal.withdraw(connection.intake)
        self._parts.shadows.detach(connection.device, connection.put_command)
        if connection.deliver is not None:
            self._parts.desk.detach(connection.device, connection.deliver)
        if connection.lease is not None:
            self._parts.leases.drop(connection.lease)
        self._parts.metrics.ended(end.code.name.lower())
        left_us = self._parts.now()
        if self._connections.get(connection.device) is connection:
            del self._connections[connection.device]
            left_us = self._parts.registry.disconnected(connection.device, end.code)
        if (record := self._records.pop(connection, None)) is not None:
            reason = "" if end.code in QUOTES_A_FRAME else end.reason
            self._parts.registry.connections.left(record, left_us, connection.peer_code or end.code, reason)

    def drop(self, device: str, code: CloseCode, reason: str) -> None:
        """End a device's connection now: its token was withdrawn, or it was removed."""
        connection = self._connections.get(device)
        if connection is not None:
            connection.switch_off(code, reason)

    def _lost(self, lease: Lease, node: str) -> None:
        connection = self._connections.get(lease.device)
        if connection is not None and connection.lease is lease:
            connection.switch_off(CloseCode.TAKEN_OVER, f"the device has connected to node {node}")

    def _judge_windows(self, rows: Sequence[Row]) -> None:
        self._parts.windows.judge(self._parts.journal.counts.usual_s(), len(self._connections))

    def _restate(self) -> None:
        for connection in self._connections.values():
            connection.restate_credit()
