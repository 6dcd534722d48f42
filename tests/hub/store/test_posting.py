"""Lines posted to servers of every temper: what is stored, what is tried later, what is never tried again, and how soon one knows."""

import resource
import sys
import threading
from collections.abc import Iterator
from functools import partial
from types import FrameType

import pytest
import trio

from hub.ports import StoreRefused, StoreUnavailable
from hub.store.calls import MAX_ANSWER_BYTES
from hub.store.failures import MAX_RETRY_AFTER_S, Database
from hub.store.posting import Posting
from tests.support.odd_server import STORED, Act, OddServer, answer, drip, hang, hang_up, odd_server, pour
from tests.support.waiting import until

BODY = b"readings,channel=temp,device=pump,kind=gauge num=1.5 1000\n"


def posting(url: str, token: str | None = "secret", timeout_s: float = 5.0) -> Posting:
    return Posting(Database("InfluxDB", url, "bucket 'b' of organization 'o'"), "o", "b", token, timeout_s=timeout_s)


async def failure(server: OddServer, timeout_s: float = 5.0) -> StoreUnavailable | StoreRefused:
    with pytest.raises((StoreUnavailable, StoreRefused)) as caught:
        await posting(server.url, timeout_s=timeout_s).post(BODY)
    return caught.value  # type: ignore[return-value]


async def test_bytes_go_out_as_they_are_with_token_and_precision() -> None:
    async with odd_server(STORED) as server:
        target = posting(server.url)
        await target.post(BODY)
        await target.post(BODY)
        await target.aclose()
    assert server.bodies == [BODY, BODY]
    assert server.heads[0].startswith("POST /api/v2/write?")
    assert all(part in server.heads[0] for part in ("org=o", "bucket=b", "precision=ns", "Authorization: Token secret"))
    assert (target.requests, target.sent_bytes) == (2, 2 * len(BODY))


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (400, StoreRefused, "refuses what was sent: line 7"),
        (413, StoreRefused, "takes no request of this size"),
        (422, StoreRefused, "refuses what was sent: line 7"),
        (429, StoreUnavailable, "asks for a pause"),
        (500, StoreUnavailable, "answered 500: line 7"),
        (503, StoreUnavailable, "is not ready: line 7"),
        (401, StoreUnavailable, "set store_token to one that may read and write bucket 'b' of organization 'o'"),
        (403, StoreUnavailable, "set store_token"),
        (404, StoreUnavailable, "has no bucket 'b' of organization 'o' (line 7): correct store"),
        (418, StoreUnavailable, "as InfluxDB never does: correct store"),
        (200, StoreUnavailable, "as InfluxDB never does: correct store"),
        (302, StoreUnavailable, "sends elsewhere"),
    ],
)
async def test_each_answer_means_what_the_table_says(status: int, kind: type[Exception], said: str) -> None:
    async with odd_server(answer(status, b'{"code": "x", "message": "line 7"}')) as server:
        error = await failure(server)
    assert type(error) is kind
    assert said in str(error)
    assert "\n" not in str(error)
    assert "secret" not in str(error)


async def test_no_redirect_is_followed() -> None:
    async with odd_server(STORED) as other, odd_server(answer(307, b"", f"Location: {other.url}/api/v2/write")) as server:
        assert "sends elsewhere" in str(await failure(server))
    assert other.heads == []


@pytest.mark.parametrize("header", ["Retry-After: 7", "Retry-After: Sat, 21 Nov 2026 10:00:07 GMT\r\nDate: Sat, 21 Nov 2026 10:00:00 GMT"])
async def test_a_pause_that_is_asked_for_is_kept_and_jittered(header: str) -> None:
    async with odd_server(answer(503, b"", header)) as server:
        pauses = []
        for _ in range(8):
            error = await failure(server)
            assert isinstance(error, StoreUnavailable)
            pauses.append(error.retry_after_s)
    assert all(7 <= pause_s <= 14 for pause_s in pauses)
    assert len(set(pauses)) == len(pauses)


async def test_no_request_goes_out_before_the_time() -> None:
    async with odd_server(answer(429, b"", "Retry-After: 0.3"), STORED) as server:
        target = posting(server.url)
        with pytest.raises(StoreUnavailable) as first:
            await target.post(BODY)
        said_s = trio.current_time()
        with pytest.raises(StoreUnavailable, match="asked for a pause") as second:
            await target.post(BODY)
        assert len(server.heads) == 1
        assert 0 < second.value.retry_after_s <= first.value.retry_after_s
        await trio.sleep_until(said_s + first.value.retry_after_s)
        await target.post(BODY)
    assert server.times_s[1] - server.times_s[0] >= 0.3


