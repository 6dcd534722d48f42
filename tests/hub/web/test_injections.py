"""Three hundred injections in each place of a request where a name, an expression or a number is due: who may see one device sees one."""

from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
import pytest

from devices.wire.messages import Kind
from hub.core.records import Columns, Cursor, Series
from tests.support.api_hub import ApiHub, api_hub
from tests.support.injections import INJECTIONS, NEIGHBOUR

THEIRS, TITLE = 271_828.25, "house of somebody else"
IN_REACH = {"device": "pump"}
PLACES: list[tuple[str, dict[str, str], str]] = [
    ("query", {}, "device"),
    *[("query", IN_REACH, name) for name in ("channel", "device", "width", "from", "to")],
    *[("series", IN_REACH, name) for name in ("device", "after", "where")],
    *[("latest", IN_REACH, name) for name in ("channel", "device", "where")],
    *[("export", IN_REACH, name) for name in ("channel", "device", "format", "where")],
    *[("devices", {}, name) for name in ("where", "after")],
    ("commands", IN_REACH, "after"),
]


async def fill(hub: ApiHub) -> None:
    """Add two devices with a reading each."""
    await hub.parts.registry.add_devices(["pump", NEIGHBOUR], {NEIGHBOUR: {"title": TITLE}})
    series = [Series(name, "temp", "Cel", Kind.GAUGE) for name in ("pump", NEIGHBOUR)]
    columns = Columns(series, np.arange(2, dtype=np.int32), np.full(2, 1_000_000, np.int64), np.array([1.5, THEIRS]))
    await hub.store.append(columns, Cursor("j", 10**6))


def shows_nothing_of_theirs(answer: Any, said: str) -> None:
    assert answer.status_code in (200, 403, 404, 422), (said, answer.text)
    assert "x-evil" not in answer.headers, said
    assert str(int(THEIRS)).encode() not in answer.content, said
    assert TITLE.encode() not in answer.content, said


@pytest.mark.parametrize(("route", "params", "name"), PLACES, ids=[f"{route}-{name}-{len(params)}" for route, params, name in PLACES])
async def test_an_injection_shows_nobody_what_is_out_of_their_reach(tmp_path: Path, route: str, params: dict[str, str], name: str) -> None:
    async with api_hub(tmp_path) as hub:
        await fill(hub)
        secret, _ = await hub.auth.tokens.make("limited", "admin", 1, "me", "name=pump")
        async with hub.client(Authorization=f"Bearer {secret}") as client, hub.admin() as admin:
            for text in INJECTIONS:
                query = urlencode([*params.items(), (name, text)])
                shows_nothing_of_theirs(await client.get(f"/api/v1/{route}?{query}"), text)
            everything = await admin.get("/api/v1/query", params={"device": [NEIGHBOUR, "pump"], "from": 0, "to": 10**7})
            assert TITLE in (await admin.get("/api/v1/devices")).text
        assert str(int(THEIRS)) in everything.text
        assert [each["device"] for each in everything.json()["series"]] == [NEIGHBOUR, "pump"]


@pytest.mark.parametrize("path", ["/api/v1/devices/", "/api/v1/devices/pump/", "/api/v1/dashboards/", "/static/", "/shared/", "/"])
async def test_nor_does_one_in_the_path(tmp_path: Path, path: str) -> None:
    async with api_hub(tmp_path) as hub:
        await fill(hub)
        secret, _ = await hub.auth.tokens.make("limited", "admin", 1, "me", "name=pump")
        async with hub.client(Authorization=f"Bearer {secret}") as client:
            for text in INJECTIONS:
                shows_nothing_of_theirs(await client.get(path + quote(text, safe="")), text)


def test_there_are_as_many_as_promised() -> None:
    assert len(set(INJECTIONS)) >= 300
