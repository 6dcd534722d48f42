"""The door as a whole: what listens, what is let in, and that nothing in one connection touches another."""

import errno
import resource
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trustme
from trio_websocket import ConnectionClosed, open_websocket_url

from hub.core.errors import Refusal
from hub.web.door import Door, DoorSettings
from hub.web.listening import FILES_BESIDE_SOCKETS, make_room
from tests.support.door import DEADLINE_S, KnownAuth, Sessions, everything, frame, is_refusal, plain_app, running_door, until, upgrade

GET = b"GET /hello HTTP/1.1\r\nHost: hub.example\r\n\r\n"
HEADERS = [(b"Authorization", b"Bearer device-token")]


def door_at(port: int = 0, **settings: object) -> Door:
    sessions = Sessions()
    return Door(
        settings=DoorSettings(port=port, **settings),  # type: ignore[arg-type]
        auth=KnownAuth(),
        app=plain_app,
        serve_device=sessions.serve_device,
        serve_viewer=sessions.serve_viewer,
    )


async def test_port_that_is_taken_is_refused_with_its_number_and_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Refusal) as refused:
            await door_at(port).run()
    assert refused.value.code == "port_taken"
    assert str(port) in refused.value.message
    assert refused.value.hint


async def test_address_of_another_machine_is_refused_in_one_line() -> None:
    with pytest.raises(Refusal) as refused:
        await door_at(host="192.0.2.1").run()
    assert refused.value.code == "cannot_listen"
    assert "192.0.2.1" in refused.value.message


async def test_healthy_session_and_requests_go_on_beside_every_kind_of_bad_connection() -> None:
    bad = [
        upgrade(X_Anything="caf\xe9\xff"),
        upgrade(Host="\xe9"),
        upgrade()[:-10],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
        b"\x00" * 9000,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        upgrade() + b"\xff" * 200,
        upgrade() + frame(b"close") + frame(b"ping", 9) * 50,
        upgrade() + frame(b"crash"),
        upgrade() + frame(bytes(65_535))[:1000],
    ]
    async with running_door() as place:
        url = f"ws://{place.address[0]}:{place.address[1]}/v1/device"
        async with open_websocket_url(url, subprotocols=["tributary.device.v1"], extra_headers=HEADERS) as healthy:
            for request in bad:
                await place.answer_to(request, is_ended=True)
                await healthy.send_message(b"still here")
                assert await healthy.get_message() == b"still here"
                assert b"200" in await place.answer_to(GET, is_ended=True)
            await place.holds(1)
            assert place.door.failed == 1  # the session that was told to crash


async def test_crash_of_a_session_closes_it_with_1011_and_is_logged_with_its_traceback() -> None:
    async with running_door() as place, await place.connect() as stream:
        await stream.send_all(upgrade() + frame(b"crash"))
        assert (await everything(stream)).endswith(b"\x88\x02\x03\xf3")
        await stream.aclose()
        await place.holds(0)
        assert [entry["event"] for entry in place.logs] == ["connection_failed"]
        assert "told to" in repr(place.logs[0]["exc_info"].exceptions)


async def test_connection_above_the_limit_hears_503_and_when_to_come_back() -> None:
    async with running_door(max_connections=1) as place, await place.connect() as first:
        await first.send_all(upgrade())
        await until(first, b"\r\n\r\n")
        await place.sessions.count_is(1)
        heard = await place.answer_to(GET)
        is_refusal(heard, 503, "busy")
        assert b"Retry-After: " in heard
        await first.send_all(frame(b"still here"))
        await until(first, b"still here")
        assert place.door.refused == 1


