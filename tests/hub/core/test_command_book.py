"""Two desks on one state store, as two nodes have: who was slower decides again on what is kept, and memory is never ahead of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from devices.wire.messages import Channel, CommandSpec, CommandState, Hello, Outcome
from hub.core.command_book import COMMAND
from hub.core.commands import CommandDesk
from hub.core.entities import Entities
from hub.core.presence import Pulse
from hub.core.records import Cursor
from hub.core.registry import Registry
from hub.ports import Conflict, Document, StoreUnavailable
from hub.state.sqlite import SQLiteStateStore

HELLO = Hello("pump", 7, (Channel("temp", "Cel"),), commands=(CommandSpec("blink", "", {}),))


class Node:
    """A desk, and what its viewers see."""

    def __init__(self, state: SQLiteStateStore) -> None:
        self.now_us = 1_000_000
        self.entities = Entities()
        self.registry = Registry(state, self.entities, lambda: self.now_us)
        self.desk = CommandDesk(state, self.registry, self.entities, lambda: self.now_us)

    async def load(self) -> None:
        await self.registry.load()
        await self.desk.load()

    def shown(self) -> list[str]:
        return [item["state"] for item in self.entities.commands()]

    async def says(self, position: int, *outcomes: Outcome) -> None:
        await self.desk.followed([("pump", outcome) for outcome in outcomes], Cursor("j", position), [])


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[SQLiteStateStore]:
    state = SQLiteStateStore(tmp_path / "state.db")
    await state.start()
    registry = Registry(state, Entities(), lambda: 1_000_000)
    await registry.load()
    await registry.add_device("pump")
    await registry.connected(HELLO, Pulse())
    yield state
    await state.aclose()


@pytest.fixture
async def nodes(state: SQLiteStateStore) -> tuple[Node, Node]:
    nodes = Node(state), Node(state)
    for node in nodes:
        await node.load()
    return nodes


async def test_of_two_nodes_that_cancel_at_once_both_are_told_of_one_cancellation(
    nodes: tuple[Node, Node], state: SQLiteStateStore
) -> None:
    here, there = nodes
    command = await here.desk.create("pump", "blink", {}, 10.0, "ann")
    await there.desk.reload()
    assert (await there.desk.cancel(command.id, "bob"))[1] == "cancelled"
    assert here.shown() == ["queued"]
    record, answer = await here.desk.cancel(command.id, "ann")
    assert (record.state, answer, here.shown()) == ("cancelled", "cancelled", ["cancelled"])
    assert (await state.command(command.id)) == record


async def test_what_a_device_said_to_another_node_is_not_undone_by_what_is_older_here(
    nodes: tuple[Node, Node], state: SQLiteStateStore
) -> None:
    here, there = nodes
    command = await here.desk.create("pump", "blink", {}, 10.0, "ann")
    await there.desk.reload()
    await there.says(1, Outcome(command.id, CommandState.RUNNING, 0.5))
    await here.says(2, Outcome(command.id, CommandState.ACCEPTED))
    kept = await state.command(command.id)
    assert kept is not None
    assert (kept.state, kept.progress, here.shown()) == ("running", 0.5, ["running"])
    await here.says(3, Outcome(command.id, CommandState.DONE, value=7))
    await there.desk.refresh(COMMAND, [command.id])
    assert (there.shown(), (await there.desk.get(command.id))) == (["done"], await here.desk.get(command.id))


async def test_a_conflict_of_what_is_not_the_books_is_told_to_who_made_the_change(
    nodes: tuple[Node, Node], state: SQLiteStateStore
) -> None:
    here, _ = nodes
    await state.change([Document("shadow", "pump", 1, {})])
    with trio.fail_after(30), pytest.raises(Conflict) as caught:
        await here.desk.followed([], Cursor("j", 1), [Document("shadow", "pump", 1, {})])
    assert caught.value.kind == "shadow"


async def test_what_is_not_stored_is_not_shown(nodes: tuple[Node, Node], state: SQLiteStateStore) -> None:
    here, _ = nodes
    command = await here.desk.create("pump", "blink", {}, 10.0, "ann")
    await state.aclose()
    with pytest.raises(StoreUnavailable):
        await here.desk.cancel(command.id, "ann")
    assert here.shown() == ["queued"]
