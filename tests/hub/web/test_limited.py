"""Tokens that are for some devices only: on every route there is, and what they get where they may."""

import re
from pathlib import Path
from typing import Any

import httpx

from hub.web.access import Gate
from hub.web.openapi.document import routes_of
from tests.support.api_hub import ApiHub, api_hub, is_refusal
from tests.support.whole_hub import OPEN, Whole, is_for_devices
from tests.support.whole_hub import whole_hub as unserved_hub

# The routes that narrow what they give by themselves, each with its test. Every other one asks for devices in reach or is closed.
NARROWING = {
    ("GET", "/api/v1/devices"),
    ("GET", "/api/v1/commands/{command_id}"),
    ("POST", "/api/v1/commands/{command_id}/cancel"),
    ("POST", "/api/v1/live"),
    ("POST", "/api/v1/live/{session}"),
    ("GET", "/api/v1/live/{session}"),
    ("GET", "/api/v1/live/{session}/events"),
    ("DELETE", "/api/v1/live/{session}"),
    ("GET", "/api/v1/shared"),
    ("GET", "/api/v1/account"),
    ("PUT", "/api/v1/account/password"),
    ("GET", "/api/v1/account/sessions"),
    ("DELETE", "/api/v1/account/sessions"),
    ("DELETE", "/api/v1/account/sessions/{session_id}"),
}


def narrowing(hub: Whole) -> set[tuple[str, str]]:
    def narrows(dependant: Any) -> bool:
        return (isinstance(dependant.call, Gate) and dependant.call.narrows) or any(map(narrows, dependant.dependencies))

    return {(method, route.path) for route in routes_of(hub.app.routes) for method in route.methods or () if narrows(route.dependant)}


async def limited(hub: ApiHub | Whole, where: str, role: str = "admin") -> httpx.AsyncClient:
    secret, _ = await hub.auth.tokens.make("limited", role, 1, "me", where)
    return hub.client(Authorization=f"Bearer {secret}")


async def test_only_the_routes_of_this_table_narrow_by_themselves(tmp_path: Path) -> None:
    async with unserved_hub(tmp_path) as hub:
        assert narrowing(hub) == NARROWING


async def test_every_other_route_is_closed_but_for_devices_in_reach(tmp_path: Path) -> None:
    """The query parameter that no route has stops a request right behind the gate, so that nothing is done."""
    async with unserved_hub(tmp_path) as hub, await limited(hub, "name=none") as client:
        for place, _ in hub.routes():
            if place not in OPEN and place not in NARROWING and not is_for_devices(place):
                path = re.sub(r"\{[^}]*\}", "other", place[1])
                for params in ({}, {"device": "other"}, {"where": "name=other"}, {"device": ["none", "other"]}):
                    is_refusal(await client.request(place[0], path, params=params | {"no_such_parameter": "1"}), 403, "out_of_reach")


async def test_a_device_in_reach_is_read_asked_and_commanded_and_others_are_not(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, await limited(hub, "floor=2", "operator") as client, hub.admin() as admin:
        device, other = [await hub.device(name, 5, commands=[{"name": "go"}]) for name in ("pump", "valve")]
        for each in (device, other):
            await each.data(5, 1, [20.0, 40.0])
            await each.hears("ack")
        await hub.is_stored()
        await admin.patch("/api/v1/devices/pump", json={"tags": ["floor=2"]})
        assert [each["device"] for each in (await client.get("/api/v1/devices")).json()["devices"]] == ["pump"]
        assert (await client.get("/api/v1/devices", params={"where": "name=valve"})).json()["devices"] == []
        assert (await client.get("/api/v1/devices/pump")).status_code == 200
        assert len((await client.get("/api/v1/query", params={"device": "pump"})).json()["series"]) == 2
        assert len((await client.get("/api/v1/series", params={"device": "pump"})).json()["series"]) == 2
        assert b"valve" not in (await client.get("/api/v1/export", params={"device": "pump"})).content
        sent = (await client.post("/api/v1/devices/pump/commands", json={"name": "go"})).json()
        assert (await client.get(f"/api/v1/commands/{sent['id']}")).json()["device"] == "pump"
        assert (await client.post(f"/api/v1/commands/{sent['id']}/cancel")).status_code in (200, 202)
        theirs = (await admin.post("/api/v1/devices/valve/commands", json={"name": "go"})).json()["id"]
        for method, path, params in (
            ("GET", "/api/v1/devices/valve", {}),
            ("GET", "/api/v1/devices/nobody", {}),
            ("GET", "/api/v1/query", {"device": "valve"}),
            ("GET", "/api/v1/query", {"device": ["pump", "valve"]}),
            ("GET", "/api/v1/series", {}),
            ("GET", "/api/v1/export", {}),
            ("GET", "/api/v1/commands", {}),
            ("GET", f"/api/v1/commands/{theirs}", {}),
            ("POST", f"/api/v1/commands/{theirs}/cancel", {}),
            ("GET", "/api/v1/hub", {}),
            ("GET", "/metrics", {}),
        ):
            is_refusal(await client.request(method, path, params=params), 403, "out_of_reach")
        is_refusal(await client.post("/api/v1/devices/valve/commands", json={"name": "go"}), 403, "out_of_reach")
        await admin.patch("/api/v1/devices/pump", json={"tags": []})
        is_refusal(await client.get("/api/v1/devices/pump"), 403, "out_of_reach")


async def test_the_limit_is_kept_listed_and_checked(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        made = await admin.post("/api/v1/tokens", json={"name": "a", "role": "viewer", "where": "floor=2"})
        assert made.json()["where"] == "floor=2"
        assert (await admin.get("/api/v1/tokens")).json()["tokens"][0]["where"] == "floor=2"
        is_refusal(await admin.post("/api/v1/tokens", json={"name": "b", "role": "viewer", "where": "floor="}), 422, "bad_where")
        await hub.auth.tokens.load()
        async with hub.client(Authorization=f"Bearer {made.json()['token']}") as client:
            assert (await client.get("/api/v1/devices")).json() == {"devices": [], "next": None}
            is_refusal(await client.get("/api/v1/hub"), 403, "out_of_reach")
