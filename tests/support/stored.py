"""Readings of any time put into a running hub: a device says them over its real connection, and they are there when this returns.

Owns that way; checks nothing. Used by tests of commands and of the page that show the past.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import trio

from devices.client import Device
from devices.wire.messages import Channel
from tests.support.hub_process import RunningHub

_DEADLINE_S = 20.0


@dataclass(frozen=True)
class Stored:
    """What a device has measured: by channel, (time in µs, value) in order of time."""

    device: str
    readings: Mapping[str, Sequence[tuple[int, Any]]]
    channels: Sequence[Channel] | None = None  # gauges in °C, unless said


def store_readings(hub: RunningHub, stored: Stored) -> None:
    """Add the device, have it say its readings, and return when a query shows them."""
    token = hub.provision(stored.device)
    trio.run(_say, hub.device_url, token, stored)
    wanted = sum(map(len, stored.readings.values()))
    deadline_s = time.monotonic() + _DEADLINE_S
    while _count(hub, stored) < wanted:
        assert time.monotonic() < deadline_s, f"{stored.device} has {_count(hub, stored)} of {wanted} readings"
        time.sleep(0.05)  # between two looks


def _count(hub: RunningHub, stored: Stored) -> int:
    first = min(points[0][0] for points in stored.readings.values())
    said = hub.api("GET", f"/api/v1/query?device={stored.device}&from={first - 1}&width=1d&limit=100000")
    return sum(sum(series["buckets"]["count"]) for series in said["series"])


async def _say(url: str, token: str, stored: Stored) -> None:
    channels = stored.channels or [Channel(name, "Cel") for name in stored.readings]
    async with Device(url, stored.device, token, channels=channels) as device:
        for name, points in stored.readings.items():
            await device.send_many([(t_us, {name: value}) for t_us, value in points])
        with trio.fail_after(_DEADLINE_S):
            while device.statistics().unacked_frames:  # noqa: ASYNC110  # a real device, looked at from outside
                await trio.sleep(0.02)
