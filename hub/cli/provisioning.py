"""`tributary provisioning ...`: keys with which devices register themselves.

Owns what is printed: a key stands alone on stdout, so that it can be piped. The hub keeps the keys, by their hashes.
"""

import json
from typing import Annotated

import typer

from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.cli.tables import show_table, time_text

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What the key is for: 1 to 64 of A-Z a-z 0-9 . _ : -")]


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    said = "Make, list and revoke keys with which devices register themselves; without one they cannot."
    group = typer.Typer(name="provisioning", help=said, no_args_is_help=True)
    for command in (add, revoke):
        group.command()(command)
    group.command("list")(list_keys)
    app.add_typer(group)


def add(
    name: NameArgument,
    prefix: Annotated[str, typer.Option("--prefix", metavar="TEXT", help="How the devices' names begin; without it any name.")] = "",
    max_devices: Annotated[int, typer.Option("--max", metavar="N", help="How many devices it registers at most.")] = 100,
    days: Annotated[float, typer.Option("--days", metavar="DAYS", help="How long it is good for; at most 3650.")] = 7.0,
    kind: Annotated[str, typer.Option("--kind", metavar="KIND", help="The kind that the devices get.")] = "",
    tags: Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="A tag that the devices get; may be repeated.")] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Make a provisioning key and print it, which is shown this once; put it into the devices."""
    from hub.client import provisioning

    made = ask_hub(
        data_dir,
        lambda client: provisioning.make_key(
            client, name, prefix=prefix, days=days, max_devices=max_devices, kind=kind, tags=tuple(tags or ())
        ),
    )
    typer.echo(made["key"])


def revoke(name: NameArgument, data_dir: DataDirOption = None) -> None:
    """Revoke a provisioning key at once; the devices that it registered stay."""
    from hub.client import provisioning

    ask_hub(data_dir, lambda client: provisioning.revoke_key(client, name))
    typer.echo(f"revoked {name}", err=True)


def list_keys(data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """List the keys: whom each lets in, how many it has registered, when it is over."""
    from hub.client import provisioning

    items = ask_hub(data_dir, provisioning.keys)
    if as_json:
        typer.echo(json.dumps(items, indent=2))
    elif not items:
        typer.echo("no provisioning keys: devices do not register themselves; make one: tributary provisioning add NAME", err=True)
    else:
        rows = [
            (
                item["name"],
                f"{item['prefix']}*",
                f"{item['registered']} of {item['max_devices']}",
                item["by"],
                time_text(item["expires_us"]),
            )
            for item in items
        ]
        show_table(("key", "devices", "registered", "made by", "good until"), rows)
