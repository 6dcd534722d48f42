"""The floor of the ingest benchmark: a stock trio-websocket server that reads each message and drops it.

It answers nothing, stores nothing, checks nothing. Runs as a program of its own; prints its port, and on SIGTERM how
many messages it read. Started by simulators/bench/ingest.py.
"""

import json
import signal

import trio
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket

from devices.wire.limits import SUBPROTOCOL_DEVICE
from simulators.hub_process import raise_descriptor_limit


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

    async def run(self) -> None:
        """Serve on a free port until SIGTERM."""
        with trio.open_signal_receiver(signal.SIGTERM) as signals:
            async with trio.open_nursery() as nursery:
                server = await nursery.start(serve_websocket, self.serve, "127.0.0.1", 0, None)
                print(json.dumps({"port": server.port}), flush=True)
                await anext(aiter(signals))
                print(json.dumps({"messages": self.messages}), flush=True)
                nursery.cancel_scope.cancel()


if __name__ == "__main__":
    raise_descriptor_limit()
    trio.run(Sink().run)
