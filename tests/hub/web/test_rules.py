"""Rules and alerts over HTTP, on the real app: made, edited by version, deleted; alerts page by page, and acknowledged."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx

from hub.layers import layer
from hub.rules import Preview, RuleDesk, RulesSide
from hub.web.api import make_app
from tests.support.api_hub import ApiHub, api_hub, is_refusal, now_us
from tests.support.waiting import until

HOT = {"rule": "hot", "kind": "above", "channels": ["temp"], "limit": 80}


@asynccontextmanager
async def ruled_hub(directory: Path) -> AsyncIterator[tuple[ApiHub, RuleDesk]]:
    """Run a hub with rules."""
    async with api_hub(directory) as hub:
        side = RulesSide(hub.parts.state, hub.parts.entities, hub.parts.journal, now_us)
        hub.app = make_app(replace(hub.api, rules=side.desk))
        async with layer(*side.runs()):
            await until(lambda: side.desk.is_current)
            yield hub, side.desk


def _has_alerts(desk: RuleDesk, count: int) -> bool:
    return len(desk.alerts()) == count


async def made(client: httpx.AsyncClient, **changes: object) -> httpx.Response:
    return await client.post("/api/v1/rules", json=HOT | changes)


async def test_a_rule_is_made_edited_by_its_version_and_deleted(tmp_path: Path) -> None:
    async with ruled_hub(tmp_path) as (hub, _), hub.admin() as admin:
        answer = await made(admin)
        assert answer.status_code == 201
        rule = answer.json()
        assert rule == HOT | {"version": 1, "devices": ["*"], "hysteresis": 0, "for_s": 0, "late_s": 60, "severity": "warning"}
        is_refusal(await made(admin), 409, "exists")
        assert (await made(admin, limit=90, version=1)).json()["version"] == 2
        is_refusal(await made(admin, limit=95, version=1), 409, "conflict")
        assert [each["limit"] for each in (await admin.get("/api/v1/rules")).json()["rules"]] == [90]
        assert (await admin.delete("/api/v1/rules/hot")).status_code == 204
        is_refusal(await admin.get("/api/v1/rules/hot"), 404, "no_rule")


async def test_a_wrong_rule_is_refused_and_nothing_is_made(tmp_path: Path) -> None:
    async with ruled_hub(tmp_path) as (hub, _), hub.admin() as admin:
        said = is_refusal(await made(admin, limit="hot"), 422, "bad_rule")
        assert said["message"] == "limit must be a number from -1e+300 to 1e+300, not 'hot'"
        is_refusal(await made(admin, rule="a b"), 422, "bad_name")
        is_refusal(await made(admin, colour="red"), 422, "bad_rule")
        is_refusal(await made(admin, version=0), 422, "bad_request")
        assert (await admin.get("/api/v1/rules")).json() == {"rules": []}


async def test_alerts_come_page_by_page_newest_first_and_an_operator_acknowledges_one(tmp_path: Path) -> None:
    async with ruled_hub(tmp_path) as (hub, desk), hub.admin() as admin, await hub.browser("operator") as operator:
        await made(admin)
        for number in range(3):
            device = await hub.device(f"d{number}", 7)
            await device.data(7, 1, [81.0 + number, 0.0])
            await until(partial(_has_alerts, desk, number + 1))
        page = (await admin.get("/api/v1/alerts?limit=2")).json()
        assert [alert["device"] for alert in page["alerts"]] == ["d2", "d1"]
        assert page["next"] == page["alerts"][-1]["id"]
        last = page["alerts"][-1]["id"]
        page = (await admin.get(f"/api/v1/alerts?limit=2&after={last}")).json()
        assert [alert["value"] for alert in page["alerts"]] == [81.0]
        assert page["next"] is None
        answer = await operator.post(f"/api/v1/alerts/{last}/acknowledge")
        assert (answer.json()["state"], answer.json()["by"]) == ("acknowledged", "ann")
        is_refusal(await operator.post(f"/api/v1/alerts/{last}/acknowledge"), 409, "not_open")
        found = (await admin.get("/api/v1/alerts?state=acknowledged&device=d1&rule=hot")).json()["alerts"]
        assert found == [(await admin.get(f"/api/v1/alerts/{last}")).json()]
        is_refusal(await admin.get("/api/v1/alerts?after=none"), 404, "no_alert")
        is_refusal(await admin.get("/api/v1/alerts?state=new"), 422, "bad_request")


async def test_many_alerts_are_acknowledged_at_once_and_those_that_are_not_open_are_named(tmp_path: Path) -> None:
    async with ruled_hub(tmp_path) as (hub, desk), hub.admin() as admin, await hub.browser("operator") as operator:
        await made(admin)
        for number in range(3):
            device = await hub.device(f"d{number}", 7)
            await device.data(7, 1, [81.0 + number, 0.0])
            await until(partial(_has_alerts, desk, number + 1))
        ids = [alert["id"] for alert in desk.alerts()]
        await admin.post(f"/api/v1/alerts/{ids[0]}/acknowledge")
        said = (await operator.post("/api/v1/alerts/acknowledge", json={"alerts": [*ids, ids[1], "none"]})).json()
        assert [(each["id"], each["state"], each["by"]) for each in said["alerts"]] == [(id_, "acknowledged", "ann") for id_ in ids[1:]]
        assert [(each["alert"], each["code"]) for each in said["refusals"]] == [(ids[0], "not_open"), ("none", "no_alert")]
        entries = (await admin.get("/api/v1/audit")).json()["entries"]
        assert {entry["what"] for entry in entries if entry["action"] == "acknowledge alert"} == {f"alert {id_}" for id_ in ids}
        is_refusal(await operator.post("/api/v1/alerts/acknowledge", json={"alerts": []}), 422, "bad_request")


async def test_only_who_may_makes_rules_and_acknowledges(tmp_path: Path) -> None:
    async with ruled_hub(tmp_path) as (hub, _), await hub.browser("operator") as operator, await hub.browser("viewer") as viewer:
        is_refusal(await made(operator), 403, "not_allowed")
        is_refusal(await operator.delete("/api/v1/rules/hot"), 403, "not_allowed")
        is_refusal(await viewer.post("/api/v1/alerts/x/acknowledge"), 403, "not_allowed")
        is_refusal(await viewer.post("/api/v1/alerts/acknowledge", json={"alerts": ["x"]}), 403, "not_allowed")
        assert (await viewer.get("/api/v1/alerts")).json() == {"alerts": [], "next": None}


async def test_a_rule_that_is_disabled_raises_nothing_until_it_is_enabled(tmp_path: Path) -> None:
    async with ruled_hub(tmp_path) as (hub, desk), hub.admin() as admin:
        await made(admin)
        device = await hub.device("d", 7)
        await device.data(7, 1, [90.0, 0.0])
        await until(partial(_has_alerts, desk, 1))
        listed = (await admin.get("/api/v1/rules")).json()["rules"][0]
        assert (listed["fired"]["open"], listed["fired"]["week"]) == (1, 1)
        assert (await made(admin, version=1, disabled=True)).json()["disabled"] is True
        assert (await admin.get("/api/v1/rules")).json()["rules"][0]["fired"]["open"] == 0
        await made(admin, rule="other", severity="critical")
        await device.data(7, 2, [91.0, 0.0])
        await until(partial(_has_alerts, desk, 2))
        assert [alert["rule"] for alert in (await admin.get("/api/v1/alerts?severity=critical")).json()["alerts"]] == ["other"]
        await made(admin, version=2)
        await device.data(7, 3, [92.0, 0.0])
        await until(partial(_has_alerts, desk, 3))
        await made(admin, version=3, disabled=True)
        assert (await admin.delete("/api/v1/rules/hot")).status_code == 204
        is_refusal(await made(admin, disabled="yes"), 422, "bad_rule")


async def test_looking_back_finds_the_alerts_that_the_hub_raised_on_the_same_readings(tmp_path: Path) -> None:
    async with ruled_hub(tmp_path) as (hub, desk):
        preview = Preview(hub.store, hub.parts.registry, hub.parts.registry.connections, now_us)
        hub.app = make_app(replace(hub.api, rules=desk, preview=preview))
        async with hub.admin() as admin:
            await made(admin, hysteresis=5)
            for name, temps in (("a", [90, 78, 85, 70, 81, 99, 0]), ("b", [10, 20, 30]), ("c", [80, 80.5, 76, 74, 95])):
                device = await hub.device(name, 7)
                for number, temp in enumerate(temps, 1):
                    await device.data(7, number, [float(temp), 0.0])
                await device.is_acked(7, len(temps))
            await hub.is_stored()
            journal = hub.parts.journal
            await until(lambda: journal.cursor("rules").applied == journal.position)
            asked = {key: value for key, value in HOT.items() if key != "rule"}
            found = (await admin.post("/api/v1/rules/preview", json=asked | {"hysteresis": 5})).json()
            live = desk.alerts()
            keys = ("device", "channel", "value", "message")
            assert len(live) == 4
            assert sorted([[each[key] for key in keys] + [each["raised_us"]] for each in found["alerts"]]) == sorted(
                [[each[key] for key in keys] + [each["at_us"]] for each in live]
            )
            assert sum(each["cleared_us"] is None for each in found["alerts"]) == sum(each["state"] == "open" for each in live)


async def test_a_rule_is_tried_on_what_is_stored_and_nothing_is_made(tmp_path: Path) -> None:
    async with ruled_hub(tmp_path) as (hub, desk):
        preview = Preview(hub.store, hub.parts.registry, hub.parts.registry.connections, now_us)
        hub.app = make_app(replace(hub.api, rules=desk, preview=preview))
        async with hub.admin() as admin, await hub.browser("operator") as operator:
            device = await hub.device("d", 7)
            for number, temp in enumerate([90.0, 0.0, 90.0], 1):
                await device.data(7, number, [temp, 0.0])
            await device.is_acked(7, 3)
            await hub.is_stored()
            asked = {key: value for key, value in HOT.items() if key != "rule"}
            found = (await admin.post("/api/v1/rules/preview", json=asked)).json()
            assert (found["fired"], found["days"]) == (2, 7)
            assert (await admin.get("/api/v1/rules")).json() == {"rules": []}
            is_refusal(await operator.post("/api/v1/rules/preview", json=asked), 403, "not_allowed")
            is_refusal(await admin.post("/api/v1/rules/preview", json=asked | {"days": 32}), 422, "bad_request")
            is_refusal(await admin.post("/api/v1/rules/preview", json=asked | {"limit": "hot"}), 422, "bad_rule")
