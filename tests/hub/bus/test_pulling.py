"""Tests of hub/bus/pulling.py and following.py over real sockets: addresses that lead to something else, to nothing, or to what is slow."""

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import trio

from hub.bus import following, pulling
from hub.bus.channels import KnownChannels
from hub.bus.following import Following
from hub.bus.past import Past
from hub.bus.pulling import PulledNode, Puller
from hub.bus.ring import Ring
from hub.bus.wire import packed
from hub.core.interest import ALL, Interest
from hub.core.records import Row, RowKind
from hub.ports import Frames, NodeUnavailable
from tests.support.odd_server import Act, drip, hang, hang_up, odd_server, pour
from tests.support.waiting import until

ROWS = [Row(5, "pump", 7, 9, RowKind.DATA, 1_000, b"\xff", None)]


def past() -> Past:
    return Past(Ring(1), KnownChannels(lambda device, epoch: ()), lambda rows: None, lambda devices, since_s: None, lambda from_us: None)


@asynccontextmanager
async def running_puller() -> AsyncIterator[Puller]:
    puller = Puller(lambda: "secret")
    async with trio.open_nursery() as nursery:
        await nursery.start(puller.run)
        yield puller
        nursery.cancel_scope.cancel()


def answered(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


async def test_a_node_is_asked_with_the_token_for_what_follows() -> None:
    frames = Frames("journal-b", 4, 5, 3, ROWS, 5)
    async with odd_server(answered(packed(frames))) as server, running_puller() as puller:
        assert await PulledNode("b", "journal-b", server.url, puller).frames(4, ALL) == frames
        assert "GET /api/v1/node/frames?after=4 HTTP/1.1" in server.heads[0]
        assert "bearer secret" in server.heads[0].lower()
        assert "tributary-devices" not in server.heads[0].lower()
        await PulledNode("b", "journal-b", server.url, puller).frames(4, Interest(frozenset(["pump 1", "fan"])))
        assert "tributary-devices: fan,pump%201" in server.heads[1].lower()


@pytest.mark.parametrize(
    "answer",
    [
        answered(b"<html>hello</html>"),
        answered(b"wrong token", "401 Unauthorized"),
        answered(b"", "302 Found", "Location: http://127.0.0.1:1/\r\n"),
        answered(gzip.compress(bytes(1 << 20)), headers="Content-Encoding: gzip\r\n"),
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        hang_up,
    ],
)
async def test_another_program_at_the_address_of_a_node_is_no_answer(answer: bytes | Act) -> None:
    async with odd_server(answer) as server, running_puller() as puller:
        with pytest.raises(NodeUnavailable), trio.fail_after(20):
            await PulledNode("b", "journal-b", server.url, puller).frames(4, ALL)


async def test_an_answer_of_any_size_is_read_only_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "MAX_ANSWER_BYTES", 1 << 20)
    with trio.fail_after(20):
        async with odd_server(pour) as server, running_puller() as puller:
            with pytest.raises(NodeUnavailable, match="another program"):
                await PulledNode("b", "journal-b", server.url, puller).frames(4, ALL)


@pytest.mark.parametrize("act", [hang, drip])
async def test_a_node_that_hangs_or_drips_is_given_up_and_asked_again(monkeypatch: pytest.MonkeyPatch, act: Act) -> None:
    monkeypatch.setattr(pulling, "ANSWER_S", 0.3)
    monkeypatch.setattr(following, "ROUND_EVERY_S", 0.01)
    good = answered(packed(Frames("journal-b", 4, 4, 3, [], 4)))
    taken: list[Frames] = []
    async with odd_server(act, act, good) as server, running_puller() as puller, trio.open_nursery() as nursery:
        node = PulledNode("b", "journal-b", server.url, puller)
        followed = Following(node, lambda journal: 4, lambda following, frames: taken.append(frames), lambda: 1_000, past(), lambda: ALL)
        nursery.start_soon(followed.run)
        await until(lambda: followed.failures)
        assert followed.failing_since_s <= trio.current_time()
        await until(lambda: followed.is_current)
        assert (followed.failures, taken[0].position) == (2, 4)
        assert followed.failing_since_s == float("inf")
        nursery.cancel_scope.cancel()


async def test_a_node_whose_answers_take_long_as_the_way_is_narrow_is_one_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "ANSWER_S", 0.5)
    monkeypatch.setattr(pulling, "LEAST_BYTES_S", 1)
    monkeypatch.setattr(following, "ROUND_EVERY_S", 0.01)
    good = answered(packed(Frames("journal-b", 4, 5, 3, ROWS, 5)))

    async def slowly(stream: trio.SocketStream) -> None:
        for at in range(0, len(good), 15):
            await stream.send_all(good[at : at + 15])
            await trio.sleep(1.0 * 15 / len(good))  # the pace of the way: twice as long as a part may take

    taken: list[Frames] = []
    async with odd_server(slowly) as server, running_puller() as puller, trio.open_nursery() as nursery:
        node = PulledNode("b", "journal-b", server.url, puller)
        followed = Following(node, lambda journal: 4, lambda following, frames: taken.append(frames), lambda: 1_000, past(), lambda: ALL)
        nursery.start_soon(followed.run)
        await until(lambda: followed.is_current)
        assert taken[0].position == 5
        nursery.cancel_scope.cancel()


async def test_a_body_that_only_drips_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "ANSWER_S", 0.3)

    async def dripping(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while True:
                await stream.send_all(b"a")
                await trio.sleep(0.02)

    async with odd_server(dripping) as server, running_puller() as puller:
        with pytest.raises(NodeUnavailable, match="said nothing for"), trio.fail_after(20):
            await PulledNode("b", "journal-b", server.url, puller).frames(4, ALL)


async def test_a_node_that_says_that_there_is_more_and_never_what_is_not_asked_without_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "ROUND_EVERY_S", 0.01)
    stuck = answered(packed(Frames("journal-b", 4, 4, 3, [], 9)))
    async with odd_server(stuck) as server, running_puller() as puller, trio.open_nursery() as nursery:
        node = PulledNode("b", "journal-b", server.url, puller)
        followed = Following(node, lambda journal: 4, lambda following, frames: None, lambda: 1_000, past(), lambda: ALL)
        nursery.start_soon(followed.run)
        await until(lambda: followed.failures >= 2)
        assert not followed.is_current
        nursery.cancel_scope.cancel()
