"""Silences over HTTP, on the real app: made by an operator, listed, lifted; what is wrong is refused."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from hub.layers import layer
from hub.rules import RulesSide
from hub.web.api import make_app
from tests.support.api_hub import ApiHub, api_hub, is_refusal, now_us
from tests.support.waiting import until


@asynccontextmanager
async def quiet_hub(directory: Path) -> AsyncIterator[ApiHub]:
    """Run a hub with rules and silences."""
    async with api_hub(directory) as hub:
        side = RulesSide(hub.parts.state, hub.parts.entities, hub.parts.journal, now_us)
        hub.app = make_app(replace(hub.api, rules=side.desk, silences=side.silences))
        async with layer(*side.runs()):
            await until(lambda: side.desk.is_current)
            yield hub


async def test_an_operator_makes_and_lifts_a_silence_and_a_viewer_sees_it(tmp_path: Path) -> None:
    async with quiet_hub(tmp_path) as hub, await hub.browser("operator") as operator, await hub.browser("viewer") as viewer:
        answer = await operator.post("/api/v1/silences", json={"where": "floor=2", "for_s": 60, "reason": "work"})
        made = answer.json()
        assert (answer.status_code, made["state"], made["by"]) == (201, "active", "ann")
        assert made["until_us"] - made["from_us"] == 60_000_000
        listed = (await viewer.get("/api/v1/silences")).json()["silences"]
        assert [{**each, "state": ""} for each in listed] == [{**made, "state": ""}]
        is_refusal(await viewer.post("/api/v1/silences", json={"device": "pump", "reason": "work"}), 403, "not_allowed")
        is_refusal(await viewer.delete(f"/api/v1/silences/{made['id']}"), 403, "not_allowed")
        assert (await operator.delete(f"/api/v1/silences/{made['id']}")).status_code == 204
        is_refusal(await operator.delete(f"/api/v1/silences/{made['id']}"), 404, "no_silence")
        assert (await viewer.get("/api/v1/silences")).json() == {"silences": []}


async def test_a_wrong_silence_is_refused_and_nothing_is_made(tmp_path: Path) -> None:
    async with quiet_hub(tmp_path) as hub, hub.admin() as admin:
        is_refusal(await admin.post("/api/v1/silences", json={"device": "pump"}), 422, "bad_request")
        is_refusal(await admin.post("/api/v1/silences", json={"reason": "work"}), 422, "bad_silence")
        is_refusal(await admin.post("/api/v1/silences", json={"device": "pump", "reason": "work", "for_s": -1}), 422, "bad_silence")
        is_refusal(await admin.post("/api/v1/silences", json={"where": "((", "reason": "work"}), 422, "bad_where")
        assert (await admin.get("/api/v1/silences")).json() == {"silences": []}
