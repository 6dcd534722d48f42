"""WebSockets at the door over raw sockets: what a hostile or dying client does to its own connection, and to nothing else."""

import pytest
import trio

from devices.link import Link, LinkClosed
from tests.support.door import DEADLINE_S, MASK, Place, everything, frame, running_door, until, upgrade

CLOSE, PING, TEXT = 8, 9, 1
UPGRADE = upgrade()


async def opened(place: Place, behind: bytes = b"", request: bytes = UPGRADE) -> trio.SocketStream:
    """Return a raw connection whose upgrade is answered, with these bytes sent in the same segment."""
    stream = await place.connect()
    await stream.send_all(request + behind)
    answer = b""
    with trio.fail_after(DEADLINE_S):
        while not answer.endswith(b"\r\n\r\n"):
            answer += await stream.receive_some(1)
    assert answer.startswith(b"HTTP/1.1 101 "), answer
    return stream


async def heard_after(place: Place, sent: bytes) -> bytes:
    """Return what a connection hears after these bytes until its end."""
    with trio.fail_after(DEADLINE_S):
        async with await opened(place) as stream:
            await stream.send_all(sent)
            return await everything(stream)


async def send_on(link: Link) -> None:
    while True:
        await link.send(b"on and on")


async def test_upgrade_is_answered_by_the_rules_and_without_an_extension() -> None:
    async with running_door() as place, await place.connect() as stream:
        await stream.send_all(upgrade(Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits"))
        answer = (await until(stream, b"\r\n\r\n")).lower()
    assert b"sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=" in answer
    assert b"sec-websocket-protocol: tributary.device.v1" in answer
    assert b"extensions" not in answer


async def test_frames_sent_together_with_the_handshake_are_not_lost() -> None:
    async with running_door() as place, await opened(place, frame(b"one") + frame(b"two")) as stream:
        assert await until(stream, b"two") == b"\x82\x03one\x82\x03two"


async def test_upgrade_works_on_a_connection_that_has_served_requests() -> None:
    get = b"GET /first HTTP/1.1\r\nHost: hub.example\r\n\r\n"
    async with running_door() as place, await place.connect() as stream:
        await stream.send_all(get)
        await until(stream, b"hello from /first")
        await stream.send_all(get + upgrade() + frame(b"early"))
        heard = await until(stream, b"\x82\x05early")
        assert heard.index(b"hello from /first") < heard.index(b"HTTP/1.1 101 ")


async def test_session_gets_the_device_of_the_token_and_the_address_of_the_client() -> None:
    async with running_door() as place, await opened(place) as stream:
        await place.sessions.count_is(1)
        who, link = place.sessions.open[0]
        assert who == "boiler"
        host, port = stream.socket.getsockname()
        assert link.remote == f"{host}:{port}"


async def test_viewer_session_gets_who_it_is_and_its_encoding() -> None:
    async with running_door() as place:
        for encoding in ("json", "msgpack"):
            request = upgrade("/v1/live", subprotocol=f"unknown, tributary.live.v1.{encoding}", Authorization="Bearer viewer-token")
            async with await opened(place, request=request):
                await place.sessions.count_is(1)
                assert place.sessions.open[0][0] == f"program/{encoding}"
            await place.sessions.count_is(0)


async def test_close_of_the_session_is_heard_though_the_client_never_answers_it() -> None:
    async with running_door(close_timeout_s=60.0, linger_s=60.0) as place:
        assert await heard_after(place, frame(b"close") + frame(b"unread" * 10)) == b"\x88\x02\x0f\xa4"
        await place.holds(0)
        assert place.door.failed == 0


async def test_ping_after_our_close_is_passed_over() -> None:
    async with running_door() as place:
        stream = await opened(place)
        with trio.fail_after(DEADLINE_S):
            await stream.send_all(frame(b"close"))
            assert await until(stream, b"\x88\x02\x0f\xa4")
            await stream.send_all(frame(b"ping", PING) * 100)
            assert place.door.connections == 1
            await stream.send_all(frame(b"\x0f\xa4", CLOSE))
            assert await everything(stream) == b""
        await stream.aclose()
        await place.holds(0)
        assert place.door.failed == 0


async def test_ping_after_the_clients_own_close_harms_nobody() -> None:
    async with running_door() as place:
        heard = await heard_after(place, frame(b"\x03\xe8", CLOSE) + frame(b"ping", PING) * 100)
        assert heard == b"\x88\x02\x03\xe8"
        await place.holds(0)
        assert place.door.failed == 0
        assert place.sessions.ended == ["boiler 1000"]


async def test_client_that_goes_on_flooding_after_our_close_is_cut_off() -> None:
    async def flood(stream: trio.SocketStream) -> None:
        while True:
            await stream.send_all(frame(b"x" * 60, PING) * 1000)

    async with running_door() as place, await opened(place) as stream:
        await stream.send_all(frame(b"close"))
        with trio.fail_after(DEADLINE_S), pytest.raises(trio.BrokenResourceError):
            await flood(stream)
        await place.holds(0)
        assert place.door.failed == 0


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(bytes(65_535)) + b"\x82\xff" + (2**62).to_bytes(8, "big") + MASK + bytes(65_537), 1009),
        (frame(bytes(60_000))[:1].replace(b"\x82", b"\x02") + frame(bytes(60_000))[1:] + frame(bytes(6_000), 0), 1009),
        (b"\x82\x03one", 1002),  # not masked
        (b"\xc2\x80" + MASK, 1002),  # RSV1: compression that nobody agreed to
        (b"\x83\x80" + MASK, 1002),
        (b"\x89\xfe\x01\x00" + MASK + bytes(256), 1002),  # a ping of 256 bytes
        (frame(b"\xff\xfe", TEXT), 1007),
        (frame(b"\x03\xed", CLOSE), 1002),  # 1005 may not be sent
    ],
)
async def test_frames_that_break_rfc_6455_are_closed_with_its_code(sent: bytes, code: int) -> None:
    async with running_door() as place:
        heard = await heard_after(place, sent)
        at = heard.rindex(b"\x88") if b"\x88" in heard else -1
        assert heard[at + 2 : at + 4] == code.to_bytes(2, "big"), heard[-200:]
        await place.holds(0)
        assert place.door.failed == 0


