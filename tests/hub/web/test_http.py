"""Requests and answers over real sockets: framing, limits, deadlines, clients that leave, and apps that fail."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from trio.testing import MockClock

from hub.web.http import Message
from tests.support.door import DEADLINE_S, everything, is_refusal, running_door, until

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def request(method: str = "GET", path: str = "/", body: bytes = b"", **headers: str) -> bytes:
    fields = {"Host": "hub.example"} | ({"Content-Length": str(len(body))} if body else {})
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    return "\r\n".join([f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items())]).encode() + b"\r\n\r\n" + body


async def whole_body(receive: Receive) -> bytes | None:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += bytes(message["body"])
        if not message["more_body"]:
            return body


async def echo(scope: Message, receive: Receive, send: Send) -> None:
    """Answer with what was asked, as JSON."""
    body = await whole_body(receive)
    said = {"method": scope["method"], "path": scope["path"], "query": scope["query_string"].decode(), "body": (body or b"").decode()}
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(said).encode()})


async def deaf(scope: Message, receive: Receive, send: Send) -> None:
    """Answer without reading the body."""
    await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"no"})


def said_in(answer: bytes) -> dict[str, Any]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), answer
    said: dict[str, Any] = json.loads(body)
    return said


async def test_requests_follow_each_other_on_one_connection_also_sent_at_once() -> None:
    async with running_door(echo) as place, await place.connect() as stream:
        for number in range(3):
            await stream.send_all(request("POST", f"/a%20{number}?q={number}", b"x" * number))
            answer = said_in(await until(stream, b"}"))
            assert answer == {"method": "POST", "path": f"/a {number}", "query": f"q={number}", "body": "x" * number}
        await stream.send_all(request("POST", "/one", b"1") + request(path="/two") + request("POST", "/three", b"3", Connection="close"))
        heard = await everything(stream)
        assert [heard.find(word) > 0 for word in (b"/one", b"/two", b"/three")] == [True] * 3
        assert heard.index(b"/one") < heard.index(b"/two") < heard.index(b"/three")


async def test_chunked_body_arrives_whole() -> None:
    chunks = b"5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\nTrailer: x\r\n\r\n"
    async with running_door(echo) as place:
        raw = request("POST", Transfer_Encoding="chunked", Connection="close") + chunks
        assert said_in(await place.answer_to(raw))["body"] == "hello, world"


async def test_body_over_the_limit_is_refused_with_413_announced_or_not() -> None:
    async with running_door(echo, max_body_bytes=10) as place:
        assert said_in(await place.answer_to(request("POST", body=b"x" * 10, Connection="close")))["body"] == "x" * 10
        for raw in (
            request("POST", body=b"x" * 11),
            request("POST", Content_Length="99999999999"),
            request("POST", Transfer_Encoding="chunked") + b"6\r\nxxxxxx\r\n5\r\nxxxxx\r\n0\r\n\r\n",
        ):
            assert "10 bytes" in is_refusal(await place.answer_to(raw), 413, "body_too_large")["message"]


async def test_body_that_does_not_come_is_refused_with_408_and_half_a_body_with_400() -> None:
    half = request("POST", Content_Length="10") + b"half"
    async with running_door(echo, body_timeout_s=0.05) as place:
        is_refusal(await place.answer_to(half), 408, "body_timeout")
    async with running_door(echo) as place:
        is_refusal(await place.answer_to(half, is_ended=True), 400, "bad_request")
        is_refusal(await place.answer_to(request("POST", Transfer_Encoding="chunked") + b"zz\r\n"), 400, "bad_request")


async def test_a_file_may_be_larger_and_take_longer_as_long_as_it_comes(slow_clock: MockClock) -> None:
    upload = "/api/v1/import"
    async with running_door(echo, max_body_bytes=10, max_upload_bytes=30, body_timeout_s=0.3) as place:
        assert said_in(await place.answer_to(request("POST", upload, b"x" * 30, Connection="close")))["body"] == "x" * 30
        refused = is_refusal(await place.answer_to(request("POST", upload, b"x" * 31)), 413, "body_too_large")
        assert "30 bytes" in refused["message"]
        async with await place.connect() as stream:
            await stream.send_all(request("POST", upload, Content_Length="6"))
            for _ in range(6):
                slow_clock.jump(0.1)  # 0.6 s in all, never 0.3 s without a byte
                await stream.send_all(b"x")
                await trio.testing.wait_all_tasks_blocked(0.01)
            assert said_in(await until(stream, b"}"))["body"] == "xxxxxx"
        async with await place.connect() as stream:
            await stream.send_all(request("POST", upload, Content_Length="6"))
            await trio.testing.wait_all_tasks_blocked(0.01)
            slow_clock.jump(0.31)
            is_refusal(await everything(stream), 408, "body_timeout")


async def test_client_that_waits_for_100_continue_hears_it_only_when_the_body_is_wanted() -> None:
    raw = request("POST", Content_Length="2", Expect="100-continue")
    async with running_door(echo) as place, await place.connect() as stream:
        await stream.send_all(raw)
        assert (await until(stream, b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        await stream.send_all(b"ok")
        assert said_in(await until(stream, b"}"))["body"] == "ok"
    async with running_door(deaf) as place:
        heard = await place.answer_to(raw)
        assert heard.startswith(b"HTTP/1.1 401 ")
        assert b"connection: close" in heard.lower()


async def test_body_that_nobody_read_does_not_become_the_next_request() -> None:
    async with running_door(deaf) as place, await place.connect() as stream:
        for _ in range(2):
            await stream.send_all(request("POST", body=request(path="/smuggled")))
            assert (await until(stream, b"\r\n\r\nno")).count(b"HTTP/1.1") == 1


async def test_head_request_gets_the_headers_of_get_and_no_body() -> None:
    async with running_door(echo) as place, await place.connect() as stream:
        await stream.send_all(request("HEAD", "/x") + request(path="/y", Connection="close"))
        first, _, rest = (await everything(stream)).partition(b"\r\n\r\n")
        assert b"content-length: " in first.lower()
        assert rest.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_that_have_no_body_get_none(status: int) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"too much"})

    async with running_door(app) as place:
        head, _, body = (await place.answer_to(request(Connection="close"))).partition(b"\r\n\r\n")
        assert b" %d " % status in head
        assert body == b""


async def test_large_answer_arrives_whole() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3000000")]})
        await send({"type": "http.response.body", "body": bytes(2_000_000), "more_body": True})
        await send({"type": "http.response.body", "body": bytes(1_000_000)})

    async with running_door(app) as place:
        assert len((await place.answer_to(request(Connection="close"))).partition(b"\r\n\r\n")[2]) == 3_000_000


async def test_app_that_waits_is_told_when_its_client_leaves() -> None:
    told = trio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"
        told.set()

    async with running_door(app) as place:
        async with await place.connect() as stream:
            await stream.send_all(request())
            await place.holds(1)
        with trio.fail_after(DEADLINE_S):
            await told.wait()
        await place.holds(0)
        assert place.door.failed == 0


async def test_app_that_goes_on_after_its_client_has_left_is_ended() -> None:
    ended = trio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.set()

    async with running_door(app, leave_grace_s=0.02) as place:
        async with await place.connect() as stream:
            await stream.send_all(request())
            await place.holds(1)
        with trio.fail_after(DEADLINE_S):
            await ended.wait()
        await place.holds(0)
        assert place.door.failed == 0


async def test_stream_of_fastapi_ends_with_its_client() -> None:
    app = FastAPI()
    ended = trio.Event()

    @app.get("/events")
    async def events(request: Request) -> StreamingResponse:
        async def lines() -> Any:
            try:
                yield b"one\n"
                await trio.sleep_forever()
            finally:
                ended.set()

        return StreamingResponse(lines())

    async with running_door(app) as place:
        async with await place.connect() as stream:
            await stream.send_all(request(path="/events"))
            await until(stream, b"one\n")
        with trio.fail_after(DEADLINE_S):
            await ended.wait()
        await place.holds(0)
        assert place.door.failed == 0


async def test_client_that_does_not_read_is_closed_by_the_send_deadline() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": bytes(1_000_000), "more_body": True})

    async with running_door(app, send_timeout_s=0.1) as place, await place.connect() as stream:
        await stream.send_all(request())
        await place.holds(1)
        await place.holds(0)
        assert place.door.failed == 0


async def test_slow_reader_that_makes_progress_is_not_closed(slow_clock: MockClock) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"8000000")]})
        await send({"type": "http.response.body", "body": bytes(8_000_000)})

    async with running_door(app, send_timeout_s=0.3) as place, await place.connect() as stream:
        began = trio.current_time()
        await stream.send_all(request(Connection="close"))
        heard_bytes = 0
        while data := await stream.receive_some(100_000):
            heard_bytes += len(data)
            slow_clock.jump(0.005)  # the pace of this reader
            await trio.testing.wait_all_tasks_blocked()
        assert heard_bytes > 8_000_000
        assert trio.current_time() - began > 0.3


async def test_app_that_fails_answers_500_and_harms_nobody() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        match scope["path"]:
            case "/silent":
                return
            case "/half":
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": b"half", "more_body": True})
                raise ZeroDivisionError("a secret detail")
            case "/fails":
                raise ZeroDivisionError("a secret detail")
            case "/breaks":
                raise trio.BrokenResourceError("not the client's stream")
            case _:
                await echo(scope, receive, send)

    async with running_door(app) as place, await place.connect() as other:
        for number, path in enumerate(("/fails", "/silent", "/breaks"), 1):
            heard = await place.answer_to(request(path=path))
            is_refusal(heard, 500, "internal")
            assert b"secret" not in heard
            assert place.door.failed == number
            await other.send_all(request())
            said_in(await until(other, b"}"))
        heard = await place.answer_to(request(path="/half"))
        assert heard.endswith(b"half\r\n"), "an answer that broke off must not look complete"
        assert {entry["event"] for entry in place.logs} == {"connection_failed"}


async def test_connection_that_has_been_idle_too_long_is_closed() -> None:
    async with running_door(echo, idle_timeout_s=0.05) as place, await place.connect() as stream:
        await stream.send_all(request())
        await until(stream, b"}")
        assert await everything(stream) == b""
