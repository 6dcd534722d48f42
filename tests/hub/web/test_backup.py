"""The route that takes a backup: lines as it goes on, a status for what is refused at once, and an end when the client leaves."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.lowlevel

from hub.core.errors import Refusal
from hub.ports import StoreUnavailable
from hub.web.api import make_app
from tests.support.api_hub import ApiHub, api_hub, is_refusal

URL = "/api/v1/backup"


class Taker:
    """Takes a backup as a test wants."""

    def __init__(self, fails: Exception | None = None, lines: int = 3) -> None:
        self.fails = fails
        self.lines = lines
        self.is_cancelled = False

    async def take(self, folder: Path, said: Callable[[Mapping[str, Any]], None]) -> Mapping[str, Any]:
        """Say some lines, then fail or be done."""
        for number in range(self.lines):
            said({"step": "journal", "done_bytes": number, "all_bytes": self.lines})
            await trio.lowlevel.checkpoint()
        if self.fails is not None:
            raise self.fails
        return {"backup": str(folder)}


def served(hub: ApiHub, taker: Taker) -> ApiHub:
    """Have the hub's app take backups."""
    hub.app = make_app(replace(hub.api, backup=taker))
    return hub


async def test_lines_come_as_it_goes_on_and_the_last_says_where_it_is(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, served(hub, Taker()).admin() as admin:
        answer = await admin.post(URL, json={"folder": "/backups"})
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
        assert "content-length" not in answer.headers
        assert lines[-1] == {"backup": "/backups"}
        assert [line["done_bytes"] for line in lines[:-1]] == [0, 1, 2]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Refusal("no_room", "a backup needs more", "free some", 507), 507, "no_room"),
        (StoreUnavailable("it sleeps"), 503, "store_unavailable"),
        (PermissionError(13, "Permission denied", "/backups"), 500, "not_written"),
        (OSError(28, "No space left on device"), 507, "not_written"),
    ],
)
async def test_what_fails_at_once_has_its_status_and_what_fails_later_is_the_last_line(
    tmp_path: Path, error: Exception, status: int, code: str
) -> None:
    async with api_hub(tmp_path) as hub:
        async with served(hub, Taker(error, lines=0)).admin() as admin:
            is_refusal(await admin.post(URL, json={"folder": "/backups"}), status, code)
        async with served(hub, Taker(error)).admin() as admin:
            answer = await admin.post(URL, json={"folder": "/backups"})
            assert (answer.status_code, json.loads(answer.text.splitlines()[-1])["error"]["code"]) == (200, code)


async def test_only_an_administrator_and_only_a_path(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        served(hub, Taker())
        async with await hub.browser("operator") as operator:
            is_refusal(await operator.post(URL, json={"folder": "/backups"}), 403, "not_allowed")
        async with hub.client() as nobody:
            is_refusal(await nobody.post(URL, json={"folder": "/backups"}), 401, "not_logged_in")
        async with hub.admin() as admin:
            for folder in ("", "a\0b", "\ud800", "x" * 5_000):
                content = json.dumps({"folder": folder}).encode()
                answer = await admin.post(URL, content=content, headers={"Content-Type": "application/json"})
                is_refusal(answer, 422, "bad_request")
