"""The command desk on the real state store: what it promises is kept, what it cannot keep is not promised, whatever meets what."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from devices.wire.messages import Cancel, Channel, Command, CommandSpec, CommandState, Hello, Outcome
from hub.core.commands import CommandDesk
from hub.core.entities import Entities
from hub.core.errors import Refusal
from hub.core.inbox import MAX_WAITING
from hub.core.ledger import LOST_US
from hub.core.presence import Pulse
from hub.core.records import Cursor
from hub.core.registry import Registry
from hub.core.wanted import Wanted
from hub.core.wanted_group import WantedGroup
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
        self.cancelled: list[str] = []
        self.now_us = 1_000_000
        self.deliver = self._give  # one object: a connection is known by it

    async def _give(self, command: Command | Cancel) -> None:
        (self.given if isinstance(command, Command) else self.cancelled).append(command.id)

    def leave(self) -> None:
        self.desk.detach("pump", self.deliver)

    @asynccontextmanager
    async def sweeping(self) -> AsyncIterator[None]:
        async with trio.open_nursery() as nursery:
            await nursery.start(self.desk.run)
            yield
            nursery.cancel_scope.cancel()

    async def record(self, command_id: str) -> CommandRecord:
        record = await self.desk.get(command_id)
        assert record is not None
        return record

    async def come(self) -> None:
        await self.desk.attach("pump", self.deliver)
        await self.registry.connected(HELLO, Pulse())

    async def create(self, ttl_s: float = 10.0) -> CommandRecord:
        return await self.desk.create("pump", "blink", {}, ttl_s, "tester")

    async def kept(self, command_id: str) -> str | None:
        record = await self.state.command(command_id)
        return None if record is None else record.state


async def until_async(ask: Callable[[], Awaitable[object]], wanted: object) -> None:
    with trio.fail_after(30):
        while await ask() != wanted:
            await trio.lowlevel.checkpoint()


@pytest.fixture(autouse=True)
def _swept_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.core.commands._SWEEP_S", 0.01)


@asynccontextmanager
async def bench_on(directory: Path, now_us: int = 1_000_000) -> AsyncIterator[Bench]:
    bench = Bench(directory)
    bench.now_us = now_us
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


async def test_commands_end_by_time_also_after_the_store_was_away(tmp_path: Path) -> None:
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


class Held:
    """A lease that does not hold yet."""

    device = "pump"
    fence: int | None = None


async def test_a_command_waits_for_the_lease_on_its_device_and_goes_when_that_holds(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        lease = Held()
        await bench.registry.connected(HELLO, Pulse())
        await bench.desk.attach("pump", bench.deliver, lease)
        record = await bench.create()
        assert (bench.given, await bench.kept(record.id)) == ([], "queued")
        async with bench.sweeping():
            lease.fence = 7
            await until(lambda: bench.given == [record.id])
        assert await bench.kept(record.id) == "sent"


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
        assert (await bench.kept(record.id), await bench.state.cursor_of("ledger")) == ("running", Cursor("j", 5))


async def test_several_results_of_one_command_in_a_batch_are_all_counted(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        record = await bench.create()
        states = (CommandState.ACCEPTED, CommandState.RUNNING, CommandState.DONE)
        await bench.desk.followed([("pump", Outcome(record.id, state)) for state in states], Cursor("j", 9))
        kept = await bench.state.command(record.id)
        assert kept is not None
        assert (kept.state, kept.version, kept.note) == ("done", record.version + 1, None)


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


async def test_what_no_device_would_take_is_refused(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        tries = [("nobody", "blink", 10.0, "no_device"), ("pump", "dance", 10.0, "unknown_command")]
        tries += [("pump", "blink", 0.0, "bad_ttl"), ("pump", "blink", float("nan"), "bad_ttl")]
        for device, name, ttl_s, code in tries:
            with pytest.raises(Refusal) as refused:
                await bench.desk.create(device, name, {}, ttl_s, "tester")
            assert refused.value.code == code
        assert (bench.given, bench.entities.commands()) == ([], [])


async def test_a_command_to_a_device_that_is_away_waits_for_its_next_connection(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        bench.leave()
        first = await bench.create()
        bench.now_us += 1
        second = await bench.create()
        assert (first.state, second.state, bench.given) == ("queued", "queued", [])
    async with bench_on(tmp_path) as bench:
        await bench.come()
        assert bench.given == [first.id, second.id]
        assert [await bench.kept(each.id) for each in (first, second)] == ["sent", "sent"]


async def test_a_command_that_waited_too_long_expires_and_is_never_sent(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        bench.leave()
        record = await bench.create(ttl_s=10)
        bench.now_us += 10_000_000
        await bench.come()
        assert bench.given == []
        async with bench.sweeping():
            await until(lambda: bench.entities.commands()[0]["state"] == "expired")
        assert await bench.kept(record.id) == "expired"


async def test_what_the_store_was_away_for_is_sent_once_it_is_back(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        bench.leave()
        record = await bench.create()
        await bench.state.aclose()
        with capture_logs():
            await bench.desk.attach("pump", bench.deliver)
            assert bench.given == []
            await bench.state.start()
            async with bench.sweeping():
                await until(lambda: bench.given == [record.id])


async def test_an_accepted_command_ends_when_its_device_is_silent_for_a_week(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        record = await bench.create()
        await bench.desk.said("pump", [Outcome(record.id, CommandState.ACCEPTED)])
        async with bench.sweeping():
            bench.now_us += 2 * LOST_US  # connected: it may take as long as it takes
            later = await bench.create(ttl_s=1)
            bench.now_us += 60_000_000
            await until(lambda: bench.entities.commands()[0].get("reason") == "outcome_unknown")
            assert (bench.entities.commands()[0]["id"], await bench.kept(record.id)) == (later.id, "accepted")
            bench.leave()
            await until(lambda: bench.entities.commands()[1]["state"] == "failed")


async def test_what_a_device_that_came_back_says_nothing_of_ends_in_a_week(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        forgotten, named, going_on = [await bench.create() for _ in range(3)]
        await bench.desk.said("pump", [Outcome(each.id, CommandState.ACCEPTED) for each in (forgotten, named, going_on)])
        for _ in range(3):  # however often it comes
            bench.leave()
            bench.now_us += 20_000_000
            bench.desk.came("pump")
            await bench.desk.said("pump", [Outcome(named.id, CommandState.ACCEPTED)])
            await bench.come()
        await bench.desk.followed([("pump", Outcome(going_on.id, CommandState.RUNNING, progress=0.5))], Cursor("j", 1))
        async with bench.sweeping():
            bench.now_us += LOST_US - 40_000_000  # since it came first
            await until_async(lambda: bench.kept(forgotten.id), "failed")
            assert (await bench.record(forgotten.id)).reason == "outcome_unknown"
            bench.now_us += 2 * LOST_US
            later = await bench.create(ttl_s=0.001)
            bench.now_us += 60_000_000
            await until_async(lambda: bench.kept(later.id), "failed")
            assert [await bench.kept(each.id) for each in (named, going_on)] == ["accepted", "running"]


async def test_after_a_start_of_the_hub_a_device_has_a_week_to_speak_of_what_it_has(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        record = await bench.create()
        await bench.desk.said("pump", [Outcome(record.id, CommandState.ACCEPTED)])
    async with bench_on(tmp_path, now_us=5 * LOST_US) as bench, bench.sweeping():
        bench.desk.came("pump")
        await bench.come()
        later = await bench.create(ttl_s=0.001)
        bench.now_us += LOST_US - 1
        await until_async(lambda: bench.kept(later.id), "failed")
        assert await bench.kept(record.id) == "accepted"
        bench.now_us += 1
        await until_async(lambda: bench.kept(record.id), "failed")


async def test_the_hubs_own_absence_ends_no_command_that_was_sent(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        record = await bench.create()
    later = bench.now_us + 3_600_000_000
    async with bench_on(tmp_path, now_us=later) as bench, bench.sweeping():
        expiring = await bench.create(ttl_s=0.001)
        bench.now_us += 1_000_000
        await until(lambda: bench.entities.commands()[0]["state"] == "expired")
        assert (bench.entities.commands()[0]["id"], await bench.kept(record.id)) == (expiring.id, "sent")
        await bench.desk.said("pump", [Outcome(record.id, CommandState.DONE)])
        assert await bench.kept(record.id) == "done"


async def test_a_queued_command_is_cancelled_at_once_and_noted(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        bench.leave()
        queued = await bench.create()
        record, answer = await bench.desk.cancel(queued.id, "ann")
        assert (answer, record.state, record.reason) == ("cancelled", "cancelled", "cancelled by ann before it was sent")
        assert (await bench.desk.cancel(queued.id, "ann"))[1] == "cancelled"  # asked twice, answered twice
        await bench.come()
        assert bench.given == []
        (noted,) = [each for each in await bench.state.audit(None, 10) if each.action == "cancel command"]
        assert (noted.who, noted.what) == ("ann", f"command {queued.id}")


@pytest.mark.parametrize(
    ("said", "answer", "state"),
    [
        ([CommandState.CANCELLED], "cancelled", "cancelled"),
        ([CommandState.DONE, CommandState.TOO_LATE], "too_late", "done"),
        ([CommandState.TOO_LATE], "too_late", "sent"),
    ],
)
async def test_a_connected_device_is_asked_and_its_answer_is_given(
    tmp_path: Path, said: list[CommandState], answer: str, state: str
) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        sent = await bench.create()
        answers: list[tuple[str, str]] = []

        async def cancel() -> None:
            record, given = await bench.desk.cancel(sent.id, "ann")
            answers.append((given, record.state))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(cancel)
            await until(lambda: bench.cancelled)
            assert bench.desk.item(await bench.record(sent.id))["cancel"] == "asked"
            await bench.desk.followed([("pump", Outcome(sent.id, each)) for each in said], Cursor("j", 1))
        assert (answers, bench.cancelled) == ([(answer, state)], [sent.id])
        assert "cancel" not in bench.desk.item(await bench.record(sent.id))
        async with bench.sweeping():
            await until_async(lambda: bench.state.documents("cancel"), [])


async def test_a_device_that_is_away_is_asked_at_its_next_connection_also_after_a_restart(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        sent = await bench.create()
        bench.leave()
        assert (await bench.desk.cancel(sent.id, "ann"))[1] == "asked"
    async with bench_on(tmp_path) as bench:
        await bench.come()
        assert (bench.given, bench.cancelled) == ([], [sent.id])  # not given again: only asked back
        await bench.desk.said("pump", [Outcome(sent.id, CommandState.CANCELLED)])
        assert await bench.desk.cancel(sent.id, "ann") == (await bench.record(sent.id), "cancelled")


async def test_an_unknown_command_cannot_be_cancelled(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        with pytest.raises(Refusal, match="no command has the id"):
            await bench.desk.cancel("nope", "ann")


async def test_the_same_key_and_body_give_the_same_command(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()

        async def create(by: str = "tester", ttl_s: float = 10.0) -> CommandRecord:
            return await bench.desk.create("pump", "blink", {}, ttl_s, by, "k1")

        first = await create()
        await bench.desk.said("pump", [Outcome(first.id, CommandState.DONE)])
        again = await create()
        assert (again.id, again.state, bench.given) == (first.id, "done", [first.id])
        assert (await create(by="other")).id != first.id
        with pytest.raises(Refusal) as refused:
            await create(ttl_s=11.0)
        assert (refused.value.code, refused.value.status) == ("key_used", 409)
        with pytest.raises(Refusal, match="128"):
            await bench.desk.create("pump", "blink", {}, 10.0, "tester", "k" * 129)


async def test_what_a_running_write_left_of_a_removed_device_is_ended(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        record = await bench.create()
        await bench.registry.remove_device("pump")
        await bench.state.put_commands([replace(record, state="queued", version=1)])  # as a write would that came behind the deletion
        async with bench.sweeping():
            await until_async(lambda: bench.kept(record.id), "failed")


async def test_a_command_of_which_answers_may_wait_in_the_journal_is_not_ended_by_time(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        heard_us = bench.now_us
        bench.desk.hear_by(lambda: heard_us)
        await bench.come()
        given = await bench.create(ttl_s=1)
        bench.leave()
        waiting = await bench.create(ttl_s=1)
        async with bench.sweeping():
            bench.now_us += 60_000_000
            await until_async(lambda: bench.kept(waiting.id), "expired")  # which no answer can be of
            assert await bench.kept(given.id) == "sent"
            await bench.desk.followed([("pump", Outcome(given.id, CommandState.DONE))], Cursor("j", 1))
            heard_us = bench.now_us
            assert (await bench.record(given.id)).state == "done"


async def test_a_command_that_another_node_is_to_cancel_is_not_given_again(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        record, going_on = await bench.create(), await bench.create()
        other = CommandDesk(bench.state, bench.registry, Entities(), lambda: bench.now_us)
        await other.load()
        await other.cancel(record.id, "bob", wait_s=0.0)
        await bench.desk.refresh("cancel", [record.id])
        await bench.desk.refresh("command", [record.id])
        assert (bench.given, bench.cancelled) == ([record.id, going_on.id], [record.id])
        await bench.desk.reload()  # nor what it was given before
        assert (bench.given, bench.cancelled) == ([record.id, going_on.id], [record.id, record.id])


async def test_a_key_that_stands_for_a_group_which_another_node_has_just_made_gives_that_group(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        other = CommandDesk(bench.state, bench.registry, Entities(), lambda: bench.now_us)
        await other.load()
        wanted = WantedGroup(Wanted("blink", {}, 60.0, "ann", "key-1"), devices=("pump",))
        made, _ = await bench.desk.groups.create(wanted)
        again, _ = await other.groups.create(wanted)
        assert (again.id, again.counts) == (made.id, {"sent": 1})
        assert len(bench.given) == 1
