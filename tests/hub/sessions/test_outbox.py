"""Acks are gathered, rejects wait for their frame, and what is urgent goes at once. Time is virtual."""

import pytest
import trio
from trio.testing import MockClock

from devices.wire.messages import Ack, Command, Credit, Reject, Window
from hub.sessions.outbox import AckClock, Outbox

CREDIT = Credit(Window(1, 1), Window(1, 1))


async def test_acks_are_gathered_for_a_tenth_of_a_second(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    clock = AckClock()
    await nursery.start(clock.run)
    outbox = Outbox(clock)
    start = trio.current_time()
    outbox.committed(5, 1)
    outbox.committed(5, 2)
    outbox.committed(6, 9)
    await outbox.due()
    assert trio.current_time() - start == pytest.approx(0.1)
    assert outbox.take(CREDIT) == [Ack(((5, 2), (6, 9)), CREDIT)]


async def test_an_urgent_message_cuts_the_gathering_short(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    clock = AckClock()
    await nursery.start(clock.run)
    outbox = Outbox(clock)
    start = trio.current_time()
    outbox.committed(5, 1)
    command = Command("id", "ping", {}, 1.0, 0)
    outbox.put(command)
    await outbox.due()
    assert trio.current_time() == start
    assert outbox.take(CREDIT) == [command, Ack(((5, 1),), CREDIT)]
    with trio.move_on_after(1) as scope:
        await outbox.due()
    assert scope.cancelled_caught  # what went early does not go again


async def test_many_outboxes_ripen_in_turns_and_none_late(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    clock = AckClock()
    await nursery.start(clock.run)
    waits_s: list[float] = []

    async def wait_for(outbox: Outbox) -> None:
        began_s = trio.current_time()
        await outbox.due()
        outbox.take(CREDIT)
        waits_s.append(trio.current_time() - began_s)

    async with trio.open_nursery() as waiting:
        for number in range(50):
            outbox = Outbox(clock)
            outbox.committed(5, 1)
            waiting.start_soon(wait_for, outbox)
            await trio.sleep(0.003 if number % 7 else 0.2)
    assert len(waits_s) == 50
    assert max(waits_s) < 0.1001


async def test_a_reject_waits_until_its_frame_is_durable() -> None:
    outbox = Outbox(AckClock())
    reject = Reject(5, 3, "bad_frame", "why")
    outbox.hold(reject)
    outbox.committed(5, 2)
    assert outbox.take(CREDIT) == [Ack(((5, 2),), CREDIT)]
    outbox.committed(5, 3)
    assert outbox.take(CREDIT) == [reject, Ack(((5, 3),), CREDIT)]


async def test_a_change_of_credit_is_told_with_an_empty_ack() -> None:
    outbox = Outbox(AckClock())
    outbox.restate()
    await outbox.due()
    assert outbox.take(CREDIT) == [Ack((), CREDIT)]
    assert outbox.take(CREDIT) == []


async def test_a_reject_behind_one_of_another_epoch_is_not_forgotten() -> None:
    outbox = Outbox(AckClock())
    first, second = Reject(5, 3, "bad_frame", "why"), Reject(6, 1, "bad_frame", "why")
    outbox.hold(first)
    outbox.hold(second)
    outbox.committed(6, 1)
    assert outbox.take(CREDIT) == [Ack(((6, 1),), CREDIT)]
    outbox.committed(5, 3)
    assert outbox.take(CREDIT) == [first, second, Ack(((5, 3),), CREDIT)]
