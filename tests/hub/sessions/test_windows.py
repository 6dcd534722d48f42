"""How far devices may send ahead follows what the journal takes, and nobody is left without a window."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from devices.wire.messages import Window
from hub.sessions.windows import BACKFILL, LIVE, Windows
from tests.support.ingest_hub import DeviceEnd, ingest_hub

E = 77


@pytest.mark.parametrize(
    ("commit_s", "devices", "frames"),
    [(0.0, 0, 256), (0.002, 10_000, 256), (0.2, 200, 256), (1.0, 200, 64), (5.0, 10, 256), (5.0, 200, 16), (5.0, 5_000, 8)],
)
def test_windows_of_all_devices_hold_what_the_journal_takes_in_five_seconds(commit_s: float, devices: int, frames: int) -> None:
    windows = Windows()
    windows.judge(commit_s, devices)
    assert windows.credit.live == Window(frames, LIVE.bytes * frames // LIVE.frames)
    assert windows.credit.backfill == Window(frames // 2, BACKFILL.bytes * frames // LIVE.frames)


async def acked_window(device: DeviceEnd, seq: int) -> int:
    """Send a frame; return how many live frames its ack allows."""
    await device.data(E, seq, [1.0])
    while True:
        ack = await device.hears("ack")
        if [E, seq] in ack["acks"]:
            frames: int = ack["credit"]["live"][0]
            return frames


async def test_windows_shrink_on_a_slow_disk_and_grow_again_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    takes_s = 0.001

    async def run_sync(call: Callable[..., Any], *args: Any, limiter: trio.CapacityLimiter | None = None, **_: Any) -> Any:
        async with limiter or trio.CapacityLimiter(1):
            await trio.sleep(takes_s)
            return call(*args)

    monkeypatch.setattr("trio.to_thread.run_sync", run_sync)
    monkeypatch.setattr("hub.sessions.windows.MAX_COMMIT_ROWS", 100)
    async with ingest_hub(tmp_path) as hub:
        device = await hub.connect("pump")
        welcome = await device.hello(E)
        assert welcome["credit"]["live"] == [256, 1_048_576]
        assert [await acked_window(device, seq) for seq in (1, 2, 3)] == [256, 256, 256]
        takes_s = 5.0
        assert [await acked_window(device, seq) for seq in (4, 5, 6)][-1] in (32, 64)  # 32: upkeep was in the way, too
        takes_s = 0.001
        assert [await acked_window(device, seq) for seq in (7, 8, 9, 10)][-1] == 256
        assert hub.journal.holding is None
