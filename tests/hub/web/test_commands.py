"""Commands over HTTP, with real devices on the other side."""

import math
from pathlib import Path
from typing import Any

import pytest
import trio

from hub.ports import CommandRecord
from tests.support.api_hub import api_hub, is_refusal
from tests.support.waiting import until

GO = [{"name": "go", "args": {"x": {"type": "number"}, "how": {"type": "text", "default": "fast"}, "n": {"type": "integer", "default": 1}}}]


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
        assert (await admin.get("/api/v1/commands")).json() == {"commands": [item], "next": None}
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


async def test_commands_are_listed_newest_first_up_to_a_limit(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        for number in range(5):
            name = f"d{number % 2}"
            state, group = ("done", None) if number else ("sent", "g1")
            record = CommandRecord(f"c{number}", name, "go", {}, state, 1, "ann", number, number, 99, value=math.nan, group=group)
            await hub.parts.state.put_commands([record])

        async def listed(query: str) -> list[str]:
            return [item["id"] for item in (await admin.get(f"/api/v1/commands?{query}")).json()["commands"]]

        assert await listed("limit=3") == ["c4", "c3", "c2"]
        assert await listed("device=d1") == ["c3", "c1"]
        assert (await listed("group=g1"), await listed("state=sent"), await listed("name=stop")) == (["c0"], ["c0"], [])
        assert await listed("state=done&device=d0&name=go&limit=1") == ["c4"]
        assert (await admin.get("/api/v1/commands/c0")).json()["value"] is None
        is_refusal(await admin.get("/api/v1/commands/none"), 404, "no_command")
        for query in ("limit=0", "state=gone", "after=c4", "after=1.", "after=9999999999999999999.c"):
            is_refusal(await admin.get(f"/api/v1/commands?{query}"), 422, "bad_request")


async def test_the_pages_of_commands_hold_each_one_once_also_while_more_come(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:

        async def put(number: int, created_us: int) -> None:
            record = CommandRecord(f"c{number}", "pump", "go", {}, "done", 1, "ann", created_us, created_us, 99)
            await hub.parts.state.put_commands([record])

        for number in range(7):
            await put(number, number // 3)  # several of the same microsecond
        found, after = list[str](), ""
        while True:
            page = (await admin.get(f"/api/v1/commands?limit=2{after}")).json()
            found += [item["id"] for item in page["commands"]]
            await put(100 + len(found), 10 + len(found))
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        assert found == ["c6", "c5", "c4", "c3", "c2", "c1", "c0"]


async def test_a_command_waits_for_a_device_that_is_away_and_an_unknown_one_gets_none(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        pump = await hub.device("pump", 5, commands=GO)
        await pump.link.aclose()
        await until(lambda: not hub.parts.registry.is_connected("pump"))
        answer = await admin.post("/api/v1/devices/pump/commands", json={"name": "go", "args": {"x": 1}})
        assert (answer.status_code, answer.json()["state"]) == (202, "queued")
        is_refusal(await admin.post("/api/v1/devices/none/commands", json={"name": "go"}), 404, "no_device")
        answer = await admin.post(f"/api/v1/commands/{answer.json()['id']}/cancel")
        assert (answer.status_code, answer.json()["answer"], answer.json()["command"]["state"]) == (200, "cancelled", "cancelled")
        is_refusal(await admin.post("/api/v1/commands/none/cancel"), 404, "no_command")


@pytest.mark.parametrize(("state", "answer"), [("cancelled", "cancelled"), ("done", "too_late")])
async def test_a_device_that_has_the_command_says_what_became_of_the_wish_to_cancel(tmp_path: Path, state: str, answer: str) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        pump = await hub.device("pump", 5, commands=GO)
        sent = (await admin.post("/api/v1/devices/pump/commands", json={"name": "go", "args": {"x": 1}})).json()

        async def answer_cancel() -> None:
            assert (await pump.hears("cancel"))["id"] == sent["id"]
            await pump.say({"e": 5, "s": 1, "op": "result", "id": sent["id"], "state": state})

        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer_cancel)
            said = await admin.post(f"/api/v1/commands/{sent['id']}/cancel")
        assert (said.status_code, said.json()["answer"], said.json()["command"]["state"]) == (200, answer, state)


async def test_the_same_idempotency_key_gives_the_same_command(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await hub.device("pump", 5, commands=GO)

        async def send(x: float, key: str) -> Any:
            body = {"name": "go", "args": {"x": x}}
            return await admin.post("/api/v1/devices/pump/commands", json=body, headers={"Idempotency-Key": key})

        first, again, other = await send(1, "k1"), await send(1, "k1"), await send(1, "k2")
        assert first.json()["id"] == again.json()["id"] != other.json()["id"]
        is_refusal(await send(2, "k1"), 409, "key_used")
        is_refusal(await send(1, "k" * 200), 422, "bad_key")
        assert len((await admin.get("/api/v1/commands")).json()["commands"]) == 2
