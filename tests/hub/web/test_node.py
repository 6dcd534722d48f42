"""Tests of hub/web/node.py."""

import httpx
import pytest
from fastapi import FastAPI

from hub.web.errors import add_errors
from hub.web.node import NodeFrames, node_routes

PATH = "/api/v1/node/frames"


async def asked(token: str, said: str | None, query: str = "", devices: str | None = None) -> httpx.Response:
    async def frames(after: int | None, devices: str | None) -> bytes:
        return f"after {after} of {devices}".encode()

    headers = {} if said is None else {"Authorization": said}
    headers |= {} if devices is None else {"Tributary-Devices": devices}
    app = FastAPI()
    app.include_router(node_routes(NodeFrames(frames, lambda: token)))
    add_errors(app, lambda code: None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://a") as client:
        return await client.get(PATH + query, headers=headers)


async def test_a_node_that_shows_the_token_of_all_is_given_frames() -> None:
    assert (await asked("secret", "Bearer secret")).content == b"after None of None"
    assert (await asked("secret", "Bearer secret", "?after=7")).content == b"after 7 of None"
    assert (await asked("secret", "Bearer secret", "?after=7", "fan,pump%201")).content == b"after 7 of fan,pump%201"


@pytest.mark.parametrize(
    ("token", "said"), [("secret", None), ("secret", "Bearer other"), ("secret", "secret"), ("", "Bearer "), ("", None)]
)
async def test_nobody_else_is(token: str, said: str | None) -> None:
    answer = await asked(token, said)
    assert answer.status_code == 401
    assert answer.json()["code"] == "wrong_token"
