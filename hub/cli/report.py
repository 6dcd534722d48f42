"""`tributary report`: readings of devices and a range as one HTML file that can be kept, mailed and opened anywhere.

Owns what is asked of the hub, in pieces, and the file's coming to be: whole under its name, or not at all. dashboard/report.py writes it.
"""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TextIO

import typer

from hub.cli.chosen import WhereOption, check_one
from hub.cli.options import DataDirOption, ask_hub
from hub.cli.progress import Shown, progress_bar
from hub.cli.query import kept_text, time_range, zone_of
from hub.core.errors import Refusal

if TYPE_CHECKING:
    from dashboard.figures import Hole, Line
    from dashboard.report import DeviceReport
    from hub.client import HubClient

MAX_POINTS: Final = 2_000  # of a line
MAX_SERIES: Final = 500  # some 130 KB each
_AT_ONCE: Final = 20  # channels of one question
_WIDTHS_S: Final = {"100ms": 0.1, "1s": 1, "10s": 10, "1min": 60, "10min": 600, "1h": 3_600, "1d": 86_400}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report)


def report(
    devices: Annotated[
        list[str] | None, typer.Argument(metavar="DEVICE", help="Only these devices. Default: all that have readings.")
    ] = None,
    channels: Annotated[
        list[str] | None, typer.Option("--channel", metavar="CHANNEL", help="Only these channels; may be repeated.")
    ] = None,
    where: WhereOption = None,
    last: Annotated[str | None, typer.Option("--last", metavar="SPAN", help="So far back: 2h, 7d, 52w. Default 24h.")] = None,
    from_text: Annotated[str | None, typer.Option("--from", metavar="TIME", help="RFC 3339; without an offset in --tz.")] = None,
    to_text: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Up to here, not included. Default: now.")] = None,
    zone_name: Annotated[str, typer.Option("--tz", metavar="ZONE", help="Show times in this zone, as Europe/Berlin.")] = "UTC",
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="Title of the report.")] = "",
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Write it here; a file of the name is replaced.")] = Path(
        "report.html"
    ),
    data_dir: DataDirOption = None,
) -> None:
    """Write a report: charts and tables of devices in one HTML file that needs no network and no hub to be read."""
    check_one(devices or (), where)
    zone = zone_of(zone_name)
    if last is None and from_text is None:
        last = "24h"
    span_s, from_us, to_us = time_range(last, from_text, to_text, zone)
    to_us = time.time_ns() // 1_000 if to_us is None else to_us
    from_us = to_us - int((span_s or 0) * 1e6) if from_us is None else from_us
    if from_us >= to_us:
        raise Refusal("bad_usage", f"--from {from_text} is not in the past", "give an earlier --from, or a --to")
    draft = out.with_name(out.name + ".part")
    try:
        with draft.open("w", encoding="utf-8") as file, progress_bar("devices") as shown:
            maker = _Maker(file, title or _title(devices, where), (from_us, to_us), zone, shown)
            readings = ask_hub(data_dir, lambda client: maker.make(client, devices, channels or (), where))
        os.replace(draft, out)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
    typer.echo(f"{out}: {out.stat().st_size:,} bytes, {readings:,} readings of {maker.devices:,} devices", err=True)


def _title(devices: Sequence[str] | None, where: str | None) -> str:
    if where is not None:
        return f"Report: {where}"
    return f"Report: {', '.join(devices[:5])}{' ...' if len(devices) > 5 else ''}" if devices else "Report of all devices"


