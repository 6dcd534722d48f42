"""How devices are, told between nodes: each speaks for the devices whose lease it has or had last, and shows what the others say of theirs.

Owns what waits to be told, many at once, and which nodes were heard; the registry judges and shows. A node that is gone is taken at its
word no longer: its devices are unconfirmed, here by this node's own time, until they come back or had the time to.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgpack
import trio

from hub.core.elsewhere import Sighting
from hub.nodes.leases import KEY as LEASES
from hub.nodes.node import Node
from hub.nodes.parts import parts_of
from hub.ports import Now, StoreUnavailable

if TYPE_CHECKING:
    from hub.redis import Redis

KIND: Final = "presence"
TELL_EVERY_S: Final = 0.5
_LAST_S: Final = 2.0  # for telling at the end
_SCRIPT: Final = files("hub.nodes").joinpath("presence.lua").read_text()


class Devices(Protocol):
    """The registry, as this part needs it."""

    def on_presence(self, callback: Callable[[str], None]) -> None:
        """Call `callback(name)` when how a device is has changed here."""

    def here(self) -> list[str]:
        """Return the devices that have a connection to this node."""

    def sighting(self, name: str) -> Sighting | None:
        """Return how a device is by this node's word; None: it has none to say."""

    def told(self, sightings: Mapping[str, Sighting | None]) -> None:
        """Take other nodes' words."""

    def lose_nodes(self, gone_us: Mapping[str, int]) -> None:
        """Know which nodes are gone, and since when."""


class Members(Protocol):
    """The cluster, as this part needs it."""

    def get(self, name: str) -> Node | None:
        """Return another node."""


class SharedPresence:
    """What this node tells of its devices, and hears of others'. What waits is bounded by the number of devices."""

    def __init__(self, redis: "Redis", node: str, devices: Devices, members: Members, now: Now) -> None:
        self._redis, self._node, self._devices, self._members, self._now = redis, node, devices, members, now
        self._waiting: dict[str, None] = {}
        self._nodes: set[str] = set()  # that speak for devices
        self._gone_us: dict[str, int] = {}
        devices.on_presence(self._note)

    def _note(self, name: str) -> None:
        self._waiting[name] = None

    async def load(self) -> None:
        """Read what the others say once at start, before the registry; and say anew what this node said before. Raises StoreUnavailable."""
        await self.reload()

    async def refresh(self, kind: str, keys: Sequence[str]) -> None:
        """Hear what another node says now. Raises StoreUnavailable."""
        if kind == KIND:
            place = self._redis.key(KIND)
            for names in parts_of(keys):
                kept = await self._redis.ask(lambda client, names=names: client.hmget(place, names))  # type: ignore[misc]
                self._hear(zip(names, kept, strict=True))

    async def reload(self) -> None:
        """Hear everybody, and say everything again: Redis may have lost it. Raises StoreUnavailable."""
        kept: Mapping[bytes, bytes] = await self._redis.ask(lambda client: client.hgetall(self._redis.key(KIND)))
        for names in parts_of([*kept]):
            self._hear((name.decode(), kept[name]) for name in names)
            await trio.lowlevel.checkpoint()
        self._waiting |= dict.fromkeys(self._devices.here())

    def _hear(self, kept: Iterable[tuple[str, bytes | None]]) -> None:
        said = {name: _sighting(body) if body else None for name, body in kept}
        own = [name for name, sighting in said.items() if sighting is not None and sighting.node == self._node]
        self._waiting |= dict.fromkeys(own)
        theirs = {name: sighting for name, sighting in said.items() if name not in own}
        self._nodes |= {sighting.node for sighting in theirs.values() if sighting is not None}
        self._devices.told(theirs | dict.fromkeys(own))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Tell what has changed, and look which nodes are gone, until cancelled; then tell what came last: how devices are without us."""
        task_status.started()
        try:
            while True:
                self._devices.lose_nodes(self._gone())
                await self._tell_all()
                await trio.sleep(TELL_EVERY_S)
        finally:
            with trio.move_on_after(_LAST_S, shield=True):
                await self._tell_all()

    async def _tell_all(self) -> None:
        for names in parts_of(list(self._waiting)):
            await self._tell(names)

    def _gone(self) -> dict[str, int]:
        """Return the nodes that are gone, and when each was last heard of."""
        known = {name: self._members.get(name) for name in self._nodes}
        gone = {name: node for name, node in known.items() if node is None or not node.is_alive}
        self._gone_us = {name: node.seen_us if node else self._gone_us.get(name, self._now()) for name, node in gone.items()}
        return self._gone_us

    async def _tell(self, names: Sequence[str]) -> None:
        """Tell of these devices. What this node may not say, or not yet, it says again when it has changed; until then it hears who may.

        (While the connection that another node took over ended here, that node was not listened to.)
        """
        said: list[tuple[str, Any]] = [(name, self._devices.sighting(name)) for name in names]
        for name in names:
            del self._waiting[name]
        told = [(name, json.dumps(sighting)) for name, sighting in said if sighting is not None]
        places = [self._redis.key(each) for each in (LEASES, KIND, "changes", "changes_number")]
        try:
            refused = await self._redis.run_script(_SCRIPT, places[0], (self._node, msgpack.packb(told)), *places[1:])
        except StoreUnavailable:
            self._waiting |= dict.fromkeys(names)
            return
        words = {name.decode(): _sighting(word) if word else None for name, word in zip(refused[::2], refused[1::2], strict=True)}
        self._waiting |= dict.fromkeys(name for name, sighting in said if name in words and sighting.presence in ("online", "silent"))
        self._devices.told({name: word for name, word in words.items() if word is not None and word.node != self._node})


def _sighting(body: bytes) -> Sighting:
    return Sighting(*json.loads(body)[: len(Sighting._fields)])  # a newer node may say more
