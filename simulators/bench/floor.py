"""The life of a floor: a stock trio-websocket server that is told its plan, asked for its figures, and ended.

Owns listening, the conversation on stdin and stdout, and nothing of what the floor does with a connection. Used by sink.py and relay.py.
"""

import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import trio
from trio_websocket import WebSocketRequest, serve_websocket

from simulators.bench.answering import say
from simulators.bench.encryption import Certificate, server_context


class Floor(Protocol):
    """What a floor does with a connection and what it counts."""

    async def serve(self, request: WebSocketRequest) -> None:
        """Serve one connection until it ends."""

    def report(self) -> Mapping[str, Any]:
        """Return the figures."""


async def run_floor(floor: Floor, plan: Mapping[str, Any], *beside: Callable[[], Awaitable[None]]) -> None:
    """Serve on a free port, say which, and answer each command with the figures until `quit`."""
    async with trio.open_nursery() as nursery:
        tls = server_context(Certificate(*map(Path, plan["certificate"]))) if plan.get("certificate") else None
        server = await nursery.start(serve_websocket, floor.serve, "127.0.0.1", 0, tls)
        for task in beside:
            nursery.start_soon(task)
        say({"port": server.port})
        async with trio.lowlevel.FdStream(os.dup(0)) as commands:
            async for command in commands:
                say(floor.report())
                if command.strip() == b"quit":
                    break
        nursery.cancel_scope.cancel()
