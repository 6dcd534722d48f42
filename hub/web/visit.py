"""One connection from its first byte to its last: request after request, until one of them becomes a WebSocket.

Owns what a request is handed to, and what is said where it cannot be. Catches only refusals; the door's barrier stands round it.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from devices.link import ServerLink
from hub.auth import Principal
from hub.core.errors import Refusal, TooOften
from hub.web.admission import ENCODINGS, SUBPROTOCOLS, Admitted, AuthPort, admit
from hub.web.beside import HANDED_ON, OtherNodes
from hub.web.crowd import Crowd, Stranger
from hub.web.head import read_head
from hub.web.heartbeat import Heartbeats
from hub.web.http import ASGIApp, Exchange
from hub.web.poller import Poller
from hub.web.proxies import Address, outside
from hub.web.redirect import moved, to_tls
from hub.web.refusals import answer
from hub.web.settings import DoorSettings
from hub.web.streams import GuardedStream
from hub.web.traffic import OpenConnections
from hub.web.upgrade import DoorLink, Upgrade, serve_upgraded

_FILES: Final = "/static/"  # of the page: some two hundred for each load of it, and cheap
_WEBSOCKET: Final = (("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"))


@dataclass(frozen=True, slots=True)
class Hosts:
    """Whom the door hands connections to."""

    settings: DoorSettings
    auth: AuthPort
    app: ASGIApp
    serve_device: Callable[[str, ServerLink], Awaitable[None]]
    serve_viewer: Callable[[Principal, ServerLink, str], Awaitable[None]]
    heartbeats: Heartbeats
    connections: OpenConnections
    refused: Callable[[str], None]  # told the code of each refusal
    poller: Poller | None
    check: Callable[[str], None] = lambda kind: None  # raises Refusal where no new viewer, or no new device, is let in now
    crowd: Crowd = field(default_factory=lambda: Crowd(DoorSettings()))
    others: OtherNodes | None = None  # nodes beside this one


class Visit:
    """A connection that was accepted."""

    def __init__(self, hosts: Hosts, stream: GuardedStream, *, client: Address, server: Address, stranger: Stranger | None = None) -> None:
        self._hosts = hosts
        self._stream = stream
        self._client = client
        self._server = server
        self._stranger = stranger  # None: nobody counts it
        self._owes_since_bytes: int | None = None  # an answer is owed while the stream has sent no more than this
        self._link: DoorLink | None = None  # once it is a WebSocket
        self._may_have_body = True  # what is asked for by HEAD has none

    async def run(self, refusal: Refusal | None = None) -> None:
        """Serve requests until the client leaves, or refuse it. Raises BrokenResourceError, and what a session or the app raises."""
        try:
            if refusal is not None:
                raise refusal
            admitted = await self._serve_requests()
        except Refusal as refusal:
            await self._say(refusal)
            return
        # Nothing of the head is kept while the socket lives: thousands of them are open for days.
        if admitted is not None:
            hosts, serve = self._hosts, partial(self._serve, admitted)
            try:
                await serve_upgraded(self._stream, self._upgrade(admitted), hosts.settings, hosts.poller, serve)
            finally:
                if self._link is not None:
                    hosts.heartbeats.remove(self._link)
                    hosts.connections.remove(self._link)

    async def apologise(self) -> None:
        """Answer 500 where an answer is owed, after an error of ours. Raises BrokenResourceError."""
        if self._stream.sent_bytes == self._owes_since_bytes:
            await self._say(Refusal("internal", "the hub could not answer: an error of its own", "its log says more", 500))

    async def _serve_requests(self) -> Admitted | None:
        """Answer requests up to the one that may become a WebSocket, or to the end (None)."""
        hosts, settings = self._hosts, self._hosts.settings
        wait_s = settings.head_timeout_s
        while (head := await read_head(self._stream, settings, wait_s=wait_s)) is not None:
            self._owes_since_bytes = self._stream.sent_bytes
            self._count(hosts.crowd.hear)
            self._may_have_body = head.method != "HEAD"
            head = head.below(settings.base_path)
            if settings.tls_certificate is not None and not self._stream.is_encrypted:
                await self._stream.send_all(to_tls(head, settings))
                break
            if not head.path:
                await self._stream.send_all(moved(f"{settings.base_path}/"))
                break
            head = head.behind_link()
            seen = outside(self._client, head.fields, settings.trusted_proxies, is_encrypted=self._stream.is_encrypted)
            if hosts.others is not None and (said := head.fields.get(HANDED_ON)) is not None:
                seen = hosts.others.believed(said)
                self._count(hosts.crowd.know)  # a node's connection; what comes on it counts for whom it speaks for
            if head.is_upgrade:
                self._client = seen.client  # for as long as the socket lives
                admitted = await admit(head, hosts.auth, settings.allowed_origins, is_encrypted=seen.is_encrypted, client=seen.client[0])
                self._count(hosts.crowd.know)
                hosts.check("device" if isinstance(admitted.who, str) else "viewer")
                return admitted
            if not head.path.startswith(_FILES):
                hosts.crowd.check_request(seen.client[0])
            if head.path in SUBPROTOCOLS:
                raise Refusal("upgrade_required", f"{head.path} speaks WebSocket only", "connect with ws:// or wss://", 426)
            exchange = Exchange(self._stream, head, settings, seen=seen, server=self._server)
            if not await exchange.run(hosts.app):
                break
            self._owes_since_bytes, self._may_have_body = None, True
            wait_s = settings.idle_timeout_s
            self._count(hosts.crowd.rest)
        await self._stream.finish(settings.linger_s)
        return None

    def _count(self, change: Callable[[Stranger], None]) -> None:
        if self._stranger is not None:
            change(self._stranger)

    def _upgrade(self, admitted: Admitted) -> Upgrade:
        host, port = self._client
        remote = f"[{host}]" if ":" in host else host
        return Upgrade(admitted.key, admitted.subprotocol, f"{remote}:{port}" if port else remote)

    def _serve(self, admitted: Admitted, link: DoorLink) -> Awaitable[None]:
        hosts, who = self._hosts, admitted.who
        self._link = link
        hosts.heartbeats.add(link)
        kind, name = ("device", who) if isinstance(who, str) else ("viewer", who.name)
        hosts.connections.add(kind, name, link, link.traffic)
        if isinstance(who, str):
            return hosts.serve_device(who, link)
        return hosts.serve_viewer(who, link, ENCODINGS[admitted.subprotocol])

    async def _say(self, refusal: Refusal) -> None:
        self._hosts.refused(refusal.code)
        await self._stream.send_all(answer(refusal, self._headers(refusal), has_body=self._may_have_body))
        await self._stream.finish(self._hosts.settings.linger_s)

    def _headers(self, refusal: Refusal) -> Iterable[tuple[str, str]]:
        if isinstance(refusal, TooOften):
            return (("Retry-After", str(refusal.wait_s)),)
        match refusal.status:
            case 401:
                return (("WWW-Authenticate", "Bearer"),)
            case 426:
                return _WEBSOCKET
            case 503:
                return (("Retry-After", str(self._hosts.settings.retry_after_s)),)
        return ()
