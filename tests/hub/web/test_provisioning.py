"""Self-registration over HTTP: keys for administrators, the one route for devices, and how guessing at keys is met."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from trio.abc import Clock

from hub.core.provisioning import Provisioning
from hub.web.api import make_app
from tests.support.api_hub import ApiHub, api_hub, is_refusal, now_us

PUMP = {"name": "pump-1", "nonce": "0123456789abcdef"}
SHOWN = {"name", "prefix", "kind", "tags", "max_devices", "registered", "by", "created_us", "expires_us"}


@asynccontextmanager
async def provisioning_hub(directory: Path) -> AsyncIterator[ApiHub]:
    async with api_hub(directory) as hub:
        provisioning = Provisioning(hub.parts.state, hub.parts.registry, hub.auth.audit, now_us)
        hub.app = make_app(replace(hub.api, provisioning=provisioning))
        yield hub


async def key_of(admin: httpx.AsyncClient, **other: Any) -> str:
    made = await admin.post("/api/v1/provisioning", json={"name": "pumps", **other})
    assert made.status_code == 201, made.text
    return str(made.json()["key"])


async def register(device: httpx.AsyncClient, key: str, **other: Any) -> httpx.Response:
    return await device.post("/api/v1/provision", json=PUMP | other, headers={"Authorization": f"Bearer {key}"})


async def test_a_device_registers_connects_and_then_is_known(tmp_path: Path) -> None:
    async with provisioning_hub(tmp_path) as hub, hub.admin() as admin, hub.client() as device:
        key = await key_of(admin, prefix="pump-", kind="pump", tags=["new"], max_devices=1)
        first = await register(device, key)
        assert first.status_code == 201
        assert first.headers["cache-control"] == "no-store"
        again = await register(device, key)
        assert (again.status_code, again.json()) == (200, first.json())
        assert hub.auth.device_of(first.json()["token"]) == "pump-1"
        listed = (await admin.get("/api/v1/provisioning")).json()["keys"]
        assert set(listed[0]) == SHOWN
        assert listed[0]["registered"] == 1
        is_refusal(await register(device, key, name="pump-2"), 409, "key_used_up")
        is_refusal(await register(device, key, nonce="f" * 16), 409, "exists")
        is_refusal(await register(device, key, name="valve"), 422, "bad_name")
        is_refusal(await register(device, key, more=1), 422, "bad_request")
        assert (await admin.delete("/api/v1/provisioning/pumps")).status_code == 204
        is_refusal(await register(device, key), 403, "provisioning_off")
        is_refusal(await admin.delete("/api/v1/provisioning/pumps"), 404, "no_key")
        assert hub.parts.registry.names() == ["pump-1"]


async def test_nobody_registers_while_there_is_no_key(tmp_path: Path) -> None:
    async with provisioning_hub(tmp_path) as hub, hub.client() as device, hub.admin() as admin:
        for someone in (device, admin):
            refused = await someone.post("/api/v1/provision", json=PUMP)
            assert "tributary provisioning add" in is_refusal(refused, 403, "provisioning_off")["hint"]


async def test_a_key_is_the_only_credential_here(tmp_path: Path) -> None:
    async with provisioning_hub(tmp_path) as hub, hub.admin() as admin, hub.client() as device, await hub.browser("admin") as browser:
        await key_of(admin)
        is_refusal(await device.post("/api/v1/provision", json=PUMP), 401, "no_key")
        is_refusal(await browser.post("/api/v1/provision", json=PUMP), 401, "no_key")
        is_refusal(await register(device, hub.admin_token), 401, "wrong_key")
        assert hub.parts.registry.names() == []


async def test_a_key_opens_nothing_else(tmp_path: Path) -> None:
    async with provisioning_hub(tmp_path) as hub, hub.admin() as admin:
        key = await key_of(admin)
        async with hub.client(Authorization=f"Bearer {key}") as holder:
            is_refusal(await holder.get("/api/v1/devices"), 401, "wrong_token")


async def test_guessing_is_slowed_down_by_address_and_a_right_key_from_there_passes(tmp_path: Path, slow_clock: Clock) -> None:
    async with provisioning_hub(tmp_path) as hub, hub.admin() as admin, hub.client() as device:
        key = await key_of(admin)
        for _ in range(10):
            is_refusal(await register(device, "tribkey_guess"), 401, "wrong_key")
        slowed = await register(device, "tribkey_guess")
        is_refusal(slowed, 429, "too_many_tries")
        assert int(slowed.headers["retry-after"]) >= 1
        async with hub.client(client=("10.0.0.10", 1)) as elsewhere:
            is_refusal(await register(elsewhere, "tribkey_guess"), 401, "wrong_key")
        assert (await register(device, key)).status_code == 201
        done = (await admin.get("/api/v1/audit")).json()["entries"]
        assert {entry["action"] for entry in done} == {"add device", "make provisioning key", "try a wrong token"}
