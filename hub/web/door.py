"""The one port of the hub: it accepts connections, and keeps whatever happens in one of them from all the others.

Owns listening, the TLS handshake, the limit on connections, and the barrier round each. What is served in them stands in visit.py.
Made and run by main.py; cancelling `run` closes the listener and ends every session.
"""

import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import structlog
import trio

from devices.link import ServerLink
from hub.auth import Principal
from hub.core.errors import Refusal
from hub.web.accepting import accept, has_spoken, turn_away
from hub.web.admission import AuthPort
from hub.web.beside import OtherNodes
from hub.web.certificates import Certificates
from hub.web.crowd import Crowd, Stranger
from hub.web.heartbeat import Heartbeats
from hub.web.http import ASGIApp
from hub.web.listening import FILES_BESIDE_SOCKETS, listen, room
from hub.web.opening import Opening, Openings
from hub.web.poller import poller_here
from hub.web.proxies import Address
from hub.web.settings import DoorSettings
from hub.web.streams import GuardedStream, LingeringStream, secured
from hub.web.traffic import OpenConnections
from hub.web.visit import Hosts, Visit

__all__ = ["ASGIApp", "AuthPort", "Door", "DoorSettings"]

_SPARE_CONNECTIONS: Final = 64  # above the limits, to hear a request and refuse it; beyond them a connection is turned away unheard
_LOG: Final = structlog.get_logger("hub.web.door")


