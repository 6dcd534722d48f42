"""Which state store the settings mean: a file in the data directory, or a Redis that nodes share; beside main.py the only place to know.

Owns the choice, and the patience with a Redis that is not there yet when a hub starts. Called by main.py.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
import trio

from hub.config import Settings
from hub.core.errors import Refusal
from hub.datadir import DataDir
from hub.nodes.local import LocalLeases
from hub.nodes.membership import Membership
from hub.part_settings import redis_passwords
from hub.ports import Leases, Now, StateStore, StoreUnavailable
from hub.state.sqlite import SQLiteStateStore
from hub.state.whole import devices_in

if TYPE_CHECKING:
    from hub.redis import Redis

_log: Final = structlog.get_logger(__name__)
_AGAIN_S: Final = 0.5
_MAX_OFF_S: Final = 2.0  # of a clock that is to be trusted: less than that no person notices of a command's time to live


def make_redis(settings: Settings) -> "Redis | None":
    """Return the Redis of a node, None for a hub that stands alone. Raises Refusal."""
    if settings.redis_url is None:
        return None
    from hub.redis import Passwords, Redis  # coredis takes 0.4 s to import, which a hub that stands alone would wait for

    return Redis(settings.redis_url, Passwords(*redis_passwords(settings)))


def make_state(settings: Settings, data: DataDir, redis: "Redis | None") -> StateStore:
    """Return the state store, not yet open."""
    if redis is None:
        return SQLiteStateStore(data.state, data.reserve.give_up, data.how_to_restore)
    from hub.state.redis import RedisStateStore

    return RedisStateStore(redis, settings.node)


def make_state_of(redis: "Redis", node: str) -> StateStore:
    """Return the state store as another node has it, not yet open."""
    from hub.state.redis import RedisStateStore

    return RedisStateStore(redis, node)


def make_leases(settings: Settings, redis: "Redis | None", now: Now) -> Leases:
    """Return the leases on devices: shared with the other nodes, or of a hub that has none beside it."""
    if redis is None:
        return LocalLeases(now)
    from hub.nodes.leases import RedisLeases

    return RedisLeases(redis, settings.node)


async def open_state(state: StateStore, redis: "Redis | None") -> None:
    """Open it; one that others keep is waited for, as long as it takes. Raises StoreUnavailable, Refusal where waiting is in vain."""
    is_told = False
    while True:
        try:
            return await state.start()
        except StoreUnavailable as error:
            if redis is None:
                raise
            if redis.away is None:
                raise Refusal("bad_redis", str(error), "correct redis_url, redis_password, or what that Redis allows") from error
            if not is_told:
                _log.warning("waiting_for_redis", url=redis.url, reason=redis.away)
            is_told = True
        await trio.sleep(_AGAIN_S)


async def check_taken_along(state: StateStore, redis: "Redis | None", before: Path) -> None:
    """Hold back a node that would begin without devices where the hub before it, whose state.db is named, had some. Raises Refusal."""
    if redis is None or not (devices := await trio.to_thread.run_sync(devices_in, before)):
        return
    if not await state.devices() and not await state.audit(None, 1):
        had = f"{devices:,} device{'s' * (devices != 1)} of the hub that stood alone here"
        said = f"{before} has {had}, and the Redis knows none: all would be turned away"
        raise Refusal("state_left", said, "take them along: tributary state copy; or move that file away, to begin without")


def file_notes(state: StateStore) -> list[str]:
    """Return what the operator should know of the file that the state is kept in."""
    return list(state.notes) if isinstance(state, SQLiteStateStore) else []


def notes_of(redis: "Redis | None", cluster: Membership | None = None) -> list[str]:
    """Return what the operator should know of the Redis of a node, and of its clock beside that."""
    if redis is None:
        return []
    if cluster is not None and abs(off_s := cluster.clock_off_s) > _MAX_OFF_S:
        said = f"the clock of this node is {abs(off_s):,.0f} s {'ahead of' if off_s > 0 else 'behind'} that of Redis"
        return [f"{said}: what other nodes made expires too early or too late; have both clocks set by NTP", *notes_of(redis)]
    if redis.away is None:
        return [] if redis.stranger is None else [redis.stranger]
    return [f"Redis does not answer ({redis.away}): nothing can be changed, no command is sent; readings go on"]
