"""Everything nobody should ask, all at once, of a real hub that takes readings: it refuses or answers, and not one reading waits for it."""

import time
from collections import Counter
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import trio

from devices.client import Device
from devices.wire.messages import Channel
from tests.support.hub_process import RunningHub, running_hub
from tests.support.stored import Stored, store_readings

TEN_YEARS_S = 10 * 365 * 86_400
NASTY = ('"; DROP TABLE readings; --', '") |> yield()', '"} or {__name__=~".+"', "*", ".*", "\\")
MAX_ACK_S = 2.0  # on a machine that does much else; credit and sockets are never held for a query


def questions() -> list[str]:
    """Return paths, each a bad idea."""
    names = [f"device={quote(name)}&channel={quote(name)}&span_s=99999" for name in NASTY]
    wide = [f"device=past&span_s={TEN_YEARS_S}&limit=100000&width={width}" for width in ("raw", "100ms", "1s", "1min", "1d")]
    many = ["&".join(f"device=d{number}" for number in range(100)), "&".join(f"device=d{number}" for number in range(300))]
    wrong = [
        "device=past&from=5&to=4",
        "device=past&width=7s",
        "device=past&limit=1e9",
        "device=past&from=yesterday",
        "device=past&nonsense=1",
    ]
    return [f"/api/v1/query?{each}" for each in names + wide + many + wrong]


@pytest.mark.slow
def test_ingest_goes_on_while_everything_bad_is_asked_at_once(tmp_path: Path) -> None:
    with running_hub(tmp_path / "data") as hub:
        now_us = time.time_ns() // 1_000
        store_readings(hub, Stored("past", {"temp": [(now_us - 3_600_000_000 + at * 50_000, float(at)) for at in range(50_000)]}))
        trio.run(_ask_while_it_streams, hub, hub.provision("live"))


async def _ask_while_it_streams(hub: RunningHub, token: str) -> None:
    statuses: Counter[int] = Counter()
    headers = {"Authorization": f"Bearer {hub.admin_token}"}
    limits = httpx.Limits(max_connections=60)
    async with (
        Device(hub.device_url, "live", token, channels=[Channel("temp", "Cel")]) as device,
        httpx.AsyncClient(base_url=hub.url, headers=headers, timeout=60, limits=limits) as client,
        trio.open_nursery() as nursery,
    ):

        async def ask(path: str) -> None:
            answer = await client.get(path)
            statuses[answer.status_code] += 1
            if answer.status_code != 200:
                assert set(answer.json()) == {"code", "message", "hint"}

        for path in questions() * 6:
            nursery.start_soon(ask, path)
        slowest_s = 0.0
        while sum(statuses.values()) < len(questions()) * 6:
            began_s = trio.current_time()
            await device.send({"temp": 1.0})
            with trio.fail_after(30):
                while device.statistics().unacked_frames:  # noqa: ASYNC110  # a real device, looked at from outside
                    await trio.sleep(0.005)
            slowest_s = max(slowest_s, trio.current_time() - began_s)
    assert set(statuses) <= {200, 422, 503, 504}
    assert statuses[422] == 6 * 6
    assert statuses[200] > 0
    assert slowest_s < MAX_ACK_S
