"""A hub that stood alone becomes a node: all that its state.db holds, copied into the Redis that nodes share, and compared.

Owns what is no hub's alone any more and becomes that node's, and when the copy counts. The lock of the data directory is held meanwhile,
so that no hub runs on it. Called by the command line.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import trio

from hub.config import Settings
from hub.core.connections import ALIVE
from hub.core.errors import Refusal
from hub.datadir import DataDir
from hub.ports import ConnectionRecord, Document
from hub.state.redis.whole import WholeRedis
from hub.state.whole import Item, WholeSQLite
from hub.states import make_redis

ALONE: Final = "hub"  # the name of a hub that stands alone, where it marks that it is alive
_SHOWN: Final = 5
Shown = Callable[[str, int, int], None]  # a step, how far it is, of how much


@dataclass(slots=True)
class Copied:
    """What a copy came to."""

    counts: Mapping[str, int]
    different: list[str] = field(default_factory=list)  # what is not the same in both; nothing: hubs may start


async def copy_into_redis(settings: Settings, shown: Shown, *, is_forced: bool) -> Copied:
    """Copy the state in the data directory into the Redis of these settings. Raises Refusal, StoreUnavailable, DataDirError."""
    redis = make_redis(settings)
    if redis is None:
        said = 'these settings have state = "sqlite": there is no Redis to copy to'
        raise Refusal("bad_usage", said, 'name the configuration of the node to be with --config: state = "redis", redis_url, node')
    if not await trio.Path(DataDir(settings.data_dir).state).exists():
        raise Refusal("no_hub", f"no hub has its state in {settings.data_dir}", "name its data directory with --data-dir")
    with DataDir(settings.data_dir) as data:
        source = WholeSQLite(data.state)
        async with trio.open_nursery() as nursery:
            await nursery.start(redis.run)
            try:
                await source.start()
                copied = await copy_state(source, WholeRedis(redis, settings.node), settings.node, shown, is_forced=is_forced)
            finally:
                with trio.CancelScope(shield=True):
                    await source.aclose()
            nursery.cancel_scope.cancel()
    return copied


async def copy_state(source: WholeSQLite, target: WholeRedis, node: str, shown: Shown, *, is_forced: bool) -> Copied:
    """Copy a state that nobody changes into a Redis, as that of a node; hubs are let in once both are the same.

    Cancelled or failed, hubs stay out, and the copy is begun anew. Raises Refusal, StoreUnavailable.
    """
    await _check(target, is_forced=is_forced)
    copied = Copied(await source.counts())
    total = sum(copied.counts.values())
    await target.begin()
    kinds = await _carry(source, target, node, lambda done: shown("copy", done, total))
    await target.number_on(*await source.last_numbers())
    done = 0
    async for sort, page in source.pages():
        ours = [as_nodes(item, node) for item in page]
        copied.different += [f"{sort}: {each!r:.200}" for each in (await target.different(sort, ours))[:_SHOWN]]
        shown("compare", done := done + len(page), total)
    found = await target.counts(sorted(kinds))
    copied.different += [
        f"{sort}: {count} instead of {copied.counts[sort]}" for sort, count in found.items() if count != copied.counts[sort]
    ]
    if not copied.different and not await target.finish():
        copied.different.append("another copy into the same Redis went on at the same time")
    return copied


async def _check(target: WholeRedis, *, is_forced: bool) -> None:
    """Look whether the Redis may be filled. Raises Refusal."""
    alive, holds, is_half, devices = await target.look()
    if alive:
        said = f"{', '.join(alive)} run{'s' * (len(alive) == 1)} on this Redis"
        raise Refusal("nodes_run", said, "stop every hub on it; one that was killed counts as running for ten seconds")
    if holds and not is_half and not is_forced:
        said = f"this Redis holds the state of a cluster already, with {devices:,} device{'s' * (devices != 1)}"
        raise Refusal("not_empty", said, "name another database number, or --replace: all of that state is deleted then")


async def _carry(source: WholeSQLite, target: WholeRedis, node: str, shown: Callable[[int], None]) -> set[str]:
    """Copy everything; return the kinds of documents."""
    counted, kinds = Counter[str](), set[str]()
    async for sort, page in source.pages():
        await target.put(sort, [as_nodes(item, node) for item in page])
        kinds |= {item.kind for item in page if isinstance(item, Document)}
        counted[sort] += len(page)
        shown(counted.total())
    return kinds


def as_nodes(item: Item, node: str) -> Any:
    """Return a thing as a node has it: whose connections these were, and which hub was alive, is said where there are several."""
    if isinstance(item, ConnectionRecord):
        return item._replace(node=node)
    if isinstance(item, Document) and (item.kind, item.key) == (ALIVE, ALONE):
        return item._replace(key=node)
    return item
