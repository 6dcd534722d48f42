"""`tributary command`: have a device do something and see how it ends.

Owns the reading of arguments and what is printed; the hub keeps the command, the device carries it out.
"""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.core.errors import Refusal

if TYPE_CHECKING:
    from hub.client import HubClient


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("command")(command)


def command(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="A device; or the word cancel, with the ID of a command.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="A command the device takes; or the ID.")],
    args: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Arguments; numbers, true and false as in JSON.")] = None,
    ttl_s: Annotated[float, typer.Option("--ttl", metavar="SECONDS", help="Do not begin it later than this.")] = 30.0,
    timeout_s: Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="Wait so long for the result.")] = 60.0,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a command to a device, wait until it has ended, print its value. Exit code 0 only when the device did it.

    A device that is away gets it at its next connection, within --ttl. `tributary command cancel ID` cancels one: exit code 0 only where
    it was never begun, or its device has stopped it.
    """
    if device == "cancel" and not args:
        _cancel(name, data_dir, as_json=as_json)
        return
    given = dict(argument_of(text) for text in args or [])
    for option, seconds in (("--ttl", ttl_s), ("--timeout", timeout_s)):
        if not math.isfinite(seconds):
            raise Refusal("bad_usage", f"{option} {seconds} is no number of seconds", "write one as 30")

    async def send(client: "HubClient") -> dict[str, Any]:
        item = await client.command(device, name, given, ttl_s=ttl_s)
        return await client.command_ended(item["id"], timeout_s)

    item = ask_hub(data_dir, send)
    if as_json:
        typer.echo(json.dumps(item, indent=2))
    elif item["state"] == "done" and item.get("value") is not None:
        typer.echo(json.dumps(item["value"], ensure_ascii=False))
    if item["state"] != "done":
        said = f": {item['reason']}" if item.get("reason") else ""
        raise Refusal(item["state"], f"{device} {item['state']} {name}{said}", f"the command's id is {item['id']}")


def _cancel(command_id: str, data_dir: Path | None, *, as_json: bool) -> None:
    from hub.client.commands import cancel

    said = ask_hub(data_dir, lambda client: cancel(client, command_id))
    item, answer = said["command"], said["answer"]
    if as_json:
        typer.echo(json.dumps(said, indent=2))
    elif answer == "cancelled":
        typer.echo(f"{item['name']} on {item['device']} is cancelled")
    if answer == "too_late":
        raise Refusal(
            answer, f"too late to cancel {item['name']} on {item['device']}: it is {item['state']}", "it has run, or cannot be stopped"
        )
    if answer == "asked":
        hint = "it is asked again when it connects; ask again with the same command"
        raise Refusal(answer, f"{item['device']} may have {item['name']} and has not answered", hint)


def argument_of(text: str) -> tuple[str, Any]:
    """Return key and value of KEY=VALUE. Raises Refusal."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise Refusal("bad_usage", f"{text!r} is no argument", "write KEY=VALUE, as interval_s=5")
    try:
        read = json.loads(value)
        json.dumps(read, allow_nan=False)  # Python also reads NaN and 1e999, which JSON cannot say
    except ValueError:
        return key, value  # a text may be written without quotes
    return key, read
