"""Shared dashboards over HTTP, on the real app: links are made and withdrawn, a guest comes in by one and gets what tiles show only."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from trio.abc import Clock

from hub.core.actions import GUEST
from hub.core.dashboards import Dashboards
from hub.core.reach import Reaches
from hub.core.shares import Shares
from hub.web.api import make_app
from tests.support.api_hub import URL, ApiHub, api_hub, is_refusal, now_us
from tests.support.whole_hub import OPEN, is_for_devices, whole_hub

SHARES = "/api/v1/dashboards/hall/shares"
SOURCE = {"source": {"devices": ["pump"]}, "channels": ["temp"]}
TILES = [
    {"id": "a", "type": "chart", "x": 0, "y": 0, "w": 1, "h": 1, "title": "", "config": SOURCE},
    {"id": "b", "type": "command", "x": 1, "y": 0, "w": 1, "h": 1, "title": "", "config": {"command": "go"}},
]
HALL: dict[str, Any] = {"title": "Hall", "variables": [], "range": "1h", "tiles": TILES}


@asynccontextmanager
async def share_hub(directory: Path) -> AsyncIterator[ApiHub]:
    """Run a hub with a dashboard."""
    async with api_hub(directory) as hub:
        dashboards = Dashboards(hub.parts.state, hub.parts.entities, now_us)
        shares = Shares(hub.parts.state, hub.auth.audit, dashboards, hub.auth.users, hub.auth.tokens, now_us)
        hub.auth.let_guests_in(shares)
        reaches = Reaches(hub.parts.registry.members, shares.sources)
        hub.app = make_app(replace(hub.api, dashboards=dashboards, shares=shares, reaches=reaches))
        await dashboards.save("hall", HALL, 0, "me")
        yield hub


async def token_of(client: httpx.AsyncClient, **more: Any) -> str:
    answer = await client.post(SHARES, json={"name": "screen"} | more)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"]).partition("#/")[2]


async def guest_by(hub: ApiHub, token: str) -> httpx.AsyncClient:
    """Return a browser that has come in by a link; the door has taken the link's own address off its requests."""
    async with hub.client(Origin=URL) as browser:
        answer = await browser.post("/api/v1/shared", json={"token": token})
    assert answer.status_code == 204, answer.text
    return hub.client(Origin=URL, Cookie=answer.headers["set-cookie"].partition(";")[0])


async def test_a_link_is_made_once_listed_without_its_token_and_withdrawn(tmp_path: Path) -> None:
    async with share_hub(tmp_path) as hub, await hub.browser("operator") as operator, await hub.browser("viewer") as viewer:
        made = (await operator.post(SHARES, json={"name": "screen", "days": 7})).json()
        assert re.fullmatch(rf"{URL}/shared/{made['id']}/#/[\w\-]{{43}}", made["url"])
        (listed,) = (await operator.get(SHARES)).json()["shares"]
        assert listed == {key: value for key, value in made.items() if key != "url"}
        assert (listed["by"], listed["is_good"]) == ("ann", True)
        for method, path in (("GET", SHARES), ("POST", SHARES), ("DELETE", f"{SHARES}/{made['id']}")):
            is_refusal(await viewer.request(method, path, json={"name": "x"} if method == "POST" else None), 403, "not_allowed")
        assert (await operator.delete(f"{SHARES}/{made['id']}")).status_code == 204
        is_refusal(await operator.delete(f"{SHARES}/{made['id']}"), 404, "no_link")
        is_refusal(await operator.get("/api/v1/dashboards/none/shares"), 404, "no_dashboard")


async def test_the_cookie_is_good_below_the_links_own_address_only(tmp_path: Path) -> None:
    async with share_hub(tmp_path) as hub, hub.admin() as admin, hub.client(Origin=URL) as browser:
        made = (await admin.post(SHARES, json={"name": "screen", "days": 1})).json()
        answer = await browser.post("/api/v1/shared", json={"token": made["url"].partition("#/")[2]})
        said = answer.headers["set-cookie"]
        for part in (f"Path=/shared/{made['id']}/", "HttpOnly", "SameSite=strict", "Max-Age=86"):
            assert part in said
        assert "Secure" not in said


async def test_a_guest_reads_the_dashboard_and_the_readings_of_its_tiles_and_nothing_else(tmp_path: Path) -> None:
    async with share_hub(tmp_path) as hub, hub.admin() as admin:
        for name in ("pump", "valve"):
            device = await hub.device(name, 5, commands=[{"name": "go"}])
            await device.data(5, 1, [20.0, 40.0])
            await device.hears("ack")
        await hub.is_stored()
        async with await guest_by(hub, await token_of(admin)) as guest:
            shown = (await guest.get("/api/v1/shared")).json()["dashboard"]
            assert shown == HALL | {"tiles": TILES[:1]}
            series = (await guest.get("/api/v1/query", params={"device": "pump", "channel": "temp"})).json()["series"]
            assert [each["channel"] for each in series] == ["temp"]
            for params in (
                {"device": "pump"},
                {"device": "pump", "channel": "hum"},
                {"device": "pump", "channel": ["temp", "hum"]},
                {"device": "valve", "channel": "temp"},
                {"device": ["pump", "valve"], "channel": "temp"},
                {"where": "name=pump", "channel": "temp"},
                {"channel": "temp"},
            ):
                is_refusal(await guest.get("/api/v1/query", params=params), 403, "out_of_reach")
            for path in ("devices", "devices/pump", "series?device=pump", "dashboards/hall", "hub", "latest?device=pump", "account"):
                is_refusal(await guest.get(f"/api/v1/{path}"), 403, "not_allowed")
            is_refusal(await guest.post("/api/v1/devices/pump/commands", json={"name": "go"}), 403, "not_allowed")


