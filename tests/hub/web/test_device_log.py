"""What a device logs, from its frames to the answer: once, in order, by level, page by page."""

from pathlib import Path

from tests.support.api_hub import api_hub, is_refusal
from tests.support.ingest_hub import now_us

PATH = "/api/v1/devices/pump/log"


async def test_what_a_device_logs_is_read_newest_first_and_each_line_once(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        pump = await hub.device("pump", 5)
        at_us = now_us()
        for seq, level in enumerate(("debug", "warning", "info", "error"), 1):
            said = {"e": 5, "s": seq, "op": "log", "level": level, "t": None if level == "info" else at_us, "text": f"<b>{level}</b>"}
            await pump.say(said)
            await pump.say(said)  # as after a lost ack
        await pump.is_acked(5, 4)
        await hub.is_stored()
        lines = (await admin.get(PATH)).json()["lines"]
        assert [line["level"] for line in lines] == ["error", "info", "warning", "debug"]
        assert [line["at_us"] for line in lines] == [at_us, None, at_us, at_us]
        assert lines[0]["text"] == "<b>error</b>"
        assert all(line["arrived_us"] >= at_us for line in lines)
        first = (await admin.get(PATH, params={"limit": 1, "level": "warning"})).json()
        rest = (await admin.get(PATH, params={"after": first["next"], "level": "warning"})).json()
        assert [line["level"] for line in first["lines"] + rest["lines"]] == ["error", "warning"]
        assert rest["next"] is None


async def test_an_unknown_device_and_a_bad_page_are_refused(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        is_refusal(await admin.get(PATH), 404, "no_device")
        await hub.parts.registry.add_device("pump")
        for bad in ({"limit": 0}, {"limit": 501}, {"after": 0}, {"level": "loud"}):
            is_refusal(await admin.get(PATH, params=bad), 422, "bad_request")
        assert (await admin.get(PATH)).json() == {"lines": [], "next": None}
