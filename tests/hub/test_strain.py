"""A hub that is short of memory or time says so everywhere, refuses newcomers politely, and recovers by itself."""

from pathlib import Path

import httpx
import trio
from pydantic import ByteSize
from structlog.testing import capture_logs
from trio.testing import MockClock

from hub.config import Settings
from hub.core.pressure import Level
from hub.main import serve
from hub.metrics import Metrics
from hub.strain import Strain


async def test_a_memory_that_is_nearly_used_up_is_seen_and_told(autojump_clock: MockClock, tmp_path: Path) -> None:
    metrics = Metrics()
    strain = Strain(Settings(data_dir=tmp_path, memory_max_bytes=ByteSize(1_000_000)), metrics, lambda: 0.0)
    with capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            await nursery.start(strain.run)
            await trio.sleep(1)
            nursery.cancel_scope.cancel()
    assert strain.pressure.level is Level.NO_DEVICES
    assert [(log["event"], log["level"], log["log_level"]) for log in logs] == [("pressure", "no_devices", "warning")]
    assert "tributary_pressure_level 3.0" in metrics.text().decode()


async def test_what_waits_for_the_disk_counts_and_its_end_is_told(autojump_clock: MockClock, tmp_path: Path) -> None:
    share = 0.8
    strain = Strain(Settings(data_dir=tmp_path), Metrics(), lambda: share)
    with capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            await nursery.start(strain.run)
            await trio.sleep(2)
            assert strain.pressure.level == Level.NO_VIEWERS
            share = 0.1
            await trio.sleep(20)
            nursery.cancel_scope.cancel()
    assert [log["event"] for log in logs] == ["pressure", "pressure", "pressure_over"]


async def test_one_long_stall_of_the_loop_is_no_load(tmp_path: Path) -> None:
    strain = Strain(Settings(data_dir=tmp_path), Metrics(), lambda: 0.0)
    strain._late_s.extend([5.0, 0.0, 0.0, 3.0, 0.0])
    strain._look()
    assert strain.pressure.level == 0
    strain._late_s.extend([0.6] * 9)
    strain._look()
    assert strain.pressure.level == Level.SLOWER


async def until_unready(client: httpx.AsyncClient) -> None:
    with trio.fail_after(30):
        while (await client.get("/readyz")).status_code == 200:
            pass


async def test_a_hub_without_memory_refuses_newcomers_with_503_and_says_why(tmp_path: Path) -> None:
    settings = Settings(port=0, data_dir=tmp_path, memory_max_bytes=ByteSize(1_000_000))
    async with trio.open_nursery() as nursery:
        url = await nursery.start(serve, settings)
        headers = {"Authorization": f"Bearer {(tmp_path / 'admin.token').read_text().strip()}"}
        async with httpx.AsyncClient(base_url=url, headers=headers) as admin:
            await until_unready(admin)
            assert "hard pressed" in (await admin.get("/readyz")).json()["reasons"][0]
            token = (await admin.post("/api/v1/devices", json={"name": "pump"})).json()["token"]
            for path, subprotocol, said in (
                ("/v1/device", "tributary.device.v1", {"Authorization": f"Bearer {token}"}),
                ("/v1/live", "tributary.live.v1.json", {}),
            ):
                asked = {
                    "Connection": "Upgrade",
                    "Upgrade": "websocket",
                    "Sec-WebSocket-Version": "13",
                    "Sec-WebSocket-Protocol": subprotocol,
                }
                answer = await admin.get(path, headers={**asked, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **said})
                assert (answer.status_code, answer.json()["code"]) == (503, "busy")
                assert int(answer.headers["Retry-After"]) > 0
            answer = await admin.post("/api/v1/device", content=b"", headers={"Authorization": f"Bearer {token}"})
            assert (answer.status_code, answer.json()["code"]) == (503, "busy")
            assert "tributary_pressure_refused_devices 2.0" in (await admin.get("/metrics")).text
        nursery.cancel_scope.cancel()
