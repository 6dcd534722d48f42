"""Devices and commands over HTTP, with real devices on the other side."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.api_hub import api_hub, is_refusal

GO = [{"name": "go", "args": {"x": {"type": "number"}, "how": {"type": "text", "default": "fast"}, "n": {"type": "integer", "default": 1}}}]


async def test_a_new_device_gets_a_token_that_is_shown_once(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        answer = await admin.post("/api/v1/devices", json={"name": "pump-7"})
        assert answer.status_code == 201
        said = answer.json()
        assert said["device"] == "pump-7"
        assert hub.auth.device_of(said["token"]) == "pump-7"
        assert said["token"] not in (await admin.get("/api/v1/devices")).text
        is_refusal(await admin.post("/api/v1/devices", json={"name": "pump-7"}), 409, "exists")


async def test_many_devices_are_added_at_once_or_none(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        answer = await admin.post("/api/v1/devices", json={"names": ["a", "b"]})
        assert [(each["device"], hub.auth.device_of(each["token"])) for each in answer.json()["devices"]] == [("a", "a"), ("b", "b")]
        is_refusal(await admin.post("/api/v1/devices", json={"names": ["c", "a"]}), 409, "exists")
        is_refusal(await admin.post("/api/v1/devices", json={"names": ["c", "no blanks"]}), 422, "bad_name")
        is_refusal(await admin.post("/api/v1/devices", json={"names": [f"d{n}" for n in range(1_001)]}), 422, "bad_request")
        assert hub.parts.registry.names() == ["a", "b"]


@pytest.mark.parametrize("body", [{}, {"name": "a", "names": ["b"]}])
async def test_either_a_name_or_names_must_be_given(tmp_path: Path, body: dict[str, Any]) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        is_refusal(await admin.post("/api/v1/devices", json=body), 422, "bad_request")


@pytest.mark.parametrize("name", ["", " ", "-a", "ü", "a" * 65, "a/b", "a\x00"])
async def test_a_bad_name_is_refused_with_the_rule(tmp_path: Path, name: str) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        assert "1 to 64" in is_refusal(await admin.post("/api/v1/devices", json={"name": name}), 422, "bad_name")["message"]


async def test_a_device_is_listed_as_it_declared_itself(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await hub.device("pump", 5, firmware="1.2", commands=GO)
        item = (await admin.get("/api/v1/devices/pump")).json()
        assert (item["presence"], item["firmware"], item["commands"][0]["name"]) == ("online", "1.2", "go")
        assert [channel["name"] for channel in item["channels"]] == ["temp", "hum"]
        assert (await admin.get("/api/v1/devices")).json() == {"devices": [item], "next": None}


async def test_a_new_token_replaces_the_old_one(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        old = (await admin.post("/api/v1/devices", json={"name": "pump"})).json()["token"]
        new = (await admin.post("/api/v1/devices/pump/token")).json()["token"]
        assert hub.auth.device_of(old) is None
        assert hub.auth.device_of(new) == "pump"
        is_refusal(await admin.post("/api/v1/devices/none/token"), 404, "no_device")


async def test_a_removed_device_is_gone_with_its_token(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        token = (await admin.post("/api/v1/devices", json={"name": "pump"})).json()["token"]
        answer = await admin.delete("/api/v1/devices/pump")
        assert (answer.status_code, answer.content) == (204, b"")
        assert hub.auth.device_of(token) is None
        is_refusal(await admin.get("/api/v1/devices/pump"), 404, "no_device")
        is_refusal(await admin.delete("/api/v1/devices/pump"), 404, "no_device")


async def test_a_binary_default_in_a_hello_is_shown_as_text(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await hub.device("pump", 5, commands=[{"name": "go", "args": {"key": {"type": "text", "default": b"\x00"}}}])
        for path in ("/api/v1/devices", "/api/v1/devices/pump"):
            answer = await admin.get(path)
            assert answer.status_code == 200
            assert '"default":"AA=="' in answer.text
