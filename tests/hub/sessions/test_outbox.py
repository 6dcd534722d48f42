"""Acks are gathered, rejects wait for their frame, what is urgent goes at once, and what a link refuses goes later. Time is virtual."""

from itertools import pairwise
from typing import Any

import msgpack
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from devices.link import MemoryLink, memory_link_pair
from devices.wire.codec import encode
from devices.wire.messages import Ack, Command, Credit, Reject, Window
from hub.sessions.outbox import MAX_COMMANDS, AckClock, Outbox, ack_credit, ack_message

CREDIT = Credit(Window(1, 1), Window(1, 1))
COMMAND = Command("id", "ping", {}, 1.0, 0)


class Told:
    """An outbox, and what its device hears."""

    def __init__(self, clock: AckClock | None = None, max_messages: int = 100) -> None:
        self.link: MemoryLink
        self.link, theirs = memory_link_pair(max_messages)
        self.acked: list[Credit] = []
        self.outbox = Outbox(clock or AckClock(), theirs, lambda: CREDIT)
        self.outbox.on_ack = self.acked.append
        self.outbox.open()

    async def next(self) -> dict[str, Any]:
        message = await self.link.receive()
        said = msgpack.unpackb(message)
        assert isinstance(said, dict)
        return said

    async def hears_nothing(self) -> None:
        with trio.move_on_after(1) as scope:
            await self.link.receive()
        assert scope.cancelled_caught


async def test_the_ack_of_a_frame_that_comes_alone_is_gathered_for_20_ms(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    clock = AckClock()
    await nursery.start(clock.run)
    device = Told(clock)
    for number in range(3):
        start = trio.current_time()
        device.outbox.committed(5, 2 * number + 1)
        device.outbox.committed(5, 2 * number + 2)
        device.outbox.committed(6, number + 1)
        assert (await device.next())["acks"] == [[5, 2 * number + 2], [6, number + 1]]
        assert trio.current_time() - start == pytest.approx(0.02)
        await trio.sleep(0.1)
    assert device.acked == [CREDIT] * 3


async def test_an_ack_that_must_wait_keeps_nobody_else_waiting(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    clock = AckClock()
    await nursery.start(clock.run)
    busy, other = Told(clock), Told(clock)
    busy.outbox.committed(5, 1)
    await busy.next()
    busy.outbox.committed(5, 2)  # not before 80 ms after the one before
    await trio.sleep(0.03)
    start = trio.current_time()
    other.outbox.committed(5, 1)
    await other.next()
    assert trio.current_time() - start == pytest.approx(0.02)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from([0.001, 0.005, 0.02, 0.033, 0.09, 0.2]), min_size=1, max_size=40))
def test_frames_that_come_fast_are_acked_ten_times_a_second_and_none_later_than_a_tenth(pauses_s: list[float]) -> None:
    async def course() -> None:
        clock = AckClock()
        committed_s: list[float] = []
        acked_s: list[float] = []
        async with trio.open_nursery() as nursery:
            await nursery.start(clock.run)
            device = Told(clock)

            async def hear() -> None:
                told = 0
                while told < len(pauses_s):
                    ((_, seq),) = (await device.next())["acks"]
                    acked_s.append(trio.current_time())
                    assert all(acked_s[-1] - each < 0.1001 for each in committed_s[told:seq])
                    told = seq
                nursery.cancel_scope.cancel()

            nursery.start_soon(hear)
            for seq, pause_s in enumerate(pauses_s, 1):
                committed_s.append(trio.current_time())
                device.outbox.committed(5, seq)
                await trio.sleep(pause_s)
        assert all(later - before > 0.0799 for before, later in pairwise(acked_s))

    trio.run(course, clock=MockClock(autojump_threshold=0))


class Steps(trio.abc.Instrument):
    """How often the clock was woken."""

    def __init__(self) -> None:
        self.of_clock = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.of_clock += task.name.endswith("AckClock.run")


