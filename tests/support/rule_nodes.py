"""Nodes that judge by the same rules on one Redis: each with its journal, its rules and what it is told of the others' changes.

Owns who is where and which nodes live, which the test says. Knows no sockets: a device that moves journals on another node.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgpack
import trio

from hub.core.entities import Entities
from hub.core.records import Row, RowKind
from hub.journal import Entry, Journal, JournalSettings, SQLiteJournalFile
from hub.layers import layer
from hub.nodes.taking_in import TakingIn
from hub.ports import Opening
from hub.rules import Notifying, RulesSide
from hub.state.redis import RedisStateStore
from tests.support.owner import CHANNELS, Session
from tests.support.redis import connected
from tests.support.waiting import until

SECOND = 1_000_000
NOW_US = 1_700_000_000 * SECOND


@dataclass
class Whereabouts:
    """Which nodes live, how long the others have been gone, and to which of them each device is connected or was last."""

    alive: set[str] = field(default_factory=set)
    holders: dict[str, str] = field(default_factory=dict)
    gone_s: float = 0.0


class Place:
    """The whereabouts as one node knows them."""

    def __init__(self, node: str, whereabouts: Whereabouts) -> None:
        self.node, self.asked = node, 0
        self._whereabouts = whereabouts

    def alive(self) -> set[str]:
        return self._whereabouts.alive

    def gone_s(self, node: str) -> float:
        return self._whereabouts.gone_s

    def is_here(self, device: str) -> bool:
        return self._whereabouts.holders.get(device) == self.node

    async def last(self, devices: Collection[str]) -> Mapping[str, str]:
        self.asked += 1
        return {device: self._whereabouts.holders[device] for device in devices if device in self._whereabouts.holders}


class Node:
    """One node's rules."""

    def __init__(self, directory: Path, state: RedisStateStore, place: Place) -> None:
        self.name, self.state, self.place = place.node, state, place
        self.journal = Journal(SQLiteJournalFile(directory / f"{place.node}.db"), JournalSettings(), lambda: NOW_US)
        self.entities = Entities(NOW_US)
        notifying = Notifying(webhook_allow=("127.0.0.0/8",))
        self.side = RulesSide(state, self.entities, self.journal, lambda: NOW_US, notifying)
        self.side.join(place)
        self.desk = self.side.desk
        self._session, self._seqs = Session(), dict[str, int]()
        self.ends = trio.CancelScope()

    async def says(self, temp: float, at_s: float = 0.0, device: str = "pump") -> None:
        """Journal a reading of a device that is connected here, and have it judged."""
        await self.say([(device, temp)], at_s)

    async def say(self, temps: Sequence[tuple[str, float]], at_s: float = 0.0) -> None:
        """Journal readings of several devices at once, and have them judged."""
        epoch, position = 1, self.journal.position
        new = [Opening(device, epoch, CHANNELS, 0) for device, _ in temps if device not in self._seqs]
        await self.journal.open_epochs(self._session, new)
        for device, temp in temps:
            seq = self._seqs[device] = self._seqs.get(device, 0) + 1
            body = {"e": epoch, "s": seq, "op": "data", "t": NOW_US + int(at_s * SECOND) + seq, "c": [0], "d": [0], "v": [temp]}
            row = Row(0, device, epoch, seq, RowKind.DATA, NOW_US, msgpack.packb(body), None)
            self.journal.submit(Entry(self._session, row, ((epoch, seq),)))
        position += len(temps)
        await until(lambda: self.journal.position >= position and self.journal.cursor("rules").applied == self.journal.position)

    def shows(self, device: str, presence: str) -> None:
        """Show how a device is, as the registry of the node does."""
        self.entities.put_device({"device": device, "presence": presence, "last_seen_us": 1})

    def comes(self, device: str, at: int = 0) -> None:
        """Show that a device has come here, as the registry of the node does."""
        self.entities.put_device({"device": device, "presence": "online", "last_seen_us": 1, "connected_us": NOW_US + at})

    def states(self) -> list[str]:
        """Return the states of the alerts."""
        return sorted(alert["state"] for alert in self.desk.alerts())

    async def kill(self) -> None:
        """End without a word to anybody."""
        await self.state.aclose()
        self.ends.cancel()


@asynccontextmanager
async def a_node(
    directory: Path, name: str, redis: tuple[str, str], whereabouts: Whereabouts, *, is_told: bool = True
) -> AsyncIterator[Node]:
    """Run a node on a Redis, by its URL and the prefix of all keys, until the block is left or it is killed.

    One that is not told hears nothing of what other nodes change, as if that came late.
    """
    async with connected(*redis) as connection:
        state = RedisStateStore(connection, name)
        await state.start()
        node = Node(directory, state, Place(name, whereabouts))
        await node.desk.start()
        whereabouts.alive.add(name)
        async with trio.open_nursery() as nursery:
            await nursery.start(_run, node, is_told)
            await until(lambda: node.desk.is_current)
            yield node
            node.ends.cancel()


async def _run(node: Node, is_told: bool, *, task_status: trio.TaskStatus[None]) -> None:
    with node.ends:
        told = [TakingIn(node.state, (node.desk,)).run] if is_told else []
        async with layer(node.journal.run), layer(*node.side.runs(), *told):
            task_status.started()
            await trio.sleep_forever()


def rule_of(**body: object) -> Mapping[str, object]:
    """Return the body of a rule that a temperature above 80 breaks."""
    return {"kind": "above", "limit": 80, "hysteresis": 5, **body}
