"""A device deleted with its readings, over HTTP, with a real journal and a real store."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import trio

from hub.core.records import Series
from hub.ports import StoreUnavailable
from hub.web import erasing
from tests.support.api_hub import ApiHub, api_hub, is_refusal

URL = "/api/v1/devices/pump?data=true"


async def stored(hub: ApiHub) -> set[str]:
    """Return the devices that have a reading."""
    answer = await hub.store.query(await hub.store.list_series(), 0, 10**17, 0, 1_000)
    return {series.device for series in answer.raw}


async def filled(hub: ApiHub, *names: str) -> None:
    """Have devices send a frame, whose connections end as soon as the hub wants it."""
    hub.parts.registry.on_revoked(hub.parts.sessions.drop)
    for epoch, name in enumerate(names, 5):
        device = await hub.device(name, epoch)
        await device.data(epoch, 1, [1.0, 2.0])
        await device.is_acked(epoch, 1)
        hub.parts.connections.start_soon(device.is_closed)


async def test_readings_that_are_still_on_their_way_to_the_store_are_deleted_too(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await filled(hub, "pump", "valve")
        assert (await admin.delete(URL)).status_code == 204
        await hub.is_stored()
        assert await stored(hub) == {"valve"}
        assert [each["device"] for each in (await admin.get("/api/v1/devices")).json()["devices"]] == ["valve"]
        assert (await admin.get("/api/v1/query?device=pump&span_s=100")).json()["series"] == []
        is_refusal(await admin.delete("/api/v1/devices/none?data=true"), 404, "no_device")


async def test_without_data_the_readings_stay_and_can_be_deleted_later(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await filled(hub, "pump")
        assert (await admin.delete("/api/v1/devices/pump")).status_code == 204
        await hub.is_stored()
        assert await stored(hub) == {"pump"}
        assert (await admin.delete(URL)).status_code == 204
        assert await stored(hub) == set()


async def test_a_device_that_never_sent_anything_is_deleted(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await hub.parts.registry.add_device("pump")
        assert (await admin.delete(URL)).status_code == 204
        assert hub.parts.registry.names() == []


async def test_a_new_device_of_the_name_begins_without_readings(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await filled(hub, "pump")
        assert (await admin.delete(URL)).status_code == 204
        device = await hub.device("pump", 77)
        await device.data(77, 1, [9.0, 9.5])
        await device.is_acked(77, 1)
        await hub.is_stored()
        said = (await admin.get("/api/v1/query?device=pump&span_s=100")).json()
        assert sorted(point[2] for series in said["series"] for point in series["points"]) == [9.0, 9.5]


async def test_while_readings_are_deleted_the_name_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin, trio.open_nursery() as nursery:
        await filled(hub, "pump")
        await hub.is_stored()
        begun, may_end = trio.Event(), trio.Event()
        delete = hub.store.delete_device

        async def slowly(device: str) -> None:
            begun.set()
            await may_end.wait()
            await delete(device)

        monkeypatch.setattr(hub.store, "delete_device", slowly)
        nursery.start_soon(admin.delete, URL)
        await begun.wait()
        is_refusal(await admin.post("/api/v1/devices", json={"name": "pump"}), 409, "being_deleted")
        is_refusal(await admin.delete(URL), 409, "being_deleted")
        may_end.set()
    assert "pump" not in hub.parts.registry.erasing


async def test_a_store_that_cannot_answer_is_told_and_the_rest_is_done_when_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(device: str) -> None:
        await trio.lowlevel.checkpoint()
        raise StoreUnavailable("down", retry_after_s=4.2)

    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await filled(hub, "pump")
        with monkeypatch.context() as patch:
            patch.setattr(hub.store, "delete_device", fail)
            answer = await admin.delete(URL)
            is_refusal(answer, 503, "store_unavailable")
            assert answer.headers["retry-after"] == "5"
        assert hub.parts.registry.names() == []
        assert (await admin.delete(URL)).status_code == 204
        assert await stored(hub) == set()


async def test_a_store_that_is_behind_is_told_with_its_lag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> Sequence[Series]:
        await trio.sleep_forever()
        return ()

    monkeypatch.setattr(erasing, "WAIT_S", 0.1)
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        monkeypatch.setattr(hub.store, "append", never)
        await filled(hub, "pump")
        answer = await admin.delete(URL)
        assert "1 frames behind" in is_refusal(answer, 503, "store_behind")["message"]
        assert answer.headers["retry-after"] == "1"


async def test_only_who_manages_devices_may_delete_readings(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, await hub.browser("operator") as operator:
        await filled(hub, "pump")
        is_refusal(await operator.delete(URL), 403, "not_allowed")
        assert hub.parts.registry.names() == ["pump"]


async def test_what_is_neither_true_nor_false_deletes_nothing(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await filled(hub, "pump")
        is_refusal(await admin.delete("/api/v1/devices/pump?data=perhaps"), 422, "bad_request")
        is_refusal(await admin.delete("/api/v1/devices/pump?dta=true"), 422, "unknown_parameter")
        assert hub.parts.registry.names() == ["pump"]