async def test_session_that_sends_while_the_client_breaks_the_rules_ends_by_a_closed_link() -> None:
    async with running_door(linger_s=0.3) as place, await opened(place) as stream:
        await place.sessions.count_is(1)
        link = place.sessions.open[0][1]
        await stream.send_all(b"\xff" * 10)
        with trio.fail_after(DEADLINE_S), pytest.raises(LinkClosed):
            await send_on(link)
        with trio.fail_after(DEADLINE_S), pytest.raises(LinkClosed):
            await link.ping()
        await stream.aclose()
        await place.holds(0)
        assert place.door.failed == 0


async def test_client_that_vanishes_at_any_point_leaves_nothing_behind() -> None:
    whole = upgrade() + frame(b"hello") + frame(b"x" * 300) + frame(b"\x03\xe8", CLOSE)
    async with running_door() as place:
        tasks = trio.lowlevel.current_statistics().tasks_living
        for end in range(1, len(whole), 7):
            stream = await place.connect()
            await stream.send_all(whole[:end])
            if end % 2:
                stream.socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # RST
            await stream.aclose()
        with trio.fail_after(DEADLINE_S):
            while trio.lowlevel.current_statistics().tasks_living > tasks:
                await trio.lowlevel.checkpoint()
        assert place.door.connections == 0
        assert place.door.failed == 0


async def test_session_whose_client_does_not_read_is_ended_by_the_send_deadline() -> None:
    async with running_door(send_timeout_s=0.1) as place, await opened(place) as stream:
        await stream.send_all(frame(b"flood"))
        await place.sessions.count_is(1)
        await place.sessions.count_is(0)
        assert place.sessions.ended == ["boiler 1006"]
        assert place.door.failed == 0


async def test_stopping_waits_for_sessions_to_say_goodbye_and_no_longer() -> None:
    async with running_door() as place:
        streams = [await opened(place) for _ in range(5)]
        await place.sessions.count_is(5)
        place.scope.cancel()
        with trio.CancelScope(shield=True), trio.fail_after(DEADLINE_S):
            for stream in streams:
                assert await everything(stream) == b"\x88\x02\x03\xf4"
                await stream.aclose()


@pytest.mark.parametrize("flooding", [frame(b"", PING), frame(b"", 10), b"\x00\x80" + MASK])
async def test_flood_of_frames_without_a_message_is_closed_with_1008(flooding: bytes) -> None:
    async with running_door(max_message_bytes=1000) as place:
        first_fragment = b"\x02\x80" + MASK
        heard = await heard_after(place, first_fragment + flooding * 20_000)
        assert b"\x88\x02\x03\xf0" in heard
        await place.holds(0)
        assert place.door.failed == 0


async def test_long_stream_of_messages_is_no_flood() -> None:
    async with running_door(max_message_bytes=1000) as place, await opened(place) as stream:
        for number in range(200):
            message = number.to_bytes(4, "big") * 100
            await stream.send_all(frame(b"", PING) + frame(message))
            await until(stream, message)
        assert place.door.connections == 1
