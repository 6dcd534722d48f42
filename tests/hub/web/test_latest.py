"""The newest readings over HTTP: of what the store has and of what it has not yet, for devices by name and by tag."""

from pathlib import Path
from typing import Any

import pytest

from hub.sessions import latest
from tests.support.api_hub import ApiHub, api_hub, is_refusal

T = 1_700_000_000_000_000


async def ask(hub: ApiHub, **params: Any) -> list[tuple[str, str, int, Any]]:
    async with hub.admin() as admin:
        answer = await admin.get("/api/v1/latest", params=params)
        assert answer.status_code == 200, answer.text
        return [(each["device"], each["channel"], each["t"], each["value"]) for each in answer.json()["readings"]]


async def say(hub: ApiHub, device: Any, epoch: int, seq: int, t: int, value: Any) -> None:
    """Have a device send a reading; it is durable when this returns, and perhaps not stored."""
    await device.say({"e": epoch, "s": seq, "op": "data", "t": t, "c": [0], "d": [0], "v": [value]})
    await device.is_acked(epoch, seq)


async def test_the_newest_reading_is_shown_as_soon_as_it_is_durable(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        assert await ask(hub) == []
        device = await hub.device("pump", 5)
        for seq in range(1, 30):
            await say(hub, device, 5, seq, T + seq, float(seq))
            ((name, _, t, value),) = await ask(hub, device="pump")
            assert (name, t, value) == ("pump", T + seq, float(seq))
        await hub.is_stored()
        assert [(t, value) for _, _, t, value in await ask(hub)] == [(T + 29, 29.0)]


async def test_a_late_reading_is_not_the_newest(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        device = await hub.device("pump", 5)
        await say(hub, device, 5, 1, T, 1.0)
        await hub.is_stored()
        await say(hub, device, 5, 2, T - 60_000_000, 2.0)
        assert [value for *_, value in await ask(hub)] == [1.0]


async def test_a_channel_that_changed_its_unit_is_there_once(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        device = await hub.device("pump", 5, channels=[{"name": "temp", "unit": "Cel", "kind": "gauge"}])
        await say(hub, device, 5, 1, T, 20.0)
        device = await hub.device("pump", 6, channels=[{"name": "temp", "unit": "K", "kind": "gauge"}])
        await say(hub, device, 6, 1, T + 1, 293.0)
        assert [value for *_, value in await ask(hub)] == [293.0]


async def test_devices_are_chosen_by_name_channel_and_tag(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        for name in ("a", "b"):
            await say(hub, await hub.device(name, 5), 5, 1, T, 1.0)
        async with hub.admin() as admin:
            (await admin.patch("/api/v1/devices/b", json={"tags": ["floor=2"]})).raise_for_status()
            both = await admin.get("/api/v1/latest", params={"device": "a", "where": "floor=2"})
            is_refusal(both, 422, "bad_request")
        assert [each[0] for each in await ask(hub)] == ["a", "b"]
        assert [each[0] for each in await ask(hub, device="a")] == ["a"]
        assert [each[0] for each in await ask(hub, where="floor=2")] == ["b"]
        assert await ask(hub, channel="none") == []


async def test_an_asker_who_has_it_is_told_so_until_there_is_a_newer_one(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        device = await hub.device("pump", 5)
        await say(hub, device, 5, 1, T, 1.0)
        first = await admin.get("/api/v1/latest")
        assert first.headers["cache-control"] == "private, no-cache"
        known = {"If-None-Match": first.headers["etag"]}
        assert (await admin.get("/api/v1/latest", headers=known)).status_code == 304
        await hub.is_stored()
        assert (await admin.get("/api/v1/latest", headers=known)).status_code == 304
        await say(hub, device, 5, 2, T + 1, 1.0)
        assert (await admin.get("/api/v1/latest", headers=known)).status_code == 200


@pytest.mark.parametrize(("limit", "status", "code"), [("MAX_SERIES", 422, "too_much"), ("MAX_TAIL_ROWS", 503, "store_behind")])
async def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, status: int, code: str) -> None:
    monkeypatch.setattr(latest, limit, -1)
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        is_refusal(await admin.get("/api/v1/latest"), status, code)
