"""A client of a Redis for a test: connected, and gone when the block is left."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from hub.redis import Redis


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Redis]:
    """Run the hub's connections to a Redis."""
    async with trio.open_nursery() as nursery:
        redis = Redis(url)
        await nursery.start(redis.run)
        yield redis
        nursery.cancel_scope.cancel()
