"""`tributary silence ...`: alerts that are told to nobody for a while.

Owns what is printed and how a silence is given as options. The hub keeps and checks them.
"""

import json
from datetime import UTC
from typing import Annotated, Any

import typer

from hub.cli.fleet import span_s
from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.cli.query import time_us
from hub.cli.tables import show_table, time_text

Rule = Annotated[str | None, typer.Option("--rule", metavar="NAME", help="Alerts of this rule.")]
Device = Annotated[str | None, typer.Option("--device", metavar="NAME", help="Alerts of this device.")]
Where = Annotated[str | None, typer.Option("--where", metavar="EXPRESSION", help="Alerts of devices by tags: floor=2 and pump")]
Span = Annotated[str | None, typer.Option("--for", metavar="SPAN", help="For so long: 30m, 2h, 7d. Default: until it is lifted.")]
From = Annotated[str | None, typer.Option("--from", metavar="TIME", help="From then on: 2026-03-01T08:00:00Z. Default: now.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Until then, instead of --for.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for people.")]


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(name="silence", help="Keep alerts from being told for a while.", no_args_is_help=True)
    group.command()(add)
    group.command("list")(list_silences)
    group.command()(lift)
    app.add_typer(group)


def add(
    reason: Reason,
    rule: Rule = None,
    device: Device = None,
    where: Where = None,
    span: Span = None,
    from_text: From = None,
    until_text: Until = None,
    data_dir: DataDirOption = None,
) -> None:
    """Make a silence, of the alerts that are of all that you name, and print its id."""
    from hub.client import silences

    fields: dict[str, Any] = {"reason": reason, "rule": rule, "device": device, "where": where}
    fields |= {"for_s": None if span is None else span_s(span)}
    fields |= {"from_us": None if from_text is None else time_us(from_text, UTC)}
    fields |= {"until_us": None if until_text is None else time_us(until_text, UTC)}
    said = {key: value for key, value in fields.items() if value is not None}
    typer.echo(ask_hub(data_dir, lambda client: silences.put_silence(client, said))["id"])


def lift(
    silence_id: Annotated[str, typer.Argument(metavar="ID", help="The silence's id, as in the list.")], data_dir: DataDirOption = None
) -> None:
    """End a silence now; alerts that opened under it and are still open are told."""
    from hub.client import silences

    ask_hub(data_dir, lambda client: silences.lift(client, silence_id))
    typer.echo(f"lifted {silence_id}", err=True)


def list_silences(data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """List the silences, newest first; those that are over for a week."""
    from hub.client import silences

    items = ask_hub(data_dir, silences.silences)
    if as_json:
        typer.echo(json.dumps(items, indent=2))
        return
    rows = []
    for each in items:
        named = " ".join(f"{key}={each[key]}" for key in ("rule", "device", "where") if key in each)
        until = "lifted" if each["until_us"] is None else time_text(each["until_us"])
        rows.append((each["id"], each["state"], named, time_text(each["from_us"]), until, each["by"], each["reason"]))
    show_table(("silence", "state", "of", "from", "until", "by", "why"), rows)
