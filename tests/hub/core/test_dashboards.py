"""Dashboards on the real state store: saved by version, conflicts, the last versions kept, deleted, restored, and again after a restart."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hub.core.dashboard_facts import KIND, OLD
from hub.core.dashboards import MAX_DASHBOARDS, MAX_VERSIONS, DashboardConflict, Dashboards
from hub.core.entities import Entities
from hub.core.errors import Refusal
from hub.ports import Document
from hub.state.sqlite import SQLiteStateStore

DAY_US = 86_400_000_000


def document(title: str, tiles: int = 0) -> dict[str, Any]:
    tile = {"type": "text", "x": 0, "w": 4, "h": 2, "title": "", "config": {}}
    return {"title": title, "variables": [], "range": "1h", "tiles": [{**tile, "id": str(at), "y": at} for at in range(tiles)]}


class Stage:
    """Dashboards over a state store, and a clock that a test moves."""

    def __init__(self, state: SQLiteStateStore) -> None:
        self.state = state
        self.now_us = 1_000 * DAY_US
        self.entities = Entities()
        self.boards = self.another()

    def another(self) -> Dashboards:
        return Dashboards(self.state, self.entities, lambda: self.now_us)

    async def save(self, title: str, version: int, name: str = "hall", by: str = "ann") -> int:
        return int((await self.boards.save(name, document(title), version, by))["version"])

    async def title(self, version: int | None = None) -> str:
        said = await (self.boards.dashboard("hall") if version is None else self.boards.version("hall", version))
        return str(said["dashboard"]["title"])

    async def audited(self) -> list[tuple[str, str]]:
        return [(each.who, each.action) for each in reversed(await self.state.audit(None, 1_000))]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    state = SQLiteStateStore(tmp_path / "state.db")
    await state.start()
    yield Stage(state)
    await state.aclose()


async def refused(code: str, call: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await call
    assert caught.value.code == code
    return caught.value


async def test_viewers_are_told_of_what_is_saved_deleted_and_restored(stage: Stage) -> None:
    told: list[Any] = []
    stage.entities.watch(lambda what, item: told.append((what, item["version"], item.get("by"), item.get("removed", False))))
    await stage.save("Hall", 0)
    await stage.save("Hall 2", 1, by="bob")
    assert stage.entities.dashboards() == stage.boards.items()
    await stage.boards.delete("hall", "ann")
    assert stage.entities.dashboards() == []
    await stage.boards.restore("hall", 1, "ann")
    said = [(1, "ann", False), (2, "bob", False), (2, None, True), (3, "ann", False)]
    assert told == [("dashboard", *each) for each in said]
    stage.entities.put_dashboard({"name": "gone", "version": 1})
    await stage.boards.load()  # as after a change by another node
    assert told[-1] == ("dashboard", 1, None, True)
    assert stage.entities.dashboards() == stage.boards.items()


async def test_a_dashboard_is_saved_listed_and_there_after_a_restart(stage: Stage) -> None:
    saved = await stage.boards.save("hall", document("Hall", 3), 0, "ann")
    assert saved == {"name": "hall", "version": 1, "at_us": stage.now_us, "by": "ann", "dashboard": document("Hall", 3)}
    await stage.save("Attic", 0, "attic")
    again = stage.another()
    await again.load()
    for boards in (stage.boards, again):
        assert [(each["name"], each["title"], each["tiles"]) for each in boards.items()] == [("attic", "Attic", 0), ("hall", "Hall", 3)]
        assert await boards.dashboard("hall") == saved
    assert await stage.audited() == [("ann", "save dashboard")] * 2


async def test_two_editors_conflict_and_the_second_is_shown_both(stage: Stage) -> None:
    await stage.save("one", 0)
    await stage.save("two", 1, by="bob")
    for version, said in ((1, "is at version 2, by bob, not 1"), (0, "is there already")):
        with pytest.raises(DashboardConflict, match=said) as caught:
            await stage.save("mine", version)
        assert (caught.value.now["dashboard"]["title"], caught.value.sent["title"]) == ("two", "mine")
    assert await stage.title() == "two"
    await refused("no_dashboard", stage.save("new", 4, "other"))
    await refused("bad_name", stage.save("new", 0, "a/b"))


async def test_the_last_versions_are_kept_and_the_older_ones_go(stage: Stage) -> None:
    for version in range(MAX_VERSIONS + 5):
        await stage.save(f"v{version + 1}", version)
    kept = [each["version"] for each in stage.boards.versions("hall")]
    assert kept == list(range(MAX_VERSIONS + 5, 5, -1))
    assert [await stage.title(version) for version in kept] == [f"v{version}" for version in kept]
    assert len(await stage.state.documents(OLD)) == MAX_VERSIONS - 1
    assert "kept are versions 6 to 25" in (await refused("no_version", stage.boards.version("hall", 5))).hint


async def test_an_older_version_is_restored_as_the_newest(stage: Stage) -> None:
    for version, title in enumerate(("one", "two", "three")):
        await stage.save(title, version)
    assert (await stage.boards.restore("hall", 1, "bob"))["version"] == 4
    assert [await stage.title(version) for version in (1, 2, 3, 4)] == ["one", "two", "three", "one"]
    assert stage.boards.versions("hall")[0]["by"] == "bob"
    await stage.save("five", 4)


async def test_a_deleted_one_comes_back_whole(stage: Stage) -> None:
    await stage.save("one", 0)
    await stage.save("two", 1)
    await stage.boards.delete("hall", "bob")
    assert stage.boards.items() == []
    assert [each["name"] for each in stage.boards.items(is_deleted=True)] == ["hall"]
    await refused("no_dashboard", stage.boards.dashboard("hall"))
    await refused("no_dashboard", stage.boards.delete("hall", "bob"))
    await refused("no_dashboard", stage.save("three", 2))
    stage.boards = stage.another()
    await stage.boards.load()
    assert (await stage.boards.restore("hall", 2, "bob"))["version"] == 3
    assert [await stage.title(version) for version in (1, 2, 3)] == ["one", "two", "two"]
    assert await stage.audited() == [*[("ann", "save dashboard")] * 2, ("bob", "delete dashboard"), ("bob", "restore dashboard")]


async def test_a_name_that_is_taken_again_goes_on_counting(stage: Stage) -> None:
    await stage.save("one", 0)
    await stage.boards.delete("hall", "ann")
    assert await stage.save("other", 0) == 2
    assert [await stage.title(version) for version in (1, 2)] == ["one", "other"]


async def test_a_deleted_one_is_gone_after_a_month(stage: Stage) -> None:
    await stage.save("one", 0)
    await stage.save("two", 1)
    await stage.boards.delete("hall", "ann")
    stage.now_us += 31 * DAY_US
    assert stage.boards.items(is_deleted=True) == []
    await stage.save("attic", 0, "attic")
    assert [each.key for each in await stage.state.documents(KIND)] == ["attic"]
    assert await stage.state.documents(OLD) == []
    await refused("no_dashboard", stage.boards.restore("hall", 1, "ann"))


async def test_there_is_a_most_of_dashboards(stage: Stage) -> None:
    for at in range(MAX_DASHBOARDS):
        await stage.save("x", 0, f"d{at}")
    await refused("too_many_dashboards", stage.save("x", 0, "more"))
    await stage.save("y", 1, "d0")
    await stage.boards.delete("d1", "ann")
    await refused("too_many_dashboards", stage.save("x", 0, "more"))
    stage.now_us += 31 * DAY_US
    await stage.save("x", 0, "more")


async def test_what_another_process_changed_is_noticed_and_read(stage: Stage) -> None:
    await stage.save("one", 0)
    (kept,) = await stage.state.documents(KIND)
    other = {**kept.body, "document": document("theirs"), "versions": [*kept.body["versions"], {"version": 2, "at_us": 5, "by": "eve"}]}
    await stage.state.change([Document(KIND, "hall", kept.version + 1, other)])
    await refused("conflict", stage.save("mine", 1))
    assert await stage.title() == "theirs"
    assert stage.boards.items()[0]["version"] == 2


async def test_what_another_node_changed_is_told_once_and_what_it_left_alone_is_not(stage: Stage) -> None:
    entities, told = Entities(), list[tuple[str, str | None]]()
    here = Dashboards(stage.state, entities, lambda: stage.now_us)
    here.on_changed(lambda name, found: told.append((name, None if found is None else found["title"])))
    await stage.save("Hall", 0)
    await stage.save("Cellar", 0, name="cellar")
    await here.reload()
    assert sorted(told) == [("cellar", "Cellar"), ("hall", "Hall")]
    await here.reload()
    assert len(told) == 2
    assert [item["name"] for item in entities.dashboards()] == ["cellar", "hall"]
    told.clear()
    await stage.save("Great hall", 1)
    await stage.boards.delete("cellar", "ann")
    await here.reload()
    assert sorted(told, key=str) == [("cellar", None), ("hall", "Great hall")]
    assert [item["name"] for item in entities.dashboards()] == ["hall"]
