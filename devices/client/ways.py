"""Which way a device goes to its hub: a WebSocket, or plain requests where a network lets none through.

Owns the failures that decide it and when a WebSocket is tried again; the ways themselves are websocket.py's and http_link.py's. device.py
has one, which the courier opens for each connection.
"""

import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Literal

import trio

from devices.client.http_link import HttpLink, open_http
from devices.client.opening import DeviceRefused, Unreachable
from devices.client.websocket import open_websocket
from devices.link import Link, LinkClosed, WebSocketLink

Way = Literal["auto", "websocket", "http"]
PATIENCE: Final = 2  # upgrades that fail one after another
WEBSOCKET_AGAIN_S: Final = 600.0
_log = logging.getLogger("tributary.device")


class Ways:
    """Opens connections. `way` "auto" goes by requests after PATIENCE upgrades that failed, and back once one succeeds."""

    def __init__(self, url: str, token: str, tls: ssl.SSLContext | None, way: Way = "auto") -> None:
        self._url = url
        self._token = token
        self._tls = tls
        self._way = way
        self._failures = 0

    def open(self) -> AbstractAsyncContextManager[Link]:
        """Connect by the way of now. Raises DeviceRefused, Unreachable."""
        if self._way == "websocket" or (self._way == "auto" and self._failures < PATIENCE):
            return self._websocket()
        _log.info("going by HTTP requests to %s%s", self._url, "" if self._way == "http" else ": no WebSocket gets through")
        return self._requests()

    @asynccontextmanager
    async def _websocket(self) -> AsyncIterator[Link]:
        link: Link | None = None
        try:
            async with open_websocket(self._url, self._token, tls=self._tls) as link:
                yield link
        except Unreachable as error:
            self._failures += error.is_way
            raise
        finally:
            if isinstance(link, WebSocketLink):
                # One that opens and then says nothing is a proxy's that does not understand what it has let through.
                self._failures = 0 if link.has_heard else self._failures + 1

    @asynccontextmanager
    async def _requests(self) -> AsyncIterator[Link]:
        failure: Exception | None = None
        try:
            async with open_http(self._url, self._token, tls=self._tls) as link, trio.open_nursery() as nursery:
                if self._way == "auto":
                    nursery.start_soon(self._try_websocket, link)
                yield link
                nursery.cancel_scope.cancel()
        except* (Unreachable, DeviceRefused) as group:
            failure = _first(group)
        if failure is not None:
            self._failures = 0  # perhaps the hub itself was away: begin anew
            raise failure

    async def _try_websocket(self, link: HttpLink) -> None:
        """End a link by requests as soon as an upgrade succeeds."""
        while True:
            await trio.sleep(WEBSOCKET_AGAIN_S)
            try:
                async with open_websocket(self._url, self._token, tls=self._tls):
                    self._failures = 0
            except (Unreachable, DeviceRefused, LinkClosed) as error:
                _log.debug("no WebSocket yet: %s", error)
            else:
                return link.end("a WebSocket gets through again")  # and the next connection is one


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
