"""Floods of connections: who has something to say gets in beside any number that are silent, and each limit is told politely."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_network
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from hub.core.errors import Refusal
from hub.web.crowd import Crowd
from hub.web.settings import DoorSettings
from tests.support.door import DEADLINE_S, Place, everything, is_refusal, plain_app, running_door, until, upgrade

FLOODER, OTHER = "127.0.0.2", "127.0.0.3"
GET = b"GET /hello HTTP/1.1\r\nHost: hub.example\r\n\r\n"


async def connected(place: Place, source: str) -> trio.SocketStream:
    """Connect from an address of this machine."""
    sock = trio.socket.socket()
    await sock.bind((source, 0))
    await sock.connect(place.address)
    return trio.SocketStream(sock)


@asynccontextmanager
async def silent(place: Place, source: str, count: int) -> AsyncIterator[list[trio.SocketStream]]:
    """Hold connections that say nothing, all of which the door has seen."""
    async with AsyncExitStack() as stack:
        before = place.door.statistics()
        streams = [await stack.enter_async_context(await connected(place, source)) for _ in range(count)]
        with trio.fail_after(DEADLINE_S):
            while sum(place.door.statistics()[name] - before[name] for name in ("strangers", "made_way", "refused")) < count:
                await trio.lowlevel.checkpoint()
        yield streams


async def joins(place: Place, source: str) -> trio.SocketStream:
    """Come in as a device."""
    stream = await connected(place, source)
    await stream.send_all(upgrade())
    heard = await until(stream, b"\r\n\r\n")
    assert heard.startswith(b"HTTP/1.1 101 "), heard
    return stream


async def test_silent_connections_of_an_address_make_way_for_one_that_speaks_also_from_there() -> None:
    async with running_door(exempt_addresses=(), max_strangers_per_address=10) as place, silent(place, FLOODER, 30) as streams:
        assert place.door.statistics()["strangers"] == 10
        assert [await everything(stream) for stream in streams[:20]] == [b""] * 20  # the oldest
        async with await joins(place, FLOODER), await joins(place, OTHER):
            await place.sessions.count_is(2)
        told = [log for log in place.logs if log["event"] == "address_limited"]
        assert [(log["remote"], log["why"], log["log_level"]) for log in told] == [(FLOODER, "made_way", "warning")]


async def test_the_most_crowded_address_makes_way_where_there_are_too_many_in_all() -> None:
    async with (
        running_door(max_strangers=12) as place,  # 127.0.0.0/8 is exempt, and counts in all
        silent(place, OTHER, 2) as few,
        silent(place, FLOODER, 30),
        await joins(place, OTHER),
    ):
        assert place.door.statistics()["strangers"] == 11
        for stream in few:
            await stream.send_all(GET)
            await until(stream, b"hello from /hello")


async def test_who_is_answered_keeps_its_place_and_its_neighbour_hears_429() -> None:
    asked, go_on = trio.Event(), trio.Event()

    async def slow(scope: object, receive: object, send: object) -> None:
        asked.set()
        await go_on.wait()
        await plain_app(scope, receive, send)  # type: ignore[arg-type]

    async with running_door(slow, exempt_addresses=(), max_strangers_per_address=1) as place, await connected(place, FLOODER) as first:
        await first.send_all(GET)
        await asked.wait()
        async with await connected(place, FLOODER) as second:
            heard = await everything(second)
        is_refusal(heard, 429, "too_many_connections")
        assert b"Retry-After: " in heard
        go_on.set()
        await until(first, b"hello from /hello")


async def test_too_many_connects_from_one_address_are_refused_until_a_good_token_comes_from_there() -> None:
    async with running_door(exempt_addresses=(), max_connects_per_s=1) as place:
        for _ in range(9):
            async with await connected(place, FLOODER):
                pass
        async with await joins(place, FLOODER):
            for _ in range(8):  # a fleet behind one address, say after a power cut
                async with await joins(place, FLOODER):
                    pass
        for _ in range(10):
            async with await connected(place, OTHER):
                pass
        async with await connected(place, OTHER) as one_more:
            is_refusal(await everything(one_more), 429, "too_many_connects")
        await place.holds(0)


async def test_in_a_rush_from_a_known_address_only_who_speaks_at_once_is_let_in() -> None:
    crowd, asked = Crowd(DoorSettings(max_connects_per_s=1)), []
    crowd.know(crowd.meet("192.0.2.1"))

    def silent() -> bool:
        asked.append(1)
        return False

    for _ in range(10):
        crowd.meet("192.0.2.1", silent)
    assert asked == []
    with pytest.raises(Refusal) as refused:
        crowd.meet("192.0.2.1", silent)
    assert (refused.value.code, refused.value.status) == ("too_many_connects", 429)
    assert not crowd.meet("192.0.2.1", lambda: True).scope.cancel_called


async def test_a_tls_handshake_is_let_alone_for_a_second_and_a_silent_connection_makes_way_before_it(autojump_clock: MockClock) -> None:
    crowd = Crowd(DoorSettings(max_strangers_per_address=2))
    shaking, silent = crowd.meet("192.0.2.1"), crowd.meet("192.0.2.1")
    crowd.spare(shaking)
    second = crowd.meet("192.0.2.1")
    assert (shaking.scope.cancel_called, silent.scope.cancel_called) == (False, True)
    crowd.spare(second)
    with pytest.raises(Refusal) as refused:
        crowd.meet("192.0.2.1")
    assert refused.value.code == "too_many_connections"
    await trio.sleep(1)
    crowd.meet("192.0.2.1")
    assert (shaking.scope.cancel_called, second.scope.cancel_called) == (True, False)


async def test_where_the_most_crowded_address_has_nobody_to_spare_another_makes_way() -> None:
    crowd = Crowd(DoorSettings(max_strangers=3))
    for _ in range(2):
        crowd.spare(crowd.meet("192.0.2.1"))
    alone = crowd.meet("192.0.2.2")
    crowd.meet("192.0.2.3")
    assert alone.scope.cancel_called


async def test_beyond_the_spare_ones_a_connection_is_turned_away_unheard_and_still_politely() -> None:
    async with running_door(exempt_addresses=(), max_connects_per_s=1, linger_s=60.0) as place, silent(place, FLOODER, 10 + 64):
        async with await connected(place, FLOODER) as stream:
            heard = await everything(stream)
        is_refusal(heard, 429, "too_many_connects")
        assert b"Retry-After: " in heard
        assert place.door.connections <= 10 + 64


async def test_too_many_requests_of_an_address_hear_when_to_come_back_and_others_are_served() -> None:
    async with running_door(exempt_addresses=(), max_requests_per_s=1) as place:
        async with await connected(place, FLOODER) as stream:
            for _ in range(10):
                await stream.send_all(GET)
                await until(stream, b"hello from /hello")
            await stream.send_all(GET)
            heard = await everything(stream)
        assert json.loads(heard.partition(b"\r\n\r\n")[2])["code"] == "too_many_requests"
        async with await connected(place, FLOODER) as stream:  # the page's own files are not counted
            await stream.send_all(GET.replace(b"/hello", b"/static/app.js"))
            await until(stream, b"hello from /static/app.js")
        assert b"Retry-After: 1\r\n" in heard
        async with await connected(place, OTHER) as stream:
            await stream.send_all(GET)
            await until(stream, b"hello from /hello")


async def test_behind_a_trusted_proxy_the_address_that_it_says_is_limited() -> None:
    proxies = (ip_network("127.0.0.1/32"),)
    header = b"PROXY TCP4 192.0.2.%d 192.0.2.99 4711 80\r\n"
    settings: dict[str, Any] = {
        "exempt_addresses": (),
        "trusted_proxies": proxies,
        "has_proxy_protocol": True,
        "max_strangers_per_address": 1,
    }
    async with running_door(**settings) as place, await place.connect() as first, await place.connect() as second:
        await first.send_all(header % 7)
        await second.send_all(header % 8)
        for stream in (first, second):
            await stream.send_all(GET)
            await until(stream, b"hello from /hello")
        async with await place.connect() as third:
            await third.send_all(header % 7 + GET)
            await until(third, b"hello from /hello")
            assert await everything(first) == b""
        forwarded = GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n")
        for _ in range(2):
            await second.send_all(forwarded)
            await until(second, b"hello from /hello")


async def test_crowd_forgets_everybody_who_left() -> None:
    crowd = Crowd(DoorSettings(exempt_addresses=(), max_strangers_per_address=3, max_strangers=4))
    met = [crowd.meet(f"192.0.2.{at % 2}") for at in range(9)]
    for stranger in met:
        crowd.hear(stranger)
        crowd.rest(stranger)
    crowd.know(met[-1])
    for stranger in met:
        crowd.leave(stranger)
    assert crowd.statistics()["strangers"] == 0
    assert (crowd._idle, crowd._of, crowd._strangers) == ({}, {}, set())


async def test_nobody_makes_way_who_is_being_answered() -> None:
    crowd = Crowd(DoorSettings(max_strangers=2))
    for _ in range(2):
        crowd.hear(crowd.meet("192.0.2.1"))
    with pytest.raises(Refusal) as refused:
        crowd.meet("192.0.2.2")
    assert (refused.value.code, refused.value.status) == ("busy", 503)


async def test_the_addresses_of_one_ipv6_customer_are_one() -> None:
    crowd = Crowd(DoorSettings(max_strangers_per_address=2))
    met = [crowd.meet(f"2001:db8::{at}") for at in range(3)]
    assert [stranger.scope.cancel_called for stranger in met] == [True, False, False]
