"""A device over real sockets: what the door answers, cuts, silence, and a process that is killed."""

import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trio
import trustme

from devices import Channel, Device, DeviceRefused
from devices.client import Unreachable, open_websocket
from simulators.faults import FaultProxy, fault_proxy
from tests.support.chance import Hasty
from tests.support.little_hub import LittleHub, listening_hub
from tests.support.odd_server import OddServer

CHANNELS = [Channel("temp", "Cel")]
DEADLINE_S = 20.0


@asynccontextmanager
async def proxied_hub() -> AsyncIterator[tuple[LittleHub, FaultProxy]]:
    async with listening_hub() as (hub, url), fault_proxy("127.0.0.1", urlsplit(url).port or 0) as proxy:
        with trio.fail_after(DEADLINE_S):
            yield hub, proxy


async def until(holds: Callable[[], Any]) -> None:
    with trio.fail_after(DEADLINE_S):
        while not holds():  # noqa: ASYNC110  # what is waited for is a figure, and nobody tells when it changes
            await trio.sleep(0.005)


async def test_a_wrong_token_is_told_with_what_to_do() -> None:
    async with listening_hub() as (_, url):
        with pytest.raises(DeviceRefused, match=r"401.*unknown token; make a new token") as refusal:
            async with Device(url, "d1", "wrong", channels=CHANNELS):
                await trio.sleep_forever()
        assert (refusal.value.code, refusal.value.hint) == (401, "make a new token")


async def test_a_busy_hub_is_asked_again_when_it_said_so() -> None:
    async with listening_hub() as (hub, url):
        hub.down = Unreachable("busy", 1.0)
        async with Device(url, "d1", "right", channels=CHANNELS, rng=Hasty(1)) as device:
            await device.send({"temp": 1})
            await until(lambda: device.statistics().last_error)
            assert "503: no room" in str(device.statistics().last_error)
            hub.down = None
            await device.drained(DEADLINE_S)
            assert hub.connected_s[1] - hub.connected_s[0] >= 1.0
        assert hub.values() == [1]


@pytest.mark.parametrize(
    "answer",
    [
        b"220 mail.example.com ESMTP\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: another\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ],
    ids=["mail", "proof", "bare"],
)
async def test_an_answer_that_is_not_of_a_hub_is_a_way_that_does_not_get_through(answer: bytes) -> None:
    server = OddServer([answer])
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, server.handle, 0)
        with pytest.raises(Unreachable) as failure, trio.fail_after(DEADLINE_S):
            async with open_websocket(f"ws://127.0.0.1:{listeners[0].socket.getsockname()[1]}/v1/device", "right"):
                pytest.fail("it opened")
        assert failure.value.is_way
        nursery.cancel_scope.cancel()


async def test_nobody_there_is_waited_for() -> None:
    async with listening_hub() as (hub, url):
        pass
    async with Device(url, "d1", "right", channels=CHANNELS, rng=Hasty(1)) as device:
        await device.send({"temp": 1})
        await until(lambda: device.statistics().last_error)
        assert "cannot connect" in str(device.statistics().last_error)
        assert not device.statistics().is_connected
    assert hub.hellos == []


@pytest.mark.parametrize("how", ["rst", "fin"])
async def test_cuts_in_the_middle_of_frames_lose_and_double_nothing(how: Any) -> None:
    async with proxied_hub() as (hub, proxy), Device(proxy.url, "d1", "right", channels=CHANNELS, rng=Hasty(1)) as device:
        hub.commit_s = 0.005
        for number in range(300):
            await device.send({"temp": number})
            if number % 100 == 50:
                await until(lambda: device.statistics().is_connected)
                proxy.cut_after(777, how)
        await device.drained(DEADLINE_S)
        assert sorted(hub.values()) == list(range(300))
        assert device.statistics().connects >= 3


