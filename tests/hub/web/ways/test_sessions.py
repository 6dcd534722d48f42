"""Sessions without a socket: who finds them, how many there may be, and when they end."""

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from devices.link import LinkClosed
from devices.wire.limits import CloseCode
from hub.core.errors import Refusal
from hub.web.ways.link import FetchedLink
from hub.web.ways.sessions import ABSENT_S, MAX_OF_ONE, MAX_SESSIONS, Sessions


async def echo(link: FetchedLink) -> None:
    """Echo until the link ends."""
    try:
        while True:
            await link.send(await link.receive())
    except LinkClosed as end:
        await link.aclose(end.code, end.reason)
    except trio.Cancelled:
        await link_closed(link)
        raise


async def link_closed(link: FetchedLink) -> None:
    with trio.CancelScope(shield=True):
        await link.aclose(CloseCode.RESTART, "the hub is stopping")


async def test_only_the_owner_finds_a_session(autojump_clock: trio.testing.MockClock) -> None:
    sessions = Sessions()
    async with trio.open_nursery() as nursery:
        await nursery.start(sessions.run)
        name, link = sessions.open("ann", "here", echo)
        other, _ = sessions.open("ann", "here", echo)
        assert name != other
        assert sessions.find(name, "ann") is link
        for asked, owner in ((name, "eve"), ("guess", "ann")):
            with pytest.raises(Refusal) as refusal:
                sessions.find(asked, owner)
            assert (refusal.value.code, refusal.value.status) == ("no_session", 404)
        nursery.cancel_scope.cancel()


async def test_a_session_that_nobody_comes_to_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    sessions = Sessions()
    async with trio.open_nursery() as nursery:
        await nursery.start(sessions.run)
        name, link = sessions.open("ann", "here", echo)
        _, visited = sessions.open("ann", "here", echo)
        with visited:
            await trio.sleep(ABSENT_S + 10)
        assert link.end is not None
        assert link.end.code == CloseCode.HEARTBEAT_LOST
        assert visited.end is None
        assert sessions.statistics() == {"sessions": 1, "waiting_bytes": 0, "refused_sessions": 0, "given_up_sessions": 1}
        with pytest.raises(Refusal, match="no such session"):
            sessions.find(name, "ann")
        nursery.cancel_scope.cancel()


async def test_a_hub_that_was_stopped_reads_what_waits_before_it_gives_a_session_up(autojump_clock: trio.testing.MockClock) -> None:
    sessions = Sessions()
    async with trio.open_nursery() as nursery:
        await nursery.start(sessions.run)
        _, link = sessions.open("ann", "here", echo)
        await trio.sleep(ABSENT_S - 2)
        autojump_clock.jump(ABSENT_S)
        await trio.testing.wait_all_tasks_blocked()
        assert link.end is None
        with link:  # the request that came meanwhile
            pass
        await trio.sleep(ABSENT_S - 1)
        assert link.end is None
        nursery.cancel_scope.cancel()


async def test_one_owner_has_not_all_the_room(autojump_clock: trio.testing.MockClock) -> None:
    sessions = Sessions()
    async with trio.open_nursery() as nursery:
        await nursery.start(sessions.run)
        names = [sessions.open("ann", "here", echo)[0] for _ in range(MAX_OF_ONE)]
        with pytest.raises(Refusal, match=f"the limit is {MAX_OF_ONE}") as refusal:
            sessions.open("ann", "here", echo)
        assert (refusal.value.code, refusal.value.status) == ("too_many_sessions", 429)
        sessions.open("eve", "here", echo)
        sessions.end(names[0])
        sessions.open("ann", "here", echo)
        nursery.cancel_scope.cancel()


async def test_the_hub_has_room_for_so_many_and_no_more(autojump_clock: trio.testing.MockClock) -> None:
    sessions = Sessions()
    async with trio.open_nursery() as nursery:
        await nursery.start(sessions.run)
        for number in range(MAX_SESSIONS):
            sessions.open(number // MAX_OF_ONE, "here", echo)
        with pytest.raises(Refusal, match=f"the limit of the hub is {MAX_SESSIONS:d}") as refusal:
            sessions.open("ann", "here", echo)
        assert (refusal.value.code, refusal.value.status) == ("busy", 503)
        assert sessions.statistics()["refused_sessions"] == 1
        nursery.cancel_scope.cancel()


async def test_what_waits_is_counted(autojump_clock: trio.testing.MockClock) -> None:
    sessions = Sessions()
    async with trio.open_nursery() as nursery:
        await nursery.start(sessions.run)
        _, link = sessions.open("ann", "here", echo)
        link.deliver(b"12345")
        await trio.testing.wait_all_tasks_blocked()
        assert sessions.statistics()["waiting_bytes"] == 5
        link.confirm(1)
        assert sessions.statistics()["waiting_bytes"] == 0
        nursery.cancel_scope.cancel()


async def test_a_session_that_fails_ends_alone_and_the_log_says_why(autojump_clock: trio.testing.MockClock) -> None:
    async def fail(link: FetchedLink) -> None:
        raise ZeroDivisionError("the session was told to")

    sessions = Sessions()
    with capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            await nursery.start(sessions.run)
            _, sound = sessions.open("ann", "here", echo)
            _, link = sessions.open("ann", "there", fail)
            await trio.testing.wait_all_tasks_blocked()
            assert link.end is not None
            assert link.end.code == CloseCode.INTERNAL
            assert sound.end is None
            nursery.cancel_scope.cancel()
    assert [(log["event"], log["remote"]) for log in logs] == [("session_failed", "there")]


async def test_stopping_ends_sessions_in_their_own_way(autojump_clock: trio.testing.MockClock) -> None:
    sessions = Sessions()
    async with trio.open_nursery() as nursery:
        await nursery.start(sessions.run)
        _, link = sessions.open("ann", "here", echo)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert link.end is not None
    assert link.end.code == CloseCode.RESTART
    with pytest.raises(Refusal):
        sessions.open("ann", "here", echo)
