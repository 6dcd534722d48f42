"""`tributary command`: have a device do something and see how it ends; list commands and cancel them.

Owns what is printed of single commands; those to many devices are command_send.py's. The hub keeps the command, the device carries it out.
"""

import json
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from hub.cli.command_send import ArgumentsArgument, TimeoutOption, TtlOption, arguments_of, send
from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.cli.tables import show_table, time_text
from hub.core.errors import Refusal

if TYPE_CHECKING:
    from hub.client import HubClient


class _DeviceFirst(TyperGroup):
    """A group whose first word is a command of its own or, as it mostly is, a device."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words; without a command of the group's they are those of `to`."""
        is_own = not args or args[0] in self.commands or args[0] in ("-h", "--help")
        return super().parse_args(ctx, args if is_own else ["to", *args])


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    said = "Have devices do something: `tributary command DEVICE NAME [KEY=VALUE]...`, or many at once by `send`."
    group = typer.Typer(name="command", help=said, no_args_is_help=True, cls=_DeviceFirst)
    group.command("to")(to_device)
    group.command("send")(send)
    group.command("cancel")(cancel)
    group.command("list")(list_commands)
    app.add_typer(group)


def to_device(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="A device.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="A command the device takes.")],
    args: ArgumentsArgument = None,
    ttl_s: TtlOption = 30.0,
    timeout_s: TimeoutOption = 60.0,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a command to a device, wait until it has ended, print its value. Exit code 0 only when the device did it.

    A device that is away gets it at its next connection, within --ttl. The word `to` may be left out: tributary command DEVICE NAME.
    """
    given = arguments_of(args, ttl_s, timeout_s)

    async def send_one(client: "HubClient") -> dict[str, Any]:
        item = await client.command(device, name, given, ttl_s=ttl_s)
        return await client.command_ended(item["id"], timeout_s)

    item = ask_hub(data_dir, send_one)
    if as_json:
        typer.echo(json.dumps(item, indent=2))
    elif item["state"] == "done" and item.get("value") is not None:
        typer.echo(json.dumps(item["value"], ensure_ascii=False))
    if item["state"] != "done":
        said = f": {item['reason']}" if item.get("reason") else ""
        raise Refusal(item["state"], f"{device} {item['state']} {name}{said}", f"the command's id is {item['id']}")


def cancel(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The id of a command, or with --group of a group.")],
    is_group: Annotated[bool, typer.Option("--group", help="Cancel all commands of a group.")] = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cancel a command. Exit code 0 only where it was never begun, or its device has stopped it.

    With --group those of a group that were never sent are cancelled, and the devices of the others are asked: exit code 0 where none is.
    """
    from hub.client import commands

    if is_group:
        _cancel_group(id_, data_dir, as_json=as_json)
        return
    said = ask_hub(data_dir, lambda client: commands.cancel(client, id_))
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


def _cancel_group(group_id: str, data_dir: Path | None, *, as_json: bool) -> None:
    from hub.client import commands

    said = ask_hub(data_dir, lambda client: commands.cancel_group(client, group_id))
    typer.echo(json.dumps(said, indent=2) if as_json else f"{said['cancelled']} cancelled, {said['ended']} had ended")
    if said["asked"]:
        text = f"{said['asked']} devices may have {said['group']['name']} and are asked to stop it"
        raise Refusal("asked", text, f"what they answer: tributary command list --group {group_id}")


def list_commands(
    device: Annotated[str | None, typer.Option("--device", metavar="NAME", help="Of this device only.")] = None,
    group: Annotated[str | None, typer.Option("--group", metavar="ID", help="Of this group only.")] = None,
    state: Annotated[str | None, typer.Option("--state", help="In this state only: queued, sent, done, failed ...")] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Of this name only.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 100,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """List commands, newest first."""
    from hub.client import HubClient, commands

    async def newest(client: HubClient) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        pages = commands.listed(client, device=device, group=group, state=state, name=name, limit=min(limit, 1_000))
        async with aclosing(pages):
            async for item in pages:
                found.append(item)
                if len(found) == limit:
                    break
        return found

    items = ask_hub(data_dir, newest)
    if as_json:
        typer.echo(json.dumps(items, indent=2))
        return
    rows = [
        (each["id"], time_text(each["created_us"]), each["device"], each["name"], each["state"], each.get("reason", "")) for each in items
    ]
    show_table(("command", "sent", "device", "name", "state", "reason"), rows)
