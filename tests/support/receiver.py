"""A receiver of webhooks: a real HTTP server on 127.0.0.1 that answers what the test says and checks each signature.

Owns its listener and what it has got. Knows no hub.
"""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import trio


@dataclass
class Receiver:
    """What is answered (the last goes on for ever), and what came."""

    answers: list[int] = field(default_factory=lambda: [204])
    port: int = 0
    heads: list[dict[str, str]] = field(default_factory=list)  # of each request, in lower case
    bodies: list[bytes] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)  # what was answered by 2xx
    times_s: list[float] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def events(self) -> list[str]:
        """Return the events that were taken, in order."""
        return [content["event"] for content in self.taken]

    def is_signed(self, at: int, secret: str) -> bool:
        """Tell whether a request is signed with a secret, as a receiver checks it."""
        head = self.heads[at]
        expected = hmac.new(secret.encode(), head["tributary-timestamp"].encode() + b"." + self.bodies[at], hashlib.sha256).hexdigest()
        return f"v1={expected}" in head["tributary-signature"].split(",")

    async def handle(self, stream: trio.SocketStream) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            chunk = await stream.receive_some()
            if not chunk:
                return
            received += chunk
        head, _, body = received.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        while len(body) < int(fields["content-length"]):
            body += await stream.receive_some()
        self.heads.append({**fields, ":line": lines[0]})
        self.bodies.append(body)
        self.times_s.append(trio.current_time())
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if 200 <= status < 300:
            self.taken.append(json.loads(body))
        more = b"Location: http://127.0.0.1:1/elsewhere\r\n" if 300 <= status < 400 else b""
        await stream.send_all(b"HTTP/1.1 %d Odd\r\n%sContent-Length: 0\r\nConnection: close\r\n\r\n" % (status, more))


@asynccontextmanager
async def running(receiver: Receiver) -> AsyncIterator[Receiver]:
    """Listen, on the port that it had before if it had one, until the block is left."""
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(receiver.port, host="127.0.0.1")
        receiver.port = int(listeners[0].socket.getsockname()[1])
        serve = partial(trio.serve_listeners, _guarded(receiver), listeners)
        await nursery.start(serve)
        yield receiver
        nursery.cancel_scope.cancel()


def _guarded(receiver: Receiver) -> Any:
    async def handle(stream: trio.SocketStream) -> None:
        async with stream:
            try:
                await receiver.handle(stream)
            except trio.BrokenResourceError:
                return  # who sent it is gone

    return handle
