"""A real device: this machine, with its own sensors as psutil reads them.

Owns which sensors become channels, how a reading is taken, three commands and what its shadow sets; durability and the connection
are devices.client's. The only place that imports psutil. Called by `tributary host` and `tributary demo`.
"""

import logging
import os
import platform
import re
import socket
import sqlite3
import ssl
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, NamedTuple

import psutil
import trio

from devices.client import Device, Way
from devices.wire.limits import MAX_CHANNELS, MAX_NAME_BYTES
from devices.wire.messages import Channel

MIN_INTERVAL_S: Final = 0.1
MAX_INTERVAL_S: Final = 3_600.0
_SKIPPED_INTERFACES: Final = re.compile(r"lo\d*$|veth|br-|docker|virbr|ifb|dummy")  # what stays in the machine
_SKIPPED_FILESYSTEMS: Final = {"squashfs", "iso9660"}  # read-only images: always full
_log = logging.getLogger("tributary.device")


class Reading(NamedTuple):
    """One sensor now; `value` None: not known this time, as a rate is at first."""

    name: str
    unit: str
    value: float | int | None
    min: float | None = None
    max: float | None = None


class Sensors:
    """The sensors of this machine. What is there when it is made becomes a channel; what is plugged in later does not."""

    def __init__(self) -> None:
        self._rates: dict[str, tuple[float, float]] = {}
        self._process = psutil.Process()
        self._read_at_s = 0.0
        found: dict[str, Channel] = {}
        for reading in self._readings():
            name = _short(reading.name)
            found.setdefault(name, Channel(name, reading.unit, min=reading.min, max=reading.max))
        self.channels = tuple(found.values())[:MAX_CHANNELS]
        self._names = {channel.name for channel in self.channels}

    def read(self) -> dict[str, float | int]:
        """Return what is known now, by channel name; blocks for some ms, longer where a sensor chip is slow."""
        named = ((_short(reading.name), reading.value) for reading in self._readings())
        return {name: value for name, value in named if value is not None and name in self._names}

    def _readings(self) -> Iterator[Reading]:
        self._read_at_s = time.monotonic()
        yield from self._processor()
        yield from _memory()
        yield from self._disks()
        yield from self._network()
        yield from _chips()
        yield Reading("uptime", "s", round(time.time() - psutil.boot_time(), 3))
        used_s = self._process.cpu_times()
        yield Reading("process.cpu", "%", self._rate("process", 100 * (used_s.user + used_s.system)), 0)
        yield Reading("process.memory", "By", self._process.memory_info().rss, 0)

    def _processor(self) -> Iterator[Reading]:
        yield Reading("cpu", "%", self._busy("cpu", psutil.cpu_times()), 0, 100)
        for core, times in enumerate(psutil.cpu_times(percpu=True)):
            yield Reading(f"cpu.{core}", "%", self._busy(f"cpu.{core}", times), 0, 100)
        for minutes, load in zip((1, 5, 15), psutil.getloadavg(), strict=True):
            yield Reading(f"load.{minutes}m", "1", load, 0)

    def _disks(self) -> Iterator[Reading]:
        for mount in _mounts():
            try:
                usage = psutil.disk_usage(mount)
            except OSError:
                continue  # gone, or not ours to look into
            yield Reading(f"disk {mount} used", "By", usage.used, 0, usage.total)
            yield Reading(f"disk {mount}", "%", usage.percent, 0, 100)
        counters = psutil.disk_io_counters()
        if counters is not None:
            yield Reading("disk.read", "By/s", self._rate("disk.read", counters.read_bytes), 0)
            yield Reading("disk.write", "By/s", self._rate("disk.write", counters.write_bytes), 0)

    def _network(self) -> Iterator[Reading]:
        states = psutil.net_if_stats()
        for name, counters in psutil.net_io_counters(pernic=True).items():
            if name in states and states[name].isup and not _SKIPPED_INTERFACES.match(name):
                yield Reading(f"net.{name}.received", "By/s", self._rate(f"{name}.in", counters.bytes_recv), 0)
                yield Reading(f"net.{name}.sent", "By/s", self._rate(f"{name}.out", counters.bytes_sent), 0)

    def _busy(self, key: str, times: Any) -> float | None:
        """Return the share of time since the last reading that was not idle, %."""
        # psutil.cpu_percent keeps its last times by thread, and worker threads change.
        total: float = sum(times) - getattr(times, "guest", 0) - getattr(times, "guest_nice", 0)
        busy: float = total - times.idle - getattr(times, "iowait", 0)
        before = self._rates.get(key)
        self._rates[key] = (total, busy)
        if before is None or total <= before[0]:
            return None
        return round(min(max(100 * (busy - before[1]) / (total - before[0]), 0.0), 100.0), 2)

    def _rate(self, key: str, count: float) -> float | None:
        """Return how fast a count rises, per second; None at first, after a reset, and over a time too short to mean anything."""
        before = self._rates.get(key)
        if before is not None and self._read_at_s - before[0] < MIN_INTERVAL_S / 2:
            return None
        self._rates[key] = (self._read_at_s, count)
        if before is None or count < before[1]:
            return None
        return round((count - before[1]) / (self._read_at_s - before[0]), 2)


