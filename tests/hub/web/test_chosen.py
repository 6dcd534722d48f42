"""Stored readings of the devices that a tag expression means: asked for, exported, listed; and what is said where it means none."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.api_hub import ApiHub, api_hub, is_refusal

T = 1_700_000_000_000_000
ROUTES = ["/api/v1/query", "/api/v1/export", "/api/v1/series"]


async def hub_with_readings(hub: ApiHub) -> None:
    for epoch, name, floor in ((1, "pump", "2"), (2, "fan", "2"), (3, "lamp", "3")):
        device = await hub.device(name, epoch)
        await device.say({"e": epoch, "s": 1, "op": "data", "t": T, "c": [0], "d": [epoch], "v": [float(epoch)]})
        await device.is_acked(epoch, 1)
        await hub.parts.registry.edit(name, {"tags": [f"floor={floor}"]})
    await hub.is_stored()


async def asked(admin: httpx.AsyncClient, **params: Any) -> tuple[int, set[str]]:
    """Return how many devices a query was of, and whose readings came."""
    answer = await admin.get("/api/v1/query", params={"from": T, "to": T + 10, **params})
    assert answer.status_code == 200, answer.text
    return answer.json()["devices"], {series["device"] for series in answer.json()["series"]}


@pytest.mark.parametrize(
    ("where", "names"), [("floor=2", {"pump", "fan"}), ("floor=2 and not name=p*", {"fan"}), ("floor!=2", {"lamp"}), ("floor=9", set())]
)
async def test_queries_exports_and_series_are_of_the_devices_that_are_meant(tmp_path: Path, where: str, names: set[str]) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await hub_with_readings(hub)
        assert await asked(admin, where=where) == (len(names), names)
        export = await admin.get("/api/v1/export", params={"where": where})
        assert {line.split(",")[1] for line in export.text.splitlines()[1:]} == names
        assert export.headers["X-Tributary-Devices"] == str(len(names))
        assert export.headers["X-Tributary-Empty"] == str(not names).lower()
        series = (await admin.get("/api/v1/series", params={"where": where})).json()["series"]
        assert {each["device"] for each in series} == names


async def test_an_answer_that_is_kept_is_of_the_devices_that_were_meant(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await hub_with_readings(hub)
        assert await asked(admin, where="floor=2") == (2, {"pump", "fan"})
        await hub.parts.registry.edit("lamp", {"tags": ["floor=2"]})
        assert await asked(admin, where="floor=2") == (3, {"pump", "fan", "lamp"})
        assert await asked(admin, device=["pump", "fan"]) == (2, {"pump", "fan"})


@pytest.mark.parametrize("path", ROUTES)
async def test_a_bad_expression_says_where_and_names_beside_one_are_refused(tmp_path: Path, path: str) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        said = is_refusal(await admin.get(path, params={"where": "floor=2 floor=3"}), 422, "bad_where")
        assert "at character 9" in said["message"]
        is_refusal(await admin.get(path, params={"where": "floor=2", "device": "pump"}), 422, "bad_request")


async def test_a_query_says_of_which_devices(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        assert "device" in is_refusal(await admin.get("/api/v1/query"), 422, "bad_request")["message"]
