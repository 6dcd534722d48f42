"""One viewer too many of a user or a link is told so, and others go on."""

import pytest
import trio
from structlog.testing import capture_logs

from devices.link import LinkClosed, memory_link_pair
from hub.auth import Principal
from hub.core.actions import GUEST
from hub.sessions.seats import Seats

ANN, BOB, HALL = Principal("ann", "viewer"), Principal("bob", "viewer"), Principal("share:5f", GUEST, share="5f")


async def refused(seats: Seats, principal: Principal) -> tuple[int, str]:
    """Come as a viewer who is refused; return what it hears."""
    client, server = memory_link_pair()
    await seats.serve(principal, server, unserved)
    with pytest.raises(LinkClosed) as closed:
        await client.receive()
    return closed.value.code, closed.value.reason


async def unserved() -> None:
    raise AssertionError("a session began")


async def test_one_viewer_too_many_hears_4013_until_another_leaves() -> None:
    seats, leave, begun = Seats(per_user=2, per_link=1), trio.Event(), []

    async def session() -> None:
        begun.append(1)
        await leave.wait()

    async with trio.open_nursery() as nursery:
        for principal in (ANN, ANN, BOB, HALL):
            nursery.start_soon(seats.serve, principal, memory_link_pair()[1], session)
        await trio.testing.wait_all_tasks_blocked()
        assert len(begun) == 4
        with capture_logs() as logs:
            assert await refused(seats, ANN) == (4013, "2 viewers of this login are open, which is the limit")
            assert await refused(seats, HALL) == (4013, "1 viewers of this link are open, which is the limit")
            await refused(seats, ANN)
        assert [(log["event"], log["who"]) for log in logs] == [("viewer_limited", "ann"), ("viewer_limited", "share:5f")]
        assert seats.statistics() == {"refused": 3}
        leave.set()
    for principal in (ANN, HALL):
        await seats.serve(principal, memory_link_pair()[1], session)
    assert len(begun) == 6


async def test_nobody_is_let_in_while_the_hub_has_a_reason() -> None:
    seats = Seats(per_user=2, per_link=1, refuses=lambda: "the hub is short of memory")
    assert await refused(seats, ANN) == (4013, "the hub is short of memory")
