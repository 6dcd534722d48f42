"""Routes that look again for what another node may have made: an app whose knowledge grows when it catches up."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest
import trio
from fastapi import FastAPI, Request
from pydantic import BaseModel

from hub.core.done import mark_done
from hub.core.errors import Refusal
from hub.ports import Conflict
from hub.web.errors import add_errors
from hub.web.looking_again import look_again


class Said(BaseModel):
    """A body."""

    title: str


class Place:
    """What is known here, what catching up adds to it, and what was asked."""

    def __init__(self) -> None:
        self.known, self.elsewhere = set[str](), {"pump"}
        self.may_catch_up = True
        self.does_first = False  # the route changes something before it finds out
        self.caught_up = self.runs = 0
        self.refused: list[str] = []
        self.refusal: Callable[[str], Exception] = lambda name: Refusal("no_device", f"no device {name}", "", 404)
        app = FastAPI()

        @app.put("/api/things/{name}")
        async def put(name: str, said: Said, request: Request) -> dict[str, str]:
            self.runs += 1
            if self.does_first:
                async with trio.open_nursery() as nursery:  # as a service does that writes in a task of its own
                    nursery.start_soon(self.change)
            if name not in self.known:
                raise self.refusal(name)
            return {"name": name, "title": said.title, "body": (await request.body()).decode()}

        add_errors(app, self.refused.append)
        look_again(app, self.catch_up)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub")

    async def change(self) -> None:
        mark_done()

    async def catch_up(self) -> bool:
        self.caught_up += 1
        if self.may_catch_up:
            self.known |= self.elsewhere
        return self.may_catch_up

    async def put(self, name: str) -> httpx.Response:
        return await self.client.put(f"/api/things/{name}", json={"title": "a"})


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    place = Place()
    async with place.client:
        yield place


async def test_what_another_node_has_made_is_found_with_the_same_body(place: Place) -> None:
    answer = await place.put("pump")
    assert (answer.status_code, answer.json()) == (200, {"name": "pump", "title": "a", "body": '{"title":"a"}'})
    assert (place.caught_up, place.refused) == (1, [])
    await place.put("pump")
    assert place.caught_up == 1  # what is known is not asked for


@pytest.mark.parametrize(
    "refusal",
    [
        lambda name: Refusal("exists", "it exists", "", 409),
        lambda name: Refusal("out_of_reach", "not for you", "", 403),
        lambda name: Conflict("rule", name),
    ],
)
async def test_so_is_what_another_node_has_removed_changed_or_brought_into_reach(place: Place, refusal: Callable[[str], Exception]) -> None:
    place.refusal = refusal
    assert (await place.put("pump")).status_code == 200


async def test_what_nobody_has_made_is_refused_once(place: Place) -> None:
    answer = await place.put("valve")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_device")
    assert (place.caught_up, place.refused) == (1, ["no_device"])


async def test_a_route_that_has_changed_something_before_it_was_refused_is_not_run_twice(place: Place) -> None:
    place.does_first = True
    answer = await place.put("pump")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_device")
    assert (place.runs, place.caught_up) == (1, 0)
    place.does_first = False
    assert (await place.put("pump")).status_code == 200  # what one request has done holds up no other
    assert place.runs == 3


async def test_a_node_that_cannot_catch_up_says_what_it_knows(place: Place) -> None:
    place.may_catch_up = False
    assert (await place.put("pump")).status_code == 404


async def test_what_no_node_could_make_right_is_refused_at_once(place: Place) -> None:
    place.refusal = lambda name: Refusal("bad_name", "no name", "", 422)
    assert (await place.put("pump")).status_code == 422
    assert (await place.client.put("/api/things/pump", json={})).status_code == 422
    assert place.caught_up == 0
