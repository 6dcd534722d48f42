"""One command to many devices on the real state store: whole or not at all, once for each device, counted until all have ended."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from devices.wire.messages import CommandSpec, CommandState
from hub.core.errors import Refusal
from hub.core.group_desk import CancelCounts
from hub.ports import CommandsWanted, StoreUnavailable
from tests.support.command_bench import CommandBench, command_bench
from tests.support.waiting import until

NAMES = tuple(f"d{number}" for number in range(6))


@pytest.fixture(autouse=True)
def _swept_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.core.commands._SWEEP_S", 0.01)


async def states(bench: CommandBench, group: str) -> dict[str, str]:
    return {each.device: each.state for each in (await bench.state.commands(CommandsWanted(group=group), 9_999)).records}


async def refusal(bench: CommandBench, **asked: Any) -> Refusal:
    with pytest.raises(Refusal) as refused:
        await bench.send(**asked)
    assert (await bench.state.commands(CommandsWanted(), 9)).records == []
    assert await bench.state.documents("group command") == []
    return refused.value


async def test_those_that_are_there_get_it_at_once_the_others_when_they_come(tmp_path: Path) -> None:
    async with command_bench(tmp_path) as bench:
        await bench.add(*NAMES)
        await bench.come("d0", "d1")
        group, refused = await bench.send(where="name=d*")
        assert (group.devices, refused, bench.tally(group)) == (6, [], {"queued": 4, "sent": 2})
        assert sorted(bench.given) == ["d0", "d1"]
        await bench.come("d2")
        assert (len(bench.given["d2"]), bench.tally(group)) == (1, {"queued": 3, "sent": 3})
        await bench.add("d9")  # the set is fixed when it is made
        await bench.come("d9")
        assert "d9" not in bench.given
        (noted,) = [each for each in await bench.state.audit(None, 50) if each.action == "send command"]
        assert (noted.who, noted.what) == ("ann", f"group {group.id}")
        assert noted.detail == {"name": "blink", "devices": 6, "where": "name=d*", "args_bytes": 2}


async def test_the_tally_follows_every_answer_and_is_the_same_after_a_restart(tmp_path: Path) -> None:
    async with command_bench(tmp_path) as bench:
        await bench.add(*NAMES)
        await bench.come(*NAMES)
        group, _ = await bench.send(devices=NAMES)
        for state in (CommandState.ACCEPTED, CommandState.RUNNING, CommandState.DONE):
            await bench.answer(group, "d0", state=state)
        await bench.answer(group, "d1", state=CommandState.RUNNING)
        await bench.answer(group, "d2", state=CommandState.FAILED)
        tally = {"sent": 3, "running": 1, "done": 1, "failed": 1}
        assert bench.tally(group) == tally
    async with command_bench(tmp_path) as bench:
        assert bench.tally(group) == tally
        for name in ("d1", "d3", "d4", "d5"):
            assert bench.desk.groups.known(group.id).ended_us is None
            await bench.answer(group, name, state=CommandState.DONE)
        assert bench.desk.groups.known(group.id).ended_us == bench.now_us
        await bench.answer(group, "d2", state=CommandState.DONE)  # a note, no other end
    async with command_bench(tmp_path) as bench:
        assert bench.tally(group) == {"done": 5, "failed": 1}
        assert bench.desk.groups.known(group.id).ended_us is not None


async def test_the_same_key_gives_the_same_group_and_no_second_command(tmp_path: Path) -> None:
    async with command_bench(tmp_path) as bench:
        await bench.add(*NAMES)
        first, _ = await bench.send(where="name=d*", key="k")
        await bench.add("d7")  # meant by the expression by now
        again, _ = await bench.send(where="name=d*", key="k")
        assert (again.id, again.devices) == (first.id, 6)
        with pytest.raises(Refusal) as refused:
            await bench.send(where="name=d1", key="k")
        assert refused.value.code == "key_used"
    async with command_bench(tmp_path) as bench:
        await bench.come(*NAMES)
        again, _ = await bench.send(where="name=d*", key="k")
        assert (again.id, {name: len(ids) for name, ids in bench.given.items()}) == (first.id, dict.fromkeys(NAMES, 1))
        assert len(await states(bench, first.id)) == 6


async def test_who_cannot_take_it_is_named_and_the_others_are_commanded(tmp_path: Path) -> None:
    async with command_bench(tmp_path) as bench:
        await bench.add("d0", "d1", "d2")
        await bench.add("other", commands=[CommandSpec("stop", "", {})])
        await bench.registry.edit("d2", {"disabled": True})
        devices = ("other", "d0", "d0", "d1", "d2", "nobody")
        group, refused = await bench.send(devices=devices)
        assert [(each.device, each.code) for each in refused] == [
            ("d2", "disabled"),
            ("nobody", "no_device"),
            ("other", "unknown_command"),
        ]
        assert await states(bench, group.id) == {"d0": "queued", "d1": "queued"}
        assert await bench.desk.groups.refused(group) == refused
        with pytest.raises(
            Refusal, match="2 of 3 devices cannot take it, and nothing is sent: d2: device d2 is disabled; nobody: no device"
        ):
            await bench.send(devices=("d0", "d2", "nobody"), is_all_or_nothing=True)
        assert len(bench.desk.groups.page(9)[0]) == 1


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "bad_devices"),
        ({"devices": ("d0",), "where": "name=d0"}, "bad_devices"),
        ({"devices": ()}, "no_devices"),
        ({"where": "floor=9"}, "no_devices"),
        ({"where": "floor="}, "bad_where"),
        ({"where": "name=d*", "ttl_s": 0}, "bad_ttl"),
        ({"where": "name=d*", "key": ""}, "bad_key"),
        ({"where": "name=d*", "name": "fly"}, "not_for_all"),
        ({"where": "name=d*", "name": "turn", "turn_by": 91}, "not_for_all"),
    ],
)
async def test_what_cannot_be_meant_is_refused_whole(tmp_path: Path, asked: Mapping[str, Any], code: str) -> None:
    async with command_bench(tmp_path) as bench:
        await bench.add("d0", "d1")
        assert (await refusal(bench, **asked)).code == code


async def test_a_group_is_bounded_and_so_is_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with command_bench(tmp_path) as bench:
        await bench.add(*NAMES)
        monkeypatch.setattr("hub.core.wanted_group.MAX_GROUP", 5)
        assert "6 devices are over the limit of 5" in (await refusal(bench, where="name=d*")).message
        monkeypatch.setattr("hub.core.wanted_group.MAX_GROUP", 6)
        monkeypatch.setattr("hub.core.inbox.MAX_OPEN", 5)
        assert (await refusal(bench, where="name=d*")).code == "too_many_commands"


async def test_a_full_inbox_keeps_one_device_out_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.core.inbox.MAX_WAITING", 1)
    async with command_bench(tmp_path) as bench:
        await bench.add("d0", "d1")
        await bench.desk.create("d0", "blink", {}, 10, "ann")
        group, refused = await bench.send(where="name=d*")
        assert ([(each.device, each.code) for each in refused], group.devices) == ([("d0", "too_many_commands")], 1)


async def test_what_the_store_cannot_take_is_not_there_at_all(tmp_path: Path) -> None:
    async with command_bench(tmp_path) as bench:
        await bench.add(*NAMES)
        await bench.come(*NAMES)
        await bench.state.aclose()
        with pytest.raises(StoreUnavailable):
            await bench.send(where="name=d*", key="k")
        assert (bench.desk.groups.page(9), bench.given) == (([], None), {})
        await bench.state.start()
        group, _ = await bench.send(where="name=d*", key="k")
        assert bench.tally(group) == {"sent": 6}


async def test_who_asked_may_leave_and_the_group_is_whole(tmp_path: Path) -> None:
    async with command_bench(tmp_path) as bench:
        await bench.add(*NAMES)
        await bench.come(*NAMES)
        busy = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
        busy.execute("BEGIN IMMEDIATE")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: bench.send(where="name=d*"))
            await trio.testing.wait_all_tasks_blocked(0.01)
            nursery.cancel_scope.cancel()
            busy.execute("ROLLBACK")
        busy.close()
        (group,), _ = bench.desk.groups.page(9)
        assert set((await states(bench, group.id)).values()) == {"sent"}
        assert sorted(bench.given) == list(NAMES)


async def test_a_group_is_cancelled_those_that_wait_at_once_the_others_are_asked(tmp_path: Path) -> None:
    async with command_bench(tmp_path) as bench:
        await bench.add(*NAMES)
        await bench.come("d0", "d1")
        group, _ = await bench.send(where="name=d*")
        await bench.answer(group, "d0", state=CommandState.DONE)
        _, counts = await bench.desk.groups.cancel(group.id, "bob")
        assert counts == CancelCounts(cancelled=4, asked=1, ended=1)
        assert (bench.tally(group), list(bench.asked_back)) == ({"sent": 1, "done": 1, "cancelled": 4}, ["d1"])
        await bench.answer(group, "d1", state=CommandState.CANCELLED)
        assert bench.tally(group) == {"done": 1, "cancelled": 5}
        assert (await bench.desk.groups.cancel(group.id, "bob"))[1] == CancelCounts(0, 0, 6)
        (noted,) = [each for each in await bench.state.audit(None, 50) if each.action == "cancel command"]
        assert (noted.who, noted.what, noted.detail) == ("bob", f"group {group.id}", {"name": "blink", "cancelled": 4, "asked": 1})
        with pytest.raises(Refusal, match="no group command has the id"):
            await bench.desk.groups.cancel("nope", "bob")


async def test_a_device_that_was_asked_back_while_away_is_told_when_it_comes(tmp_path: Path) -> None:
    async with command_bench(tmp_path) as bench:
        await bench.add("d0")
        await bench.come("d0")
        group, _ = await bench.send(devices=("d0",))
    async with command_bench(tmp_path) as bench:
        await bench.desk.groups.cancel(group.id, "bob")
    async with command_bench(tmp_path) as bench:
        await bench.come("d0")
        assert (bench.given, len(bench.asked_back["d0"])) == ({}, 1)


async def test_what_waits_too_long_expires_and_ends_the_group(tmp_path: Path) -> None:
    async with command_bench(tmp_path) as bench:
        await bench.add(*NAMES)
        group, _ = await bench.send(where="name=d*")
        bench.now_us = group.expires_us
        async with bench.running():
            await until(lambda: bench.tally(group) == {"expired": 6})
        assert bench.desk.groups.known(group.id).ended_us == group.expires_us


async def test_a_removed_device_is_counted_as_removed_and_the_group_ends_without_it(tmp_path: Path) -> None:
    async with command_bench(tmp_path) as bench:
        await bench.add("d0", "d1")
        await bench.come("d0", "d1")
        group, _ = await bench.send(where="name=d*")
        async with bench.running():
            await bench.registry.remove_device("d0")
            await until(lambda: bench.tally(group) == {"sent": 1, "removed": 1})
            await bench.registry.remove_device("d1")
            await until(lambda: bench.desk.groups.known(group.id).ended_us is not None)
    async with command_bench(tmp_path) as bench:
        assert bench.tally(group) == {"removed": 2}


async def test_groups_are_listed_newest_first_page_by_page(tmp_path: Path) -> None:
    async with command_bench(tmp_path) as bench:
        await bench.add("d0")
        made = []
        for _ in range(5):
            bench.now_us += 1
            made.append((await bench.send(devices=("d0",)))[0].id)
        first, after = bench.desk.groups.page(3)
        second, end = bench.desk.groups.page(3, after)
        assert ([group.id for group in [*first, *second]], end) == (made[::-1], None)


async def test_the_key_of_a_group_whose_tally_is_gone_commands_nobody_again(tmp_path: Path) -> None:
    async with command_bench(tmp_path) as bench:
        await bench.add("d0")
        group, _ = await bench.send(devices=("d0",), key="k")
        await bench.desk.groups.cancel(group.id, "ann")
        await bench.state.change(deletes=[bench.desk.groups.known(group.id).document()])
    async with command_bench(tmp_path) as bench:
        with pytest.raises(Refusal, match="no longer kept"):
            await bench.send(devices=("d0",), key="k")
