"""The spool keeps what was sent until it is acked: through kills, full disks of its own making, and damage."""

import logging
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.spool import Draft, Spool, SpoolInUse, open_spool
from devices.spool.records import FrameKind
from devices.wire.codec import decode_from_device
from devices.wire.messages import Channel, CommandState, Data, Gap, Kind, Outcome, Result

CHANNELS = (Channel("temp", "Cel", min=-40.0), Channel("mode", kind=Kind.STATE, values=("on", "off")))


def reading(time_us: int, value: object = 1.5, readings: int = 1) -> Draft:
    def build(epoch: int, seq: int) -> Data:
        return Data(epoch, seq, time_us, [0] * readings, [0] * readings, [value] * readings)

    return Draft(FrameKind.DATA, build, readings, time_us, time_us)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


async def all_frames(spool: Spool, epoch: int, after: int = 0) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    while frames := await spool.read(epoch, found[-1][1] if found else after, 7):
        found += [(frame.seq, frame.last) for frame in frames]
    return found


async def test_frames_are_numbered_from_one_and_ready_to_be_sent(folder: Path) -> None:
    spool = open_spool(folder)
    await spool.open_epoch(77, CHANNELS)
    await spool.append([reading(1_000), reading(2_000)])
    frames = await spool.read(77, 0)
    assert [decode_from_device(frame.body) for frame in frames] == [
        Data(77, 1, 1_000, [0], [0], [1.5]),
        Data(77, 2, 2_000, [0], [0], [1.5]),
    ]
    spool.close()


@pytest.mark.parametrize("sync", ["kill", "power"])
async def test_unacked_frames_are_there_after_a_new_start_and_acked_ones_are_not(folder: Path, sync: str) -> None:
    spool = open_spool(folder, sync=sync)  # type: ignore[arg-type]
    await spool.open_epoch(5, CHANNELS)
    for time_us in range(10):
        await spool.append([reading(time_us)])
    await spool.ack({5: 4})
    spool.close()

    again = open_spool(folder)
    (epoch,) = again.unfinished()
    assert (epoch.epoch, epoch.first, epoch.last, epoch.channels) == (5, 5, 10, CHANNELS)
    assert await all_frames(again, 5) == [(seq, seq) for seq in range(5, 11)]
    await again.ack({5: 10})
    await again.settle()
    assert again.unfinished() == []
    assert again.bytes == 0
    again.close()


WRITER = """
import sys, trio
from devices.spool import Draft, open_spool
from devices.spool.records import FrameKind
from devices.wire.messages import Channel, Data
async def main():
    spool = open_spool(sys.argv[1])
    await spool.open_epoch(9, [Channel("temp")])
    while True:
        await spool.append([Draft(FrameKind.DATA, lambda e, s: Data(e, s, s, [0], [0], [1.0]), 1)])
        print(spool.current.last, flush=True)
trio.run(main)
"""


async def test_a_kill_loses_nothing_that_append_returned_for(folder: Path) -> None:
    process = await trio.to_thread.run_sync(
        lambda: subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True)
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(500)]
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.read().splitlines()
    process.wait()
    process.stdout.close()
    spool = open_spool(folder)
    (epoch,) = spool.unfinished()
    assert epoch.last >= int(lines[-1])
    assert await all_frames(spool, 9) == [(seq, seq) for seq in range(1, epoch.last + 1)]
    spool.close()


async def test_a_second_process_is_refused_in_one_line(folder: Path) -> None:
    spool = open_spool(folder)
    with pytest.raises(SpoolInUse, match=r"in use by process \d+; end it or") as refusal:
        open_spool(folder)
    assert "\n" not in str(refusal.value)
    spool.close()
    open_spool(folder).close()


