"""A request and its answer between two nodes: as they come, no longer than the client waits, and what is said where a node breaks off."""

from functools import partial

import trio

from hub.web.ways.relay import MAX_OPEN
from tests.support.api_hub import is_refusal
from tests.support.two_doors import SESSION, two_nodes


async def test_events_come_as_they_are_said() -> None:
    async with two_nodes() as (here, _), here.client() as client:
        answer = await client.get(f"{SESSION}/events")
        assert (answer.status_code, answer.headers["x-said-by"], answer.content) == (207, "b", b"onetwo")
        assert "content-length" not in answer.headers


async def test_events_that_break_off_there_end_here() -> None:
    async with two_nodes() as (here, there), here.client() as client:
        there.is_breaking = True
        assert (await client.get(f"{SESSION}/events")).content == b"onetwo"


async def test_a_node_that_breaks_off_before_a_whole_answer_is_to_be_asked_again() -> None:
    async def half(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await stream.aclose()

    async with two_nodes() as (here, _), here.client() as client, trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, half, 0, host="127.0.0.1"))
        here.urls["b"] = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        is_refusal(answer := await client.get(SESSION), 503, "busy")
        assert answer.headers["retry-after"] == "1"
        assert (here.asked, here.refused) == (0, ["busy"])
        await here.is_idle()
        nursery.cancel_scope.cancel()


async def test_a_client_that_leaves_is_waited_for_nowhere() -> None:
    async with two_nodes() as (here, there), here.client() as client:
        with trio.move_on_after(30) as leaving:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.get, f"{SESSION}?wait")
                while not there.asked:  # noqa: ASYNC110
                    await trio.sleep(0.01)
                leaving.cancel()
        with trio.fail_after(30):
            await there.left.wait()
        await here.is_idle()


async def test_requests_above_the_limit_are_refused() -> None:
    async with two_nodes() as (here, there), here.client() as client:
        here.relay.open = MAX_OPEN
        is_refusal(await client.get(SESSION), 503, "busy")
        assert there.asked == 0
