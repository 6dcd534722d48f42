"""`tributary latest`: the newest reading of each channel.

Owns what is printed; the hub answers.
"""

import json
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.cli.tables import show_table, time_text


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("latest")(latest)


def latest(
    devices: Annotated[list[str] | None, typer.Argument(metavar="DEVICE", help="Only these devices. Default: all.")] = None,
    channels: Annotated[
        list[str] | None, typer.Option("--channel", metavar="CHANNEL", help="Only this channel; may be given again.")
    ] = None,
    where: Annotated[
        str | None, typer.Option("--where", metavar="TAGS", help="Only devices with these tags: 'floor=2 and not kind=test'.")
    ] = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the newest reading of each channel, and how old it is."""
    from hub.client.latest import latest as ask

    readings = ask_hub(data_dir, lambda client: ask(client, devices or (), channels or (), where=where))
    if as_json:
        typer.echo(json.dumps(readings, ensure_ascii=False))
    elif readings:
        now_us = time.time_ns() // 1_000
        show_table(("device", "channel", "value", "unit", "age", "time"), [row_of(each, now_us) for each in readings])
    else:
        typer.echo("no readings; the devices are in: tributary device list", err=True)


def row_of(reading: Mapping[str, Any], now_us: int) -> tuple[str, ...]:
    """Return what is printed of a reading."""
    value = reading["value"]
    text = value if isinstance(value, str) else json.dumps(value)
    age_s = (now_us - reading["t"]) / 1e6
    return reading["device"], reading["channel"], text, reading["unit"], age_text(age_s), time_text(reading["t"])


def age_text(age_s: float) -> str:
    """Return an age in the largest unit that has two of it."""
    for unit, length_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if abs(age_s) >= 2 * length_s:
            return f"{age_s / length_s:.0f} {unit}"
    return f"{age_s:.1f} s"
