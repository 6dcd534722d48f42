"""Targets and the delivery log over HTTP, on the real app: made, edited by version, tested, deleted; secrets shown once; page by page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx

from hub.layers import layer
from hub.rules import Notifying, RulesSide
from hub.web.api import make_app
from tests.support.api_hub import ApiHub, api_hub, is_refusal, now_us
from tests.support.receiver import Receiver, running
from tests.support.waiting import until

HOOK = {"target": "on-call", "kind": "webhook", "url": "http://127.0.0.1:9/"}


@asynccontextmanager
async def telling_hub(directory: Path) -> AsyncIterator[ApiHub]:
    """Run a hub with rules and targets."""
    async with api_hub(directory) as hub:
        side = RulesSide(hub.parts.state, hub.parts.entities, hub.parts.journal, now_us, Notifying(webhook_allow=("127.0.0.1",)))
        hub.app = make_app(replace(hub.api, rules=side.desk, targets=side.targets))
        async with layer(*side.runs()):
            await until(lambda: side.desk.is_current)
            yield hub


async def made(client: httpx.AsyncClient, **changes: object) -> httpx.Response:
    return await client.post("/api/v1/targets", json=HOOK | changes)


async def test_a_target_is_made_edited_by_its_version_and_deleted(tmp_path: Path) -> None:
    async with telling_hub(tmp_path) as hub, hub.admin() as admin:
        answer = await made(admin)
        assert answer.status_code == 201
        target = answer.json()
        assert target.pop("secret").startswith("whsec_")
        assert target == HOOK | {"version": 1, "rules": ["*"], "severity": "info"}
        is_refusal(await made(admin), 409, "exists")
        assert (await made(admin, severity="critical", version=1)).json()["version"] == 2
        is_refusal(await made(admin, version=1), 409, "conflict")
        assert [each["severity"] for each in (await admin.get("/api/v1/targets")).json()["targets"]] == ["critical"]
        secret = (await admin.post("/api/v1/targets/on-call/secret", json={"overlap_s": 60})).json()["secret"]
        assert secret.startswith("whsec_")
        assert "whsec_" not in (await admin.get("/api/v1/targets/on-call")).text
        assert (await admin.delete("/api/v1/targets/on-call")).status_code == 204
        is_refusal(await admin.get("/api/v1/targets/on-call"), 404, "no_target")


async def test_a_wrong_target_is_refused_and_nothing_is_made(tmp_path: Path) -> None:
    async with telling_hub(tmp_path) as hub, hub.admin() as admin:
        said = is_refusal(await made(admin, url="http://169.254.169.254/latest"), 422, "bad_target")
        assert said["message"] == "169.254.169.254 is no public address; the setting webhook_allow may name it"
        is_refusal(await made(admin, url="file:///etc/passwd"), 422, "bad_target")
        is_refusal(await made(admin, target="a b"), 422, "bad_name")
        is_refusal(await made(admin, colour="red"), 422, "bad_target")
        is_refusal(await made(admin, version=0), 422, "bad_request")
        assert (await admin.get("/api/v1/targets")).json() == {"targets": []}
        await made(admin)
        for overlap_s in (-1, 1e9, "x", None):
            is_refusal(await admin.post("/api/v1/targets/on-call/secret", json={"overlap_s": overlap_s}), 422, "bad_request")


async def test_a_test_says_how_it_ended_and_the_log_comes_page_by_page(tmp_path: Path) -> None:
    async with telling_hub(tmp_path) as hub, hub.admin() as admin, await hub.browser("viewer") as viewer, running(Receiver()) as receiver:
        await made(admin)
        await made(admin, target="real", url=receiver.url)
        down = (await admin.post("/api/v1/targets/on-call/test")).json()
        assert (down["state"], down["attempts"]) == ("given_up", 1)
        assert "connect" in down["error"]
        done = (await admin.post("/api/v1/targets/real/test")).json()
        assert (done["state"], done["status"], receiver.events()) == ("delivered", 204, ["test"])
        page = (await viewer.get("/api/v1/deliveries?limit=1")).json()
        assert page == {"deliveries": [done], "next": done["id"]}
        page = (await viewer.get(f"/api/v1/deliveries?limit=1&after={done['id']}")).json()
        assert page == {"deliveries": [down], "next": None}
        assert (await viewer.get("/api/v1/deliveries?state=delivered&target=on-call")).json()["deliveries"] == []
        is_refusal(await viewer.get("/api/v1/deliveries?after=none"), 404, "no_delivery")
        is_refusal(await viewer.get("/api/v1/deliveries?state=lost"), 422, "bad_request")
        is_refusal(await viewer.get("/api/v1/targets"), 403, "not_allowed")
