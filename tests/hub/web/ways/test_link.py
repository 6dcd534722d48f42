"""The link between requests and a session: what is fetched is kept until it is confirmed, bounded, and ended with a reason."""

from functools import partial

import pytest
import trio
import trio.testing

from devices.link import LinkClosed, Prepared
from devices.wire.limits import CloseCode
from hub.core.errors import Refusal
from hub.web.ways.link import MAX_WAITING_BYTES, Fetched, FetchedLink


async def test_what_was_said_is_fetched_again_until_it_is_confirmed() -> None:
    link = FetchedLink("here")
    await link.send("a")
    assert link.try_send(Prepared("b"))
    assert (await link.fetch(1)).messages == ("a", "b")
    assert await link.fetch(1) == Fetched(("a", "b"), 2, None)
    assert link.confirm(1) == ["a"]
    assert await link.fetch(1) == Fetched(("b",), 2, None)
    assert link.confirm(1) == []


async def test_a_number_that_was_never_told_is_refused() -> None:
    link = FetchedLink("here")
    await link.send("a")
    for number in (2, -1):
        with pytest.raises(Refusal, match="not from 0 to 1"):
            link.confirm(number)


async def test_a_fetch_ends_when_something_comes_and_gathers_what_follows(autojump_clock: trio.testing.MockClock) -> None:
    link, fetched = FetchedLink("here"), list[Fetched]()

    async def fetch() -> None:
        fetched.append(await link.fetch(30, 0.1))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fetch)
        await trio.sleep(5)
        await link.send("a")
        await trio.sleep(0.05)
        await link.send("b")
    assert trio.current_time() == pytest.approx(5.1, abs=0.01)
    assert fetched == [Fetched(("a", "b"), 2, None)]


async def test_a_fetch_with_nothing_to_tell_ends_in_time(autojump_clock: trio.testing.MockClock) -> None:
    began = trio.current_time()
    assert await FetchedLink("here").fetch(30) == Fetched((), 0, None)
    assert trio.current_time() - began == pytest.approx(30)


async def test_a_newer_fetch_ends_an_older_one(autojump_clock: trio.testing.MockClock) -> None:
    link, fetched = FetchedLink("here"), list[Fetched]()

    async def fetch() -> None:
        fetched.append(await link.fetch(30))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fetch)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(fetch)
        await trio.testing.wait_all_tasks_blocked()
        assert [each.is_overtaken for each in fetched] == [True]
        await link.send("a")
    assert fetched[1].messages == ("a",)


async def test_a_full_link_takes_nothing_more_until_something_was_confirmed(autojump_clock: trio.testing.MockClock) -> None:
    link = FetchedLink("here")
    large = "x" * (2 * MAX_WAITING_BYTES)
    await link.send(large)  # one message always has room
    assert not link.try_send(Prepared("b"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.send, "b")
        await trio.testing.wait_all_tasks_blocked()
        assert link.last == 1
        link.confirm(1)
    assert (await link.fetch(1)).messages == ("b",)


async def test_a_cancelled_send_was_not_sent(autojump_clock: trio.testing.MockClock) -> None:
    link = FetchedLink("here")
    await link.send("x" * MAX_WAITING_BYTES)
    with trio.move_on_after(1):
        await link.send("b")
    assert link.last == 1


async def test_what_is_delivered_is_received_in_order_or_handed_over() -> None:
    link, taken = FetchedLink("here"), list[bytes | str]()
    link.deliver("a")
    link.deliver("b")
    assert await link.receive() == "a"
    link.hand_to(taken.append)
    link.deliver("c")
    assert taken == ["b", "c"]


async def test_more_than_the_session_takes_is_refused_and_nothing_of_it_kept() -> None:
    link = FetchedLink("here")
    for _ in range(32):
        link.deliver("a")
    with pytest.raises(Refusal, match="has yet to take") as refusal:
        link.deliver("a")
    assert refusal.value.status == 429


async def test_the_end_is_told_with_its_reason_after_the_last_messages() -> None:
    link = FetchedLink("here")
    await link.send("bye")
    await link.aclose(CloseCode.TAKEN_OVER, "another came")
    await link.aclose(CloseCode.NORMAL)
    messages, last, closed, _ = await link.fetch(30)
    assert (messages, last) == (("bye",), 1)
    assert closed is not None
    assert (closed.code, closed.reason) == (4000, "another came")
    assert not link.try_send(Prepared("a"))
    with pytest.raises(Refusal, match="4000: another came") as refusal:
        link.deliver("a")
    assert (refusal.value.code, refusal.value.status) == ("taken_over", 409)
    for call in (link.receive, link.ping, partial(link.send, "a")):
        with pytest.raises(LinkClosed, match="4000"):
            await call()


async def test_who_waits_hears_of_the_end(autojump_clock: trio.testing.MockClock) -> None:
    link, ends = FetchedLink("here"), list[int]()
    await link.send("x" * MAX_WAITING_BYTES)

    async def send() -> None:
        with pytest.raises(LinkClosed) as end:
            await link.send("b")
        ends.append(end.value.code)

    async def receive() -> None:
        with pytest.raises(LinkClosed) as end:
            await link.receive()
        ends.append(end.value.code)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        link.give_up(CloseCode.RESTART, "the hub is stopping")
    assert ends == [1012, 1012]


async def test_absence_counts_from_the_last_visit(autojump_clock: trio.testing.MockClock) -> None:
    link = FetchedLink("here")
    await trio.sleep(3)
    assert link.absent_s() == pytest.approx(3)
    with link:
        await trio.sleep(3)
        assert link.absent_s() == 0
    await trio.sleep(2)
    assert link.absent_s() == pytest.approx(2)
