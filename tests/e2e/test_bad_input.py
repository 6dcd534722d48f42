"""Hostile and broken clients against a real hub: each gets its clear answer, and a healthy device beside it loses nothing."""

import json
import math
import secrets
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgpack
import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, open_websocket_url

from tests.independent_client import Client
from tests.support.hub_process import RunningHub, running_hub

DEADLINE_S = 10.0
UPGRADE = (
    "GET /v1/device HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
SUBPROTOCOL = "Sec-WebSocket-Protocol: tributary.device.v1\r\n"
MASK = b"\x00\x00\x00\x00"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("bad-input") / "data") as running:
        yield running


@asynccontextmanager
async def healthy_neighbour(hub: RunningHub, tmp_path: Path) -> AsyncIterator[Client]:
    """Stream beside the block; after it, every frame must have been acked and none refused."""
    name = f"healthy-{secrets.token_hex(4)}"
    headers = [(b"Authorization", f"Bearer {hub.provision(name)}".encode())]
    with trio.fail_after(4 * DEADLINE_S):
        async with (
            open_websocket_url(hub.device_url, subprotocols=["tributary.device.v1"], extra_headers=headers) as link,
            trio.open_nursery() as nursery,
        ):
            client = Client(link, name, tmp_path / "ids")
            await client.hello()
            nursery.start_soon(client.receive, nursery)
            with trio.CancelScope() as streaming:
                nursery.start_soon(stream, client, streaming)
                yield client
                streaming.cancel()
            await client.stream(3, 0)
            assert client.acked == client.seq >= 3
            assert client.rejects == []
            nursery.cancel_scope.cancel()


