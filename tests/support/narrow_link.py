"""A network so narrow that everything waits for everything: one rate for all connections of a page together, as a phone far out has it.

Owns the proxy. It takes from either side only what it can pass on, a packet of each connection in turn, so that what is late waits at its
sender and is seen there. simulators/faults.py is for what breaks; here nothing does.
"""

import math
import socket
from collections.abc import Callable
from typing import Final

import trio

from tests.support.in_thread import InThread

PACKET_BYTES: Final = 1_400
_BUFFER_BYTES: Final = 8_192  # of the kernel, for each direction of a connection


class NarrowLink:
    """A proxy to one target; `bytes_per_s` may be changed at any time."""

    def __init__(self, host: str, port: int, bytes_per_s: float = math.inf) -> None:
        self._target = (host, port)
        self.port = 0  # once it runs
        self.bytes_per_s = bytes_per_s
        self.passed_bytes = 0  # towards the page
        self._turn = [trio.Lock(), trio.Lock()]  # who waits has his turn in order
        self._free_s = [0.0, 0.0]

    def in_thread(self) -> InThread:
        """Return it as something to run beside a test."""

        async def run(stop: trio.Event, started: Callable[[], None]) -> None:
            (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
            listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            self.port = listener.socket.getsockname()[1]
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.serve_listeners, self._serve, [listener])
                started()
                await stop.wait()
                nursery.cancel_scope.cancel()

        return InThread(run)

    async def _serve(self, page: trio.SocketStream) -> None:
        stream = trio.socket.socket()
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        page.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        await stream.connect(self._target)
        async with page, trio.SocketStream(stream) as hub, trio.open_nursery() as nursery:
            nursery.start_soon(self._pass, hub, page, 0)
            nursery.start_soon(self._pass, page, hub, 1)

    async def _pass(self, source: trio.SocketStream, sink: trio.SocketStream, way: int) -> None:
        try:
            while packet := await source.receive_some(PACKET_BYTES):
                async with self._turn[way]:
                    now_s = trio.current_time()
                    self._free_s[way] = max(self._free_s[way], now_s) + len(packet) / self.bytes_per_s
                    await trio.sleep_until(self._free_s[way])
                if way == 0:
                    self.passed_bytes += len(packet)
                await sink.send_all(packet)
            await sink.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await source.aclose()
            await sink.aclose()
