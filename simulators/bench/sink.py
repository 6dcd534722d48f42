"""The bare sink: a stock trio-websocket server that reads each message and drops it.

It answers nothing, stores nothing, checks nothing. A program (answering.py); floor of ingest, flood and idle.
"""

from typing import Any

import trio
from trio_websocket import ConnectionClosed, WebSocketRequest

from devices.wire.limits import SUBPROTOCOL_DEVICE
from simulators.bench.answering import run_program
from simulators.bench.floor import run_floor


class Sink:
    """Counts what it drops."""

    def __init__(self) -> None:
        self.messages = 0

    async def serve(self, request: WebSocketRequest) -> None:
        """Read one connection until it ends."""
        try:
            socket = await request.accept(subprotocol=SUBPROTOCOL_DEVICE)
            while True:
                await socket.get_message()
                self.messages += 1
        except ConnectionClosed:
            return

    def report(self) -> dict[str, int]:
        """Return the count."""
        return {"messages": self.messages}


def run(plan: dict[str, Any]) -> None:
    """Serve until told to quit."""
    trio.run(run_floor, Sink(), plan)


if __name__ == "__main__":
    run_program(run)