def _memory() -> Iterator[Reading]:
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    yield Reading("memory", "%", memory.percent, 0, 100)
    yield Reading("memory.used", "By", memory.total - memory.available, 0, memory.total)
    yield Reading("memory.available", "By", memory.available, 0, memory.total)
    if swap.total:
        yield Reading("swap", "%", swap.percent, 0, 100)
        yield Reading("swap.used", "By", swap.used, 0, swap.total)


def _chips() -> Iterator[Reading]:
    """Temperatures and fans; not every system has a way to ask."""
    for chip, entries in getattr(psutil, "sensors_temperatures", dict)().items():
        for number, entry in enumerate(entries):
            yield Reading(f"temperature.{chip}.{entry.label or number}", "Cel", entry.current, max=entry.critical)
    for chip, entries in getattr(psutil, "sensors_fans", dict)().items():
        for number, entry in enumerate(entries):
            yield Reading(f"fan.{chip}.{entry.label or number}", "/min", entry.current, 0)


def _mounts() -> list[str]:
    """Return one place for each file system with a disk below it, and the root."""
    places = {"": "/"}  # in a container the root has no disk of its own and is not listed
    for part in psutil.disk_partitions(all=False):
        if part.fstype in _SKIPPED_FILESYSTEMS or not os.path.isdir(part.mountpoint):
            continue
        if part.mountpoint == "/":
            places.pop("", None)
        places[part.device] = min(places.get(part.device, part.mountpoint), part.mountpoint, key=len)
    return sorted(set(places.values()))


def _short(name: str) -> str:
    """Make a name that is allowed for a channel, whatever a chip calls itself."""
    printable = "".join(letter for letter in name if letter.isprintable()).strip()
    return printable.encode()[:MAX_NAME_BYTES].decode(errors="ignore").strip()


async def run_host(
    url: str,
    name: str,
    token: str,
    *,
    spool_dir: str | os.PathLike[str],
    interval_s: float = 1.0,
    tls: ssl.SSLContext | None = None,
    way: Way = "auto",
) -> None:
    """Be this machine as a device until cancelled: read every sensor each `interval_s`, take commands, and the interval from its shadow.

    What was read is on the spool and goes to the hub at the next run; `tls` and `way` as for Device. Raises DeviceRefused, SpoolInUse.
    """
    limiter = trio.CapacityLimiter(1)  # a sensor's file may block; the connection lives on meanwhile
    sensors = await trio.to_thread.run_sync(Sensors, limiter=limiter)
    changed = trio.Event()
    folder, firmware = Path(spool_dir), _firmware()
    device = Device(
        url, name, token, channels=sensors.channels, spool_dir=folder, interval_s=interval_s, firmware=firmware, tls=tls, way=way
    )

    @device.command(
        "set_interval",
        description="Change how often the sensors are read",
        args={"interval_s": {"type": "number", "min": MIN_INTERVAL_S, "max": MAX_INTERVAL_S, "unit": "s"}},
    )
    async def set_interval(interval_s: float) -> float:
        device.interval_s = float(interval_s)
        changed.set()
        await device.report({"interval_s": device.interval_s})
        return device.interval_s

    @device.on_desired
    def apply(desired: Mapping[str, Any], delta: Mapping[str, Any]) -> dict[str, float]:
        device.interval_s = _checked_interval_s(desired["interval_s"]) if "interval_s" in desired else interval_s
        changed.set()
        return {"interval_s": device.interval_s}

    device.command("identify", description="Say which machine this is")(_identify)
    device.command("ping", description="Answer at once")(_ping)

    async with device:
        await device.report({"interval_s": device.interval_s})
        due = trio.current_time()
        while True:
            with trio.move_on_at(due):
                await changed.wait()
                changed = trio.Event()
                due = trio.current_time()
            values = await trio.to_thread.run_sync(sensors.read, limiter=limiter)
            await _keep(device, values)
            # A machine that slept goes on from now; it does not catch up.
            due = max(due + (device.interval_s or interval_s), trio.current_time())


async def _keep(device: Device, values: Mapping[str, float | int]) -> None:
    try:
        await device.send(values)
    except sqlite3.OperationalError as error:
        _log.error("%s: this reading is lost, its spool takes no more: %s", device.name, error)


def _checked_interval_s(value: Any) -> float:
    if type(value) not in (int, float) or not MIN_INTERVAL_S <= value <= MAX_INTERVAL_S:
        raise ValueError(f"interval_s must be a number within {MIN_INTERVAL_S:g}...{MAX_INTERVAL_S:g}, not {value!r}")
    return float(value)


def _identify() -> dict[str, str | int | None]:
    return {
        "hostname": socket.gethostname(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": psutil.cpu_count(),
        "boot_us": int(psutil.boot_time() * 1_000_000),
    }


def _ping() -> dict[str, bool | int]:
    return {"pong": True, "time_us": time.time_ns() // 1_000}


def _firmware() -> str:
    try:
        return f"tributary-host {version('tributary-hub')}"
    except PackageNotFoundError:
        return "tributary-host"  # run from a checkout
