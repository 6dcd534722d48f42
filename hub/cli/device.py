"""`tributary device ...`: which devices may connect.

Owns what is printed: a token stands alone on stdout, so that it can be piped. The hub keeps the devices.
"""

import json
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.cli.tables import show_table, time_text
from hub.core.errors import Refusal

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The device's name: 1 to 64 of A-Z a-z 0-9 . _ : -")]


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(name="device", help="Add, list and remove devices; make tokens.", no_args_is_help=True)
    for command in (add, remove, token):
        group.command()(command)
    group.command("list")(list_devices)
    app.add_typer(group)


def add(name: NameArgument, data_dir: DataDirOption = None) -> None:
    """Add a device and print its token, which is shown this once; give it to the device."""
    typer.echo(ask_hub(data_dir, lambda client: client.add_device(name)))


def token(name: NameArgument, data_dir: DataDirOption = None) -> None:
    """Replace a device's token and print the new one; the old one stops working at once."""
    typer.echo(ask_hub(data_dir, lambda client: client.new_token(name)))


def remove(
    name: NameArgument,
    with_data: Annotated[bool, typer.Option("--with-data", help="Delete its readings, too, for good.")] = False,
    is_sure: Annotated[bool, typer.Option("--yes", help="Do not ask whether to delete readings.")] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Remove a device and end its connection; its readings stay in the history, unless you say --with-data."""
    if with_data and not is_sure:
        _confirm(name)
    ask_hub(data_dir, lambda client: client.remove_device(name, with_data=with_data))
    typer.echo(f"removed {name}{' and its readings' if with_data else ''}", err=True)


def _confirm(name: str) -> None:
    """Have a person type the name. Raises Refusal where nobody can be asked, or the answer is another."""
    if not sys.stdin.isatty():
        raise Refusal("bad_usage", f"this would delete every reading of {name}, and nobody can be asked", "add --yes")
    typed = typer.prompt(f"This deletes every reading of {name} for good. Type its name to go on", err=True)
    if typed.strip() != name:
        raise Refusal("not_confirmed", f"{name} was not removed: the name typed is another", "run it again, and type the name")


def list_devices(data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """List the devices: whether each is there, when it was last seen, what it measures."""
    items = ask_hub(data_dir, lambda client: client.devices())
    if as_json:
        typer.echo(json.dumps(items, indent=2))
        return
    if not items:
        typer.echo("no devices yet; add one: tributary device add NAME", err=True)
        return
    rows = [
        (
            item["device"],
            item.get("presence", ""),
            _last_seen(item),
            item.get("firmware") or "",
            str(len(item.get("channels", []))),
        )
        for item in sorted(items, key=lambda item: str(item["device"]))
    ]
    show_table(("device", "presence", "last seen", "firmware", "channels"), rows)


def _last_seen(item: Mapping[str, Any]) -> str:
    if item.get("presence") == "online":
        return "now"  # of a connected device last_seen_us is when it came
    return "never" if item.get("last_seen_us") is None else time_text(item["last_seen_us"])
