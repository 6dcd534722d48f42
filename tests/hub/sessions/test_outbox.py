"""Acks are gathered, rejects wait for their frame, and what is urgent goes at once. Time is virtual."""

import trio
from trio.testing import MockClock

from devices.wire.messages import Ack, Command, Credit, Reject, Window
from hub.sessions.outbox import Outbox

CREDIT = Credit(Window(1, 1), Window(1, 1))


async def test_acks_are_gathered_for_a_tenth_of_a_second(autojump_clock: MockClock) -> None:
    outbox = Outbox()
    outbox.committed(5, 1)
    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.due)
        await trio.testing.wait_all_tasks_blocked()
        outbox.committed(5, 2)
        outbox.committed(6, 9)
    assert trio.current_time() - start == 0.1
    assert outbox.take(CREDIT) == [Ack(((5, 2), (6, 9)), CREDIT)]


async def test_an_urgent_message_cuts_the_gathering_short(autojump_clock: MockClock) -> None:
    outbox = Outbox()
    outbox.committed(5, 1)
    start = trio.current_time()
    command = Command("id", "ping", {}, 1.0, 0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.due)
        await trio.testing.wait_all_tasks_blocked()
        outbox.put(command)
    assert trio.current_time() == start
    assert outbox.take(CREDIT) == [command, Ack(((5, 1),), CREDIT)]


async def test_a_reject_waits_until_its_frame_is_durable() -> None:
    outbox = Outbox()
    reject = Reject(5, 3, "bad_frame", "why")
    outbox.hold(reject)
    outbox.committed(5, 2)
    assert outbox.take(CREDIT) == [Ack(((5, 2),), CREDIT)]
    outbox.committed(5, 3)
    assert outbox.take(CREDIT) == [reject, Ack(((5, 3),), CREDIT)]


async def test_a_change_of_credit_is_told_with_an_empty_ack() -> None:
    outbox = Outbox()
    outbox.restate()
    await outbox.due()
    assert outbox.take(CREDIT) == [Ack((), CREDIT)]
    assert outbox.take(CREDIT) == []


async def test_a_reject_behind_one_of_another_epoch_is_not_forgotten() -> None:
    outbox = Outbox()
    first, second = Reject(5, 3, "bad_frame", "why"), Reject(6, 1, "bad_frame", "why")
    outbox.hold(first)
    outbox.hold(second)
    outbox.committed(6, 1)
    assert outbox.take(CREDIT) == [Ack(((6, 1),), CREDIT)]
    outbox.committed(5, 3)
    assert outbox.take(CREDIT) == [first, second, Ack(((5, 3),), CREDIT)]
