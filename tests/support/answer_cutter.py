"""A TCP proxy that lets a request through and resets the connection when its answer comes: the server has done it, and nobody is told.

Owns that one fault, on requests whose first line begins as told; simulators/faults.py has those that do not look at the bytes.
"""

import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


class AnswerCutter:
    """A proxy to a port of this machine. Cuts `left` answers, then passes everything."""

    def __init__(self, port: int, begins: bytes) -> None:
        self.url = ""
        self.left = 0
        self._port, self._begins = port, begins

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen until cancelled."""
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        await trio.serve_listeners(self._serve, [listener], task_status=_Started(task_status))

    async def _serve(self, client: trio.SocketStream) -> None:
        try:
            server = await trio.open_tcp_stream("127.0.0.1", self._port)
        except OSError:
            return await client.aclose()
        head = bytearray()  # of the request that is under way
        async with client, server, trio.open_nursery() as nursery:
            nursery.start_soon(self._pass_requests, client, server, head)
            try:
                async for chunk in server:
                    if self.left and head.startswith(self._begins):
                        self.left -= 1
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        break
                    head.clear()
                    await client.send_all(chunk)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # one of them is gone, and the other goes with it
            nursery.cancel_scope.cancel()

    async def _pass_requests(self, client: trio.SocketStream, server: trio.SocketStream, head: bytearray) -> None:
        try:
            async for chunk in client:
                head += chunk[: max(0, len(self._begins) - len(head))]
                await server.send_all(chunk)
            await server.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await server.aclose()


class _Started:
    """Takes the listeners that trio reports and reports nothing."""

    def __init__(self, status: trio.TaskStatus[None]) -> None:
        self._status = status

    def started(self, value: object = None) -> None:
        """Report that it listens."""
        self._status.started()


@asynccontextmanager
async def answer_cutter(port: int, begins: bytes) -> AsyncIterator[AnswerCutter]:
    """Run a proxy for the length of a block."""
    cutter = AnswerCutter(port, begins)
    async with trio.open_nursery() as nursery:
        await nursery.start(cutter.run)
        yield cutter
        nursery.cancel_scope.cancel()
