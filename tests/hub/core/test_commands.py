"""The command desk on the real state store: what it promises is kept, what it cannot keep is not promised, whatever meets what."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from devices.wire.messages import Channel, Command, CommandSpec, CommandState, Hello, Outcome
from hub.core.commands import MAX_WAITING, CommandDesk
from hub.core.entities import Entities
from hub.core.errors import Refusal
from hub.core.records import Cursor
from hub.core.registry import Registry
from hub.ports import CommandRecord, StoreUnavailable
from hub.state.sqlite import SQLiteStateStore
from tests.support.waiting import until

HELLO = Hello("pump", 7, (Channel("temp", "Cel"),), commands=(CommandSpec("blink", "", {}),))


class Bench:
    """A desk, its parts, and a device that remembers what it is given."""

    def __init__(self, directory: Path) -> None:
        self.state = SQLiteStateStore(directory / "state.db")
        self.entities = Entities()
        self.registry = Registry(self.state, self.entities, lambda: self.now_us)
        self.desk = CommandDesk(self.state, self.registry, self.entities, lambda: self.now_us)
        self.given: list[str] = []
        self.now_us = 1_000_000
        self.deliver = self._give  # one object: a connection is known by it

    async def _give(self, command: Command) -> None:
        self.given.append(command.id)

    async def come(self) -> None:
        await self.desk.attach("pump", self.deliver)
        await self.registry.connected(HELLO)

    async def create(self, ttl_s: float = 10.0) -> CommandRecord:
        return await self.desk.create("pump", "blink", {}, ttl_s, "tester")

    async def kept(self, command_id: str) -> str | None:
        record = await self.state.command(command_id)
        return None if record is None else record.state


@asynccontextmanager
async def bench_on(directory: Path) -> AsyncIterator[Bench]:
    bench = Bench(directory)
    await bench.state.start()
    try:
        await bench.registry.load()
        await bench.desk.load()
        if bench.registry.record("pump") is None:
            await bench.registry.add_device("pump")
        yield bench
    finally:
        await bench.state.aclose()


async def test_a_command_is_sent_once_it_is_kept_as_sent(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        record = await bench.create()
        assert (record.state, bench.given, await bench.kept(record.id)) == ("sent", [record.id], "sent")
        assert bench.entities.commands()[0]["state"] == "sent"


async def test_what_was_not_answered_is_given_again_after_a_restart(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        first, second = await bench.create(), await bench.create()
        await bench.desk.said("pump", [Outcome(first.id, CommandState.ACCEPTED)])
    async with bench_on(tmp_path) as bench:
        await bench.come()
        assert bench.given == [second.id]


async def test_a_command_that_could_not_be_kept_is_never_given(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        await bench.state.aclose()
        with pytest.raises(StoreUnavailable):
            await bench.create()
        await bench.state.start()
        await bench.come()
        assert (bench.given, bench.entities.commands(), await bench.state.open_commands()) == ([], [], [])


async def test_whoever_asked_may_leave_and_the_command_is_whole_or_not_at_all(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.create)
            await trio.testing.wait_all_tasks_blocked()  # its record is on its way to the disk
            nursery.cancel_scope.cancel()
        (record,) = await bench.state.open_commands()
        assert (record.state, bench.given) == ("sent", [record.id])


async def test_commands_end_by_time_also_after_the_store_was_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.core.commands._SWEEP_S", 0.01)
    async with bench_on(tmp_path) as bench, trio.open_nursery() as nursery:
        await bench.come()
        record = await bench.create()
        await nursery.start(bench.desk.run)
        await bench.state.aclose()
        bench.now_us += 60_000_000
        with capture_logs() as lines:
            await until(lambda: lines)
        assert lines[0]["event"] == "commands_not_ended"
        with capture_logs():
            await bench.state.start()
            await until(lambda: bench.entities.commands()[0]["state"] == "failed")
        assert await bench.kept(record.id) == "failed"
        nursery.cancel_scope.cancel()


async def test_a_command_that_ends_while_others_are_given_stays_ended(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        for _ in range(5):
            await bench.create()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.desk.attach, "pump", bench.deliver)
            nursery.start_soon(bench.desk.said, "pump", [Outcome(id_, CommandState.DONE) for id_ in bench.given[:5]])
        bench.given.clear()
        await bench.come()
        assert bench.given == []
        assert {item["state"] for item in bench.entities.commands()} == {"done"}


async def test_a_device_speaks_only_of_its_own_commands(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        record = await bench.create()
        await bench.desk.said("other", [Outcome(record.id, CommandState.DONE)])
        await bench.desk.said("pump", [Outcome("no such id", CommandState.DONE)])
        assert await bench.kept(record.id) == "sent"


async def test_results_that_could_not_be_kept_are_entered_when_they_come_again(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        record = await bench.create()
        results = [("pump", Outcome(record.id, CommandState.RUNNING, 0.5))]
        await bench.state.aclose()
        with pytest.raises(StoreUnavailable):
            await bench.desk.followed(results, Cursor("j", 5))
        await bench.state.start()
        await bench.desk.followed(results, Cursor("j", 5))
        assert (await bench.kept(record.id), await bench.state.ledger_cursor()) == ("running", Cursor("j", 5))


async def test_several_results_of_one_command_in_a_batch_are_all_counted(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        record = await bench.create()
        states = (CommandState.ACCEPTED, CommandState.RUNNING, CommandState.DONE)
        await bench.desk.followed([("pump", Outcome(record.id, state)) for state in states], Cursor("j", 9))
        kept = await bench.state.command(record.id)
        assert kept is not None
        assert (kept.state, kept.version, kept.note) == ("done", record.version + 3, None)


async def test_results_of_hello_do_not_keep_a_device_out_while_the_store_is_away(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        record = await bench.create()
        await bench.state.aclose()
        with capture_logs() as lines:
            await bench.desk.said("pump", [Outcome(record.id, CommandState.DONE)])
        assert [line["event"] for line in lines] == ["results_of_hello_not_stored"]
        await bench.state.start()
        assert await bench.kept(record.id) == "sent"


async def test_a_removed_devices_commands_do_not_reach_the_next_one_of_its_name(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        await bench.create()
        await bench.registry.remove_device("pump")
        await bench.registry.add_device("pump")
        bench.given.clear()
        await bench.come()
        assert bench.given == []
        assert bench.entities.commands()[0]["reason"] == "the device was removed"
        assert await bench.state.open_commands() == []


async def test_a_device_that_answers_nothing_gets_no_more_than_a_connection_can_be_given(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        for _ in range(MAX_WAITING):
            await bench.create()
        with pytest.raises(Refusal) as refused:
            await bench.create()
        assert (refused.value.code, len(bench.given)) == ("too_many_commands", MAX_WAITING)
        await bench.desk.said("pump", [Outcome(bench.given[0], CommandState.DONE)])
        await bench.create()


async def test_what_cannot_be_sent_is_refused(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        tries = [("nobody", "blink", 10.0, "no_device"), ("pump", "blink", 10.0, "offline")]
        for device, name, ttl_s, code in tries:
            with pytest.raises(Refusal) as refused:
                await bench.desk.create(device, name, {}, ttl_s, "tester")
            assert refused.value.code == code
        await bench.come()
        for name, ttl_s, code in [("dance", 10.0, "unknown_command"), ("blink", 0.0, "bad_ttl"), ("blink", float("nan"), "bad_ttl")]:
            with pytest.raises(Refusal) as refused:
                await bench.desk.create("pump", name, {}, ttl_s, "tester")
            assert refused.value.code == code
        bench.desk.detach("pump", bench.deliver)
        with pytest.raises(Refusal):
            await bench.create()
