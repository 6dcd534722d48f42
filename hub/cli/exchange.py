"""`tributary export` and `tributary import`: readings as files, out of a hub and into it.

Owns options, where a file goes, and what is printed; the hub makes and checks the files. A file comes to be whole under its name, or not
at all.
"""

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final

import typer

from hub.cli.chosen import WhereOption, check_one, said_none
from hub.cli.file_options import (
    ChannelColumnOption,
    ChannelOption,
    DecimalOption,
    DelimiterOption,
    DeviceColumnOption,
    DeviceOption,
    FileArgument,
    FormatOption,
    KindOption,
    SkipOption,
    TimeColumnOption,
    TimeFormatOption,
    TimeZoneOption,
    UnitOption,
    ValueColumnOption,
)
from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.cli.progress import Shown, progress_bar
from hub.cli.query import time_range, zone_of
from hub.cli.tables import time_text
from hub.core.errors import Refusal

if TYPE_CHECKING:
    from hub.client import HubClient

_SUFFIXES: Final = {".csv": "csv", ".parquet": "parquet", ".lp": "lp", ".txt": "lp"}
_LISTED: Final = 20  # devices of an import
ZoneOption = Annotated[str, typer.Option("--tz", metavar="ZONE", help="Zone of times without an offset, as Europe/Berlin.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("export")(export)
    app.command("import")(import_)


def export(
    devices: Annotated[list[str] | None, typer.Argument(metavar="DEVICE", help="Only these devices. Default: all.")] = None,
    channels: Annotated[
        list[str] | None, typer.Option("--channel", metavar="CHANNEL", help="Only these channels; may be repeated.")
    ] = None,
    where: WhereOption = None,
    last: Annotated[str | None, typer.Option("--last", metavar="SPAN", help="So far back: 30s, 5m, 2h, 7d. Default: everything.")] = None,
    from_text: Annotated[str | None, typer.Option("--from", metavar="TIME", help="RFC 3339; without an offset in --tz.")] = None,
    to_text: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Up to here, not included.")] = None,
    width: Annotated[str, typer.Option("--width", metavar="WIDTH", help="raw, or buckets of 100ms, 1s, 10s, 1min, 10min, 1h, 1d.")] = "raw",
    form: Annotated[
        str | None, typer.Option("--format", metavar="FORMAT", help="csv, parquet or lp. Default: as FILE ends, or csv.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it here. Default: print it.")] = None,
    zone_name: ZoneOption = "UTC",
    data_dir: DataDirOption = None,
) -> None:
    """Write stored readings as CSV, Parquet or line protocol, series by series, each oldest first."""
    check_one(devices or (), where)
    form = form or _SUFFIXES.get(out.suffix.lower() if out else "", "csv")
    if form == "parquet" and out is None and sys.stdout.isatty():
        raise Refusal("bad_usage", "Parquet is not for terminals", "say --out FILE, or pipe it somewhere")
    span_s, from_us, to_us = (None, None, None)
    if (last, from_text, to_text) != (None, None, None):
        span_s, from_us, to_us = _range(last, from_text, to_text, zone_name)
    options = {"span_s": span_s, "from_us": from_us, "to_us": to_us, "width": width, "format": form, "where": where}
    with progress_bar("bytes") as shown:
        is_empty, asked = ask_hub(data_dir, partial(_export, devices or [], channels or [], options, out, shown))
    if where is not None and not asked:
        typer.echo(said_none(where), err=True)
    elif is_empty:
        typer.echo("no readings of that in that time; the devices are in: tributary device list", err=True)


def _range(last: str | None, from_text: str | None, to_text: str | None, zone_name: str) -> tuple[float | None, int | None, int | None]:
    zone = zone_of(zone_name)
    if last is None and from_text is None:  # all before a time
        _, to_us, _ = time_range(None, to_text, None, zone)
        return None, None, to_us
    return time_range(last, from_text, to_text, zone)


async def _export(
    devices: list[str], channels: list[str], options: Mapping[str, Any], out: Path | None, shown: Shown, client: "HubClient"
) -> tuple[bool, int]:
    """Write an export; return whether it has no readings, and of how many devices it is."""
    from hub.client.exchange import exported

    async with exported(client, devices, channels, **options) as pieces:
        if out is None:
            await _copy(pieces, sys.stdout.buffer, shown)
            return pieces.is_empty, pieces.devices
        draft = out.with_name(out.name + ".part")
        try:
            with draft.open("wb") as file:
                await _copy(pieces, file, shown)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(out)
        except BaseException:
            with suppress(OSError):
                draft.unlink()
            raise
        return pieces.is_empty, pieces.devices


async def _copy(pieces: Any, file: BinaryIO, shown: Shown) -> None:
    size = 0
    async for piece in pieces:
        file.write(piece)
        size += len(piece)
        shown("exporting", size, 0)
    file.flush()


def import_(
    file: FileArgument,
    device: DeviceOption = None,
    device_column: DeviceColumnOption = None,
    channel: ChannelOption = None,
    channel_column: ChannelColumnOption = None,
    value_column: ValueColumnOption = None,
    unit: UnitOption = None,
    kind: KindOption = None,
    time_column: TimeColumnOption = None,
    time_format: TimeFormatOption = "rfc3339",
    zone_name: TimeZoneOption = None,
    delimiter: DelimiterOption = "comma",
    decimal: DecimalOption = "point",
    skip: SkipOption = None,
    form: FormatOption = None,
    may_create: Annotated[bool, typer.Option("--create", help="Add devices that the hub does not know.")] = False,
    is_json: JsonOption = False,
    data_dir: DataDirOption = None,
) -> None:
    """Store the readings of a file, once all of it is found sound. The same file again changes nothing."""
    options = {
        "device": device, "device_column": device_column, "channel": channel, "channel_column": channel_column, "tz": zone_name,
        "value_column": value_column, "unit": unit, "kind": kind, "time_column": time_column, "time_format": time_format,
        "delimiter": delimiter, "decimal": decimal, "skip": skip or [], "format": form,
    }  # fmt: skip
    with file.open("rb"):  # a path that cannot be read is said before the hub is asked
        pass
    with progress_bar("done") as shown:
        result = ask_hub(data_dir, partial(_import, file, shown, may_create, options))
    if is_json:
        print(json.dumps(result))
        return
    for line in about_import(result):
        typer.echo(line)


async def _import(file: Path, shown: Shown, may_create: bool, options: Mapping[str, Any], client: "HubClient") -> dict[str, Any]:
    from hub.client.exchange import import_file

    return await import_file(client, file, shown, create=may_create, **options)


def about_import(result: Mapping[str, Any]) -> list[str]:
    """Return what an import did, in lines for a person."""
    devices = result["devices"]
    of = f"readings of {len(devices):,} device{'s' if len(devices) > 1 else ''}"
    before = result["readings"] - result["stored"]
    lines = [
        f"imported {result['stored']:,} {of}"
        if result["changed"]
        else f"nothing changed: the {before:,} {of} in this file are stored already"
    ]
    if result["changed"] and before:
        lines[0] += f"; {before:,} more were stored already"
    for each in devices[:_LISTED]:
        span = f"{time_text(each['from_us'])} to {time_text(each['to_us'])}"
        lines.append(f"  {each['device']}: {each['readings']:,} readings of {each['channels']:,} channels, {span}")
    if len(devices) > _LISTED:
        lines.append(f"  and {len(devices) - _LISTED:,} more devices")
    if result["without_value"]:
        lines.append(f"{result['without_value']:,} cells held no value")
    if result["ignored_columns"]:
        lines.append(f"columns without a meaning here: {', '.join(result['ignored_columns'])}")
    return lines
