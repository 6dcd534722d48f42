"""The one port of the hub: it accepts connections, and keeps whatever happens in one of them from all the others.

Owns listening, the TLS handshake, the limit on connections, and the barrier round each. What is served in them stands in visit.py.
Made and run by main.py; cancelling `run` closes the listener and ends every session.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
import trio

from devices.link import ServerLink
from hub.auth import Principal
from hub.web.admission import AuthPort
from hub.web.certificates import Certificates
from hub.web.heartbeat import Heartbeats
from hub.web.http import ASGIApp
from hub.web.listening import listen
from hub.web.opening import Opening, Openings
from hub.web.poller import poller_here
from hub.web.proxies import Address
from hub.web.settings import DoorSettings
from hub.web.streams import GuardedStream, LingeringStream
from hub.web.traffic import OpenConnections
from hub.web.visit import Hosts, Visit

__all__ = ["ASGIApp", "AuthPort", "Door", "DoorSettings"]

_ACCEPT_PAUSE_S: Final = 0.1  # descriptors come back when connections end
_SPARE_CONNECTIONS: Final = 64  # above the limit, to say 503 in; beyond them a connection is closed unheard
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
    ) -> None:
        self._settings = settings
        self._poller = poller_here()
        self._heartbeats = Heartbeats(settings.heartbeat_s, lambda: self._poller is not None and self._poller.is_held)
        self.open_connections = open_connections or OpenConnections()
        self._hosts = Hosts(settings, auth, app, serve_device, serve_viewer, self._heartbeats, self.open_connections, refused, self._poller)
        self._openings = Openings(settings.trusted_proxies, has_proxy_protocol=settings.has_proxy_protocol)
        self.certificates = Certificates(settings)
        self._address: Address = (settings.host, settings.port)
        self.connections = 0
        self.refused = 0  # because there was no room
        self.failed = 0  # by an error of ours, which the log tells

    def hold(self, *, is_held: bool) -> None:
        """Read no socket for a while (True), or go on (False); where there is no poller, credit alone holds devices back."""
        if self._poller is not None:
            self._poller.hold(is_held=is_held)

    def statistics(self) -> dict[str, float]:
        """Return figures for metrics."""
        return {"connections": self.connections, "refused": self.refused, "failed": self.failed}

    async def run(self, *, task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen and serve until cancelled; started with (host, port) once it really listens.

        Cancelled, it closes the listener, and returns when every session has ended. Raises Refusal where it cannot listen.
        """
        self.certificates.load()
        listeners = await listen(self._settings)
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
        is_failing = False
        try:
            while True:
                try:
                    transport = await listener.accept()
                except OSError as error:
                    # Out of descriptors or memory, or a network error handed on by accept(2): none of them may end the hub.
                    if not is_failing:
                        _LOG.error("accept_failed", reason=str(error), connections=self.connections, hint="raise the limit of open files")
                    is_failing = True
                    await trio.sleep(_ACCEPT_PAUSE_S)
                else:
                    is_failing = False
                    nursery.start_soon(self._keep, transport)
        finally:
            listener.socket.close()  # before any session has ended

    async def _keep(self, transport: trio.SocketStream) -> None:
        """Serve one connection; its descriptor is free when this ends."""
        self.connections += 1
        try:
            await self._behind_barrier(transport)
        finally:
            self.connections -= 1
            await trio.aclose_forcefully(transport)

    async def _behind_barrier(self, transport: trio.SocketStream) -> None:
        has_room = self.connections <= self._settings.max_connections
        if not has_room:
            self.refused += 1
            if self.connections > self._settings.max_connections + _SPARE_CONNECTIONS:
                return
        visit: Visit | None = None
        opening = self._openings.begin(transport)
        try:
            stream = await self._opened(opening)
            visit = Visit(self._hosts, stream, client=opening.client, server=self._address)
            await visit.run(has_room=has_room)
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client is gone
        except* Exception as group:
            self.failed += 1
            _LOG.error("connection_failed", client=opening.client, exc_info=group)
            await _apologise(visit)

    async def _opened(self, opening: Opening) -> GuardedStream:
        with trio.move_on_after(self._settings.head_timeout_s):
            await self._openings.hear_proxy(opening)
            tls = self.certificates.context
            if tls is None or not await opening.has_tls():
                plain = GuardedStream(opening.transport, self._settings.send_timeout_s)
                plain.unread(opening.heard)
                return plain
            stream = trio.SSLStream(LingeringStream(opening.transport, opening.heard), tls, server_side=True)
            await stream.do_handshake()
            return GuardedStream(stream, self._settings.send_timeout_s)
        raise trio.BrokenResourceError("no PROXY header or TLS handshake in time")


async def _apologise(visit: Visit | None) -> None:
    try:
        if visit is not None:
            await visit.apologise()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # nobody is left to hear it
