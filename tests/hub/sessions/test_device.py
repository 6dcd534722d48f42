"""One device connection against the real journal: numbers, acks, rejects, gaps, commands, takeover, and the end of each."""

import sqlite3
from pathlib import Path

import msgpack
import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from devices.link import memory_link_pair
from devices.wire.limits import CloseCode
from devices.wire.messages import Channel, CommandState, Kind
from hub.core.records import RowKind
from hub.core.registry_series import SeriesBound
from hub.ports import CommandRecord, CommandsWanted, StoreUnavailable
from tests.support.ingest_hub import DeviceEnd, IngestHub, ingest_hub, now_us
from tests.support.waiting import until

E = 77


async def rows_of(hub: IngestHub) -> list[tuple[int, int, int]]:
    return [(row.epoch, row.seq, row.kind) for row in await hub.journal.read(0)]


async def test_frames_are_durable_when_they_are_acked(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        device = await hub.connect("pump")
        welcome = await device.hello(E)
        assert welcome["marks"] == [[E, 0]]
        assert welcome["credit"]["live"][0] > 0
        for seq in (1, 2, 3):
            await device.data(E, seq, [20.5, 40])
        await device.is_acked(E, 3)
        assert hub.journal.marks("pump") == {E: 3}
        assert await rows_of(hub) == [(E, seq, RowKind.DATA) for seq in (1, 2, 3)]
    async with ingest_hub(tmp_path) as hub:
        assert hub.journal.marks("pump") == {E: 3}
        device = await hub.connect("pump")
        unfinished = [{"epoch": E, "first": 2, "last": 3, "channels": [{"name": "temp"}]}]
        welcome = await device.hello(E + 1, unfinished=unfinished)
        assert [E, 3] in welcome["marks"]


async def test_duplicates_are_dropped_and_acked_again(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        device = await hub.connect("pump")
        await device.hello(E)
        await device.data(E, 1, [1.0])
        await device.is_acked(E, 1)
        await device.data(E, 1, [1.0])
        await device.is_acked(E, 1)
        assert await rows_of(hub) == [(E, 1, RowKind.DATA)]


async def test_a_bad_reading_is_rejected_by_index_and_the_frame_is_kept(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        device = await hub.connect("pump")
        await device.hello(E)
        await device.data(E, 1, [1.0, float("nan")])
        reject = await device.hears("reject")
        assert (reject["e"], reject["s"], reject["readings"]) == (E, 1, [[1, "not_finite"]])
        assert hub.journal.marks("pump") == {E: 1}  # a reject is told only once its frame is durable
        (row,) = await hub.journal.read(0)
        assert row.rejects is not None
        assert msgpack.unpackb(row.rejects) == [[1, "not_finite"]]


async def test_a_bad_frame_takes_its_row_with_the_reason(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        device = await hub.connect("pump")
        await device.hello(E)
        await device.data(E, 1, [1.0], c="not a list")
        assert (await device.hears("reject"))["code"] == "bad_frame"
        await device.data(E, 2, [1.0])
        await device.is_acked(E, 2)
        assert await rows_of(hub) == [(E, 1, RowKind.BAD), (E, 2, RowKind.DATA)]


async def test_a_gap_moves_the_mark_to_its_last_and_gives_up_another_epoch(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        device = await hub.connect("pump")
        await device.hello(E)
        await device.data(E, 1, [1.0])
        gap = {"op": "gap", "readings": 9, "from_us": 1, "to_us": 2, "reason": "spool_full"}
        await device.say({"e": E, "s": 1, **gap, "last": 5})  # begins at what was received: clipped
        await device.data(E, 6, [1.0])
        await device.is_acked(E, 6)
        assert await rows_of(hub) == [(E, 1, RowKind.DATA), (E, 2, RowKind.GAP), (E, 6, RowKind.DATA)]
        again = await hub.connect("pump")
        channels = [{"name": "temp"}]
        await again.hello(E + 1, unfinished=[{"epoch": E + 9, "first": 1, "last": 4, "channels": channels}])
        await again.say({"e": E + 1, "s": 1, **gap, "last": 1, "of": E + 9, "of_last": 4})
        await again.is_acked(E + 1, 1)
        assert hub.journal.marks("pump") == {E: 6, E + 1: 1, E + 9: 4}


async def test_frames_acked_elsewhere_are_noted(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        device = await hub.connect("pump")
        welcome = await device.hello(E, unfinished=[{"epoch": E, "first": 8, "last": 9, "channels": [{"name": "temp"}]}])
        assert welcome["marks"] == [[E, 7]]
        await device.data(E, 8, [1.0])
        await device.is_acked(E, 8)
        assert (E, 7, RowKind.ELSEWHERE) in await rows_of(hub)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"e": E, "s": 3, "op": "log", "level": "info", "t": None, "text": "x"}, CloseCode.SEQ_JUMP),
        ({"e": E + 1, "s": 1, "op": "log", "level": "info", "t": None, "text": "x"}, CloseCode.UNKNOWN_EPOCH),
        ({"e": "what", "s": 1, "op": "log"}, CloseCode.BAD_FRAME),
    ],
)
async def test_breaking_a_rule_ends_the_connection_with_its_code(tmp_path: Path, said: dict[str, object], code: CloseCode) -> None:
    async with ingest_hub(tmp_path) as hub:
        device = await hub.connect("pump")
        await device.hello(E)
        await device.say(said)
        ended, bye = await device.is_closed()
        assert (ended, bye["code"]) == (code, code)
        assert bye["reason"]
        assert bye["expected"] == [[E, 1]]


@pytest.mark.parametrize(
    "op", ["welcome", "ack", "reject", "command", "cancel", "desired", "subscribe", "unsubscribe", "drawn", "users", ""]
)
async def test_what_a_hub_or_a_viewer_says_does_nothing_from_a_device(tmp_path: Path, op: str) -> None:
    async with ingest_hub(tmp_path) as hub:
        device, other = await hub.connect("pump"), await hub.connect("valve")
        await other.hello(E + 1)
        await device.hello(E, commands=[{"name": "go"}])
        await device.say({"op": op, "id": "c1", "name": "go", "device": "valve", "devices": ["*"], "acks": [[E + 1, 9]], "n": 1})
        assert (await device.hears("reject"))["code"] == "unknown_op"
        await device.data(E, 1, [1.0])
        await device.is_acked(E, 1)
        assert (await hub.state.commands(CommandsWanted(), 10), {row[0] for row in await rows_of(hub)}) == (([], None), {E})


@pytest.mark.parametrize("field", ["device", "name", "by", "who"])
async def test_a_frame_that_names_another_device_is_of_the_one_that_the_token_is_for(tmp_path: Path, field: str) -> None:
    async with ingest_hub(tmp_path) as hub:
        device = await hub.connect("pump")
        await device.hello(E)
        await device.data(E, 1, [1.0], **{field: "valve"})
        await device.is_acked(E, 1)
        assert {row.device for row in await hub.journal.read(0)} == {"pump"}


async def test_an_epoch_used_before_is_refused(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        device = await hub.connect("pump")
        await device.hello(E)
        await device.link.aclose()
        again = await hub.connect("pump")
        await again.say({"op": "hello", "device": "pump", "epoch": E, "unfinished": [], "channels": []})
        code, bye = await again.is_closed()
        assert code == CloseCode.EPOCH_USED
        assert bye["retry_s"] == 0


async def test_takeover_commits_the_old_connection_first_and_loses_nothing(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        first = await hub.connect("pump")
        await first.hello(E)
        for seq in range(1, 21):
            await first.data(E, seq, [float(seq)])
        second = await hub.connect("pump")
        unfinished = [{"epoch": E, "first": 1, "last": 20, "channels": [{"name": "temp"}]}]
        welcome = await second.hello(E + 1, unfinished=unfinished)
        code, bye = await first.is_closed()
        assert code == CloseCode.TAKEN_OVER
        assert bye["retry_s"] > 0
        mark = dict(welcome["marks"])[E]
        for seq in range(mark + 1, 21):
            await second.data(E, seq, [float(seq)])
        await second.data(E + 1, 1, [0.0])
        await second.is_acked(E + 1, 1)
        assert [row[:2] for row in await rows_of(hub)] == [(E, seq) for seq in range(1, 21)] + [(E + 1, 1)]
        assert hub.sessions.count() == 1


async def test_presence_follows_the_connection(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        device = await hub.connect("pump")
        await device.hello(E, firmware="7.1")
        await until(lambda: presence(hub) == "online")
        await device.link.aclose()
        await until(lambda: presence(hub) == "offline")
        item = hub.registry.item("pump")
        assert item is not None
        assert item["firmware"] == "7.1"
        assert item["last_seen_us"] > 0


async def test_a_command_reaches_the_device_and_its_result_the_ledger(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        device = await hub.connect("pump")
        await device.hello(E, commands=[{"name": "blink"}])
        await until(lambda: presence(hub) == "online")
        record = await hub.desk.create("pump", "blink", {}, 30.0, "tester")
        command = await device.hears("command")
        assert command["id"] == record.id
        kept = await hub.state.command(record.id)
        assert kept is not None
        assert kept.state == CommandState.SENT  # committed before the bytes went out


async def test_each_connection_has_a_fence_above_every_one_that_the_device_knows(tmp_path: Path) -> None:
    far = 2**53 - 10  # by another node, or a clock that was wrong
    async with ingest_hub(tmp_path) as hub:
        before_us = hub.parts.now()
        first = await (await hub.connect("pump")).hello(1)
        await until(lambda: presence(hub) == "online")
        assert before_us <= first["fence"] < far
        end = await hub.connect("pump")
        assert (await end.hello(2, fence=far, commands=[{"name": "blink"}]))["fence"] == far + 1
        await until(lambda: any(item.get("commands") for item in hub.entities.devices()))
        record = await hub.desk.create("pump", "blink", {}, 60.0, "ann")
        assert (await end.hears("command"))["fence"] == far + 1
        await hub.desk.cancel(record.id, "ann", wait_s=0.0)
        assert (await end.hears("cancel"))["fence"] == far + 1


async def test_results_told_in_hello_are_in_the_ledger_before_welcome(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        device = await hub.connect("pump")
        await device.hello(E, commands=[{"name": "blink"}])
        await until(lambda: presence(hub) == "online")
        record = await hub.desk.create("pump", "blink", {}, 30.0, "tester")
        await device.hears("command")
        await device.link.aclose()
        again = await hub.connect("pump")
        results = [{"id": record.id, "state": "failed", "reason": "interrupted"}]
        await again.hello(E + 1, results=results)
        found = await hub.desk.get(record.id)
        assert found is not None
        assert (found.state, found.reason) == ("failed", "interrupted")


async def test_a_device_that_comes_back_without_a_word_of_what_it_began_is_noted(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        device = await hub.connect("pump")
        await device.hello(E, commands=[{"name": "blink"}])
        await until(lambda: presence(hub) == "online")
        record = await hub.desk.create("pump", "blink", {}, 30.0, "tester")
        for epoch, results in ((E + 1, [{"id": record.id, "state": "accepted"}]), (E + 2, [])):
            await device.link.aclose()
            device = await hub.connect("pump")
            await device.hello(epoch, results=results)
            found = await hub.desk.get(record.id)
            assert found is not None
            assert (found.state, hub.desk._book.begun.silent_since_us(found) is None) == ("accepted", bool(results))


async def test_stopping_says_bye_with_a_time_to_come_back(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        device = await hub.connect("pump")
        await device.hello(E)
        await device.data(E, 1, [1.0])
        hub.connections.cancel_scope.cancel()
    code, bye = await device.is_closed()
    assert code == CloseCode.RESTART
    assert bye["jitter_s"] > 0
    async with ingest_hub(tmp_path) as hub:
        assert hub.journal.marks("pump")[E] in (0, 1)  # committed or taken out, never half


async def test_a_withdrawn_token_ends_the_connection(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        device = await hub.connect("pump")
        await device.hello(E)
        hub.sessions.drop("pump", CloseCode.REVOKED, "the token was withdrawn")
        code, bye = await device.is_closed()
        assert code == CloseCode.REVOKED
        assert "retry_s" not in bye


async def test_a_text_message_is_refused(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        device = await hub.connect("pump")
        await device.link.send("hello")
        assert (await device.is_closed())[0] == CloseCode.TEXT


async def test_wherever_a_connection_is_cut_nothing_stays_registered(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        for said in range(4):
            device = await hub.connect("pump")
            if said > 0:
                await device.say({"op": "hello", "device": "pump", "epoch": E + said, "unfinished": [], "channels": [{"name": "t"}]})
            if said > 1:
                await device.hears("welcome")
            if said > 2:
                await device.data(E + said, 1, [1.0])
            await device.link.aclose()
            await until(lambda: not hub.sessions.count() and not hub.connections.child_tasks)
            assert presence(hub) != "online"
        assert hub.journal.statistics()["pending_rows"] == 0


async def test_a_device_streams_although_the_state_store_is_away(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        device = await hub.connect("pump")
        await device.hello(E, commands=[{"name": "blink"}])
        await until(lambda: presence(hub) == "online")
        await hub.state.aclose()
        with capture_logs():
            again = await hub.connect("pump")
            await again.hello(E + 1, commands=[{"name": "blink"}])
            await again.data(E + 1, 1, [1.0])
            await again.is_acked(E + 1, 1)
            await until(lambda: presence(hub) == "online")
            with pytest.raises(StoreUnavailable):
                await hub.desk.create("pump", "blink", {}, 30.0, "tester")
            assert hub.entities.commands() == []  # nothing was promised


async def test_a_token_withdrawn_before_hello_opens_nothing(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        good = await hub.connect("pump")
        await good.hello(E)
        device = await hub.connect("pump")
        await until(lambda: len(hub.connections.child_tasks) == 2)
        await trio.testing.wait_all_tasks_blocked()
        await hub.registry.new_token("pump")
        again = await hub.connect("pump")
        await again.hello(E + 1)
        await device.say({"op": "hello", "device": "pump", "epoch": E + 2, "unfinished": [], "channels": []})
        assert (await device.is_closed())[0] == CloseCode.REVOKED
        await again.data(E + 1, 1, [1.0])
        await again.is_acked(E + 1, 1)  # and it has disturbed nobody
        gone = await hub.connect("pump")
        await trio.testing.wait_all_tasks_blocked()
        await hub.registry.remove_device("pump")
        await gone.say({"op": "hello", "device": "pump", "epoch": E + 3, "unfinished": [], "channels": []})
        assert (await gone.is_closed())[0] == CloseCode.REVOKED


async def test_a_disabled_devices_connection_ends_and_it_may_come_back(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        hub.registry.on_revoked(hub.sessions.drop)
        device = await hub.connect("pump")
        await device.hello(E)
        waiting = await hub.connect("pump")  # let in, and has not said hello
        await until(lambda: len(hub.connections.child_tasks) == 2)
        await trio.testing.wait_all_tasks_blocked()
        await hub.registry.edit("pump", {"disabled": True})
        code, bye = await device.is_closed()
        assert (code, bye["reason"], bye["retry_s"] > 0) == (CloseCode.DISABLED, "the device is disabled", True)
        await waiting.say({"op": "hello", "device": "pump", "epoch": E + 1, "unfinished": [], "channels": []})
        assert (await waiting.is_closed())[0] == CloseCode.DISABLED
        await until(lambda: presence(hub) == "offline")
        await hub.registry.edit("pump", {"disabled": False})
        again = await hub.connect("pump")
        await again.hello(E + 2)
        await until(lambda: presence(hub) == "online")


async def test_a_revoked_token_ends_the_connection_for_good(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        hub.registry.on_revoked(hub.sessions.drop)
        device = await hub.connect("pump")
        await device.hello(E)
        await hub.registry.new_token("pump", overlap_s=60)  # the connection stays
        await device.data(E, 1, [1.0])
        await device.is_acked(E, 1)
        await hub.registry.revoke("pump")
        code, bye = await device.is_closed()
        assert (code, "retry_s" in bye) == (CloseCode.REVOKED, False)


async def test_a_connection_that_ended_long_ago_shows_nobody_online(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        await hub.registry.add_device("pump")
        queued = CommandRecord("c1", "pump", "blink", {}, "queued", 1, "tester", 0, 0, 2**60)
        await hub.state.put_commands([queued])
        await hub.desk.load()
        busy = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
        busy.execute("BEGIN IMMEDIATE")
        first = await hub.connect("pump")
        await first.hello(E)
        await trio.testing.wait_all_tasks_blocked(0.01)  # the first one now waits for the store to take its command as sent
        second = await hub.connect("pump")
        await second.hello(E + 1)
        await second.link.aclose()
        await until(lambda: hub.sessions.count() == 0)
        busy.execute("ROLLBACK")
        busy.close()
        await until(lambda: not hub.connections.child_tasks)
        assert presence(hub) == "offline"


async def test_a_hub_that_fails_a_device_says_so_and_forgets_it(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        await hub.registry.add_device("pump")
        ours, theirs = memory_link_pair(100)
        device = DeviceEnd(ours, "pump")
        with pytest.RaisesGroup(RuntimeError, flatten_subgroups=True):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(hub.sessions.serve, "pump", theirs)
                await device.hello(E)
                hub.journal._is_running = False
                await device.data(E, 1, [1.0])
                code, bye = await device.is_closed()
                assert (code, bye["retry_s"] > 0) == (CloseCode.HUB_FAILING, True)
        hub.journal._is_running = True
        assert (hub.sessions.count(), presence(hub)) == (0, "offline")


def presence(hub: IngestHub) -> str | None:
    return (hub.registry.item("pump") or {}).get("presence")


async def test_the_log_tells_of_a_connection_and_why_it_ended(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with ingest_hub(tmp_path) as hub:
            device = await hub.connect("pump")
            await device.hello(E)
            await until(lambda: hub.registry.is_connected("pump"))
            hub.sessions.drop("pump", CloseCode.REVOKED, "the token was withdrawn")
            await device.is_closed()
            await until(lambda: not hub.sessions.count())
    lines = [line for line in logs if line.get("device") == "pump"]
    assert [line["event"] for line in lines] == ["device_added", "device_connected", "device_refused"]
    assert lines[2]["reason"] == "the token was withdrawn"


async def test_readings_that_are_older_than_raw_retention_are_rejected_and_the_limit_is_told(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path, raw_retention_us=3_600_000_000) as hub:
        device = await hub.connect("pump")
        assert (await device.hello(E))["limits"]["raw_retention_s"] == 3_600
        await device.data(E, 1, [1.0, 2.0], t=now_us(), d=[-3_700_000_000, 0])
        assert (await device.hears("reject"))["readings"] == [[0, "too_old"]]
        await device.say({"e": E, "s": 2, "op": "pack", "t": 0, "c": 0, "step_ns": 1_000, "f": "f8", "v": bytes(16)})
        reject = await device.hears("reject")
        assert (reject["code"], reject["s"]) == ("too_old", 2)
        await device.is_acked(E, 2)


async def test_a_channel_that_the_store_can_never_hold_is_refused_at_hello_with_what_to_do(tmp_path: Path) -> None:
    def refuses(channel: Channel) -> str | None:
        return "VictoriaMetrics holds no texts; send a state" if channel.kind is Kind.TEXT else None

    async with ingest_hub(tmp_path, refuses=refuses) as hub:
        device = await hub.connect("pump")
        channels = [{"name": "temp"}, {"name": "note", "kind": "text"}]
        await device.say({"op": "hello", "device": "pump", "epoch": E, "unfinished": [], "channels": channels})
        code, bye = await device.is_closed()
        assert (code, bye["code"]) == (CloseCode.BAD_HELLO, CloseCode.BAD_HELLO)
        assert bye["reason"] == "bad_hello: channel 'note' cannot be stored: VictoriaMetrics holds no texts; send a state"
        assert hub.journal.marks("pump") == {}
        # What lies in its spool from before is taken, and parked later, once the device says no more of the kind.
        again = await hub.connect("pump")
        old = {"epoch": E, "first": 1, "last": 1, "channels": channels}
        await again.hello(E + 1, unfinished=[old])


def channels(begin: str) -> list[dict[str, str]]:
    return [{"name": f"{begin}{number}"} for number in range(2)]


async def test_a_device_with_other_channels_at_each_hello_is_refused_at_the_bound_also_after_a_restart(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path, bound=SeriesBound(6)) as hub:
        for at, name in enumerate("abc"):
            device = await hub.connect("pump")
            await device.hello(E + at, channels=channels(name))
            await device.data(E + at, 1, [1.0, 2.0])
            await device.is_acked(E + at, 1)
        await until(lambda: not hub.registry._unwritten)
    async with ingest_hub(tmp_path, bound=SeriesBound(6)) as hub:
        device = await hub.connect("pump")
        await device.say({"op": "hello", "device": "pump", "epoch": E + 9, "unfinished": [], "channels": channels("d")})
        code, bye = await device.is_closed()
        assert (code, bye["code"]) == (CloseCode.NO_ROOM, CloseCode.NO_ROOM)
        assert bye["reason"].startswith("2 new series (channel, unit, kind) beside 6 are over max_series_per_device, 6: keep names")
        assert bye["retry_s"] == 60
        assert E + 9 not in hub.journal.marks("pump")
        again = await hub.connect("pump")
        await again.hello(E + 10, channels=channels("a"), unfinished=[{"epoch": E, "first": 1, "last": 1}])
        other = await hub.connect("fan")
        await other.hello(E, channels=channels("d"))


async def test_series_of_a_connection_that_ends_at_once_count_and_are_written(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path, bound=SeriesBound(6)) as hub:
        for at, name in enumerate("abc"):
            device = await hub.connect("pump")
            await device.hello(E + at, channels=channels(name))
            await device.link.aclose()
            await until(lambda: not hub.connections.child_tasks and not hub.registry._unwritten)
    async with ingest_hub(tmp_path, bound=SeriesBound(6)) as hub:
        device = await hub.connect("pump")
        await device.say({"op": "hello", "device": "pump", "epoch": E + 9, "unfinished": [], "channels": channels("d")})
        assert (await device.is_closed())[0] == CloseCode.NO_ROOM


async def test_a_device_that_was_removed_and_added_anew_begins_to_count_anew(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path, bound=SeriesBound(2)) as hub:
        device = await hub.connect("pump")
        await device.hello(E, channels=channels("a"))
        await device.link.aclose()
        await until(lambda: not hub.connections.child_tasks)
        await hub.registry.remove_device("pump")
        await (await hub.connect("pump")).hello(E + 1, channels=channels("b"))
