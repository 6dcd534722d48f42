"""Devices and commands over HTTP, with real devices on the other side."""

import math
from pathlib import Path
from typing import Any

import pytest

from hub.ports import CommandRecord
from tests.support.api_hub import api_hub, is_refusal
from tests.support.waiting import until

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
        assert (await admin.get("/api/v1/devices")).json() == {"devices": [item]}


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


async def test_a_command_goes_to_the_device_and_its_result_comes_back(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        pump = await hub.device("pump", 5, commands=GO)
        answer = await admin.post("/api/v1/devices/pump/commands", json={"name": "go", "args": {"x": 1.5}, "ttl_s": 60})
        assert answer.status_code == 202
        sent = answer.json()
        assert (sent["state"], sent["args"], sent["by"]) == ("sent", {"x": 1.5, "how": "fast", "n": 1}, "admin")
        assert sent["expires_us"] - sent["created_us"] == 60_000_000
        command = await pump.hears("command")
        assert (command["id"], command["name"]) == (sent["id"], "go")
        await pump.say({"e": 5, "s": 1, "op": "result", "id": sent["id"], "state": "done", "value": {"y": 3}})
        await pump.is_acked(5, 1)
        await hub.is_stored()
        item = (await admin.get(f"/api/v1/commands/{sent['id']}")).json()
        assert (item["state"], item["value"]) == ("done", {"y": 3})
        assert (await admin.get("/api/v1/commands")).json() == {"commands": [item], "truncated": False}
        assert (await admin.get("/api/v1/commands?device=other")).json()["commands"] == []


async def test_a_binary_result_of_one_device_stops_no_other_device(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        odd, plain = await hub.device("odd", 5, commands=GO), await hub.device("plain", 6, commands=GO)
        ids = []
        for device in (odd, plain):
            answer = await admin.post(f"/api/v1/devices/{device.name}/commands", json={"name": "go", "args": {"x": 1}})
            ids.append(answer.json()["id"])
        for device, epoch, command_id, value in ((odd, 5, ids[0], b"\xff\xfe"), (plain, 6, ids[1], 7)):
            await device.say({"e": epoch, "s": 1, "op": "result", "id": command_id, "state": "done", "value": value})
            await device.is_acked(epoch, 1)
        await until(lambda: hub.parts.journal.cursor("ledger").applied == hub.parts.journal.position)
        assert [(await admin.get(f"/api/v1/commands/{each}")).json()["value"] for each in ids] == ["__4=", 7]


async def test_a_binary_default_in_a_hello_is_shown_as_text(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await hub.device("pump", 5, commands=[{"name": "go", "args": {"key": {"type": "text", "default": b"\x00"}}}])
        for path in ("/api/v1/devices", "/api/v1/devices/pump"):
            answer = await admin.get(path)
            assert answer.status_code == 200
            assert '"default":"AA=="' in answer.text


async def test_what_a_device_cannot_take_is_refused_and_nothing_is_sent(tmp_path: Path) -> None:
    refused: list[tuple[dict[str, Any], str]] = [
        ({"name": "stop"}, "unknown_command"),
        ({"name": "go"}, "bad_argument"),
        ({"name": "go", "args": {"x": "1"}}, "bad_argument"),
        ({"name": "go", "args": {"x": 1, "y": 1}}, "bad_argument"),
        ({"name": "go", "args": {"x": 1}, "ttl_s": 0}, "bad_ttl"),
        ({"name": "go", "args": {"x": 1}, "ttl_s": 1e9}, "bad_ttl"),
        ({"name": "go", "args": {"x": 1}, "speed": 3}, "bad_request"),
        ({"name": "go", "args": {"x": 1, "n": 2**64}}, "bad_request"),
        ({"name": "go", "args": {"x": 1, "n": 10**300}}, "bad_request"),
    ]
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await hub.device("pump", 5, commands=GO)
        for body, code in refused:
            is_refusal(await admin.post("/api/v1/devices/pump/commands", json=body), 422, code)
        assert (await admin.get("/api/v1/commands")).json()["commands"] == []


@pytest.mark.parametrize(
    "args", [b'{"x": 1, "how": "\\ud800"}', b'{"x": NaN}', b'{"x": Infinity}', b'{"x": 1e999}', b'{"x": ' + b"[" * 900 + b"]" * 900 + b"}"]
)
async def test_json_that_no_device_can_be_sent_is_refused(tmp_path: Path, args: bytes) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await hub.device("pump", 5, commands=GO)
        content = b'{"name": "go", "args": ' + args + b"}"
        answer = await admin.post("/api/v1/devices/pump/commands", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422), answer.text
        assert answer.json()["code"] in ("bad_request", "bad_argument")


async def test_a_device_that_is_away_or_unknown_gets_no_command(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await hub.parts.registry.add_device("pump")
        is_refusal(await admin.post("/api/v1/devices/pump/commands", json={"name": "go"}), 409, "offline")
        is_refusal(await admin.post("/api/v1/devices/none/commands", json={"name": "go"}), 404, "no_device")


async def test_commands_are_listed_newest_first_up_to_a_limit(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        for number in range(5):
            name = f"d{number % 2}"
            await hub.parts.state.put_command(
                CommandRecord(f"c{number}", name, "go", {}, "done", 1, "ann", number, number, 99, value=math.nan)
            )
        assert [item["id"] for item in (await admin.get("/api/v1/commands?limit=3")).json()["commands"]] == ["c4", "c3", "c2"]
        assert [item["id"] for item in (await admin.get("/api/v1/commands?device=d1")).json()["commands"]] == ["c3", "c1"]
        assert (await admin.get("/api/v1/commands/c0")).json()["value"] is None
        is_refusal(await admin.get("/api/v1/commands/none"), 404, "no_command")
        is_refusal(await admin.get("/api/v1/commands?limit=0"), 422, "bad_request")