@asynccontextmanager
async def no_descriptor_left() -> AsyncIterator[socket.socket]:
    """Give one socket, made before, and leave the process without a descriptor."""
    late = socket.socket()
    late.setblocking(False)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with late, socket.socket() as probe:
        highest = probe.fileno()
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
            yield late
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_without_a_descriptor_newcomers_hear_503_and_who_is_there_is_served() -> None:
    async with running_door() as place, await place.connect() as first:
        await first.send_all(GET)
        await until(first, b"hello from /hello")
        async with no_descriptor_left() as late:
            assert late.connect_ex(place.address) in {0, errno.EINPROGRESS}
            client = trio.SocketStream(trio.socket.from_stdlib_socket(late))
            with trio.fail_after(DEADLINE_S):
                is_refusal(await everything(client), 503, "busy")
            await first.send_all(GET)
            await until(first, b"hello from /hello")
            assert [log["event"] for log in place.logs] == ["accept_failed"]
        assert b"hello from /hello" in await place.answer_to(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))


async def test_no_more_connections_than_leave_descriptors_for_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES_BESIDE_SOCKETS + 1, hard))
        async with running_door() as place, await place.connect() as first:
            assert [(log["event"], log["max_connections"]) for log in place.logs] == [("fewer_connections", 1)]
            await first.send_all(GET)
            await until(first, b"hello from /hello")
            await place.answer_to(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            assert await everything(first) == b""  # it was idle, and made way
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_process_takes_the_descriptors_that_it_needs_as_far_as_it_may() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
        make_room(1_000)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 1_000 + FILES_BESIDE_SOCKETS
        make_room(10)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 1_000 + FILES_BESIDE_SOCKETS
        make_room(hard)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_connection_waits_where_not_even_the_spare_descriptor_is_left() -> None:
    async with running_door() as place, no_descriptor_left() as late:
        assert late.connect_ex(place.address) in {0, errno.EINPROGRESS}
        with trio.fail_after(DEADLINE_S):
            while not place.logs:
                await trio.lowlevel.checkpoint()
        assert place.logs[0]["event"] == "accept_failed"


async def test_stopping_closes_the_listener_first_and_sessions_say_1012() -> None:
    async with running_door(close_timeout_s=60.0, linger_s=60.0) as place, await place.connect() as stream:
        await stream.send_all(upgrade())
        await until(stream, b"\r\n\r\n")
        await place.sessions.count_is(1)
        place.scope.cancel()
        with trio.CancelScope(shield=True), trio.fail_after(DEADLINE_S):
            assert await everything(stream) == b"\x88\x02\x03\xf4"
            await stream.aclose()
            with pytest.raises(OSError, match="all attempts to connect"):
                await trio.open_tcp_stream(*place.address)


@pytest.fixture
def certificate(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "hub.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(path)
    return path


async def test_requests_and_sockets_work_over_tls(authority: trustme.CA, certificate: Path) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with running_door(tls_certificate=certificate) as place:
        async with await trio.open_ssl_over_tcp_stream(*place.address, ssl_context=context, https_compatible=True) as stream:
            await stream.send_all(GET)
            await until(stream, b"hello from /hello")
        url = f"wss://{place.address[0]}:{place.address[1]}/v1/device"
        async with open_websocket_url(url, context, subprotocols=["tributary.device.v1"], extra_headers=HEADERS) as link:
            await link.send_message(b"over tls")
            assert await link.get_message() == b"over tls"
            await link.send_message(b"close")
            with pytest.raises(ConnectionClosed) as end:
                await link.get_message()
            assert end.value.reason is not None
            assert end.value.reason.code == 4004
            await trio.aclose_forcefully(link._stream)  # a trio-websocket client leaves it open when the server closes first


async def test_silence_and_half_a_handshake_before_tls_end_that_connection_only(certificate: Path) -> None:
    async with running_door(tls_certificate=certificate, head_timeout_s=0.1) as place:
        assert await place.answer_to(b"") == b""
        assert await place.answer_to(b"\x16\x03\x01") == b""
        await place.holds(0)


async def test_certificate_that_cannot_be_read_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("nothing")
    for name in ("no.pem", "missing.pem"):
        with pytest.raises(Refusal) as refused:
            await door_at(tls_certificate=tmp_path / name).run()
        assert refused.value.code == "bad_certificate"
        assert name in refused.value.message
