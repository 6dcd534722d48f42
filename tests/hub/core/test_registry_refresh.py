"""What another node has changed of a device holds here as if it was changed here: who is let in, whose connection ends and why."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devices.wire.limits import CloseCode
from hub.core.entities import Entities
from hub.core.errors import Refusal
from hub.core.registry import Registry
from hub.core.registry_facts import KIND
from hub.core.registry_set import DISABLED, GONE
from hub.core.registry_tokens import OLD_TOKEN
from hub.state.sqlite import SQLiteStateStore


class Nodes:
    """Two registries on one state store, and which connections ended at the second one."""

    def __init__(self, state: SQLiteStateStore) -> None:
        self.now_us = 1_000
        self.entities = Entities()
        self.there = Registry(state, Entities(), lambda: self.now_us)
        self.here = Registry(state, self.entities, lambda: self.now_us)
        self.ended: list[tuple[str, CloseCode]] = []
        self.removed: list[str] = []
        self.here.on_revoked(lambda name, code, _: self.ended.append((name, code)))
        self.here.on_removed(self.removed.append)

    async def heard(self) -> list[tuple[str, CloseCode]]:
        """Take in what has changed of the pump, twice as news may come; return what ended by it."""
        self.ended.clear()
        for _ in range(2):
            await self.here.refresh(KIND, ["pump"])
        return list(self.ended)


@pytest.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[Nodes]:
    state = SQLiteStateStore(tmp_path / "state.db")
    await state.start()
    made = Nodes(state)
    await made.there.load()
    await made.here.load()
    yield made
    await state.aclose()


async def test_a_device_of_another_node_is_let_in_until_it_is_disabled_and_then_told_why(nodes: Nodes) -> None:
    token = await nodes.there.add_device("pump")
    assert nodes.here.device_of(token) is None
    await nodes.here.refresh("group command", ["pump"])
    assert nodes.here.device_of(token) is None
    assert await nodes.heard() == []
    assert nodes.here.device_of(token) == "pump"
    assert [item["device"] for item in nodes.entities.devices()] == ["pump"]
    await nodes.there.edit("pump", {"disabled": True, "title": "cellar"})
    assert await nodes.heard() == [("pump", CloseCode.DISABLED)]
    assert nodes.entities.devices()[0]["title"] == "cellar"
    with pytest.raises(Refusal, match="is disabled"):
        nodes.here.device_of(token)
    await nodes.there.edit("pump", {"disabled": False})
    assert await nodes.heard() == []
    assert nodes.here.device_of(token) == "pump"


async def test_a_token_that_another_node_replaced_is_good_as_long_as_it_said(nodes: Nodes) -> None:
    first = await nodes.there.add_device("pump")
    await nodes.heard()
    second = await nodes.there.new_token("pump", overlap_s=60)
    assert await nodes.heard() == []
    assert [nodes.here.device_of(token) for token in (first, second)] == ["pump", "pump"]
    third = await nodes.there.new_token("pump", overlap_s=60)
    assert await nodes.heard() == [("pump", CloseCode.OLD_TOKEN)]
    assert [nodes.here.device_of(token) for token in (first, second, third)] == [None, "pump", "pump"]
    nodes.now_us += 60_000_000
    assert [nodes.here.device_of(token) for token in (second, third)] == [None, "pump"]
    fourth = await nodes.there.new_token("pump")
    assert await nodes.heard() == [("pump", CloseCode.REVOKED)]
    assert [nodes.here.device_of(token) for token in (third, fourth)] == [None, "pump"]
    await nodes.there.revoke("pump")
    assert await nodes.heard() == [("pump", CloseCode.REVOKED)]
    assert nodes.here.device_of(fourth) is None


async def test_news_of_a_replaced_token_alone_are_heard_as_well(nodes: Nodes) -> None:
    first = await nodes.there.add_device("pump")
    await nodes.heard()
    await nodes.there.new_token("pump", overlap_s=60)
    await nodes.here.refresh(OLD_TOKEN, ["pump"])
    nodes.now_us += 60_000_000
    assert nodes.here.device_of(first) is None


async def test_a_device_that_another_node_removed_is_gone_with_its_token_and_one_added_anew_is_another(nodes: Nodes) -> None:
    old = await nodes.there.add_device("pump")
    await nodes.heard()
    await nodes.there.edit("pump", {"title": "cellar"})
    await nodes.there.remove_device("pump")
    nodes.now_us += 1
    new = await nodes.there.add_device("pump")
    assert await nodes.heard() == [("pump", CloseCode.REVOKED)]
    assert (nodes.removed, [nodes.here.device_of(token) for token in (old, new)]) == (["pump"], [None, "pump"])
    assert "title" not in nodes.entities.devices()[0]
    await nodes.there.remove_device("pump")
    assert await nodes.heard() == [("pump", CloseCode.REVOKED)]
    assert (nodes.here.device_of(new), nodes.entities.devices()) == (None, [])


async def test_after_a_cut_everything_is_read_again_also_what_is_gone(nodes: Nodes) -> None:
    for name in ("pump", "fan"):
        await nodes.there.add_device(name)
    await nodes.here.reload()
    assert [item["device"] for item in nodes.entities.devices()] == ["fan", "pump"]
    await nodes.there.remove_device("fan")
    tokens = await nodes.there.add_devices([f"d{number}" for number in range(401)])
    await nodes.here.reload()
    assert len(nodes.entities.devices()) == 402
    assert all(nodes.here.device_of(token) == name for name, token in tokens.items())
    assert nodes.removed == ["fan"]


async def test_who_was_let_in_as_a_device_that_is_gone_hears_so_though_it_was_disabled_before(nodes: Nodes) -> None:
    await nodes.there.add_device("pump")
    await nodes.heard()
    admission = nodes.here.admission("pump")
    assert nodes.here.ending("pump", admission) is None
    await nodes.there.edit("pump", {"disabled": True})
    await nodes.heard()
    assert nodes.here.ending("pump", admission) == DISABLED
    await nodes.there.remove_device("pump")
    await nodes.heard()
    assert nodes.here.ending("pump", admission) == GONE
    await nodes.there.add_device("pump")
    await nodes.heard()
    assert nodes.here.ending("pump", admission) == GONE
    assert nodes.here.ending("pump", nodes.here.admission("pump")) is None
