"""Commands to many devices over HTTP: sent, read with their tallies, cancelled; what is refused says why."""

from pathlib import Path
from typing import Any

import httpx

from tests.support.api_hub import api_hub, is_refusal
from tests.support.waiting import until

GO = [{"name": "go", "args": {"x": {"type": "number"}}}]
PATH = "/api/v1/group-commands"


async def sent(client: httpx.AsyncClient, **said: Any) -> dict[str, Any]:
    key = {"Idempotency-Key": said.pop("key")} if "key" in said else {}
    answer = await client.post(PATH, json={"name": "go", "args": {"x": 1}} | said, headers=key)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


async def test_a_group_gets_a_command_and_its_answers_are_counted(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        pump, fan = await hub.device("pump", 5, commands=GO), await hub.device("fan", 6, commands=GO)
        await hub.device("lamp", 7)
        group = await sent(admin, where="name=*", ttl_s=60, key="k")
        assert (group["devices"], group["refused"], group["tally"]) == (2, 1, {"sent": 2})
        assert [(each["device"], each["code"]) for each in group["refusals"]] == [("lamp", "unknown_command")]
        assert await sent(admin, where="name=*", ttl_s=60, key="k") == group
        for device, epoch, state in ((pump, 5, "done"), (fan, 6, "failed")):
            command = await device.hears("command")
            await device.say({"e": epoch, "s": 1, "op": "result", "id": command["id"], "state": state})
            await device.is_acked(epoch, 1)
        await until(lambda: hub.parts.journal.cursor("ledger").applied == hub.parts.journal.position)
        item = (await admin.get(f"{PATH}/{group['id']}")).json()
        assert (item["tally"], "ended_us" in item, item["refusals"]) == ({"done": 1, "failed": 1}, True, group["refusals"])
        page = (await admin.get(PATH)).json()
        assert page == {"group_commands": [{key: item[key] for key in item if key != "refusals"}], "next": None}
        commands = (await admin.get(f"/api/v1/commands?group={group['id']}")).json()["commands"]
        assert {each["device"]: each["state"] for each in commands} == {"pump": "done", "fan": "failed"}
        assert all(each["group"] == group["id"] and list(each["reached_us"])[:2] == ["queued", "sent"] for each in commands)


async def test_what_waits_is_cancelled_for_all(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        pump = await hub.device("pump", 5, commands=GO)
        await pump.link.aclose()
        await until(lambda: hub.parts.sessions.count() == 0)
        group = await sent(admin, devices=["pump"])
        answer = await admin.post(f"{PATH}/{group['id']}/cancel")
        assert answer.status_code == 200
        said = answer.json()
        assert ((said["cancelled"], said["asked"], said["ended"]), said["group"]["tally"]) == ((1, 0, 0), {"cancelled": 1})
        is_refusal(await admin.post(f"{PATH}/none/cancel"), 404, "no_group")
        is_refusal(await admin.get(f"{PATH}/none"), 404, "no_group")


async def test_a_wrong_group_command_is_refused_and_nothing_is_sent(tmp_path: Path) -> None:
    refused: list[tuple[dict[str, Any], str]] = [
        ({}, "bad_devices"),
        ({"devices": []}, "no_devices"),
        ({"devices": ["pump"], "where": "pump"}, "bad_devices"),
        ({"where": "floor=7"}, "no_devices"),
        ({"where": "("}, "bad_where"),
        ({"devices": ["none"]}, "not_for_all"),
        ({"devices": ["pump", "none"], "all_or_nothing": True}, "not_for_all"),
        ({"devices": ["pump"], "args": {"x": "fast"}}, "not_for_all"),
        ({"devices": ["pump"], "ttl_s": -1}, "bad_ttl"),
        ({"devices": ["pump"], "devise": 1}, "bad_request"),
        ({"devices": ["pump"] * 10_001}, "bad_request"),
        ({"devices": ["pump"], "args": {"x": 2**70}}, "bad_request"),
    ]
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await hub.device("pump", 5, commands=GO)
        for body, code in refused:
            is_refusal(await admin.post(PATH, json={"name": "go", "args": {"x": 1}} | body), 422, code)
        assert (await admin.get("/api/v1/commands")).json()["commands"] == []
        assert (await admin.get(PATH)).json() == {"group_commands": [], "next": None}
        is_refusal(await admin.get(f"{PATH}?after=x"), 422, "bad_request")


async def test_the_pages_of_group_commands_hold_each_one_once(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await hub.device("pump", 5, commands=GO)
        made = [(await sent(admin, devices=["pump"]))["id"] for _ in range(3)]
        first = (await admin.get(f"{PATH}?limit=2")).json()
        second = (await admin.get(f"{PATH}?limit=2&after={first['next']}")).json()
        found = [each["id"] for each in first["group_commands"] + second["group_commands"]]
        assert (found, second["next"]) == (made[::-1], None)
