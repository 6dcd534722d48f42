"""What the charts of a page show, compared with what the store has: each reading, and no other; and a device beside the page.

Owns the comparison. Used by tests/browser, whose pages show a range of raw readings.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import pytest
import trio
from playwright.sync_api import Page

from devices.client import Device
from devices.wire.messages import Channel
from tests.support.hub_process import RunningHub
from tests.support.in_thread import InThread
from tests.support.pages import CHANNELS

# channel -> time in µs -> value, of all lines that are drawn.
SHOWN: Final = """() => {
  const found = {};
  for (const plot of document.querySelectorAll('.plot')) for (const trace of plot.data ?? []) {
    if (!trace.name) continue;
    const points = found[trace.name] ??= {};
    trace.x.forEach((x, at) => { if (trace.y[at] !== null) points[Math.round(x * 1000)] = trace.y[at]; });
  }
  return found;
}"""
# Of a series that is no line: what its tile says.
TILES: Final = (
    "() => Object.fromEntries([...document.querySelectorAll('.tiles > div')].map(each => [...each.children].map(part => part.textContent)))"
)
Shown = dict[str, dict[int, float]]


def one(count: int) -> dict[str, Any]:
    """Return the readings of a device that has one channel."""
    return {"temp": 20 + 5 * math.sin(count / 10)}


def pump(
    hub: RunningHub, channels: Sequence[Channel] = CHANNELS[:1], said: Callable[[int], dict[str, Any]] = one, *, is_known: bool = False
) -> InThread:
    """Five messages a second until the block is left; then all of them are stored."""
    token = hub.api("POST", "/api/v1/devices/pump/token")["token"] if is_known else hub.provision("pump")

    async def run(stop: trio.Event, started: Callable[[], None]) -> None:
        async with Device(hub.device_url, "pump", token, channels=channels, interval_s=0.2) as device:
            started()
            for count in range(1_000_000):
                await device.send(said(count))
                with trio.move_on_after(0.2):  # the pace of the sensor
                    await stop.wait()
                    break
            await device.drained(20)

    return InThread(run)


def shown_on(page: Page) -> Shown:
    """Return what all lines of a page show."""
    found: dict[str, dict[str, float]] = page.evaluate(SHOWN)
    return {channel: {int(t): value for t, value in points.items()} for channel, points in found.items()}


def equals_the_store(page: Page, hub: RunningHub, span_s: float = 290) -> None:
    """Wait until the charts show what the store has of the device `pump`: each reading of each channel, and no other."""
    deadline = time.monotonic() + 20
    while True:
        stored: Shown = {}
        texts: dict[str, str] = {}
        for series in hub.api("GET", f"/api/v1/query?device=pump&span_s={span_s}&limit=100000")["series"]:
            if isinstance(series["points"][-1][2], str):
                texts[series["channel"]] = series["points"][-1][2]
            else:
                stored[series["channel"]] = drawn_of(series)
        shown = shown_on(page)
        if stored and shown == {channel: pytest.approx(points) for channel, points in stored.items()} and said_equal(page, texts):
            return
        assert time.monotonic() < deadline, differences(shown, stored)


def drawn_of(series: Mapping[str, Any]) -> dict[int, float]:
    """Return what a line shows of stored readings: a counter as the rate at which it rises, but after a silence, when nobody knows it."""
    points: list[tuple[int, int, float]] = series["points"]
    if series["kind"] != "counter":
        return {t: float(value) for t, _, value in points}
    steps = [t - since for (since, _, _), (t, _, _) in pairwise(points)]
    usual_us = max(middle(steps[:: max(1, len(points) // 100)]), 50_000)
    rates = {}
    for at, ((since, _, before), (t, _, value)) in enumerate(pairwise(points)):
        around = steps[max(0, at - 2) : at + 3]
        is_silent = t - since > 3 * usual_us and (len(around) < 4 or t - since > 3 * middle(around))
        if value >= before and not is_silent:
            rates[t] = (value - before) / ((t - since) / 1e6)
    return rates


def middle(values: Sequence[float]) -> float:
    """Return the median, as the page takes it."""
    return sorted(values)[len(values) // 2] if values else 0.0


def said_equal(page: Page, texts: Mapping[str, str]) -> bool:
    """Tell whether each text is shown as its newest reading has it."""
    tiles: dict[str, str] = page.evaluate(TILES)
    return tiles == texts


def differences(shown: Shown, stored: Shown) -> str:
    """Return in words what is only shown, only stored, or different."""
    found = []
    for channel in sorted(set(shown) | set(stored)):
        ours, theirs = shown.get(channel, {}), stored.get(channel, {})
        apart = sorted(set(ours) ^ set(theirs))
        unequal = [t for t in set(ours) & set(theirs) if ours[t] != pytest.approx(theirs[t])]
        found.append(f"{channel}: {len(ours)} shown, {len(theirs)} stored; only in one: {apart[:10]}; unequal: {sorted(unequal)[:10]}")
    return "\n".join(found)
