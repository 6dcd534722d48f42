"""Requests for a session of another node: they come there as they came here, and once."""

import pytest

from tests.support.two_doors import SESSION, two_nodes


async def test_a_request_is_answered_by_the_node_of_its_session_as_it_came() -> None:
    told = {"authorization": "Bearer it", "cookie": "a=b", "origin": "https://dash.example", "host": "dash.example"}
    outside = {"x_forwarded_for": "192.0.2.7", "x_forwarded_proto": "https"}
    async with two_nodes() as (here, there), here.client(**told, **outside) as client:
        answer = await client.post(f"{SESSION}?after=4", content=b"hello")
        said = answer.json()
        assert (answer.status_code, answer.headers["x-said-by"]) == (207, "b")
        assert (said["method"], said["path"], said["query"], said["body"]) == ("POST", SESSION, "after=4", "hello")
        assert (said["client"], said["scheme"]) == ("192.0.2.7", "https")
        assert {name: said["headers"][name] for name in told} == told
        assert (here.asked, there.asked, here.relay.requests) == (0, 1, 1)
        await here.is_idle()
        assert (await client.request("DELETE", SESSION)).json()["method"] == "DELETE"
        assert not (await client.head(SESSION)).content


async def test_a_request_is_handed_on_once() -> None:
    async with two_nodes() as (here, there), here.client() as client:
        answer = await client.get("/api/v1/device/third.secret")
        assert answer.json()["node"] == "b"
        assert (here.asked, there.asked, there.relay.requests) == (0, 1, 0)


@pytest.mark.parametrize("name", ["a", "nobody", "gone"])
async def test_a_session_of_no_other_node_that_is_there_is_looked_for_here(name: str) -> None:
    async with two_nodes() as (here, there), here.client() as client:
        said = (await client.post(f"/api/v1/live/{name}.secret", content=b"hello")).json()
        assert (said["node"], said["body"]) == ("a", "hello")
        assert there.asked == 0


@pytest.mark.parametrize(
    "path",
    [
        *("/api/v1/live/plain", "/api/v1/live", "/api/v1/devices/b.secret", "/api/v1/live/b.secret/other", "/api/v1/live/B.secret"),
        *("/api/v1/live/b.secret%2F..", "/api/v1/live/b.", "/api/v1/live/b.x/events/y"),
    ],
)
async def test_what_is_no_session_stays_here(path: str) -> None:
    async with two_nodes() as (here, there), here.client() as client:
        assert (await client.get(path)).json()["node"] == "a"
        assert (here.relay.requests, there.asked) == (0, 0)
