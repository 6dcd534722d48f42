"""`tributary command`: have a device do something and see how it ends.

Owns the reading of arguments and what is printed; the hub keeps the command, the device carries it out.
"""

import json
import math
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
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="A device that is online.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="A command the device takes.")],
    args: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Arguments; numbers, true and false as in JSON.")] = None,
    ttl_s: Annotated[float, typer.Option("--ttl", metavar="SECONDS", help="Do not begin it later than this.")] = 30.0,
    timeout_s: Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="Wait so long for the result.")] = 60.0,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a command to a device, wait until it has ended, print its value. Exit code 0 only when the device did it."""
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
