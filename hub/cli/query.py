"""`tributary query`: stored readings on the terminal, as a table, CSV or JSON.

Owns the reading of times and the formats; the hub answers.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from hub.cli.chosen import WhereOption, check_one, said_none
from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.cli.tables import show_table, time_text, write_csv
from hub.core.errors import Refusal

_UNITS_S: Final = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RAW: Final = ("time", "device", "channel", "unit", "value")
_BUCKETS: Final = ("time", "device", "channel", "unit", "count", "min", "mean", "max", "last")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("query")(query)


def query(
    device: Annotated[str | None, typer.Argument(metavar="DEVICE", help="Whose; with --where the first of the channels.")] = None,
    channels: Annotated[list[str] | None, typer.Argument(metavar="CHANNEL", help="Only these channels. Default: all.")] = None,
    where: WhereOption = None,
    last: Annotated[str | None, typer.Option("--last", metavar="SPAN", help="So far back: 30s, 5m, 2h, 7d. Default 5m.")] = None,
    from_text: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="RFC 3339, as 2026-03-01T08:00:00Z; without an offset in --tz.")
    ] = None,
    to_text: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Up to here, not included. Default: now.")] = None,
    width: Annotated[str, typer.Option("--width", metavar="WIDTH", help="raw, or buckets of 100ms, 1s, 10s, 1min, 10min, 1h, 1d.")] = "raw",
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", help="At most so many readings or buckets; the newest are kept.")
    ] = None,
    zone_name: Annotated[str, typer.Option("--tz", metavar="ZONE", help="Show times in this zone, as Europe/Berlin.")] = "UTC",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV for spreadsheets.")] = False,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
) -> None:
    """Print stored readings of a device, or of those that --where means, oldest first."""
    if where is not None:
        device, channels = None, [*filter(None, [device]), *(channels or ())]
    check_one([device] if device is not None else [], where, is_needed=True)
    if as_csv and as_json:
        raise Refusal("bad_usage", "--csv and --json contradict each other", "give one of them")
    zone = zone_of(zone_name)
    span_s, from_us, to_us = time_range(last, from_text, to_text, zone)
    answer = ask_hub(
        data_dir,
        lambda client: client.query(
            device, channels or (), where=where, from_us=from_us, to_us=to_us, span_s=span_s, width=width, limit=limit
        ),
    )
    if as_json:
        typer.echo(json.dumps(answer))
        return
    head, lines = rows_of(answer, zone)
    if as_csv:
        write_csv(head, lines)
    elif lines:
        show_table(head, [tuple(_text(cell) for cell in line) for line in lines])
    if where is not None and not answer["devices"]:
        typer.echo(said_none(where), err=True)
    elif not lines:
        asked = " ".join((device or f"{answer['devices']:,} devices", *(channels or ())))
        typer.echo(f"no readings of {asked} in that time; the devices are in: tributary device list", err=True)
    if (said := kept_text(answer, zone)) is not None:
        typer.echo(said, err=True)
    if answer.get("truncated"):
        typer.echo("more readings match than are shown; ask for less time, wider buckets or a higher --limit", err=True)


def rows_of(answer: Mapping[str, Any], zone: tzinfo) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """Return the head and the rows of an answer, all series together in order of time."""
    is_raw = all("points" in series for series in answer["series"])
    rows = [row for series in answer["series"] for row in (_raw_rows if is_raw else _bucket_rows)(series)]
    rows.sort(key=lambda row: row[0])
    return _RAW if is_raw else _BUCKETS, [(time_text(row[0], zone), *row[1:]) for row in rows]


def kept_text(answer: Mapping[str, Any], zone: tzinfo) -> str | None:
    """Return in words that a part of what was asked for is no longer kept so narrow; None where all of it is."""
    if (kept_us := answer.get("kept_from_us")) is None:
        return None
    is_raw = all("points" in series for series in answer["series"])
    wider = "buckets of 1min or 1h may be kept for longer: --width" if is_raw else "wider buckets may be kept for longer"
    return f"what is older than {time_text(kept_us, zone)} is no longer kept in this detail; {wider}"


def _raw_rows(series: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    for time_us, _, value in series["points"]:
        yield time_us, series["device"], series["channel"], series["unit"], value


def _bucket_rows(series: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    b = series["buckets"]
    for start_us, low, high, total, count, last in zip(b["t"], b["min"], b["max"], b["sum"], b["count"], b["last"], strict=True):
        mean = None if total is None or not count else total / count
        yield start_us, series["device"], series["channel"], series["unit"], count, low, mean, high, last


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return f"{cell:.10g}" if isinstance(cell, float) else str(cell)


def zone_of(name: str) -> tzinfo:
    """Return the zone of this name. Raises Refusal."""
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refusal("bad_usage", f"there is no time zone {name!r}", "write one as Europe/Berlin, or UTC") from None


def time_range(last: str | None, from_text: str | None, to_text: str | None, zone: tzinfo) -> tuple[float | None, int | None, int | None]:
    """Return (span_s, from_us, to_us) as the options say."""
    if last is not None and from_text is not None:
        raise Refusal("bad_usage", "--last and --from contradict each other", "give one of them")
    if from_text is None:
        span_s = _span_s("5m" if last is None else last)
        if to_text is None:
            return span_s, None, None
        to_us = time_us(to_text, zone)
        return None, to_us - int(span_s * 1e6), to_us
    from_us = time_us(from_text, zone)
    if to_text is None:
        return None, from_us, None
    to_us = time_us(to_text, zone)
    if from_us >= to_us:
        raise Refusal("bad_usage", f"--from {from_text} is not before --to {to_text}", "swap or widen them")
    return None, from_us, to_us


def _span_s(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)", text.strip())
    if match is None:
        raise Refusal("bad_usage", f"{text!r} is no stretch of time", "write 30s, 5m, 2h or 7d")
    return float(match[1]) * _UNITS_S[match[2]]


def time_us(text: str, zone: tzinfo) -> int:
    """Return a time in µs; one without a zone is of `zone`. Raises Refusal."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal("bad_usage", f"{text!r} is no time", "write it as 2026-03-01T08:00:00Z") from None
    return ((time if time.tzinfo else time.replace(tzinfo=zone)) - _EPOCH) // timedelta(microseconds=1)
