"""A whole hub through kills and power cuts: starts, devices, commits, checkpoints, flushes into files, merges, retention, a backup, a
restore, stops.

Owns the program that is cut off and what must hold of each image of its directory: a hub starts on it by itself and has each reading that
was acked, once. A reading's value follows from its time. A subject of tests/power/__main__.py.
"""

import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import structlog
import trio
from pydantic import ByteSize

from devices.client import Device
from devices.durable import sync
from devices.wire.messages import Channel
from hub import followers
from hub.backup.restoring import restore
from hub.client import HubClient
from hub.client.backup import take_backup
from hub.config import Settings
from hub.core.errors import Refusal
from hub.datadir import DataDirError
from hub.history import side, tending
from hub.journal import upkeep
from hub.main import serve
from hub.store.duckdb import hot

_DAY_US: Final = 86_400_000_000
_PACKS: Final = 30  # of each life, by each device
_VALUES: Final = 75  # of a pack
_STEP_US: Final = 1_000
_NAMES: Final = ("pump", "fan")
_LAST_LIFE: Final = 2
_OLD_DAYS, _KEPT_DAYS = 20.0, 10.0  # the last life of the hub keeps less than the ones before
_DEADLINE_S: Final = 30.0
Tell = Callable[[Mapping[str, Any]], None]


def value_at(time_us: int) -> float:
    """Return the reading that is made at a time."""
    return float(time_us // _STEP_US % 100_003)


@asynccontextmanager
async def hub_on(folder: Path, keep_raw_days: float = 30.0) -> AsyncIterator[HubClient]:
    """Run a hub in this process on a directory. Raises what hub.main.serve raises, in groups."""
    settings = Settings(data_dir=folder, port=0, min_free_bytes=ByteSize(0), resume_window_s=0, keep_raw_days=keep_raw_days, own_device="")
    logs = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        async with trio.open_nursery() as nursery:
            url = await nursery.start(serve, settings)
            async with HubClient(url, (folder / "admin.token").read_text().strip()) as client:
                yield client
            nursery.cancel_scope.cancel()
    finally:
        structlog.configure(**logs)  # other tests of this process look at what is logged


def play(folder: Path, tell: Tell, scale: float) -> None:
    """Lead a hub through its lives, and tell what was promised."""
    side._GATHER_S["journal"] = 0.02
    vars(followers).update(SAFE_EVERY_ROWS=20)
    vars(tending).update(PERIOD_S=0.1)
    vars(upkeep).update(_PERIOD_S=0.1)
    vars(hot).update(FLUSH_ROWS=700)
    tokens: dict[str, str] = {}
    for life, days_ago in enumerate((_OLD_DAYS, 0.04, 0.02)):
        trio.run(lead, folder, life, days_ago, int(_PACKS * scale), tokens, tell)
    restore(folder / "backup", folder / "again", lambda step, done, whole: None, is_forced=False)
    tell({"restored": True})


async def lead(folder: Path, life: int, days_ago: float, packs: int, tokens: dict[str, str], tell: Tell) -> None:
    """Run a hub on `folder`/data while devices send their packs, and tell what was acked."""
    begin_us = (time.time_ns() // 1_000 - int(days_ago * _DAY_US)) // _STEP_US * _STEP_US
    keep_raw_days = _KEPT_DAYS if life == _LAST_LIFE else 30.0
    tell({"life": life})
    async with hub_on(folder / "data", keep_raw_days) as client, trio.open_nursery() as nursery:
        for name in _NAMES:
            if name not in tokens:
                tokens[name] = await client.add_device(name)
            nursery.start_soon(send, client.url, name, tokens[name], begin_us, packs, tell)
        if life == 1:
            await trio.sleep(0.3)
            said = await take_backup(client, folder, lambda step: None)
            os.rename(said["backup"], folder / "backup")
            sync(folder)
            tell({"backup": True})


async def send(url: str, name: str, token: str, begin_us: int, packs: int, tell: Tell) -> None:
    """Be a device that sends packs and tells each that was acked."""
    async with Device(url, name, token, channels=[Channel("c")]) as device:
        for number in range(packs):
            start_us = begin_us + number * _VALUES * _STEP_US
            values = [value_at(start_us + at * _STEP_US) for at in range(_VALUES)]
            await device.send_pack("c", values, step_ns=_STEP_US * 1_000, start_us=start_us)
            await device.drained()
            tell({"acked": start_us, "device": name})


def acked_of(told: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
    """Return when each pack begins that was promised to be kept, by device."""
    acked: dict[str, list[int]] = {name: [] for name in _NAMES}
    for each in told:
        if each.get("life") == _LAST_LIFE:
            acked = {name: [] for name in _NAMES}  # of what came before the oldest may go now
        if "acked" in each:
            acked[each["device"]].append(each["acked"])
    return acked


def times_of(starts: Sequence[int]) -> set[int]:
    """Return the time of each reading in packs."""
    return {start_us + at * _STEP_US for start_us in starts for at in range(_VALUES)}


def check(folder: Path, told: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what is wrong with an image."""
    complaints = _started(folder / "data", acked_of(told))
    if any("backup" in each for each in told):
        before = next(at for at, each in enumerate(told) if "backup" in each)
        in_it = {name: [each["acked"] for each in told[:before] if each.get("device") == name][:-20] for name in _NAMES}
        complaints += [f"the backup: {what}" for what in _restored(folder, in_it, told)]
    return complaints


def _restored(folder: Path, acked: Mapping[str, list[int]], told: Sequence[Mapping[str, Any]]) -> list[str]:
    if not any("restored" in each for each in told):  # what was begun is done again
        try:
            restore(folder / "backup", folder / "again", lambda step, done, whole: None, is_forced=(folder / "again").exists())
        except (Refusal, DataDirError, OSError) as error:
            return [f"it cannot be restored: {error}"]
    return _started(folder / "again", acked)


def _started(folder: Path, acked: Mapping[str, list[int]]) -> list[str]:
    try:
        return trio.run(_complaints, folder, acked)
    except (BaseExceptionGroup, trio.TooSlowError) as error:
        return [f"no hub starts on it: {[str(each) for each in getattr(error, 'exceptions', [error])]}"]


async def _complaints(folder: Path, acked: Mapping[str, list[int]]) -> list[str]:
    wrong: list[str] = []
    with trio.fail_after(2 * _DEADLINE_S):
        async with hub_on(folder) as client:
            for name, starts in acked.items():
                if not starts:
                    continue
                due = times_of(starts)
                found = await found_of(client, name, due)
                times = [time_us for time_us, _ in found]
                if missing := due - set(times):
                    wrong.append(f"{len(missing)} acked readings of {name} are lost, the first of {min(missing)}")
                if len(times) > len(set(times)):
                    wrong.append(f"{len(times) - len(set(times))} readings of {name} are there twice")
                wrong += [f"{name} has {value} at {at_us}" for at_us, value in found if value != value_at(at_us)][:3]
    return wrong


async def found_of(client: HubClient, name: str, due: set[int], wait_s: float = _DEADLINE_S / 3) -> list[tuple[int, float]]:
    """Return every raw reading; asks again until the store has all that is due, or has had its time."""
    deadline_s = trio.current_time() + wait_s
    while True:
        answer = await client.query(name, ["c"], from_us=min(due), to_us=max(due) + _DAY_US, width="raw", limit=50_000)
        found = [(int(point[0]), float(point[2])) for series in answer["series"] for point in series["points"]]
        if due <= {time_us for time_us, _ in found} or trio.current_time() > deadline_s:
            return found
        await trio.sleep(0.05)
