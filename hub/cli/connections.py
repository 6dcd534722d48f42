"""`tributary connections`, those that are open; `tributary device connections NAME`, those that a device had.

Owns what is printed; the hub keeps and counts them. device.py has the group of the second.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.cli.tables import show_table, time_text


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("connections")(open_connections)


def open_connections(
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="How many at most.")] = 100,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the open WebSockets, oldest first: whose, from where, since when, what went over each, how long a ping takes, what waits."""
    from hub.client import connections

    items = ask_hub(data_dir, lambda client: connections.counted(client, limit))
    if as_json:
        typer.echo(json.dumps(items, indent=2))
    else:
        show_table(("kind", "who", "from", "age", "in", "out", "ping", "waits"), [_open_row(item) for item in items])


def _open_row(item: Mapping[str, Any]) -> tuple[str, ...]:
    counts = tuple(f"{item[f'{way}_frames']:,} frames, {item[f'{way}_bytes']:,} B" for way in ("received", "sent"))
    ping = f"{item['round_trip_s'] * 1_000:.1f} ms" if "round_trip_s" in item else ""
    waits = f"{item['uncommitted_frames']} frames" if "uncommitted_frames" in item else f"{item.get('waiting_bytes', 0):,} B"
    return (item["kind"], item["who"], item["remote"], _span(item["age_s"]), *counts, ping, waits)


def past_connections(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The device.")],
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="How many at most.")] = 20,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """List a device's connections, newest first: when and from where it came, how long each lasted, how it ended."""
    from hub.client import connections

    items = ask_hub(data_dir, lambda client: connections.past(client, name, limit))
    if as_json:
        typer.echo(json.dumps(items, indent=2))
    elif not items:
        typer.echo(f"{name} was never connected", err=True)
    else:
        show_table(("came", "left", "lasted", "from", "code", "why"), [_row(item) for item in items])


def _row(item: Mapping[str, Any]) -> tuple[str, ...]:
    if "left_us" not in item:
        return (time_text(item["came_us"]), "", "is here", item["remote"], "", "")
    code = "" if item["code"] is None else str(item["code"])
    return (time_text(item["came_us"]), time_text(item["left_us"]), _span(item["lasted_s"]), item["remote"], code, item["reason"])


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
