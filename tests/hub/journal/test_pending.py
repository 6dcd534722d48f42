"""Taking, putting back and taking out: whatever is cancelled where, nothing of an owner stays and nobody waits for ever."""

import pytest
import trio
import trio.testing

from hub.journal.pending import Pending
from tests.support.owner import Session


async def test_work_wakes_the_one_who_waits_for_it() -> None:
    pending, session = Pending(), Session()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pending.wait_for_work)
        await trio.testing.wait_all_tasks_blocked()
        pending.add(session.entry(7, 1))
    assert pending.rows == 1


async def test_batch_that_found_no_room_goes_before_what_came_later() -> None:
    pending, session = Pending(), Session()
    pending.add(session.entry(7, 1))
    pending.take()
    pending.add(session.entry(7, 2))
    pending.put_back()
    assert [row.seq for row in pending.take().rows()] == [1, 2]


async def test_bytes_count_until_they_are_durable() -> None:
    pending, session = Pending(), Session()
    pending.add(session.entry(7, 1, b"123"))
    pending.take()
    pending.add(session.entry(7, 2, b"12"))
    assert (pending.rows, pending.size_bytes) == (2, 5)
    pending.settle()
    assert (pending.rows, pending.size_bytes) == (1, 2)


async def test_owner_that_leaves_waits_for_the_commit_that_runs() -> None:
    pending, session = Pending(), Session()
    pending.add(session.entry(7, 1))
    pending.take()
    pending.add(session.entry(7, 2))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pending.withdraw, session)
        await trio.testing.wait_all_tasks_blocked()
        assert pending.rows == 1
        pending.settle()
    assert not pending


async def test_owner_that_leaves_takes_what_was_put_back() -> None:
    pending, gone, stays = Pending(), Session("gone"), Session("stays")
    pending.add(gone.entry(7, 1))
    pending.add(stays.entry(7, 1))
    pending.take()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pending.withdraw, gone)
        await trio.testing.wait_all_tasks_blocked()
        pending.put_back()
    assert [row.device for row in pending.take().rows()] == ["stays"]


async def test_owner_that_leaves_does_not_wait_for_commits_of_others() -> None:
    pending, other = Pending(), Session("other")
    pending.add(other.entry(7, 1))
    pending.take()
    with trio.fail_after(30):
        await pending.withdraw(Session())


async def test_cancelled_wait_for_a_commit_takes_out_what_waits() -> None:
    pending, session = Pending(), Session()
    pending.add(session.entry(7, 1))
    pending.take()
    pending.add(session.entry(7, 2))
    with trio.move_on_after(0) as scope:
        await pending.withdraw(session)
    assert scope.cancelled_caught
    pending.settle()
    assert not pending


@pytest.mark.parametrize("is_running", [False, True])
async def test_who_waits_goes_on_when_the_journal_ends(is_running: bool) -> None:
    pending, session = Pending(), Session()
    request = pending.ask(session, [session.opening(7)])
    if is_running:
        pending.take()
    pending.abandon()
    await request.settled.wait()
    assert not request.is_durable
    assert not pending
