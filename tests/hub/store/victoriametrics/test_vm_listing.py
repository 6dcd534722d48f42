"""The list of series where the server lists what is new late, as a real one does for up to 10 s: here it says what the test says."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
import trio.testing

from devices.wire.messages import Kind
from hub.core.records import Series
from hub.store.failures import Database
from hub.store.victoriametrics.importing import METRIC
from hub.store.victoriametrics.listing import NEW_SERIES_S, SHARED_S, Listing
from hub.store.victoriametrics.questions import Questions
from tests.support.odd_server import Act, answer, odd_server

PUMP, FAN = Series("pump", "temp", "Cel", Kind.GAUGE), Series("fan", "temp", "Cel", Kind.GAUGE)


def says(*series: Series) -> bytes:
    labels = ({"device": each.device, "channel": each.channel, "unit": each.unit, "kind": each.kind.value} for each in series)
    return answer(200, json.dumps({"status": "success", "data": [{"__name__": METRIC, **each} for each in labels]}).encode())


@asynccontextmanager
async def listing_of(*answers: bytes | Act) -> AsyncIterator[Listing]:
    async with odd_server(*answers) as server:
        questions = Questions(Database("VictoriaMetrics", server.url, ""), None)
        yield Listing(questions, SHARED_S)
        await questions.aclose()


async def test_a_series_written_here_is_listed_until_the_server_must_list_it(mock_clock: trio.testing.MockClock) -> None:
    async with listing_of(says(FAN)) as listing:
        listing.add([PUMP])
        assert await listing.listed(0) == [FAN, PUMP]
        mock_clock.jump(NEW_SERIES_S - 1)
        assert await listing.listed(0) == [FAN, PUMP]
        mock_clock.jump(SHARED_S)
        assert await listing.listed(0) == [FAN]  # somebody else deleted it
        listing.add([PUMP])
        mock_clock.jump(SHARED_S)
        assert await listing.listed(0) == [FAN, PUMP]


async def test_of_several_who_ask_for_the_list_at_once_one_asks_the_server_and_nobody_misses_what_is_written_meanwhile() -> None:
    asked, may_answer, found = trio.Event(), trio.Event(), list[list[Series]]()

    async def late(stream: trio.SocketStream) -> None:
        asked.set()
        await may_answer.wait()
        await stream.send_all(says())

    async with listing_of(late, says()) as listing, trio.open_nursery() as nursery:

        async def ask() -> None:
            found.append(await listing.listed(0))

        nursery.start_soon(ask)
        await asked.wait()
        listing.add([PUMP])
        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        may_answer.set()
    assert found == [[PUMP], [PUMP]]


async def test_what_was_written_of_a_device_that_is_deleted_is_listed_no_more() -> None:
    async with listing_of(says()) as listing:
        listing.add([PUMP, FAN])
        assert await listing.listed(0) == [FAN, PUMP]
        listing.forget("pump")
        assert await listing.listed(0) == [FAN]