async def stream(client: Client, streaming: trio.CancelScope) -> None:
    """Send a frame each 10 ms."""
    while not streaming.cancel_called:
        await client.send("data", t=time.time_ns() // 1000, c=[0], d=[0], v=[1.0])
        await trio.sleep(0.01)  # the pace of the device


class BadDevice:
    """A connection that says whatever it is told to."""

    def __init__(self, link: WebSocketConnection, name: str, epoch: int) -> None:
        self.link, self.name, self.epoch = link, name, epoch
        self.seq = 0

    async def say(self, **fields: Any) -> None:
        await self.link.send_message(msgpack.packb(fields))

    async def hello(self, **other: Any) -> None:
        channels = [{"name": "temp", "unit": "Cel", "kind": "gauge"}]
        await self.say(**({"op": "hello", "device": self.name, "epoch": self.epoch, "unfinished": [], "channels": channels} | other))

    async def frame(self, seq: int | None = None, **fields: Any) -> None:
        """Send one data frame of one reading, with some fields replaced."""
        self.seq = seq or self.seq + 1
        body = {"e": self.epoch, "s": self.seq, "op": "data", "t": time.time_ns() // 1000, "c": [0], "d": [0], "v": [1.0]}
        await self.say(**(body | fields))

    async def hears(self, op: str, **wanted: Any) -> dict[str, Any]:
        """Return the next message with this op and these fields."""
        while True:
            message: dict[str, Any] = msgpack.unpackb(await self.link.get_message())
            if message["op"] == op and all(message.get(key) == value for key, value in wanted.items()):
                return message

    async def is_acked(self, seq: int) -> None:
        """Return when this seq is acked."""
        while [self.epoch, seq] not in (await self.hears("ack"))["acks"]:
            pass

    async def is_closed(self, code: int) -> dict[str, Any]:
        """Read until the end, which must have this close code, and return the bye before it (empty: none)."""
        bye: dict[str, Any] = {}
        while True:
            try:
                message = msgpack.unpackb(await self.link.get_message())
            except ConnectionClosed as closed:
                end = closed.reason
                break
            bye = message if message["op"] == "bye" else bye
        assert end is not None, f"the connection broke instead of being closed with {code}"
        assert end.code == code, f"closed with {end.code} ({end.reason}), after {bye}"
        if bye:
            assert bye["code"] == code
            assert bye["reason"]
        return bye


@asynccontextmanager
async def bad_device(hub: RunningHub, *, name: str | None = None, token: str | None = None, epoch: int = 0) -> AsyncIterator[BadDevice]:
    """Open a connection for a new device, without saying hello."""
    name = name or f"bad-{secrets.token_hex(4)}"
    token = token or hub.provision(name)
    headers = [(b"Authorization", f"Bearer {token}".encode())]
    with trio.fail_after(DEADLINE_S):
        async with open_websocket_url(hub.device_url, subprotocols=["tributary.device.v1"], extra_headers=headers) as link:
            try:
                yield BadDevice(link, name, epoch or secrets.randbelow(2**63 - 1) + 1)
            finally:
                await trio.aclose_forcefully(link._stream)  # trio-websocket leaves it open where the hub closed first


async def answer_to(hub: RunningHub, request: bytes, *, after: bytes = b"", is_ended: bool = False) -> bytes:
    """Send raw bytes, and `after` behind the first head of an answer; return everything the hub says until it closes."""
    with trio.fail_after(DEADLINE_S):
        async with await trio.open_tcp_stream(*hub.address) as stream:
            await stream.send_all(request)
            if is_ended:
                await stream.send_eof()
            heard = b""
            try:
                while piece := await stream.receive_some(65_536):
                    heard += piece
                    head, found, body = heard.partition(b"\r\n\r\n")
                    if found and after:
                        await stream.send_all(after)
                        after = b""
                    if found and head.startswith(b"HTTP/1.1 4") and body.endswith(b"}"):
                        break
            except trio.BrokenResourceError:
                pass  # a reset is an end as well
            return heard


def upgrade(hub: RunningHub, *, headers: bytes = b"", is_subprotocol_named: bool = True) -> bytes:
    """Return an upgrade request."""
    head = UPGRADE.format(host=hub.address[0], port=hub.address[1]) + (SUBPROTOCOL if is_subprotocol_named else "")
    return head.encode() + headers + b"\r\n"


def is_refusal(answer: bytes, status: int, *codes: str) -> None:
    """Check an HTTP refusal with a JSON body that says code, message and hint."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer
    said = json.loads(body)
    assert said["code"] in codes, said
    assert said["message"], said
    assert "hint" in said, said


async def test_wrong_token_is_refused_before_the_upgrade(hub: RunningHub, tmp_path: Path) -> None:
    async with healthy_neighbour(hub, tmp_path):
        is_refusal(await answer_to(hub, upgrade(hub, headers=b"Authorization: Bearer nonsense\r\n")), 401, "wrong_token")


async def test_missing_token_is_refused_before_the_upgrade(hub: RunningHub, tmp_path: Path) -> None:
    async with healthy_neighbour(hub, tmp_path):
        is_refusal(await answer_to(hub, upgrade(hub)), 401, "no_token")


async def test_foreign_origin_is_refused_before_the_upgrade(hub: RunningHub, tmp_path: Path) -> None:
    token = hub.provision("from-a-foreign-page").encode()
    async with healthy_neighbour(hub, tmp_path):
        headers = b"Authorization: Bearer " + token + b"\r\nOrigin: https://evil.example\r\n"
        is_refusal(await answer_to(hub, upgrade(hub, headers=headers)), 403, "foreign_origin")


async def test_missing_subprotocol_is_refused_before_the_upgrade(hub: RunningHub, tmp_path: Path) -> None:
    token = hub.provision("without-subprotocol").encode()
    async with healthy_neighbour(hub, tmp_path):
        request = upgrade(hub, headers=b"Authorization: Bearer " + token + b"\r\n", is_subprotocol_named=False)
        is_refusal(await answer_to(hub, request), 400, "bad_request")


@pytest.mark.parametrize("name", ["Host", "Connection", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "X-Anything"])
async def test_non_ascii_header_is_refused(hub: RunningHub, tmp_path: Path, name: str) -> None:
    async with healthy_neighbour(hub, tmp_path):
        is_refusal(await answer_to(hub, upgrade(hub, headers=name.encode() + b": caf\xe9\xff\r\n")), 400, "bad_request")


async def test_head_beyond_the_limit_is_refused(hub: RunningHub, tmp_path: Path) -> None:
    async with healthy_neighbour(hub, tmp_path):
        is_refusal(await answer_to(hub, upgrade(hub, headers=b"X-Long: " + b"a" * 9000 + b"\r\n")), 431, "head_too_large")


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20, bytes(range(256)) * 4, b"\r\n\r\n\r\n\r\n", b"\x00" * 9000]
)
async def test_garbage_instead_of_a_request_ends_that_connection_only(hub: RunningHub, tmp_path: Path, garbage: bytes) -> None:
    async with healthy_neighbour(hub, tmp_path):
        answer = await answer_to(hub, garbage, is_ended=True)
        assert answer == b"" or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))


async def test_half_a_handshake_is_cut_after_5_seconds(hub: RunningHub, tmp_path: Path) -> None:
    async with healthy_neighbour(hub, tmp_path):
        began = trio.current_time()
        answer = await answer_to(hub, upgrade(hub)[:-20])
        assert 4 < trio.current_time() - began < 20
        assert answer == b"" or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 408"))


async def test_oversize_message_is_closed_with_1009(hub: RunningHub, tmp_path: Path) -> None:
    async with healthy_neighbour(hub, tmp_path), bad_device(hub) as device:
        await device.hello()
        await device.hears("welcome")
        await device.link.send_message(bytes(65_537))
        await device.is_closed(1009)


@pytest.mark.parametrize(
    "bomb", [b"\x91" * 60_000 + b"\xc0", b"\xdd\x00\x00\xea\x60" + b"\x80" * 60_000, b"\xdd\xff\xff\xff\xff", b"\xc7\xff\x01"]
)
async def test_bomb_in_a_numbered_frame_is_rejected_and_acked(hub: RunningHub, tmp_path: Path, bomb: bytes) -> None:
    async with healthy_neighbour(hub, tmp_path), bad_device(hub) as device:
        await device.hello()
        await device.hears("welcome")
        head = msgpack.packb({"e": device.epoch, "s": 1, "op": "data"})
        await device.link.send_message(b"\x84" + head[1:] + msgpack.packb("v") + bomb)
        reject = await device.hears("reject", e=device.epoch, s=1)
        assert reject["code"] == "bad_frame"
        assert reject["reason"]
        await device.frame(seq=2)
        await device.is_acked(2)


async def test_frame_without_readable_numbers_is_closed_with_4005_and_what_was_expected(hub: RunningHub, tmp_path: Path) -> None:
    async with healthy_neighbour(hub, tmp_path), bad_device(hub) as device:
        await device.hello()
        await device.hears("welcome")
        await device.frame()
        await device.link.send_message(b"\xc1\xc1\xc1")
        assert (await device.is_closed(4005))["expected"] == [[device.epoch, 2]]


@pytest.mark.parametrize(
    ("channel", "value", "code"),
    [
        (0, math.nan, "not_finite"),
        (0, math.inf, "not_finite"),
        (7, 1.0, "unknown_channel"),
        (0, "warm", "wrong_type"),
        (0, 2**63, "out_of_range"),
    ],
)
async def test_bad_reading_is_rejected_by_its_index_and_the_rest_is_kept(
    hub: RunningHub, tmp_path: Path, channel: int, value: object, code: str
) -> None:
    async with healthy_neighbour(hub, tmp_path), bad_device(hub) as device:
        await device.hello()
        await device.hears("welcome")
        await device.frame(c=[0, channel, 0], d=[0, 1, 2], v=[1.0, value, 2.0])
        assert (await device.hears("reject", e=device.epoch, s=1))["readings"] == [[1, code]]
        await device.frame()
        await device.is_acked(2)


async def test_unknown_op_takes_its_number_and_is_rejected(hub: RunningHub, tmp_path: Path) -> None:
    async with healthy_neighbour(hub, tmp_path), bad_device(hub) as device:
        await device.hello()
        await device.hears("welcome")
        await device.frame(op="sing")
        await device.hears("reject", e=device.epoch, s=1, code="unknown_op")
        await device.say(op="sing")
        assert "s" not in await device.hears("reject", code="unknown_op")
        await device.frame()
        await device.is_acked(2)


async def test_seq_going_back_is_dropped_in_silence(hub: RunningHub, tmp_path: Path) -> None:
    async with healthy_neighbour(hub, tmp_path), bad_device(hub) as device:
        await device.hello()
        await device.hears("welcome")
        for seq in (1, 2, 1, 2, 3):
            await device.frame(seq=seq)
        await device.is_acked(3)


async def test_seq_jumping_is_closed_with_4006_and_what_was_expected(hub: RunningHub, tmp_path: Path) -> None:
    async with healthy_neighbour(hub, tmp_path), bad_device(hub) as device:
        await device.hello()
        await device.hears("welcome")
        await device.frame(seq=1)
        await device.frame(seq=5)
        assert (await device.is_closed(4006))["expected"] == [[device.epoch, 2]]


async def test_sending_over_the_credit_is_closed_with_4007(hub: RunningHub, tmp_path: Path) -> None:
    name, epoch = f"bad-{secrets.token_hex(4)}", secrets.randbelow(2**63 - 1) + 1
    headers = f"Authorization: Bearer {hub.provision(name)}\r\n".encode()
    hello = {"op": "hello", "device": name, "epoch": epoch, "unfinished": [], "channels": []}
    fields = {"e": epoch, "op": "log", "level": "info", "t": None, "text": "x" * 100}
    flood = b"".join(client_frame({"s": seq, **fields}) for seq in range(1, 30_000))
    async with healthy_neighbour(hub, tmp_path):
        with trio.fail_after(DEADLINE_S):
            async with await trio.open_tcp_stream(*hub.address) as stream, trio.open_nursery() as nursery:
                await stream.send_all(upgrade(hub, headers=headers))
                await heard_until(stream, b"\r\n\r\n")
                await stream.send_all(client_frame(hello))
                await heard_until(stream, b"welcome")
                nursery.start_soon(pour, stream, flood)  # a client that ignores its window
                heard = await heard_until(stream, b"")
                nursery.cancel_scope.cancel()
    assert b"\x88" in heard
    assert int.from_bytes(heard[heard.rindex(b"\x88") + 2 :][:2], "big") == 4007


def client_frame(message: dict[str, Any]) -> bytes:
    """Return a message as a masked binary WebSocket frame (RFC 6455 section 5.2)."""
    payload = msgpack.packb(message)
    return b"\x82\xfe" + len(payload).to_bytes(2, "big") + MASK + payload if len(payload) > 125 else client_short_frame(payload)


def client_short_frame(payload: bytes) -> bytes:
    """Return a payload of at most 125 bytes as a frame."""
    return b"\x82" + bytes([0x80 | len(payload)]) + MASK + payload


async def heard_until(stream: trio.SocketStream, wanted: bytes) -> bytes:
    """Return what the hub says until it has said this; until it closes where this is empty."""
    heard = b""
    with suppress(trio.BrokenResourceError):
        while not wanted or wanted not in heard:
            piece = await stream.receive_some(65_536)
            if not piece:
                break
            heard += piece
    return heard


async def pour(stream: trio.SocketStream, flood: bytes) -> None:
    """Send everything, as far as the hub takes it."""
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        await stream.send_all(flood)


async def test_frame_of_an_unlisted_epoch_is_closed_with_4008(hub: RunningHub, tmp_path: Path) -> None:
    async with healthy_neighbour(hub, tmp_path), bad_device(hub) as device:
        await device.hello()
        await device.hears("welcome")
        await device.frame(e=device.epoch ^ 1 or 3)
        await device.is_closed(4008)


async def test_text_where_binary_is_due_is_closed_with_1003(hub: RunningHub, tmp_path: Path) -> None:
    async with healthy_neighbour(hub, tmp_path), bad_device(hub) as device:
        await device.link.send_message("hello")
        await device.is_closed(1003)


async def test_hello_that_breaks_a_rule_is_closed_with_4500_and_names_the_field(hub: RunningHub, tmp_path: Path) -> None:
    async with healthy_neighbour(hub, tmp_path), bad_device(hub) as device:
        await device.hello(channels="temp")
        assert "channels" in (await device.is_closed(4500))["reason"]


async def test_hello_of_another_device_is_closed_with_4501(hub: RunningHub, tmp_path: Path) -> None:
    async with healthy_neighbour(hub, tmp_path), bad_device(hub) as device:
        await device.hello(device="somebody-else")
        assert "retry_s" not in await device.is_closed(4501)


async def test_second_hello_is_closed_with_4503(hub: RunningHub, tmp_path: Path) -> None:
    async with healthy_neighbour(hub, tmp_path), bad_device(hub) as device:
        await device.hello()
        await device.hears("welcome")
        await device.hello()
        await device.is_closed(4503)


async def test_epoch_used_before_is_closed_with_4002(hub: RunningHub, tmp_path: Path) -> None:
    name = f"again-{secrets.token_hex(4)}"
    token = hub.provision(name)
    async with healthy_neighbour(hub, tmp_path):
        async with bad_device(hub, name=name, token=token) as first:
            await first.hello()
            await first.frame()
            await first.is_acked(1)
        async with bad_device(hub, name=name, token=token, epoch=first.epoch) as again:
            await again.hello()
            await again.is_closed(4002)


async def test_ping_after_a_close_harms_nobody(hub: RunningHub, tmp_path: Path) -> None:
    token = hub.provision(f"pings-{secrets.token_hex(4)}").encode()
    request = upgrade(hub, headers=b"Authorization: Bearer " + token + b"\r\n")
    close, ping = b"\x88\x82" + MASK + b"\x03\xe8", b"\x89\x84" + MASK + b"ping"
    async with healthy_neighbour(hub, tmp_path):
        for _ in range(20):
            answer = await answer_to(hub, request, after=close + ping * 3)
            assert answer.startswith(b"HTTP/1.1 101"), answer


async def test_ping_after_the_hubs_close_harms_nobody(hub: RunningHub, tmp_path: Path) -> None:
    token = hub.provision(f"pings-{secrets.token_hex(4)}").encode()
    request = upgrade(hub, headers=b"Authorization: Bearer " + token + b"\r\n")
    text, ping = b"\x81\x82" + MASK + b"hi", b"\x89\x84" + MASK + b"ping"
    async with healthy_neighbour(hub, tmp_path):
        for _ in range(20):
            answer = await answer_to(hub, request, after=text + ping * 3)
            assert answer.startswith(b"HTTP/1.1 101"), answer
            assert b"\x03\xeb" in answer, "no close frame with 1003"


async def test_device_that_vanishes_in_the_middle_of_a_frame_harms_nobody(hub: RunningHub, tmp_path: Path) -> None:
    token = hub.provision(f"vanishes-{secrets.token_hex(4)}").encode()
    request = upgrade(hub, headers=b"Authorization: Bearer " + token + b"\r\n")
    async with healthy_neighbour(hub, tmp_path):
        for _ in range(20):
            stream = await trio.open_tcp_stream(*hub.address)
            await stream.send_all(request)
            await stream.receive_some(4096)
            await stream.send_all(b"\x82\xfe\x01\x00" + MASK + b"half")
            # RST instead of FIN
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            await stream.aclose()


async def test_device_that_declares_other_channels_at_each_hello_is_closed_with_4013_at_the_bound(tmp_path: Path) -> None:
    with running_hub(tmp_path / "data", environment={"TRIBUTARY_MAX_SERIES_PER_DEVICE": "1024"}) as hub:
        name = f"bad-{secrets.token_hex(4)}"
        token = hub.provision(name)
        async with healthy_neighbour(hub, tmp_path):
            for begin in "abcd":
                async with bad_device(hub, name=name, token=token) as device:
                    await device.hello(channels=channels_of(begin, 256))
                    await device.hears("welcome")
                    await device.frame()
                    await device.is_acked(1)
            for _ in range(3):
                async with bad_device(hub, name=name, token=token) as device:
                    await device.hello(channels=channels_of("e", 1))
                    reason = (await device.is_closed(4013))["reason"]
                    assert "1 new series" in reason
                    assert "max_series_per_device, 1,024" in reason
            async with bad_device(hub, name=name, token=token) as device:
                await device.hello(channels=channels_of("a", 256))
                await device.hears("welcome")
                await device.frame()
                await device.is_acked(1)


def channels_of(begin: str, count: int) -> list[dict[str, str]]:
    return [{"name": f"{begin}{number}"} for number in range(count)]
