"""The first bytes of a connection: a PROXY header where the operator's proxies send one, and then TLS or not.

Owns what is heard before the head, and gives back what it heard too much. Called by the door once per connection.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog
import trio

from hub.core.seldom import Seldom
from hub.web.proxies import Address, is_trusted
from hub.web.proxy_protocol import BadProxyHeader, ProxyHeader, read_header
from hub.web.settings import Network

_RECEIVE_BYTES: Final = 4_096
_HANDSHAKE: Final = 22  # the record that TLS begins with (RFC 8446 section 5.1)
_UNKNOWN: Final = ("unknown", 0)  # trusted by nobody, so none of its headers is believed
_LOG: Final = structlog.get_logger("hub.web.door")


@dataclass(slots=True)
class Opening:
    """A connection as it began."""

    transport: trio.SocketStream
    client: Address
    heard: bytes = field(default=b"", repr=False)  # behind the PROXY header: the first bytes of TLS or of a request

    async def has_tls(self) -> bool:
        """Tell whether TLS comes. Raises BrokenResourceError where nothing does."""
        if not self.heard:
            self.heard = bytes(await self.transport.receive_some(_RECEIVE_BYTES))
        if not self.heard:
            raise trio.BrokenResourceError("the other side said nothing")
        return self.heard[0] == _HANDSHAKE


class Openings:
    """How connections begin here."""

    def __init__(self, trusted: Sequence[Network], *, has_proxy_protocol: bool) -> None:
        self._trusted = trusted
        self._has_proxy_protocol = has_proxy_protocol
        self._seldom = Seldom()

    def begin(self, transport: trio.SocketStream) -> Opening:
        """Return a connection of which nothing was heard."""
        return Opening(transport, _peer(transport))

    async def hear_proxy(self, opening: Opening) -> None:
        """Take the client's address from the PROXY header, where there is one. Raises BrokenResourceError: it is wrong, or cut off."""
        if not self._has_proxy_protocol or not is_trusted(opening.client[0], self._trusted):
            return
        try:
            while (header := read_header(opening.heard)) is None:
                if not (data := await opening.transport.receive_some(_RECEIVE_BYTES)):
                    raise BadProxyHeader("the connection ended in it")
                opening.heard += data
        except BadProxyHeader as error:
            self._tell(opening.client[0], error)
            raise trio.BrokenResourceError("no PROXY header") from None
        opening.client = _client(opening.client, header)
        opening.heard = opening.heard[header.size :]

    def _tell(self, proxy: str, error: BadProxyHeader) -> None:
        if times := self._seldom.times(proxy, trio.current_time()):
            hint = "have the proxy send the PROXY protocol of version 1 or 2, or HTTP without it"
            _LOG.warning("proxy_header_refused", proxy=proxy, reason=str(error), times=times, hint=hint)


def _client(peer: Address, header: ProxyHeader) -> Address:
    if header.size == 0 or header.is_local:
        return peer
    return header.client or _UNKNOWN


def _peer(transport: trio.SocketStream) -> Address:
    try:
        host, port = transport.socket.getpeername()[:2]
    except OSError:
        return _UNKNOWN  # reset before we looked; the first receive will tell
    return host, port
