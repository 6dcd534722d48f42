"""Leases on devices that several nodes share in a Redis: taken many at once, renewed together, lost to the node where a device connects.

Owns what this node holds and until when by its own monotonic clock, which runs from before Redis was asked: here a lease is over before
another node may think so. leases.lua decides who holds what. While Redis is away nothing new holds, and what was held runs out.
"""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import msgpack
import trio

from hub.nodes.parts import MANY, parts_of
from hub.ports import Lease, StoreUnavailable

if TYPE_CHECKING:
    from hub.redis import Redis

LEASE_S: Final = 15.0
KEY: Final = "leases"
_PATIENCE_S: Final = 2.0  # of a device that connects, before it is welcomed without
_AGAIN_S: Final = 0.5  # after a Redis that was away
_LAST_S: Final = 2.0  # for giving back at the end
_SCRIPT: Final = files("hub.nodes").joinpath("leases.lua").read_text()
Asked = tuple[str, str, int]  # of leases.lua
Answer = tuple[int, str]  # the fence, 0: none, and then the node that has one


class RedisLease:
    """A lease that holds for a while, and again when it is renewed."""

    def __init__(self, device: str, seen: int) -> None:
        self.device = device
        self.seen = seen
        self.number = 0  # the fence; 0: not taken yet
        self.until_s = 0.0  # monotonic
        self.is_over = False  # given back, or lost for good
        self.asked = trio.Event()  # once, whatever came of it

    @property
    def fence(self) -> int | None:
        """Its number, while it holds."""
        return self.number if not self.is_over and trio.current_time() < self.until_s else None


class RedisLeases:
    """The leases of one node. Bounded by its connections."""

    def __init__(self, redis: "Redis", node: str, lease_s: float = LEASE_S) -> None:
        self._redis, self._node, self._lease_s = redis, node, lease_s
        self._life = secrets.token_hex(8)
        self._held: dict[RedisLease, None] = {}
        self._wanted: dict[RedisLease, None] = {}  # not taken yet, oldest first
        self._given_back: list[RedisLease] = []
        self._work = trio.Event()
        self._lost: list[Callable[[Lease, str], None]] = []

    async def take(self, device: str, seen: int) -> Lease:
        """Take the device; while Redis is away the lease comes without holding, and is taken when it is back."""
        lease = RedisLease(device, seen)
        self._wanted[lease] = None
        self._work.set()
        if self._redis.away is None:
            try:
                with trio.move_on_after(_PATIENCE_S):
                    await lease.asked.wait()
            except trio.Cancelled:  # nobody else knows of it
                self.drop(lease)
                raise
        return lease

    def drop(self, lease: Lease) -> None:
        """Give it back; where that cannot be said it runs out."""
        assert isinstance(lease, RedisLease)
        self._wanted.pop(lease, None)
        if not lease.is_over and lease.number:
            self._given_back.append(lease)
            self._work.set()
        self._end(lease)

    def on_lost(self, callback: Callable[[Lease, str], None]) -> None:
        """Call `callback(lease, node)` when another node has taken a device."""
        self._lost.append(callback)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take, renew and give back until cancelled, and then give back what was dropped before; what is held still runs out."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._renew)
            task_status.started()
            try:
                while True:
                    await self._work.wait()
                    self._work = trio.Event()
                    await self._settle()
            finally:  # on the way out all connections have ended: their devices are nobody's at once, and not when the leases run out
                self._wanted.clear()
                with trio.move_on_after(_LAST_S, shield=True):
                    await self._settle()

    async def _settle(self) -> None:
        """Take and give back what waits; what comes while Redis is asked goes with the next."""
        while self._wanted or self._given_back:
            wanted, given_back = list(self._wanted)[:MANY], self._given_back[:MANY]
            asked_s = trio.current_time()
            takes: list[Asked] = [("take", lease.device, lease.seen) for lease in wanted]
            try:
                answers = await self._ask([*takes, *(("drop", lease.device, lease.number) for lease in given_back)])
            except StoreUnavailable:
                self._given_back.clear()  # they run out before anybody waits for them
                await trio.sleep(_AGAIN_S)
                continue
            del self._given_back[: len(given_back)]
            for lease, (fence, _) in zip(wanted, answers, strict=False):
                lease.number, lease.until_s = fence, asked_s + self._lease_s
                lease.asked.set()
                if self._wanted.pop(lease, lease) is None:
                    self._held[lease] = None
                else:  # its connection has ended meanwhile
                    self._given_back.append(lease)

    async def _renew(self) -> None:
        while True:
            await trio.sleep(self._lease_s / 3)
            await self.reload()

    async def refresh(self, kind: str, keys: Sequence[str]) -> None:
        """Look at once at the leases (kind `lease`) that another node is said to have taken."""
        named = set(keys) if kind == "lease" else set()
        for batch in parts_of([lease for lease in self._held if lease.device in named]):
            await self._look_at(batch)

    async def reload(self) -> None:
        """Look at all of them."""
        for batch in parts_of(list(self._held)):
            await self._look_at(batch)

    async def _look_at(self, leases: Sequence[RedisLease]) -> None:
        """Renew leases, and let go of those that are another node's."""
        asked_s = trio.current_time()
        try:
            answers = await self._ask([("renew", lease.device, lease.number) for lease in leases])
        except StoreUnavailable:
            return  # they hold until they run out, or are renewed the next time; that Redis is away its client has told
        for lease, (fence, node) in zip(leases, answers, strict=True):
            if fence:
                lease.until_s = max(lease.until_s, asked_s + self._lease_s)
            elif not lease.is_over:
                self._end(lease)
                for callback in self._lost:
                    callback(lease, node)

    async def last(self, devices: Collection[str]) -> Mapping[str, str]:
        """Return which node has each device, or had it last. Raises StoreUnavailable."""
        names = sorted(devices)
        found = await self._redis.ask(lambda client: client.hmget(self._redis.key(KEY), names))
        return {name: lease.split(b" ")[2].decode() for name, lease in zip(names, found, strict=True) if lease is not None}

    def _end(self, lease: RedisLease) -> None:
        lease.is_over = True
        self._held.pop(lease, None)

    async def _ask(self, asked: Sequence[Asked]) -> list[Answer]:
        places = [self._redis.key(name) for name in ("changes", "changes_number", "devices")]
        args = (self._node, self._life, int(self._lease_s * 1000), msgpack.packb(asked), *places)
        answers = await self._redis.run_script(_SCRIPT, self._redis.key(KEY), args)
        return [(int(fence), node.decode()) for fence, node in answers]
