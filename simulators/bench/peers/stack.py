"""The usual stack: Mosquitto, a subscriber that writes, and a database that is somebody else's to run.

Owns the life of the two processes, which can be killed and begin their next life on the same directory. Used by the course.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from simulators.bench.peers.mosquitto_process import MosquittoProcess
from simulators.bench.program import Program, started


class UsualStack:
    """A broker and the subscriber of its present life."""

    def __init__(self, broker: MosquittoProcess, writer: Program) -> None:
        self._broker = broker
        self.writer = writer

    @property
    def port(self) -> int:
        """Where devices publish."""
        return self._broker.port

    @property
    def pids(self) -> tuple[int, int]:
        """The processes whose cost counts."""
        return self._broker.pid, self.writer.pid


@asynccontextmanager
async def usual_stack(database: str, at: Path | None = None) -> AsyncIterator[UsualStack]:
    """Run the stack on a directory of its own, or a next life of it on `at`; both processes are killed when the block is left."""
    with TemporaryDirectory(prefix="tributary-bench-") as directory:
        broker = MosquittoProcess(at or Path(directory) / "broker")
        try:
            await trio.to_thread.run_sync(broker.start)
            async with started("peers.mqtt_writer", {"port": broker.port, "database": database}) as (writer, _):
                yield UsualStack(broker, writer)
        finally:
            broker.kill()
