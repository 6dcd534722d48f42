"""The audit log over HTTP: asked by who, what and when; logins, logouts, backups, imports and deletions stand in it."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.api_hub import URL, api_hub, is_refusal


async def done(admin: httpx.AsyncClient, **params: Any) -> list[tuple[str, str, str]]:
    entries = (await admin.get("/api/v1/audit", params=params)).json()["entries"]
    return [(each["who"], each["action"], each["what"]) for each in entries]


async def test_the_log_is_asked_by_who_action_thing_and_time(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin, await hub.browser("admin") as ann:
        await admin.post("/api/v1/devices", json={"name": "pump-1"})
        await ann.post("/api/v1/devices", json={"name": "pump-2"})
        assert await done(admin, who="ann") == [("ann", "add device", "device pump-2"), ("ann", "log in", "login ann")]
        assert len(await done(admin, action="add device")) == 2
        assert await done(admin, what="pump-1") == [("admin", "add device", "device pump-1")]
        newest = (await admin.get("/api/v1/audit", params={"limit": 1})).json()["entries"][0]
        assert await done(admin, since_us=newest["at_us"], what="pump-2") == [("ann", "add device", "device pump-2")]
        assert await done(admin, until_us=newest["at_us"], what="pump-2") == []
        assert await done(admin, who="nobody at all") == []
        for params in ({"who": "x" * 201}, {"since_us": 2**63}, {"since_us": "yesterday"}):
            is_refusal(await admin.get("/api/v1/audit", params=params), 422, "bad_request")


async def test_logins_failed_ones_logouts_imports_and_deletions_are_in_it(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin, hub.client(Origin=URL) as browser:
        await hub.auth.users.add("ann", "viewer", await hub.auth.passwords.hash_of("correct horse"), "root")
        for password in ("wrong horse", "correct horse"):
            await browser.post("/login", data={"name": "ann", "password": password})
        await browser.post("/logout")
        await browser.post("/logout")  # of nobody
        await admin.post("/api/v1/import", content=b"nonsense", params={"format": "csv"})
        await admin.post("/api/v1/devices", json={"name": "pump"})
        await admin.delete("/api/v1/devices/pump", params={"data": "true"})
        assert (await done(admin))[:-1] == [
            ("admin", "delete readings", "device pump"),
            ("admin", "remove device", "device pump"),
            ("admin", "add device", "device pump"),
            ("admin", "import", "a file of readings"),
            ("ann", "log out", "login ann"),
            ("ann", "log in", "user ann"),
            ("nobody", "fail to log in", "user ann"),
        ]


@pytest.mark.parametrize("path", ["/api/v1/audit", "/api/v1/locked"])
async def test_it_is_for_administrators(tmp_path: Path, path: str) -> None:
    async with api_hub(tmp_path) as hub, await hub.browser("operator") as browser:
        is_refusal(await browser.get(path), 403, "not_allowed")