async def test_an_ack_that_is_alone_wakes_the_clock_twice_when_it_comes_and_when_it_goes(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    clock, steps = AckClock(), Steps()
    await nursery.start(clock.run)
    device = Told(clock)
    await device.hears_nothing()
    trio.lowlevel.add_instrument(steps)
    device.outbox.committed(5, 1)
    await device.next()
    await device.hears_nothing()
    trio.lowlevel.remove_instrument(steps)
    assert steps.of_clock == 2


async def test_an_urgent_message_cuts_the_gathering_short(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    clock = AckClock()
    await nursery.start(clock.run)
    device = Told(clock)
    start = trio.current_time()
    device.outbox.committed(5, 1)
    device.outbox.put(COMMAND)
    assert [(await device.next())["op"], (await device.next())["op"]] == ["command", "ack"]
    assert trio.current_time() == start
    await device.hears_nothing()  # what went early does not go again


async def test_many_outboxes_ripen_in_turns_and_none_late(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    clock = AckClock()
    await nursery.start(clock.run)
    waits_s: list[float] = []

    async def wait_for(device: Told) -> None:
        began_s = trio.current_time()
        await device.next()
        waits_s.append(trio.current_time() - began_s)

    async with trio.open_nursery() as waiting:
        for number in range(50):
            device = Told(clock)
            device.outbox.committed(5, 1)
            waiting.start_soon(wait_for, device)
            await trio.sleep(0.003 if number % 7 else 0.2)
    assert len(waits_s) == 50
    assert max(waits_s) < 0.1001


async def test_a_reject_waits_until_its_frame_is_durable(autojump_clock: MockClock) -> None:
    device = Told()
    device.outbox.hold(Reject(5, 2, "bad_frame", "no map"))
    device.outbox.committed(5, 1)
    device.outbox.restate()
    assert (await device.next())["acks"] == [[5, 1]]
    device.outbox.committed(5, 2)
    device.outbox.restate()
    assert [(await device.next())["op"], (await device.next())["op"]] == ["reject", "ack"]


async def test_a_reject_behind_one_of_another_epoch_is_not_forgotten(autojump_clock: MockClock) -> None:
    device = Told()
    device.outbox.hold(Reject(5, 2, "bad_frame", "no map"))
    device.outbox.hold(Reject(6, 1, "bad_frame", "no map"))
    device.outbox.committed(6, 1)
    device.outbox.committed(5, 2)
    device.outbox.restate()
    assert [(await device.next())["e"] for _ in range(2)] == [5, 6]


async def test_a_change_of_credit_is_told_with_an_empty_ack(autojump_clock: MockClock) -> None:
    device = Told()
    device.outbox.restate()
    assert (await device.next())["acks"] == []


async def test_what_a_busy_link_refuses_goes_in_order_once_it_is_free(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    clock = AckClock()
    await nursery.start(clock.run)
    device = Told(clock, max_messages=1)
    for _ in range(3):
        device.outbox.put(COMMAND)
    device.outbox.committed(5, 1)
    device.outbox.restate()
    assert device.acked == []
    assert [(await device.next())["op"] for _ in range(4)] == ["command", "command", "command", "ack"]
    assert device.acked == [CREDIT]


async def test_nothing_goes_before_welcome_or_after_bye(autojump_clock: MockClock) -> None:
    device = Told()
    device.outbox.close()
    device.outbox.put(COMMAND)
    device.outbox.restate()
    await device.hears_nothing()
    device.outbox.open()
    assert [(await device.next())["op"], (await device.next())["op"]] == ["command", "ack"]


async def test_commands_that_nobody_reads_are_bounded(autojump_clock: MockClock) -> None:
    device = Told(max_messages=0)
    for _ in range(MAX_COMMANDS):
        device.outbox.put(COMMAND)
    with pytest.raises(trio.WouldBlock):
        device.outbox.put(COMMAND)


@given(st.dictionaries(st.integers(1, 2**63 - 1), st.integers(1, 2**53 - 1), max_size=20), st.sampled_from(["store_full", None]))
def test_an_ack_is_the_codecs_to_the_byte(acks: dict[int, int], reason: str | None) -> None:
    credit = Credit(Window(256, 2**20), Window(0, 0), reason)
    assert ack_message(acks, ack_credit(credit)) == encode(Ack(tuple(acks.items()), credit))
