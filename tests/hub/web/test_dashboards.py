"""Dashboards over HTTP, on the real app: an operator saves, deletes and restores, a viewer looks, conflicts show both sides."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from hub.core.dashboards import Dashboards
from hub.web.api import make_app
from tests.support.api_hub import ApiHub, api_hub, is_refusal, now_us

HALL = "/api/v1/dashboards/hall"
DOCUMENT = {"title": "Hall", "variables": [], "range": "1h", "tiles": []}


@asynccontextmanager
async def board_hub(directory: Path) -> AsyncIterator[ApiHub]:
    """Run a hub with dashboards."""
    async with api_hub(directory) as hub:
        hub.app = make_app(replace(hub.api, dashboards=Dashboards(hub.parts.state, hub.parts.entities, now_us)))
        yield hub


async def put(client: httpx.AsyncClient, version: int, **more: Any) -> httpx.Response:
    return await client.put(HALL, json={"version": version, "dashboard": DOCUMENT | more})


async def test_an_operator_saves_and_a_viewer_looks(tmp_path: Path) -> None:
    async with board_hub(tmp_path) as hub, await hub.browser("operator") as operator, await hub.browser("viewer") as viewer:
        saved = await put(operator, 0)
        assert (saved.status_code, saved.json()["version"], saved.json()["by"]) == (200, 1, "ann")
        assert (await viewer.get(HALL)).json() == saved.json()
        (listed,) = (await viewer.get("/api/v1/dashboards")).json()["dashboards"]
        assert (listed["name"], listed["title"], listed["tiles"]) == ("hall", "Hall", 0)
        is_refusal(await put(viewer, 1), 403, "not_allowed")
        is_refusal(await viewer.delete(HALL), 403, "not_allowed")
        is_refusal(await viewer.post(f"{HALL}/restore", json={"version": 1}), 403, "not_allowed")


async def test_a_conflict_shows_both_sides(tmp_path: Path) -> None:
    async with board_hub(tmp_path) as hub, hub.admin() as ann, await hub.browser("operator") as bob:
        await put(ann, 0)
        await put(bob, 1, title="Bob's")
        answer = await put(ann, 1, title="Mine")
        said = answer.json()
        assert (answer.status_code, said["code"]) == (409, "conflict")
        assert (said["now"]["dashboard"]["title"], said["now"]["version"], said["sent"]["title"]) == ("Bob's", 2, "Mine")


async def test_versions_are_shown_and_restored_also_of_a_deleted_one(tmp_path: Path) -> None:
    async with board_hub(tmp_path) as hub, hub.admin() as admin:
        await put(admin, 0)
        await put(admin, 1, title="Two")
        assert [each["version"] for each in (await admin.get(f"{HALL}/versions")).json()["versions"]] == [2, 1]
        assert (await admin.get(f"{HALL}/versions/1")).json()["dashboard"] == DOCUMENT
        assert (await admin.delete(HALL)).status_code == 204
        assert (await admin.get("/api/v1/dashboards")).json() == {"dashboards": []}
        (gone,) = (await admin.get("/api/v1/dashboards", params={"deleted": "true"})).json()["dashboards"]
        assert gone["name"] == "hall"
        back = await admin.post(f"{HALL}/restore", json={"version": 1})
        assert (back.status_code, back.json()["version"], back.json()["dashboard"]) == (200, 3, DOCUMENT)
        actions = [each["action"] for each in (await admin.get("/api/v1/audit")).json()["entries"]]
        assert actions[:2] == ["restore dashboard", "delete dashboard"]


async def test_what_is_wrong_is_refused_with_the_place(tmp_path: Path) -> None:
    async with board_hub(tmp_path) as hub, hub.admin() as admin:
        said = is_refusal(await put(admin, 0, tiles=[{"id": "a"}]), 422, "bad_dashboard")
        assert "tiles[0].type" in said["message"]
        is_refusal(await put(admin, -1), 422, "bad_request")
        is_refusal(await put(admin, 3), 404, "no_dashboard")
        is_refusal(await admin.put("/api/v1/dashboards/a@1", json={"version": 0, "dashboard": DOCUMENT}), 422, "bad_name")
        is_refusal(await admin.get(HALL), 404, "no_dashboard")
        is_refusal(await admin.get(f"{HALL}/versions"), 404, "no_dashboard")
        await put(admin, 0)
        is_refusal(await admin.get(f"{HALL}/versions/2"), 404, "no_version")