async def test_a_guest_comes_through_no_route_but_those_that_see(tmp_path: Path) -> None:
    """The query parameter that no route has stops a request right behind the gate, so that nothing is done."""
    open_to_guests = set()
    async with whole_hub(tmp_path) as hub, await hub.client_of(GUEST, "share") as client:
        for place, _ in hub.routes():
            if place not in OPEN and not is_for_devices(place):
                path = re.sub(r"\{[^}]*\}", "hall", place[1])
                answer = await client.request(place[0], path, params={"no_such_parameter": "1", "device": "hall"})
                if answer.status_code == 403 and answer.json()["code"] == "not_allowed":
                    continue
                open_to_guests.add(place)
    live = {("POST", "/api/v1/live"), *((method, "/api/v1/live/{session}") for method in ("GET", "POST", "DELETE"))}
    assert open_to_guests == {*live, ("GET", "/api/v1/live/{session}/events"), ("GET", "/api/v1/query"), ("GET", "/api/v1/shared")}


async def test_a_withdrawn_link_an_old_one_and_one_that_is_cut_short_are_refused_alike(tmp_path: Path) -> None:
    async with share_hub(tmp_path) as hub, hub.admin() as admin, hub.client(Origin=URL) as browser:
        token = await token_of(admin)
        async with await guest_by(hub, token) as guest:
            (share,) = (await admin.get(SHARES)).json()["shares"]
            await admin.delete(f"{SHARES}/{share['id']}")
            is_refusal(await guest.get("/api/v1/shared"), 401, "not_logged_in")
        said = {(await browser.post("/api/v1/shared", json={"token": each})).text for each in (token, token[:-2], "", "x" * 128)}
        assert len(said) == 1
        assert json.loads(said.pop())["code"] == "no_share"


async def test_guessing_is_slowed_down_and_who_has_a_link_that_is_over_does_not_guess(tmp_path: Path, slow_clock: Clock) -> None:
    async with share_hub(tmp_path) as hub, hub.admin() as admin, hub.client(Origin=URL) as browser:
        token = await token_of(admin)
        await admin.delete("/api/v1/dashboards/hall")
        for _ in range(15):
            is_refusal(await browser.post("/api/v1/shared", json={"token": token}), 404, "no_share")
        codes = [(await browser.post("/api/v1/shared", json={"token": f"guess {each}"})).json()["code"] for each in range(11)]
        assert (codes[:10], codes[10]) == (["no_share"] * 10, "too_many_tries")
        await admin.post("/api/v1/dashboards/hall/restore", json={"version": 1})
        assert (await browser.post("/api/v1/shared", json={"token": token})).status_code == 204  # a right one is let in


async def test_another_site_may_not_bring_somebody_in(tmp_path: Path) -> None:
    async with share_hub(tmp_path) as hub, hub.admin() as admin, hub.client(Origin="http://evil.example") as browser:
        token = await token_of(admin)
        is_refusal(await browser.post("/api/v1/shared", json={"token": token}), 403, "foreign_origin")


async def test_a_guests_token_is_no_bearer_token_and_no_session(tmp_path: Path) -> None:
    async with share_hub(tmp_path) as hub, hub.admin() as admin:
        token = await token_of(admin)
        async with hub.client(Authorization=f"Bearer {token}") as program, hub.client(Cookie=f"{hub.auth.cookie}={token}") as browser:
            is_refusal(await program.get("/api/v1/shared"), 401, "wrong_token")
            is_refusal(await browser.get("/api/v1/shared"), 401, "not_logged_in")


async def test_who_has_logged_in_otherwise_is_no_guest(tmp_path: Path) -> None:
    async with share_hub(tmp_path) as hub, await hub.browser("admin") as admin:
        is_refusal(await admin.get("/api/v1/shared"), 404, "no_share")
        token = await token_of(admin)
        both = f"{admin.headers['Cookie']}; {hub.auth.guest_cookie}={token}"
        async with hub.client(Cookie=both, Origin=URL) as browser:  # below the link's address a browser sends both
            is_refusal(await browser.get("/api/v1/devices"), 403, "not_allowed")
            assert (await browser.get("/api/v1/shared")).status_code == 200


async def test_a_token_for_some_devices_shares_nothing(tmp_path: Path) -> None:
    async with share_hub(tmp_path) as hub:
        secret, _ = await hub.auth.tokens.make("limited", "admin", 1, "me", "name=pump")
        async with hub.client(Authorization=f"Bearer {secret}") as client:
            for method in ("GET", "POST"):
                is_refusal(await client.request(method, SHARES, json={"name": "x"} if method == "POST" else None), 403, "out_of_reach")


@pytest.mark.parametrize("days", [0, -1, 366, "soon"])
async def test_an_odd_length_is_refused(tmp_path: Path, days: Any) -> None:
    async with share_hub(tmp_path) as hub, hub.admin() as admin:
        is_refusal(await admin.post(SHARES, json={"name": "x", "days": days}), 422, "bad_request")
