"""An HTTP server that does what a real one will not do on demand: it answers each request as the test says, byte for byte.

Owns its listener on 127.0.0.1 and the requests it has seen. Knows no database.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import trio

Act = Callable[[trio.SocketStream], Awaitable[None]]
STORED = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass
class OddServer:
    """What is answered, in order; the last goes on for ever. An answer is bytes, or what to do with the connection."""

    answers: list[bytes | Act]
    judge: Callable[[bytes], bytes] | None = None  # answers by the body instead
    port: int = 0
    heads: list[str] = field(default_factory=list)  # of the requests
    bodies: list[bytes] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, stream: trio.SocketStream) -> None:
        received = b""
        while True:
            while b"\r\n\r\n" not in received:
                chunk = await stream.receive_some()
                if not chunk:
                    return
                received += chunk
            head, _, received = received.partition(b"\r\n\r\n")
            length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
            while len(received) < length:
                chunk = await stream.receive_some()
                if not chunk:
                    return
                received += chunk
            self.heads.append(head.decode())
            self.bodies.append(received[:length])
            self.times_s.append(trio.current_time())
            received = received[length:]
            if self.judge is not None:
                await stream.send_all(self.judge(self.bodies[-1]))
                continue
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if isinstance(answer, bytes):
                await stream.send_all(answer)
            else:
                await answer(stream)
                return


def answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    """Return an answer of HTTP/1.1 that is whole."""
    lines = [f"HTTP/1.1 {status} Odd", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def hang(stream: trio.SocketStream) -> None:
    """Answer nothing; return when the client has gone."""
    while await stream.receive_some():
        pass


async def hang_up(stream: trio.SocketStream) -> None:
    """Close without an answer: the request was taken, and nobody is told."""
    await stream.aclose()


async def drip(stream: trio.SocketStream) -> None:
    """Send a byte of a head again and again, so that no single read is late."""
    await _without_end(stream, b"HTTP/1.1 200 OK\r\nX-", b"a", 0.02)


async def pour(stream: trio.SocketStream) -> None:
    """Send a body that does not end."""
    await _without_end(stream, b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n\r\n", b"," * 65_536, 0)


async def _without_end(stream: trio.SocketStream, head: bytes, more: bytes, pause_s: float) -> None:
    try:
        await stream.send_all(head)
        while True:
            await stream.send_all(more)
            await trio.sleep(pause_s)
    except trio.BrokenResourceError:
        pass


@asynccontextmanager
async def odd_server(*answers: bytes | Act, judge: Callable[[bytes], bytes] | None = None) -> AsyncIterator[OddServer]:
    """Serve on a free port until the block is left."""
    server = OddServer(list(answers), judge)
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        server.port = listener.socket.getsockname()[1]
        nursery.start_soon(partial(trio.serve_listeners, _guarded(server), [listener]))
        yield server
        nursery.cancel_scope.cancel()


def _guarded(server: OddServer) -> Callable[[trio.SocketStream], Awaitable[None]]:
    async def handle(stream: trio.SocketStream) -> None:
        try:
            async with stream:
                await server.handle(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    return handle
