"""Shadows over HTTP, on the real app and a device over a link: set while it is away, changed while it is there, conflicts, bad input."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.api_hub import ApiHub, api_hub, is_refusal
from tests.support.waiting import until

E = 7
PUMP = "/api/v1/devices/pump/shadow"


async def put(client: httpx.AsyncClient, version: int, document: dict[str, Any]) -> httpx.Response:
    return await client.put(f"{PUMP}/desired", json={"version": version, "document": document})


async def is_reported(hub: ApiHub, document: dict[str, Any]) -> None:
    await until(lambda: hub.parts.shadows.shadow("pump")["reported"]["document"] == document)


async def test_what_is_set_while_a_device_is_away_reaches_it_on_coming_and_is_reported(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await admin.post("/api/v1/devices", json={"name": "pump"})
        first = (await admin.get(PUMP)).json()
        assert (first["desired"], first["is_in_step"], first["takes_shadow"]) == ({"version": 0, "document": {}}, True, None)
        version = (await put(admin, 0, {"interval_s": 5})).json()["desired"]["version"]
        device = await hub.parts.connect("pump")
        welcome = await device.hello(E, shadow={})
        assert welcome["reported"] == 0
        assert await device.hears("desired") == {"op": "desired", "version": version, "document": {"interval_s": 5}}
        assert not (await admin.get(PUMP)).json()["is_in_step"]
        await device.say({"e": E, "s": 1, "op": "reported", "n": 3, "version": version, "document": {"interval_s": 5, "fw": "1"}})
        await is_reported(hub, {"interval_s": 5, "fw": "1"})
        said = (await admin.get(PUMP)).json()
        assert (said["delta"], said["is_in_step"], said["takes_shadow"]) == ({}, True, True)
        assert said["reported"]["at_us"] >= said["desired"]["at_us"]
        changed = await admin.patch(f"{PUMP}/desired", json={"document": {"interval_s": 9}})
        assert changed.json()["delta"] == {"interval_s": 9}
        assert (await device.hears("desired"))["document"] == {"interval_s": 9}


async def test_a_device_without_a_shadow_gets_none_and_the_api_says_so(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        device = await hub.device("pump", E)
        await until(lambda: hub.parts.shadows.shadow("pump")["takes_shadow"] is False)
        assert is_refusal(await put(admin, 0, {"a": 1}), 409, "no_shadow")["hint"]
        assert (await admin.get(PUMP)).json()["takes_shadow"] is False
        await device.say({"e": E, "s": 1, "op": "reported", "n": 1, "version": 0, "document": {"a": 1}})
        await is_reported(hub, {"a": 1})  # it may say what it is like all the same


async def test_two_editors_conflict_and_the_second_is_shown_both(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as ann, await hub.browser("operator") as bob:
        await ann.post("/api/v1/devices", json={"name": "pump"})
        seen = (await put(ann, 0, {"a": 1})).json()["desired"]["version"]
        assert (await put(bob, seen, {"a": 2})).status_code == 200
        for answer in (await put(ann, seen, {"a": 3}), await ann.patch(f"{PUMP}/desired", json={"version": seen, "document": {"a": 3}})):
            assert answer.status_code == 409
            said = answer.json()
            assert (said["code"], said["now"]["desired"]["document"], said["sent"]) == ("conflict", {"a": 2}, {"a": 3})
            assert said["message"]
            assert said["hint"]
        again = await put(ann, said["now"]["desired"]["version"], {"a": 3})
        assert again.json()["desired"]["by"] == "admin"
        audited = (await ann.get("/api/v1/audit")).json()
        assert [each["action"] for each in audited["entries"]].count("edit shadow") == 3


async def test_a_viewer_reads_and_does_not_write(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin, await hub.browser("viewer") as viewer:
        await admin.post("/api/v1/devices", json={"name": "pump"})
        assert (await viewer.get(PUMP)).status_code == 200
        is_refusal(await put(viewer, 0, {"a": 1}), 403, "not_allowed")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"document": {"a": 1}}, "bad_request"),
        ({"version": -1, "document": {}}, "bad_request"),
        ({"version": 0, "document": [1]}, "bad_request"),
        ({"version": 0, "document": {}, "extra": 1}, "bad_request"),
        ({"version": 0, "document": {"a": None}}, "bad_document"),
        ({"version": 0, "document": {"a": "x" * 9_000}}, "bad_document"),
        ({"version": 0, "document": {"a": 2**70}}, "bad_document"),
        ({"version": 0, "document": {"": 1}}, "bad_document"),
        ({"version": 0, "document": {"a": [[[[1]]]]}}, "bad_document"),
        ({"version": 0, "document": {"a": "\ud800"}}, "bad_document"),
    ],
)
async def test_bad_input_is_refused_with_the_limit_and_nothing_is_kept(tmp_path: Path, body: dict[str, Any], code: str) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await admin.post("/api/v1/devices", json={"name": "pump"})
        headers = {"Content-Type": "application/json"}
        is_refusal(await admin.put(f"{PUMP}/desired", content=json.dumps(body), headers=headers), 422, code)
        assert (await admin.get(PUMP)).json()["desired"]["version"] == 0


async def test_an_unknown_device_has_no_shadow(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        is_refusal(await admin.get(PUMP), 404, "no_device")
        is_refusal(await put(admin, 0, {"a": 1}), 404, "no_device")


async def test_a_report_over_the_limit_takes_its_row_and_the_readings_beside_it_are_kept(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        device = await hub.parts.connect("pump")
        await device.hello(E, shadow={})
        await device.data(E, 1, [1.0, 2.0])
        await device.say({"e": E, "s": 2, "op": "reported", "n": 1, "version": 0, "document": {"a": "x" * 9_000}})
        await device.data(E, 3, [3.0, 4.0])
        reject = await device.hears("reject")
        assert (reject["s"], reject["code"]) == (2, "bad_frame")
        assert "over the limit of 8,192" in reject["reason"]
        await device.is_acked(E, 3)
        await device.say({"e": E, "s": 4, "op": "reported", "n": 2, "version": 0, "document": {"a": "x"}})
        await is_reported(hub, {"a": "x"})
