"""A TCP proxy that breaks connections the ways networks do, on demand.

Owns the proxy and what only bytes can suffer: a cut by RST or FIN, a cut in the middle of a frame; network.py owns the other faults. It
does not know what the bytes mean. Used by the end-to-end tests and the simulators, between a device or viewer and a hub.
"""

import math
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, Literal

import trio

from simulators.faults.network import Network

How = Literal["rst", "fin"]
CHUNK_BYTES: Final = 65_536
MAX_CHUNKS: Final = 64  # in each direction of a connection while they are delayed; then the sender is not read
_BROKEN: Final = (trio.BrokenResourceError, trio.ClosedResourceError, OSError)


class FaultProxy(Network):
    """A proxy to one target. Without faults it only passes on; faults may be set at any time, also before `run`."""

    def __init__(self, target_host: str, target_port: int, *, host: str = "127.0.0.1", port: int = 0, seed: int = 0) -> None:
        super().__init__(seed)
        self._target = (target_host, target_port)
        self.host = host
        self.port = port  # 0: a free one, known when `run` has started
        self.accepted = 0  # connections that came, refused ones too
        self.passed_bytes = 0  # in both directions
        self.swallowed_bytes = 0
        self._connections: set[_Connection] = set()
        self._cut_at_bytes = math.inf
        self._cut_how: How = "rst"

    @property
    def url(self) -> str:
        """The proxy's address for a device or a browser."""
        return f"http://{self.host}:{self.port}"

    @property
    def open_connections(self) -> int:
        """How many connections there are now, silent ones too."""
        return len(self._connections)

    async def run(self, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen and pass on until cancelled; reports its url when it listens."""
        (listener,) = await trio.open_tcp_listeners(self.port, host=self.host)
        self.port = listener.socket.getsockname()[1]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, self._serve, [listener])
            task_status.started(self.url)

    def cut(self, how: How = "rst") -> int:
        """End every connection, by a reset or politely; return how many. New ones are served."""
        ended = list(self._connections)
        for connection in ended:
            connection.cut(how)
        return len(ended)

    def cut_after(self, count_bytes: int, how: How = "rst") -> None:
        """Cut once so many more bytes have passed, counted over all connections and both directions; the last one arrives in part."""
        self._cut_at_bytes = self.passed_bytes + count_bytes
        self._cut_how = how

    def heal(self) -> None:
        """Take every fault back. Connections that were silent stay so until somebody gives up on them."""
        super().heal()
        self._cut_at_bytes = math.inf

    async def _serve(self, client: trio.SocketStream) -> None:
        self.accepted += 1
        if self.is_refusing:
            return _close(client, "rst")
        try:
            target = await trio.open_tcp_stream(*self._target)
        except OSError:
            return _close(client, "rst")
        connection = _Connection(self, client, target)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)
            _close(client, connection.how)
            _close(target, connection.how)

    def take(self, chunk: bytes) -> bytes:
        """Count a chunk that is about to be delivered; return what of it still passes before a planned cut."""
        room = self._cut_at_bytes - self.passed_bytes
        passing = chunk if len(chunk) <= room else chunk[: int(max(room, 0))]
        self.passed_bytes += len(passing)
        return passing

    def cut_if_due(self) -> None:
        """Carry out the cut that `cut_after` planned once its bytes have passed."""
        if self.passed_bytes >= self._cut_at_bytes:
            self._cut_at_bytes = math.inf
            self.cut(self._cut_how)


class _Connection:
    """A client, its target, and the two directions between them."""

    def __init__(self, proxy: FaultProxy, client: trio.SocketStream, target: trio.SocketStream) -> None:
        self._proxy = proxy
        self._streams = (client, target)
        self._scope = trio.CancelScope()
        self._has_lost_bytes = False
        self.how: How = "fin"

    def cut(self, how: How) -> None:
        self.how = how
        self._scope.cancel()

    async def run(self) -> None:
        client, target = self._streams
        with self._scope:
            async with trio.open_nursery() as nursery:
                for source, sink in ((client, target), (target, client)):
                    line, end = trio.open_memory_channel[tuple[float, bytes]](MAX_CHUNKS)
                    nursery.start_soon(self._take_in, source, line)
                    nursery.start_soon(self._give_out, end, sink)

    async def _take_in(self, source: trio.SocketStream, line: trio.MemorySendChannel[tuple[float, bytes]]) -> None:
        chunk = b"-"
        while chunk:
            try:
                chunk = await source.receive_some(CHUNK_BYTES)
            except _BROKEN:
                if not self._has_lost_bytes:
                    return self.cut("rst")
                chunk = b""
            await line.send((self._proxy.due(), chunk))

    async def _give_out(self, line: trio.MemoryReceiveChannel[tuple[float, bytes]], sink: trio.SocketStream) -> None:
        async for due, chunk in line:
            await self._proxy.passes(due)
            if self._proxy.is_silent:
                self._has_lost_bytes = True
            if self._has_lost_bytes:
                self._proxy.swallowed_bytes += len(chunk)
                continue
            with suppress(*_BROKEN):  # whoever broke it is noticed by the side that reads
                if chunk:
                    await self._deliver(chunk, sink)
                else:
                    await sink.send_eof()

    async def _deliver(self, chunk: bytes, sink: trio.SocketStream) -> None:
        while chunk:
            rate = self._proxy.bytes_per_s
            size = len(chunk) if rate == math.inf else max(1, int(rate / 20))
            piece, chunk = chunk[:size], chunk[size:]
            if rate < math.inf:
                await trio.sleep(len(piece) / rate)
            await sink.send_all(self._proxy.take(piece))
            self._proxy.cut_if_due()


def _close(stream: trio.SocketStream, how: How) -> None:
    """Close at once: by a reset, or with what was sent delivered first."""
    with suppress(OSError):
        if how == "rst":
            # A linger time of 0 makes close() drop what is unsent and reset (socket(7)).
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            stream.socket.shutdown(socket.SHUT_WR)
    stream.socket.close()


@asynccontextmanager
async def fault_proxy(target_host: str, target_port: int) -> AsyncIterator[FaultProxy]:
    """Run a proxy for the length of a block."""
    proxy = FaultProxy(target_host, target_port)
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.run)
        yield proxy
        nursery.cancel_scope.cancel()