class Door:
    """The listener and every connection it has accepted."""

    def __init__(
        self,
        *,
        settings: DoorSettings,
        auth: AuthPort,
        app: ASGIApp,
        serve_device: Callable[[str, ServerLink], Awaitable[None]],
        serve_viewer: Callable[[Principal, ServerLink, str], Awaitable[None]],
        open_connections: OpenConnections | None = None,
        refused: Callable[[str], None] = lambda code: None,
        others: OtherNodes | None = None,
        check: Callable[[str], None] = lambda kind: None,
    ) -> None:
        self._settings = settings
        self._poller = poller_here()
        self._heartbeats = Heartbeats(settings.heartbeat_s, lambda: self._poller is not None and self._poller.is_held)
        self.open_connections = open_connections or OpenConnections()
        self._crowd = Crowd(settings)
        to = (settings, auth, app, serve_device, serve_viewer, self._heartbeats, self.open_connections, refused, self._poller)
        self._hosts = Hosts(*to, check=check, others=others, crowd=self._crowd)
        self._tell_refused = refused
        self._openings = Openings(settings.trusted_proxies, has_proxy_protocol=settings.has_proxy_protocol)
        self.certificates = Certificates(settings)
        self._address: Address = (settings.host, settings.port)
        self._max_connections = settings.max_connections  # as far as there are descriptors, once it listens
        self.connections = 0
        self._refusing = 0  # of them: those that are only told so
        self.refused = 0  # because there was no room
        self.failed = 0  # by an error of ours, which the log tells

    def hold(self, *, is_held: bool) -> None:
        """Read no socket for a while (True), or go on (False); where there is no poller, credit alone holds devices back."""
        if self._poller is not None:
            self._poller.hold(is_held=is_held)

    def statistics(self) -> dict[str, float]:
        """Return figures for metrics."""
        return {"connections": self.connections, "refused": self.refused, "failed": self.failed, **self._crowd.statistics()}

    async def run(self, *, task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen and serve until cancelled; started with (host, port) once it really listens.

        Cancelled, it closes the listener, and returns when every session has ended. Raises Refusal where it cannot listen.
        """
        self.certificates.load()
        listeners = await listen(self._settings)
        self._max_connections = room(wanted := self._settings.max_connections)
        if self._max_connections < wanted:
            hint = f"ulimit -n {wanted + FILES_BESIDE_SOCKETS} (LimitNOFILE= in systemd)"
            _LOG.warning("fewer_connections", max_connections=self._max_connections, wanted=wanted, hint=hint)
        try:
            host, port = listeners[0].socket.getsockname()[:2]
            self._address = (host, port)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._heartbeats.run)
                await nursery.start(self.certificates.run)
                if self._poller is not None:
                    nursery.start_soon(self._poller.run)
                for listener in listeners:
                    nursery.start_soon(self._accept, listener, nursery)
                task_status.started(self._address)
        finally:
            for listener in listeners:
                listener.socket.close()
            if self._poller is not None:
                self._poller.close()

    async def _accept(self, listener: trio.SocketListener, nursery: trio.Nursery) -> None:
        await accept(listener, partial(self._take, nursery), lambda: self.connections)

    def _take(self, nursery: trio.Nursery, connection: socket.socket, address: str) -> None:
        """Serve a new connection, or tell it that it is not served now."""
        stranger, refusal = None, None
        is_brimful = self.connections >= self._max_connections + _SPARE_CONNECTIONS  # who made way has not all gone yet
        try:
            if self.connections - self._refusing >= self._max_connections and (is_brimful or not self._crowd.make_way()):
                raise Refusal("busy", "the hub has no room for another connection", "come back later", 503)
            stranger = self._crowd.meet(address, partial(has_spoken, connection))
        except Refusal as error:
            self.refused += 1
            refusal = error
        if refusal is not None and (is_brimful or self._refusing >= _SPARE_CONNECTIONS):
            self._tell_refused(refusal.code)
            is_plain = self.certificates.context is None
            turn_away(connection, refusal, is_plain=is_plain, retry_after_s=self._settings.retry_after_s)
            return
        self.connections += 1
        self._refusing += refusal is not None
        nursery.start_soon(self._keep, trio.SocketStream(trio.socket.from_stdlib_socket(connection)), stranger, refusal)

    async def _keep(self, transport: trio.SocketStream, stranger: Stranger | None, refusal: Refusal | None) -> None:
        """Serve one connection; its descriptor is free when this ends."""
        try:
            if stranger is None:
                await self._behind_barrier(transport, None, refusal)
            else:
                with stranger.scope:
                    await self._behind_barrier(transport, stranger, None)
        finally:
            self.connections -= 1
            self._refusing -= refusal is not None
            if stranger is not None:
                self._crowd.leave(stranger)
            await trio.aclose_forcefully(transport)

    async def _behind_barrier(self, transport: trio.SocketStream, stranger: Stranger | None, refusal: Refusal | None) -> None:
        visit: Visit | None = None
        opening = self._openings.begin(transport)
        peer = opening.client
        try:
            stream = await self._opened(opening, stranger)
            if stranger is not None and opening.client != peer:  # a proxy has said whom it speaks for
                try:
                    self._crowd.move(stranger, opening.client[0])
                except Refusal as error:
                    self.refused, refusal = self.refused + 1, error
            visit = Visit(self._hosts, stream, client=opening.client, server=self._address, stranger=stranger)
            await visit.run(refusal)
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client is gone
        except* Exception as group:
            self.failed += 1
            _LOG.error("connection_failed", client=opening.client, exc_info=group)
            await _apologise(visit)

    async def _opened(self, opening: Opening, stranger: Stranger | None) -> GuardedStream:
        with trio.move_on_after(self._settings.head_timeout_s):
            await self._openings.hear_proxy(opening)
            tls = self.certificates.context
            if tls is None or not await opening.has_tls():
                plain = GuardedStream(opening.transport, self._settings.send_timeout_s)
                plain.unread(opening.heard)
                return plain
            if stranger is not None:
                self._crowd.spare(stranger)
            stream = await secured(LingeringStream(opening.transport, opening.heard), tls)
            return GuardedStream(stream, self._settings.send_timeout_s)
        raise trio.BrokenResourceError("no PROXY header or TLS handshake in time")


async def _apologise(visit: Visit | None) -> None:
    try:
        if visit is not None:
            await visit.apologise()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # nobody is left to hear it
