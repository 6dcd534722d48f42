"""The fleet over HTTP: what is said of devices, which of them are meant, their tokens."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from devices.wire.limits import CloseCode
from hub.core.errors import Refusal
from tests.support.api_hub import api_hub, is_refusal

PUMP = {"name": "pump", "title": "Pump 1", "kind": "pump", "tags": ["floor=2"], "notes": "key in hall 3"}
FLEET = [PUMP, {"name": "fan", "tags": ["floor=2", "spare"]}, {"name": "valve"}]


async def names(admin: httpx.AsyncClient, **params: str) -> list[str]:
    return [each["device"] for each in (await admin.get("/api/v1/devices", params=params)).json()["devices"]]


async def test_a_fleet_is_added_with_what_is_said_of_it_or_not_at_all(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        assert (await admin.post("/api/v1/devices", json={"devices": FLEET, "check": True})).status_code == 204
        assert await names(admin) == []
        answer = await admin.post("/api/v1/devices", json={"devices": FLEET})
        assert answer.status_code == 201
        assert [(each["device"], hub.auth.device_of(each["token"])) for each in answer.json()["devices"]] == [
            (name, name) for name in ("pump", "fan", "valve")
        ]
        item = (await admin.get("/api/v1/devices/pump")).json()
        assert (item["title"], item["kind"], item["tags"], item["notes"], item["revision"]) == (*list(PUMP.values())[1:], 1)
        for devices, code in (([{"name": "new"}, PUMP], "exists"), ([{"name": "new"}, {"name": "n2", "tags": ["a b"]}], "bad_tag")):
            for is_check in (True, False):
                refused = await admin.post("/api/v1/devices", json={"devices": devices, "check": is_check})
                is_refusal(refused, 409 if code == "exists" else 422, code)
        twice = is_refusal(await admin.post("/api/v1/devices", json={"names": ["a", "b", "a"]}), 422, "bad_name")
        assert "'a' is there twice" in twice["message"]
        assert await names(admin) == ["fan", "pump", "valve"]


async def test_devices_are_listed_by_tags_and_page_by_page(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await admin.post("/api/v1/devices", json={"devices": FLEET})
        assert await names(admin, where="floor=2 and not spare") == ["pump"]
        first = (await admin.get("/api/v1/devices?limit=2")).json()
        assert ([each["device"] for each in first["devices"]], first["next"]) == (["fan", "pump"], "pump")
        last = (await admin.get("/api/v1/devices?limit=2&after=pump")).json()
        assert ([each["device"] for each in last["devices"]], last["next"]) == (["valve"], None)
        assert await names(admin, after="gone", limit="1", where="floor=2") == ["pump"]
        assert await names(admin, after="zzz") == []
        assert "character 6" in is_refusal(await admin.get("/api/v1/devices", params={"where": "floor="}), 422, "bad_where")["message"]
        for query in ("limit=0", "limit=1001", "limit=x"):
            is_refusal(await admin.get(f"/api/v1/devices?{query}"), 422, "bad_request")
        is_refusal(await admin.get("/api/v1/devices?tag=a"), 422, "unknown_parameter")


async def test_an_edit_counts_only_on_the_revision_it_was_made_of(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await admin.post("/api/v1/devices", json={"name": "pump"})
        edited = await admin.patch("/api/v1/devices/pump", json={"tags": ["b", "a=1"], "kind": "pump", "revision": 0})
        assert (edited.status_code, edited.json()["tags"], edited.json()["revision"]) == (200, ["a=1", "b"], 1)
        said = is_refusal(await admin.patch("/api/v1/devices/pump", json={"kind": "fan", "revision": 0}), 409, "conflict")
        assert "kind 'pump'; you sent kind 'fan'" in said["message"]
        assert (await admin.patch("/api/v1/devices/pump", json={"title": "P"})).json()["kind"] == "pump"
        is_refusal(await admin.patch("/api/v1/devices/none", json={"kind": "fan"}), 404, "no_device")
        done = await hub.parts.state.audit(None, 1)
        assert (done[0].who, done[0].action, done[0].detail) == ("admin", "edit device", {"title": "P"})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"kind": None}, "bad_request"),
        ({"tags": "a"}, "bad_request"),
        ({"tags": ["a"] * 101}, "bad_request"),
        ({"tags": ["a", "a=1"]}, "bad_tag"),
        ({"tags": [f"t{n}" for n in range(33)]}, "bad_tag"),
        ({"notes": "x" * 2_001}, "bad_notes"),
        ({"disabled": "yes"}, "bad_request"),
        ({"revision": -1}, "bad_request"),
        ({"name": "other"}, "bad_request"),
    ],
)
async def test_an_edit_that_cannot_be_is_refused(tmp_path: Path, body: dict[str, Any], code: str) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await admin.post("/api/v1/devices", json={"name": "pump"})
        is_refusal(await admin.patch("/api/v1/devices/pump", json=body), 422, code)
        assert "revision" not in (await admin.get("/api/v1/devices/pump")).json()


async def test_only_who_may_manage_devices_edits_them(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, await hub.browser("operator") as operator:
        await hub.parts.registry.add_device("pump")
        for request in (
            operator.patch("/api/v1/devices/pump", json={"disabled": True}),
            operator.post("/api/v1/devices/pump/token", json={"overlap_s": 60}),
            operator.delete("/api/v1/devices/pump/token"),
        ):
            is_refusal(await request, 403, "not_allowed")
        assert (await operator.get("/api/v1/devices", params={"where": "name=pump"})).status_code == 200


async def test_a_disabled_device_is_cut_off_and_its_token_refused(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        hub.parts.registry.on_revoked(hub.parts.sessions.drop)
        token = (await admin.post("/api/v1/devices", json={"name": "pump"})).json()["token"]
        device = await hub.device("pump", 5)
        assert (await admin.patch("/api/v1/devices/pump", json={"disabled": True})).json()["disabled"] is True
        assert (await device.is_closed())[0] == CloseCode.DISABLED
        with pytest.raises(Refusal):
            hub.auth.device_of(token)
        assert "disabled" not in (await admin.patch("/api/v1/devices/pump", json={"disabled": False})).json()
        assert hub.auth.device_of(token) == "pump"


async def test_a_token_is_replaced_with_an_overlap_or_revoked(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        old = (await admin.post("/api/v1/devices", json={"name": "pump"})).json()["token"]
        said = (await admin.post("/api/v1/devices/pump/token", json={"overlap_s": 60})).json()
        assert (hub.auth.device_of(old), hub.auth.device_of(said["token"])) == ("pump", "pump")
        assert (await admin.get("/api/v1/devices/pump")).json()["old_token_until_us"] == said["old_token_until_us"]
        is_refusal(await admin.post("/api/v1/devices/pump/token", json={"overlap_s": 31 * 86_400}), 422, "bad_overlap")
        assert (await admin.delete("/api/v1/devices/pump/token")).status_code == 204
        assert (hub.auth.device_of(old), hub.auth.device_of(said["token"])) == (None, None)
        assert (await admin.get("/api/v1/devices/pump")).json()["has_token"] is False
        is_refusal(await admin.delete("/api/v1/devices/none/token"), 404, "no_device")
