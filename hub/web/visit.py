"""One connection from its first byte to its last: request after request, until one of them becomes a WebSocket.

Owns what a request is handed to, and what is said where it cannot be. Catches only refusals; the door's barrier stands round it.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from devices.link import Link
from hub.auth import Principal
from hub.core.errors import Refusal
from hub.web.admission import ENCODINGS, SUBPROTOCOLS, Admitted, AuthPort, admit
from hub.web.head import Head, read_head
from hub.web.http import Address, ASGIApp, Exchange
from hub.web.refusals import answer
from hub.web.settings import DoorSettings
from hub.web.streams import GuardedStream
from hub.web.upgrade import serve_upgraded

_WEBSOCKET: Final = (("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"))


@dataclass(frozen=True, slots=True)
class Hosts:
    """Whom the door hands connections to."""

    settings: DoorSettings
    auth: AuthPort
    app: ASGIApp
    serve_device: Callable[[str, Link], Awaitable[None]]
    serve_viewer: Callable[[Principal, Link, str], Awaitable[None]]


class Visit:
    """A connection that was accepted."""

    def __init__(self, hosts: Hosts, stream: GuardedStream, *, client: Address, server: Address) -> None:
        self._hosts = hosts
        self._stream = stream
        self._client = client
        self._server = server
        self._head: Head | None = None
        self._sent_before_bytes = 0  # a request is owed an answer while the stream has sent no more than this

    async def run(self, *, has_room: bool = True) -> None:
        """Serve requests until the client leaves. Raises BrokenResourceError, and what a session or the app raises."""
        try:
            if not has_room:
                raise Refusal("busy", "the hub has no room for another connection", "come back later", 503)
            await self._serve_requests()
        except Refusal as refusal:
            await self._say(refusal)

    async def apologise(self) -> None:
        """Answer 500 where an answer is owed, after an error of ours. Raises BrokenResourceError."""
        if self._head is not None and self._stream.sent_bytes == self._sent_before_bytes:
            await self._say(Refusal("internal", "the hub could not answer: an error of its own", "its log says more", 500))

    async def _serve_requests(self) -> None:
        settings = self._hosts.settings
        wait_s = settings.head_timeout_s
        while (head := await read_head(self._stream, settings, wait_s=wait_s)) is not None:
            self._head = head
            self._sent_before_bytes = self._stream.sent_bytes
            if head.is_upgrade:
                await self._upgrade(head)
                return
            if head.path in SUBPROTOCOLS:
                raise Refusal("upgrade_required", f"{head.path} speaks WebSocket only", "connect with ws:// or wss://", 426)
            exchange = Exchange(self._stream, head, settings, client=self._client, server=self._server)
            if not await exchange.run(self._hosts.app):
                break
            self._head = None
            wait_s = settings.idle_timeout_s
        await self._stream.finish(settings.linger_s)

    async def _upgrade(self, head: Head) -> None:
        hosts = self._hosts
        admitted = await admit(head, hosts.auth, hosts.settings.allowed_origins, is_encrypted=self._stream.is_encrypted)
        host, port = self._client
        remote = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        await serve_upgraded(self._stream, admitted.key, admitted.subprotocol, remote, hosts.settings, self._session(admitted))

    def _session(self, admitted: Admitted) -> Callable[[Link], Awaitable[None]]:
        who = admitted.who
        if isinstance(who, str):
            return partial(self._hosts.serve_device, who)
        encoding = ENCODINGS[admitted.subprotocol]
        return lambda link: self._hosts.serve_viewer(who, link, encoding)

    async def _say(self, refusal: Refusal) -> None:
        has_body = self._head is None or self._head.method != "HEAD"
        await self._stream.send_all(answer(refusal, self._headers(refusal), has_body=has_body))
        await self._stream.finish(self._hosts.settings.linger_s)

    def _headers(self, refusal: Refusal) -> Iterable[tuple[str, str]]:
        match refusal.status:
            case 401:
                return (("WWW-Authenticate", "Bearer"),)
            case 426:
                return _WEBSOCKET
            case 503:
                return (("Retry-After", str(self._hosts.settings.retry_after_s)),)
        return ()