async def test_a_hub_that_falls_silent_is_left_and_nothing_is_lost() -> None:
    async with proxied_hub() as (hub, proxy):
        hub.heartbeat_s = 0.1
        async with Device(proxy.url, "d1", "right", channels=CHANNELS, rng=Hasty(1)) as device:
            await device.send({"temp": 0})
            await device.drained(DEADLINE_S)
            proxy.half_open()
            for number in range(1, 100):
                await device.send({"temp": number})
            await until(lambda: proxy.swallowed_bytes > 1_000)
            proxy.heal()  # for new connections; the one that was silent stays so
            await device.drained(DEADLINE_S)
            assert device.statistics().connects == 2
            assert sorted(hub.values()) == list(range(100))


WRITER = """
import sys, trio
from devices import Channel, Device
async def main():
    async with Device(sys.argv[1], "d1", "right", channels=[Channel("temp", "Cel")], spool_dir=sys.argv[2], sync=sys.argv[3]) as device:
        number = int(sys.argv[4])
        while True:
            await device.send({"temp": number})
            print(number, flush=True)
            number += 1
            await trio.sleep(0.001)
trio.run(main)
"""


@pytest.mark.parametrize("sync", ["kill", "power"])
async def test_a_killed_process_loses_nothing_that_send_returned_for(tmp_path: Path, sync: Any) -> None:
    async with listening_hub() as (hub, url):
        number = 0
        starts = []
        for _ in range(2):
            command = [sys.executable, "-c", WRITER, url, str(tmp_path), sync, str(number)]
            process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE)
            assert process.stdout is not None
            said = b""
            with trio.fail_after(DEADLINE_S):
                while said.count(b"\n") < 100:
                    said += await process.stdout.receive_some()
            process.send_signal(signal.SIGKILL)
            await process.wait()
            async for rest in process.stdout:
                said += rest
            await process.stdout.aclose()
            starts.append(number)
            number = int(said.split(b"\n")[-2]) + 1
        async with Device(url, "d1", "right", channels=CHANNELS, rng=Hasty(1), spool_dir=tmp_path) as device:
            await device.drained(DEADLINE_S)
        values = hub.values()
        assert set(values) >= set(range(number))
        # What was kept but not told before a kill is made once more by the process after it.
        assert {value for value in values if values.count(value) > 1} <= set(starts)


async def test_a_certificate_of_ones_own_is_trusted_where_it_is_given_and_otherwise_says_how() -> None:
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    async with listening_hub() as (hub, url), encrypted(url, server) as secure_url:
        async with Device(secure_url, "d1", "right", channels=CHANNELS, tls=client) as device:
            await device.send({"temp": 1})
            await device.drained(DEADLINE_S)
        assert hub.values() == [1]
        async with Device(secure_url, "d1", "right", channels=CHANNELS) as device:
            await until(lambda: device.statistics().last_error)
            assert "SSL_CERT_FILE" in str(device.statistics().last_error)


@asynccontextmanager
async def encrypted(url: str, context: ssl.SSLContext) -> AsyncIterator[str]:
    """Run what a TLS proxy does before a hub; give its address."""

    async def carry(source: trio.abc.ReceiveStream, target: trio.abc.SendStream) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for part in source:
                await target.send_all(part)

    async def serve(stream: trio.SSLStream[trio.SocketStream]) -> None:
        with suppress(trio.BrokenResourceError):  # a client that does not trust us
            await stream.do_handshake()
            inner = await trio.open_tcp_stream("127.0.0.1", urlsplit(url).port or 0)
            async with stream, inner, trio.open_nursery() as both:
                both.start_soon(carry, inner, stream)
                await carry(stream, inner)
                both.cancel_scope.cancel()

    (listener,) = await trio.open_ssl_over_tcp_listeners(0, context, host="127.0.0.1", https_compatible=True)
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, serve, [listener])
        assert isinstance(listener.transport_listener, trio.SocketListener)
        yield f"https://127.0.0.1:{listener.transport_listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()