@pytest.mark.parametrize("damage", ["head", "middle", "short"])
async def test_a_damaged_file_is_set_aside_and_the_spool_begins_anew(folder: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    spool = open_spool(folder)
    await spool.open_epoch(5, CHANNELS)
    await spool.append([reading(time_us, readings=100) for time_us in range(500)])
    await spool.settle()
    spool.close()
    file = folder / "spool.sqlite"
    content = bytearray(file.read_bytes())
    content[slice(*{"head": (0, 64), "middle": (8_192, 40_000), "short": (0, 0)}[damage])] = b"\x55" * 10
    file.write_bytes(content if damage != "short" else content[: len(content) // 3])
    (folder / "spool.sqlite-wal").unlink(missing_ok=True)

    with caplog.at_level(logging.ERROR):
        again = open_spool(folder)
    assert again.unfinished() == []
    assert again.lost is not None
    assert "unknown" in caplog.text
    assert (folder / "spool.sqlite.damaged-1").exists()
    await again.open_epoch(6, CHANNELS)
    await again.append([reading(1)])
    again.close()


async def test_a_full_spool_drops_its_oldest_and_declares_them(folder: Path) -> None:
    spool = open_spool(folder, max_bytes=20_000)
    await spool.open_epoch(5, CHANNELS)
    for time_us in range(1, 501):
        await spool.append([reading(time_us, readings=2)])
    assert spool.bytes <= 20_000 + 500
    frames = await spool.read(5, 0, 1_000)
    gap = decode_from_device(frames[0].body)
    assert isinstance(gap, Gap)
    assert (gap.seq, gap.readings, gap.from_us, gap.to_us, gap.reason) == (1, 2 * gap.last, 1, gap.last, "spool_full")
    assert [frame.seq for frame in frames[1:]] == list(range(gap.last + 1, 501))
    assert spool.dropped_readings == gap.readings
    spool.close()


async def test_frames_in_flight_are_dropped_last_and_outcomes_never() -> None:
    spool = open_spool(None, max_bytes=20_000)
    await spool.open_epoch(5, CHANNELS)
    await spool.append([reading(1), reading(2), reading(3)])
    await spool.record(Outcome("c1", CommandState.DONE), expires_us=10)
    spool.pin({5: 2})
    for time_us in range(10, 500):
        await spool.append([reading(time_us)])
    kinds = [type(decode_from_device(frame.body)) for frame in await spool.read(5, 0, 5)]
    assert kinds[:3] == [Data, Data, Data]
    assert kinds[3:5] == [Result, Gap]
    spool.close()


async def test_an_ack_inside_a_gap_leaves_the_rest_of_it() -> None:
    spool = open_spool(None, max_bytes=10_000)
    await spool.open_epoch(5, CHANNELS)
    for time_us in range(1, 301):
        await spool.append([reading(time_us)])
    (seq, last), *_ = await all_frames(spool, 5)
    assert (seq, last > 10) == (1, True)
    await spool.ack({5: 10})
    assert (await all_frames(spool, 5, after=10))[0] == (1, last)
    assert spool.unfinished()[0].first == 11
    spool.close()


async def test_an_older_epoch_is_given_up_in_one_frame_and_its_outcomes_are_written_again(folder: Path) -> None:
    spool = open_spool(folder)
    await spool.open_epoch(5, CHANNELS)
    await spool.append([reading(7), reading(9)])
    await spool.record(Outcome("c1", CommandState.DONE, value=3), expires_us=10)
    await spool.open_epoch(6, CHANNELS)
    await spool.give_up(5, "too_many_epochs")
    gap, result = [decode_from_device(frame.body) for frame in await spool.read(6, 0)]
    assert gap == Gap(6, 1, 1, 2, 7, 9, "too_many_epochs", of=5, of_last=3)
    assert result == Result(6, 2, Outcome("c1", CommandState.DONE, value=3))
    spool.close()
    again = open_spool(folder)
    assert [epoch.epoch for epoch in again.unfinished()] == [6]
    assert again.is_unacked(again.commands["c1"])
    await again.ack({6: 2})
    assert not again.is_unacked(again.commands["c1"])
    again.close()


async def test_a_bad_frame_is_replaced_by_a_gap_at_its_place() -> None:
    spool = open_spool(None)
    await spool.open_epoch(5, CHANNELS)
    await spool.append([reading(1), reading(2), reading(3)])
    assert await spool.replace_by_gap(5, 2, "bad_frame")
    assert not await spool.replace_by_gap(5, 2, "bad_frame")
    frames = await spool.read(5, 0)
    assert decode_from_device(frames[1].body) == Gap(5, 2, 2, 1, 2, 2, "bad_frame")
    spool.close()


async def test_an_epoch_that_somebody_else_used_is_renumbered(folder: Path) -> None:
    spool = open_spool(folder)
    await spool.open_epoch(5, CHANNELS)
    await spool.append([reading(1), reading(2)])
    await spool.renumber(5, 2**62)
    assert [decode_from_device(frame.body).epoch for frame in await spool.read(2**62, 0)] == [2**62] * 2  # type: ignore[union-attr]
    spool.close()
    again = open_spool(folder)
    assert [epoch.epoch for epoch in again.unfinished()] == [2**62]
    again.close()


async def test_a_command_is_forgotten_only_when_it_ended_was_acked_and_its_time_is_over() -> None:
    spool = open_spool(None)
    await spool.open_epoch(5, CHANNELS)
    await spool.record(Outcome("c1", CommandState.ACCEPTED), expires_us=100)
    await spool.ack({5: 1})
    await spool.purge_commands(now_us=200)
    assert "c1" in spool.commands
    await spool.record(Outcome("c1", CommandState.DONE), expires_us=100)
    await spool.purge_commands(now_us=200)
    assert "c1" in spool.commands
    await spool.ack({5: 2})
    await spool.purge_commands(now_us=50)
    assert "c1" in spool.commands
    await spool.purge_commands(now_us=200)
    assert "c1" not in spool.commands
    spool.close()


async def test_waiting_appends_share_a_commit_and_each_is_kept(folder: Path) -> None:
    spool = open_spool(folder, sync="power")
    await spool.open_epoch(5, CHANNELS)
    async with trio.open_nursery() as nursery:
        for time_us in range(200):
            nursery.start_soon(spool.append, [reading(time_us)])
    assert (spool.frames, spool.unfinished()[0].last) == (200, 200)
    spool.close()


async def test_a_cancelled_append_is_kept_whole_or_not_at_all(folder: Path) -> None:
    spool = open_spool(folder, sync="power")
    await spool.open_epoch(5, CHANNELS)
    async with trio.open_nursery() as nursery:
        for time_us in range(50):
            nursery.start_soon(spool.append, [reading(time_us), reading(time_us)])
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert spool.frames % 2 == 0
    await spool.append([reading(1)])
    assert await all_frames(spool, 5) == [(seq, seq) for seq in range(1, spool.frames + 1)]
    spool.close()


async def test_the_highest_fence_is_kept_over_restarts(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    assert spool.fence == 0
    await spool.keep_fence(9)
    await spool.keep_fence(8)
    spool.close()
    again = open_spool(tmp_path)
    assert again.fence == 9
    again.close()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 20)),
        st.tuples(st.just("ack"), st.integers(0, 40)),
        st.tuples(st.just("epoch"), st.just(0)),
        st.tuples(st.just("gap"), st.integers(1, 40)),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_every_unacked_seq_is_covered_exactly_once(steps: list[tuple[str, int]]) -> None:
    async def main() -> None:
        spool = open_spool(None, max_bytes=6_000)
        await spool.open_epoch(1, CHANNELS)
        newest = 1
        for step, number in steps:
            if step == "append":
                await spool.append([reading(time_us) for time_us in range(number)])
            elif step == "epoch":
                newest += 1
                await spool.open_epoch(newest, CHANNELS)
            elif step == "gap":
                await spool.replace_by_gap(newest, number, "bad_frame")
            else:
                await spool.ack({epoch.epoch: number for epoch in spool.unfinished()})
        for epoch in spool.unfinished():
            after = epoch.first - 1
            for _, last in await all_frames(spool, epoch.epoch, after):
                assert last > after
                after = last
            assert after == epoch.last
        kept = sum([len(await all_frames(spool, epoch.epoch, epoch.first - 1)) for epoch in spool.unfinished()])
        assert kept == spool.frames
        spool.close()

    trio.run(main)


@pytest.mark.parametrize("sync", ["power", "kill"])
async def test_changes_lost_from_a_log_that_the_disk_has_changed_are_said_where_each_was_synced(
    folder: Path, tmp_path: Path, sync: Literal["power", "kill"]
) -> None:
    spool = open_spool(folder, sync=sync)
    await spool.open_epoch(7, CHANNELS)
    for time_us in range(1, 20):
        await spool.append([reading(time_us)])
    shutil.copytree(folder, tmp_path / "copy", ignore=lambda _, names: [name for name in names if name.endswith("-shm")])
    spool.close()
    log = tmp_path / "copy" / "spool.sqlite-wal"
    content = bytearray(log.read_bytes())
    content[-40_000] ^= 1
    log.write_bytes(content)
    again = open_spool(tmp_path / "copy", sync=sync)
    assert (again.lost is not None and "changes of the spool are lost" in again.lost) == (sync == "power")
    assert 0 < len(await all_frames(again, 7)) < 19
    again.close()
