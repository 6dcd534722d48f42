"""The floor of what viewers are sent: trio-websocket, a task and a memory channel per viewer, `send_message`.

Whatever comes on /v1/device goes to every viewer as it is; with `push_bytes` it also makes messages of its own, at a pace. It stores
nothing and checks nothing. A program (answering.py); floor of fanout and latency.
"""

from functools import partial
from typing import Any

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest

from simulators.bench.answering import run_program
from simulators.bench.floor import run_floor

MAX_WAITING = 1_000  # messages of one viewer; what comes beyond is dropped and counted


class Relay:
    """All viewers and what was given to them."""

    def __init__(self) -> None:
        self.viewers: set[trio.MemorySendChannel[bytes | str]] = set()
        self.pushed = self.dropped = 0

    async def serve(self, request: WebSocketRequest) -> None:
        """Serve one connection until it ends: a device's messages are given to viewers, a viewer's are dropped."""
        try:
            socket = await request.accept(subprotocol=request.proposed_subprotocols[0])
            if request.path == "/v1/live":
                await self._serve_viewer(socket)
            else:
                await socket.get_message()  # hello
                while True:
                    self.give(await socket.get_message())
        except ConnectionClosed:
            return

    async def _serve_viewer(self, socket: WebSocketConnection) -> None:
        giving, waiting = trio.open_memory_channel[bytes | str](MAX_WAITING)
        self.viewers.add(giving)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._send, socket, waiting)
                while True:
                    await socket.get_message()
        except* ConnectionClosed:
            pass
        finally:
            self.viewers.discard(giving)

    async def _send(self, socket: WebSocketConnection, waiting: trio.MemoryReceiveChannel[bytes | str]) -> None:
        async for message in waiting:
            await socket.send_message(message)

    def give(self, message: bytes | str) -> None:
        """Put one message into every viewer's channel."""
        self.pushed += 1
        for viewer in self.viewers:
            try:
                viewer.send_nowait(message)
            except trio.WouldBlock:
                self.dropped += 1

    async def push(self, size_bytes: int, per_s: float) -> None:
        """Give messages of our own until cancelled."""
        message, due_s = "x" * size_bytes, trio.current_time()
        while True:
            self.give(message)
            due_s += 1 / per_s
            await trio.sleep_until(due_s)

    def report(self) -> dict[str, int]:
        """Return the counts."""
        return {"viewers": len(self.viewers), "pushed": self.pushed, "dropped": self.dropped}


def run(plan: dict[str, Any]) -> None:
    """Serve until told to quit."""
    relay = Relay()
    beside = [partial(relay.push, plan["push_bytes"], plan["push_per_s"])] if plan.get("push_bytes") else []
    trio.run(run_floor, relay, plan, *beside)


if __name__ == "__main__":
    run_program(run)
