"""`tributary serve --workers N` as processes on a real Redis and a real VictoriaMetrics, and ways to each of its workers.

Owns their lives in a test. A `Port` is where devices and viewers of live_cluster.py come to: the port that the workers share.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from hub.client import HubClient
from simulators.hub_process import HubProcess
from tests.support.redis import running_redis
from tests.support.victoria import running_victoria


class Port:
    """The port of workers, or the one that leads to one of them alone."""

    def __init__(self, name: str, data_dir: Path) -> None:
        self.name, self.data_dir = name, data_dir

    @property
    def url(self) -> str:
        return str(json.loads((self.data_dir / "hub.json").read_text())["url"])

    @property
    def pid(self) -> int:
        return int(json.loads((self.data_dir / "hub.json").read_text())["pid"])

    @property
    def admin_token(self) -> str:
        return (self.data_dir / "admin.token").read_text().strip()

    def client(self) -> HubClient:
        return HubClient(self.url, self.admin_token)


class Workers:
    """The parent process, and all of its workers."""

    def __init__(self, process: HubProcess, store_url: str) -> None:
        self.process, self.store_url = process, store_url
        self.shared = Port("big", process.data_dir)

    def each(self, count: int) -> list[Port]:
        """Return the ways to single workers."""
        return [Port(f"big-{number}", self.process.data_dir / f"big-{number}") for number in range(1, count + 1)]

    def said(self, event: str) -> int:
        """Return how often the log has an event."""
        return self.process.log.read_text(errors="replace").count(f'"event": "{event}"')

    async def start(self, count: int) -> None:
        """Start them and return once all listen."""
        await trio.to_thread.run_sync(self.process.start, 60.0, ("--workers", str(count)))

    async def stop(self) -> int:
        """Stop them; return the exit code of the parent."""
        return await trio.to_thread.run_sync(self.process.stop, 60.0)


@asynccontextmanager
async def workers_on(directory: Path, **settings: str) -> AsyncIterator[Workers]:
    """Run the servers until the block is left; the workers are begun by `start`."""
    with running_redis(directory / "redis") as redis, running_victoria(directory / "victoria") as victoria:
        told = {"state": "redis", "redis_url": redis.url, "store": victoria.store_url, "node": "big", "restart_jitter_s": "0", **settings}
        environment = {f"TRIBUTARY_{name.upper()}": value for name, value in told.items()}
        process = HubProcess(directory / "data", environment=environment)
        try:
            yield Workers(process, victoria.url)
        finally:
            await trio.to_thread.run_sync(process.stop, 60.0)


async def comes_true(holds: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """Wait for a condition."""
    with trio.fail_after(timeout_s):
        while not holds():  # noqa: ASYNC110
            await trio.sleep(0.05)
