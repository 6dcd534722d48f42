"""A real Redis for tests: a server for the length of a block, and the hub's connections to one."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import trio

from hub.redis import PREFIX, Redis
from simulators.redis_process import PROGRAM, RedisProcess

__all__ = ["PROGRAM", "RedisProcess", "connected", "running_redis"]


@contextmanager
def running_redis(directory: Path, *arguments: str) -> Iterator[RedisProcess]:
    """Run a server until the block is left; whatever happens in it, the process is gone afterwards."""
    server = RedisProcess(directory, *arguments)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@asynccontextmanager
async def connected(url: str, prefix: str = PREFIX) -> AsyncIterator[Redis]:
    """Run the hub's connections to a Redis."""
    async with trio.open_nursery() as nursery:
        redis = Redis(url, prefix=prefix)
        await nursery.start(redis.run)
        yield redis
        nursery.cancel_scope.cancel()
