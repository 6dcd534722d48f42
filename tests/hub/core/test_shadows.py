"""Shadows on the real state store: versions, conflicts, what goes to the device and when, reports in any order, restarts and removals."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from devices.wire.messages import Desired, Hello, Reported, ShadowState
from hub.core.commands import CommandDesk
from hub.core.entities import Entities
from hub.core.errors import Refusal
from hub.core.presence import Pulse
from hub.core.records import Cursor
from hub.core.registry import Registry
from hub.core.shadow import KINDS, ShadowConflict
from hub.core.shadows import Report, Shadows
from hub.ports import Conflict, StoreUnavailable
from hub.state.sqlite import SQLiteStateStore

NOW_MS = 1_700_000_000_000


def hello(version: int = 0, max_message_bytes: int = 65_536) -> Hello:
    return Hello("pump", 7, (), shadow=ShadowState(version), max_message_bytes=max_message_bytes)


class Bench:
    """Shadows, their parts, and a device that remembers what it is given."""

    def __init__(self, state: SQLiteStateStore) -> None:
        self.now_us = NOW_MS * 1_000
        self.state = state
        self.entities = Entities()
        self.registry = Registry(self.state, self.entities, lambda: self.now_us)
        self.shadows = Shadows(self.state, self.registry, self.entities, lambda: self.now_us)
        self.desk = CommandDesk(self.state, self.registry, self.entities, lambda: self.now_us)
        self.given: list[Desired] = []
        self.position = 0

    async def load(self) -> None:
        await self.registry.load()
        await self.shadows.load()

    async def desire(self, document: Mapping[str, Any], version: int | None = None, *, is_patch: bool = False) -> int:
        said = await self.shadows.desire("pump", document, version, "ann", is_patch=is_patch)
        return int(said["desired"]["version"])

    def come(self, version: int = 0) -> None:
        self.shadows.attach(hello(version), self.given.append)

    async def report(self, *numbered: tuple[int, int, Mapping[str, Any]], at_us: int | None = None, error: str | None = None) -> None:
        """Enter reports, each (number, version, document), as the ledger follower does."""
        self.position += 1
        reports = [
            Report("pump", self.now_us if at_us is None else at_us, Reported(7, 1, number, version, document, error))
            for number, version, document in numbered
        ]
        async with self.shadows.entering(reports) as documents:
            await self.desk.followed([], Cursor("j", self.position), documents)

    async def report_and_remove(self, number: int) -> None:
        """Remove the device between the making and the storing of what its report makes."""
        async with self.shadows.entering([Report("pump", self.now_us, Reported(7, 1, number, 1, {}))]) as documents:
            await self.registry.remove_device("pump")
            await self.desk.followed([], Cursor("j", 9), documents)

    def shadow(self) -> dict[str, Any]:
        return self.shadows.shadow("pump")


@asynccontextmanager
async def bench(directory: Path, *, has_device: bool = True) -> AsyncIterator[Bench]:
    state = SQLiteStateStore(directory / "state.db")
    await state.start()
    made = Bench(state)
    await made.load()
    if has_device and made.registry.record("pump") is None:
        await made.registry.add_device("pump")
    try:
        yield made
    finally:
        await state.aclose()


async def test_what_is_desired_has_a_version_that_rises_and_is_never_given_twice(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        assert it.shadow()["desired"] == {"version": 0, "document": {}}
        assert it.shadow()["takes_shadow"] is None
        assert await it.desire({"interval_s": 5}, 0) == NOW_MS
        assert await it.desire({"mode": "eco"}, NOW_MS, is_patch=True) == NOW_MS + 1
        it.now_us -= 10_000_000_000  # the clock was set back
        assert await it.desire({"interval_s": None}, is_patch=True) == NOW_MS + 2
        desired = it.shadow()["desired"]
        assert (desired["document"], desired["by"]) == ({"mode": "eco"}, "ann")
        assert [each.detail for each in await it.state.audit(None, 1)] == [{"version": NOW_MS + 2, "patch": {"interval_s": None}}]


async def test_of_two_editors_the_second_is_shown_both_and_nothing_changes(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        seen = await it.desire({"a": 1}, 0)
        won = await it.desire({"a": 2}, seen)
        with pytest.raises(ShadowConflict) as caught:
            await it.desire({"a": 3}, seen)
        assert (caught.value.now["desired"]["document"], caught.value.sent, caught.value.status) == ({"a": 2}, {"a": 3}, 409)
        assert str(won) in caught.value.message
        assert "by ann" in caught.value.message
        assert await it.desire({"b": 1}, won, is_patch=True) > won
        assert len(await it.state.audit(None, 9)) == 1 + 3


async def test_of_editors_at_once_exactly_one_wins(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        ends: list[object] = []

        async def edit(number: int) -> None:
            try:
                ends.append(await it.desire({"a": number}, 0))
            except ShadowConflict as error:
                ends.append(error)

        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(edit, number)
        assert sum(isinstance(end, int) for end in ends) == 1
        assert len(ends) == 10


async def test_a_change_that_changes_nothing_makes_no_version(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        version = await it.desire({"a": 1}, 0)
        it.come(version)
        assert await it.desire({"a": 1.0}, version) == version
        assert await it.desire({"b": None}, is_patch=True) == version
        assert it.given == []


async def test_a_device_gets_what_it_does_not_have_on_coming_and_every_change_after(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        first = await it.desire({"a": 1}, 0)  # while it is away
        it.come()
        second = await it.desire({"b": 2}, is_patch=True)
        assert it.given == [Desired(first, {"a": 1}), Desired(second, {"a": 1, "b": 2})]
        it.come(second)
        assert len(it.given) == 2
        it.come(first)  # the message was lost with its connection
        assert it.given[2:] == [Desired(second, {"a": 1, "b": 2})]


async def test_a_device_that_knows_more_than_a_restored_hub_is_told_what_holds_now(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        it.come(NOW_MS + 999)
        assert it.given == [Desired(0, {})]
        version = await it.desire({"a": 1}, 0)
        it.come(NOW_MS + 999)
        assert it.given[1:] == [Desired(version, {"a": 1})] * 2


async def test_a_device_is_in_step_once_it_reports_that_version_as_desired(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        version = await it.desire({"a": 1, "net": {"dhcp": True}}, 0)
        await it.report((5, 0, {"a": 0, "serial": "x"}))
        assert (it.shadow()["delta"], it.shadow()["is_in_step"]) == ({"a": 1, "net": {"dhcp": True}}, False)
        await it.report((6, version, {"a": 1, "serial": "x", "net": {"dhcp": True, "ip": "10.0.0.1"}}))
        assert (it.shadow()["delta"], it.shadow()["is_in_step"]) == ({}, True)
        await it.report((7, version, {"a": 1, "net": {"dhcp": True}}), error="no lease")
        assert (it.shadow()["reported"]["error"], it.shadow()["is_in_step"]) == ("no lease", False)


async def test_a_report_that_was_overtaken_changes_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        await it.report((5, 1, {"a": 5}), (7, 1, {"a": 7}), (6, 1, {"a": 6}))
        assert it.shadow()["reported"]["document"] == {"a": 7}
        await it.report((3, 1, {"a": 3}))
        await it.report((7, 1, {"a": 0}))
        assert it.shadow()["reported"]["document"] == {"a": 7}
        assert it.shadows.reported_number("pump") == 7
        assert await it.state.cursor_of("ledger") == Cursor("j", 3)


async def test_both_documents_outlive_a_restart_and_go_with_the_device(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        version = await it.desire({"a": 1}, 0)
        await it.report((5, version, {"a": 1}))
        before = it.shadow()
    async with bench(tmp_path) as it:
        assert it.shadow() == before
        assert it.entities.shadows()[0]["reported"] == before["reported"]
        await it.report((6, version, {"a": 2}))
        await it.desire({"a": 2}, version)
        await it.registry.remove_device("pump")
        assert [await it.state.documents(kind) for kind in KINDS] == [[], []]
        assert it.entities.shadows() == []
        with pytest.raises(Refusal, match="no device is called 'pump'"):
            it.shadow()
        it.now_us += 1_000_000
        await it.registry.add_device("pump")
        assert it.shadow()["reported"] == {"version": 0, "document": {}}


async def test_reports_of_a_removed_device_are_not_those_of_another_by_its_name(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        came_us = it.now_us
        await it.registry.remove_device("pump")
        await it.report((5, 1, {"a": 1}), at_us=came_us)
        it.now_us += 1
        await it.registry.add_device("pump")
        await it.report((5, 1, {"a": 1}), at_us=came_us)
        assert it.shadows.reported_number("pump") == 0
        await it.report((5, 1, {"a": 1}))
        assert it.shadows.reported_number("pump") == 5


async def test_a_device_that_is_removed_while_its_report_is_entered_leaves_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        await it.report_and_remove(5)
        assert await it.state.documents("reported") == []
    async with bench(tmp_path) as it:
        await it.report((5, 1, {"a": 1}))
        with pytest.raises(Conflict):
            await it.report_and_remove(6)
        assert await it.state.documents("reported") == []
        assert it.shadows.reported_number("pump") == 0


async def test_what_cannot_be_stored_is_neither_shown_nor_sent(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        it.come()
        await it.state.aclose()
        with pytest.raises(StoreUnavailable):
            await it.desire({"a": 1}, 0)
        assert (it.given, it.shadow()["desired"]["document"], it.entities.shadows()) == ([], {}, [])


async def test_a_device_that_takes_no_shadow_or_not_so_much_is_asked_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        await it.registry.connected(Hello("pump", 7, ()), Pulse())
        assert it.shadow()["takes_shadow"] is False
        with pytest.raises(Refusal, match="takes no shadow"):
            await it.desire({"a": 1}, 0)
        await it.registry.connected(hello(max_message_bytes=1_024), Pulse())
        with pytest.raises(Refusal, match="bytes are more than device pump takes, 1,024"):
            await it.desire({"a": "x" * 1_024}, 0)
        assert await it.desire({"a": "x" * 900}, 0)


async def test_a_device_that_takes_less_than_was_desired_before_it_came_is_given_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        await it.desire({"a": "x" * 1_024}, 0)
        it.shadows.attach(hello(max_message_bytes=1_024), it.given.append)
        assert it.given == []
        it.shadows.attach(Hello("pump", 7, ()), it.given.append)
        await it.desire({"a": "x"})
        assert [each.document for each in it.given] == [{"a": "x"}]


@pytest.mark.parametrize(
    ("document", "is_patch", "said"),
    [
        ({"a": None}, False, "holds null"),
        ({"a": "x" * 9_000}, False, "over the limit of 8,192"),
        ({"more": "x" * 5_000}, True, "over the limit of 8,192"),
        ({"a": {"b": {"c": {"d": 1}}}}, True, "nested deeper"),
    ],
)
async def test_a_wrong_document_is_refused_with_the_limit(tmp_path: Path, document: dict[str, Any], is_patch: bool, said: str) -> None:
    async with bench(tmp_path) as it:
        version = await it.desire({"much": "x" * 5_000}, 0)
        with pytest.raises(Refusal, match=said) as caught:
            await it.desire(document, version, is_patch=is_patch)
        assert (caught.value.code, caught.value.status) == ("bad_document", 422)
        assert it.shadow()["desired"]["version"] == version


async def test_a_connection_that_was_taken_over_is_given_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        older: list[Desired] = []
        it.shadows.attach(hello(), older.append)
        it.come()
        it.shadows.detach("pump", older.append)
        await it.desire({"a": 1}, 0)
        assert (len(older), len(it.given)) == (0, 1)
        it.shadows.detach("pump", it.given.append)
        await it.desire({"a": 2})
        assert len(it.given) == 1


async def test_what_another_node_changed_is_given_and_shown_once_and_what_is_gone_there_is_gone(tmp_path: Path) -> None:
    async with bench(tmp_path) as there:
        here = Bench(there.state)
        await here.load()
        here.come()
        version = await there.desire({"a": 1}, 0)
        await there.report((3, version, {"a": 1}))
        told: list[str] = []
        here.entities.watch(lambda what, item: told.append(what))
        for _ in range(2):
            for kind in (*KINDS, "group command"):
                await here.shadows.refresh(kind, ["pump"])
            await here.shadows.reload()
        assert here.given == [Desired(version, {"a": 1})]
        assert told == ["shadow", "shadow"]
        assert here.shadow() | {"takes_shadow": None} == there.shadow() | {"takes_shadow": None}
        assert here.shadows.reported_number("pump") == 3
        await there.state.change(deletes=[*await there.state.documents(KINDS[0]), *await there.state.documents(KINDS[1])])
        await here.shadows.reload()
        assert here.shadow()["desired"] == {"version": 0, "document": {}}
        assert here.shadows.reported_number("pump") == 0
        assert here.given[1:] == [Desired(0, {})]
