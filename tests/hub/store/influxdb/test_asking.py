"""Questions to servers of every temper: bounded in time and bytes, cancelled with their task, and told in one line."""

import resource

import pytest
import trio

from devices.wire.messages import Kind
from hub.core.records import Series
from hub.ports import StoreUnavailable
from hub.store.influxdb.asking import Asking, pages
from hub.store.influxdb.bucket import database_of
from tests.support.odd_server import Act, answer, drip, hang, hang_up, odd_server, pour

TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)
HEAD = b",result,table,_time,_value,_field,channel,device,kind,unit\r\n"
ROW = b",raw,0,2026-01-01T00:00:00Z,1.5,num,temp,pump,gauge,Cel\r\n"


def asking(url: str, timeout_s: float = 5.0) -> Asking:
    return Asking(database_of(url, "o", "b"), "o", "b", "secret", timeout_s=timeout_s)


async def test_a_question_goes_out_as_flux_and_its_answer_comes_back() -> None:
    async with odd_server(answer(200, HEAD + ROW)) as server:
        found = await asking(server.url).newest([TEMP], 0, 10, 5)
    assert found == {TEMP: [(1_767_225_600 * 10**9, 1.5)]}
    assert server.heads[0].startswith("POST /api/v2/query?org=o ")
    assert b"tail(n: 5)" in server.bodies[0]


async def test_a_series_that_was_not_asked_for_is_left_out() -> None:
    async with odd_server(answer(200, HEAD + ROW.replace(b"Cel", b"K") + ROW)) as server:
        assert (await asking(server.url).newest([TEMP], 0, 10, 5)).keys() == {TEMP}


@pytest.mark.parametrize("act", [hang, drip, pour], ids=["hang", "drip", "pour"])
async def test_a_server_without_end_is_left_in_time_and_takes_no_memory(act: Act) -> None:
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with odd_server(act) as server:
        target = asking(server.url, timeout_s=0.4)
        for _ in range(3):
            with pytest.raises(StoreUnavailable), trio.fail_after(30):
                await target.newest([TEMP], 0, 10, 5)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 20_000


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "refuses what was sent: line 7"),
        (401, "set store_token"),
        (404, "has no bucket 'b' of organization 'o' (line 7): correct store, or run `tributary doctor --fix`"),
        (429, "asks for a pause"),
        (500, "answered 500: line 7"),
        (308, "sends elsewhere"),
    ],
)
async def test_whatever_a_query_meets_the_store_is_unavailable_and_says_why(status: int, said: str) -> None:
    async with odd_server(answer(status, b'{"message": "line 7"}', "Location: http://127.0.0.1:1/")) as server:
        with pytest.raises(StoreUnavailable) as caught:
            await asking(server.url).all_series()
    assert said in str(caught.value)
    assert len(server.heads) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"<html>please log in</html>",
        HEAD + ROW + b"\r\n,error,reference\r\n,out of memory,897\r\n",
        HEAD + ROW.replace(b"1.5", b"many"),
        HEAD + ROW.replace(b"2026-01-01T00:00:00Z", b"yesterday"),
        HEAD + b"\xff\xfe",
    ],
)
async def test_what_is_no_answer_is_not_taken_for_an_empty_one(body: bytes) -> None:
    async with odd_server(answer(200, body)) as server:
        with pytest.raises(StoreUnavailable):
            await asking(server.url).newest([TEMP], 0, 10, 5)


async def test_an_answer_that_is_cut_off_is_none() -> None:
    whole = answer(200, HEAD + ROW * 1_000)

    async def cut(stream: trio.SocketStream) -> None:
        await stream.send_all(whole[:-500])

    async with odd_server(cut) as server:
        with pytest.raises(StoreUnavailable, match="broke"):
            await asking(server.url).newest([TEMP], 0, 10, 5)
    async with odd_server(hang_up) as server:
        with pytest.raises(StoreUnavailable, match="broke"):
            await asking(server.url).newest([TEMP], 0, 10, 5)


async def test_a_cancelled_question_makes_room_for_the_next() -> None:
    async with odd_server(hang, hang, answer(200, HEAD + ROW)) as server:
        target = asking(server.url)
        for _ in range(2):
            with trio.move_on_after(0.1):
                await target.newest([TEMP], 0, 10, 5)
        assert (await target.newest([TEMP], 0, 10, 5)).keys() == {TEMP}


def test_pages_are_runs_of_series_that_fill_one() -> None:
    some = [TEMP._replace(device=f"d{n}") for n in range(5)]
    counted = {some[0]: 3, some[1]: 3, some[3]: 100, some[4]: 1}
    assert list(pages(some, counted, 6)) == [[some[0], some[1]], [some[3]], [some[4]]]
    assert list(pages(some, {}, 6)) == []