@pytest.mark.parametrize("given", ["soon", "-5", "99999999999999999999", "1e9", "Sat, 99 Foo 2026 10:00:07 GMT"])
async def test_an_odd_pause_is_none_and_no_pause_is_endless(given: str) -> None:
    async with odd_server(answer(503, b"", f"Retry-After: {given}")) as server:
        error = await failure(server)
    assert isinstance(error, StoreUnavailable)
    assert error.retry_after_s == 0
    async with odd_server(answer(503, b"", "Retry-After: 999999999")) as server:
        error = await failure(server)
    assert isinstance(error, StoreUnavailable)
    assert MAX_RETRY_AFTER_S <= error.retry_after_s <= 2 * MAX_RETRY_AFTER_S


@pytest.mark.parametrize("act", [hang, drip, pour], ids=["hang", "drip", "pour"])
async def test_who_does_not_come_to_an_end_is_left_in_time_and_no_thread_stays(act: Act) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with odd_server(act) as server:
        began_s = trio.current_time()
        target = posting(server.url, timeout_s=0.3)
        for _ in range(4):
            with pytest.raises(StoreUnavailable):
                await target.post(BODY)
        assert trio.current_time() - began_s < 30
        await until(lambda: not is_busy())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10 * MAX_ANSWER_BYTES // 1024


def is_busy() -> bool:
    """Tell whether a worker thread runs code of ours."""
    frames = sys._current_frames()
    stacks = [frames[thread.ident] for thread in threading.enumerate() if thread.ident in frames]
    return any(name.endswith("calls.py") for stack in stacks for name in files_of(stack))


def files_of(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        yield frame.f_code.co_filename
        frame = frame.f_back


async def test_a_cancelled_post_leaves_no_thread_and_the_next_one_works() -> None:
    async with odd_server(hang, STORED) as server:
        target = posting(server.url)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(target.post, BODY)
            await until(lambda: server.heads)
            nursery.cancel_scope.cancel()
        await until(lambda: not is_busy())
        await target.post(BODY)
    assert server.bodies == [BODY, BODY]


async def test_an_answer_that_is_cut_off_is_no_answer_and_the_same_bytes_may_come_again() -> None:
    async with odd_server(hang_up, STORED) as server:
        target = posting(server.url)
        with pytest.raises(StoreUnavailable, match="broke"):
            await target.post(BODY)
        await target.post(BODY)
    assert server.bodies == [BODY, BODY]


async def test_a_large_refusal_is_not_read_to_its_end() -> None:
    async with odd_server(answer(500, b"x" * (MAX_ANSWER_BYTES + 1))) as server:
        assert "longer than" in str(await failure(server))


async def test_garbage_is_no_answer() -> None:
    for garbage in (b"\x00\xff\x16\x03\r\n\r\n", answer(503, b"\xff\xfe\x00bad", "Content-Encoding: gzip"), b"HTTP/1.1 999999 x\r\n\r\n"):

        async def send(stream: trio.SocketStream, garbage: bytes = garbage) -> None:
            await stream.send_all(garbage)

        async with odd_server(send) as server:
            assert isinstance(await failure(server), StoreUnavailable)


async def test_a_port_where_nobody_listens_is_told_with_what_to_do() -> None:
    async with odd_server(STORED) as server:
        pass
    error = await failure(server)
    assert "InfluxDB cannot be reached at http://127.0.0.1:" in str(error)
    assert "start it, or correct store" in str(error)


async def test_a_token_that_no_header_holds_is_told_before_anything_is_sent() -> None:
    async with odd_server(STORED) as server:
        with pytest.raises(StoreUnavailable, match="store_token has characters"):
            await posting(server.url, token="se\r\ncret: x").post(BODY)
    assert server.heads == []


async def test_one_request_is_under_way_at_a_time() -> None:
    running, most = 0, 0

    async def slowly(stream: trio.SocketStream) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await trio.sleep(0.02)
        running -= 1
        await stream.send_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    async with odd_server(slowly) as server:
        target = posting(server.url)
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(partial(target.post, BODY))
    assert most == 1
    assert len(server.heads) == 5
