"""The description and its page are for everybody, and say nothing of this hub."""

import threading
from pathlib import Path
from typing import Any

import httpx
import trio
from fastapi import FastAPI

import dashboard
from hub.web.docs import docs_routes
from hub.web.page import Files
from tests.support.api_hub import api_hub
from tests.support.waiting import until


async def test_anybody_reads_the_description_and_its_page(tmp_path: Path) -> None:
    page = (dashboard.STATIC / "api.html").read_bytes()
    async with api_hub(tmp_path, {"api.html": page}) as hub, hub.client() as stranger:
        answer = await stranger.get("/api/v1/docs")
        assert (answer.content, answer.headers["content-type"]) == (page, "text/html; charset=utf-8")
        assert answer.headers["cache-control"] == "no-cache"
        said = await stranger.get("/api/v1/openapi.json")
        assert said.json()["openapi"].startswith("3.1")
        assert hub.admin_token not in said.text


async def test_the_hub_goes_on_while_the_description_is_made_and_it_is_made_once(tmp_path: Path) -> None:
    has_begun, may_go_on = threading.Event(), threading.Event()
    made: list[bool] = []

    def document() -> dict[str, Any]:
        has_begun.set()
        made.append(may_go_on.wait(10))
        return {"openapi": "3.1.0"}

    app = FastAPI()
    app.include_router(docs_routes(document, Files(tmp_path)))
    answers: list[httpx.Response] = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub") as client, trio.open_nursery() as nursery:

        async def ask() -> None:
            answers.append(await client.get("/api/v1/openapi.json"))

        nursery.start_soon(ask)
        nursery.start_soon(ask)
        await until(has_begun.is_set)
        may_go_on.set()  # by the event loop, which is free
    assert [answer.json() for answer in answers] == [{"openapi": "3.1.0"}] * 2
    assert made == [True]


def test_the_page_asks_nothing_of_other_hosts() -> None:
    for name in ("api.html", "api.js", "api.css"):
        text = (dashboard.STATIC / name).read_text()
        assert "http://" not in text
        assert "https://" not in text
        assert "innerHTML" not in text