class _Maker:
    """One report in the making."""

    def __init__(self, out: TextIO, title: str, range_us: tuple[int, int], zone: tzinfo, shown: Shown) -> None:
        from dashboard.report import ReportFile

        self.devices = 0
        self._file = ReportFile(out, title, *range_us, zone)
        self._range_us = range_us
        self._zone = zone
        self._shown = shown
        self._width = width_for(range_us[1] - range_us[0])

    async def make(self, client: "HubClient", devices: Sequence[str] | None, channels: Sequence[str], where: str | None) -> int:
        """Ask and write, device by device; return how many readings are behind it. Raises Refusal, HubError."""
        from trio.to_thread import run_sync as in_thread

        found: dict[str, dict[str, None]] = {name: {} for name in devices or ()}
        for series in await client.series(where=where):
            if (devices is None or series["device"] in found) and (not channels or series["channel"] in channels):
                found.setdefault(series["device"], {})[series["channel"]] = None
        _check(found, devices, where)
        hub = await client.hub()
        self._file.begin([f"{len(found):,} {'device' if len(found) == 1 else 'devices'}, one point for each {self._width}"])
        readings = 0
        for number, (name, wanted) in enumerate(sorted(found.items())):
            self._shown(name, number, len(found))
            device = await self._device(client, name, list(wanted))
            await in_thread(partial(self._file.add, device))
            readings += sum(int(line.count.sum()) for line in device.lines)
            self.devices += 1
        self._file.end(time.time_ns() // 1_000, f"{hub['name']} {hub['version']}")
        return readings

    async def _device(self, client: "HubClient", name: str, channels: list[str]) -> "DeviceReport":
        from dashboard.report import DeviceReport

        lines: list[Line] = []
        notes: dict[str, None] = {}
        from_us, to_us = self._range_us
        for at in range(0, len(channels), _AT_ONCE):
            some = channels[at : at + _AT_ONCE]
            limit = min(100_000, (MAX_POINTS + 2) * len(some) * 2)  # a channel may have had another unit before
            answer = await client.query(name, some, from_us=from_us, to_us=to_us, width=self._width, limit=limit)
            lines += [line_of(series) for series in answer["series"]]
            if (said := kept_text(answer, self._zone)) is not None:
                notes[said] = None
            if answer["truncated"]:
                notes["More was measured than is drawn: the oldest buckets are left out."] = None
        return DeviceReport(name, lines, await _holes(client, name, from_us, to_us), list(notes))


def _check(found: Mapping[str, Mapping[str, None]], devices: Sequence[str] | None, where: str | None) -> None:
    total = sum(map(len, found.values()))
    if total > MAX_SERIES:
        said = f"a report of {total:,} series is over the limit of {MAX_SERIES:,}"
        raise Refusal("too_much", said, "name devices, or channels with --channel")
    empty = [name for name, channels in found.items() if not channels]
    if not found or (devices is not None and len(empty) == len(found)):
        named = f"no readings of {', '.join(empty[:5])}" if empty else "no device has a reading yet"
        if where is not None:
            named = f"no device that is meant by --where {where!r} has a reading"
        raise Refusal("no_readings", named, "the devices are in: tributary device list")


def width_for(span_us: int) -> str:
    """Return the narrowest width of the ladder of which a line has no more points than it may."""
    return next((name for name, width_s in _WIDTHS_S.items() if span_us / (width_s * 1e6) <= MAX_POINTS), "1d")


def line_of(series: Mapping[str, Any]) -> "Line":
    """Return a series of a query's answer as a line."""
    import numpy as np

    from dashboard.figures import Line

    buckets = series["buckets"]
    low, high, total = (
        np.array([np.nan if each is None else each for each in buckets[name]], np.float64) for name in ("min", "max", "sum")
    )
    count = np.array(buckets["count"], np.int64)
    return Line(
        channel=series["channel"],
        unit=series["unit"],
        kind=series["kind"],
        width_us=buckets["width_us"],
        t_us=np.array(buckets["t"], np.int64),
        mean=total / np.maximum(count, 1),
        low=low,
        high=high,
        count=count,
        last=buckets["last"],
        last_us=np.array(buckets["last_t"], np.int64),
    )


async def _holes(client: "HubClient", name: str, from_us: int, to_us: int) -> "list[Hole]":
    """Return what the device declared lost, as far as the hub's journal reaches back; a removed device has nothing there."""
    from dashboard.figures import Hole
    from hub.client import HubError

    try:
        gaps = (await client.losses(name))["gaps"]
    except HubError as error:
        if error.code != "no_device":
            raise
        return []
    times = [(gap["from_us"], gap["to_us"], gap) for gap in gaps if gap["from_us"] is not None and gap["to_us"] is not None]
    return [
        Hole(begin, end, f"{gap['readings']:,} readings given up by the device: {gap['reason']}")
        for begin, end, gap in times
        if begin < to_us and end >= from_us
    ]
