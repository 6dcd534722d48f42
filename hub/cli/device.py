"""`tributary device ...`: which devices may connect.

Owns what is printed: a token stands alone on stdout, so that it can be piped. The hub keeps the devices.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.chosen import WhereOption, chosen, for_each
from hub.cli.connections import past_connections
from hub.cli.device_log import device_log
from hub.cli.fleet import import_devices, put_fact, span_s
from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.cli.tables import show_table, time_text
from hub.core.errors import Refusal

if TYPE_CHECKING:
    from hub.client import HubClient

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The device's name: 1 to 64 of A-Z a-z 0-9 . _ : -")]

OneArgument = Annotated[str | None, typer.Argument(metavar="NAME", help="The device's name; or say --where.")]


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(name="device", help="Add, list and remove devices; make tokens.", no_args_is_help=True)
    for command in (add, remove, token, disable, enable):
        group.command()(command)
    group.command("set")(set_facts)
    group.command("list")(list_devices)
    group.command("import")(import_devices)
    group.command("connections")(past_connections)
    group.command("log")(device_log)
    app.add_typer(group)


def add(name: NameArgument, data_dir: DataDirOption = None) -> None:
    """Add a device and print its token, which is shown this once; give it to the device."""
    typer.echo(ask_hub(data_dir, lambda client: client.add_device(name)))


def token(
    name: NameArgument,
    overlap: Annotated[
        str | None, typer.Option("--overlap", metavar="SPAN", help="Let the old token work for so much longer: 1h, 7d; at most 30d.")
    ] = None,
    is_revoked: Annotated[bool, typer.Option("--revoke", help="Withdraw the device's tokens and make no new one.")] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Replace a device's token and print the new one; the old one stops working at once, unless you say --overlap."""
    from hub.client import fleet

    if is_revoked and overlap is not None:
        raise Refusal("bad_usage", "--revoke makes no new token, and --overlap is about one", "say one of them")
    if is_revoked:
        ask_hub(data_dir, lambda client: fleet.revoke(client, name))
        typer.echo(f"revoked; {name} may come back with a new token: tributary device token {name}", err=True)
        return
    overlap_s = 0.0 if overlap is None else span_s(overlap)
    typer.echo(ask_hub(data_dir, lambda client: fleet.new_token(client, name, overlap_s)))


def set_facts(
    name: OneArgument = None,
    where: WhereOption = None,
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help="What people call it.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", metavar="KIND", help="What it is: pump, gateway ...")] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="TAG", help="Give it a tag, a word or key=value, in place of one with the same key."),
    ] = None,
    untags: Annotated[list[str] | None, typer.Option("--untag", metavar="KEY", help="Take a tag away.")] = None,
    notes: Annotated[
        str | None, typer.Option("--note", metavar="TEXT", help="What else there is to know; in place of the notes so far.")
    ] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Say what people should know of a device, or of those that --where means: title, kind, tags, notes. An empty text takes one away."""
    said = {key: text for key, text in (("title", title), ("kind", kind), ("notes", notes)) if text is not None}
    if not said and not tags and not untags:
        raise Refusal("bad_usage", "nothing is to be set", "say --title, --kind, --tag, --untag or --note")

    async def put(client: "HubClient", each: str) -> str:
        item = await put_fact(client, each, said, tags or (), untags or ())
        told = json.dumps({key: item[key] for key in ("title", "kind", "tags", "notes") if key in item}, ensure_ascii=False)
        return told if where is None else f"{each}: {told}"

    for_each(data_dir, chosen(data_dir, name, where), put)


def disable(name: OneArgument = None, where: WhereOption = None, data_dir: DataDirOption = None) -> None:
    """Keep a device out: its connection ends and its token is refused until it is enabled again. Its readings stay."""
    _disable(chosen(data_dir, name, where), data_dir, is_disabled=True)


def enable(name: OneArgument = None, where: WhereOption = None, data_dir: DataDirOption = None) -> None:
    """Let a disabled device in again; it comes back by itself within two minutes."""
    _disable(chosen(data_dir, name, where), data_dir, is_disabled=False)


def _disable(names: Sequence[str], data_dir: DataDirOption, *, is_disabled: bool) -> None:
    from hub.client import fleet

    async def edit(client: "HubClient", name: str) -> str:
        await fleet.edit(client, name, {"disabled": is_disabled})
        return f"{'disabled' if is_disabled else 'enabled'} {name}"

    for_each(data_dir, names, edit)


def remove(
    name: OneArgument = None,
    where: WhereOption = None,
    with_data: Annotated[bool, typer.Option("--with-data", help="Delete its readings, too, for good.")] = False,
    is_sure: Annotated[bool, typer.Option("--yes", help="Do not ask whether to delete readings, or several devices.")] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Remove a device and end its connection; its readings stay in the history, unless you say --with-data."""
    names = chosen(data_dir, name, where)
    if names and (with_data or where is not None) and not is_sure:
        _confirm(names, "every reading of " if with_data else "")

    async def take_away(client: "HubClient", each: str) -> str:
        await client.remove_device(each, with_data=with_data)
        return f"removed {each}{' and its readings' if with_data else ''}"

    for_each(data_dir, names, take_away)


def _confirm(names: Sequence[str], what: str) -> None:
    """Have a person type the name, of several how many they are. Raises Refusal where nobody can be asked, or the answer is another."""
    is_one = len(names) == 1
    shown = names[0] if is_one else f"{len(names):,} devices ({', '.join(names[:5])}{' ...' if len(names) > 5 else ''})"
    if not sys.stdin.isatty():
        raise Refusal("bad_usage", f"this would delete {what}{shown}, and nobody can be asked", "add --yes")
    wanted, called = (names[0], "its name") if is_one else (str(len(names)), "how many these are")
    typed = typer.prompt(f"This deletes {what}{shown} for good. Type {called} to go on", err=True)
    if typed.strip() != wanted:
        raise Refusal("not_confirmed", f"{shown} not removed: what was typed is another", f"run it again, and type {called}")


def list_devices(
    where: Annotated[
        str | None, typer.Option("--where", metavar="TAGS", help="Only those with these tags: 'floor=2 and not kind=test'.")
    ] = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the devices: whether each is there, when it was last seen, what it is and measures."""
    from hub.client import fleet

    items = ask_hub(data_dir, lambda client: fleet.devices(client, where))
    if as_json:
        typer.echo(json.dumps(items, indent=2))
        return
    if not items:
        typer.echo("no device has these tags" if where else "no devices yet; add one: tributary device add NAME", err=True)
        return
    show_table(("device", "presence", "last seen", "firmware", "channels", "kind", "tags"), [_row(item) for item in items])


def _row(item: Mapping[str, Any]) -> tuple[str, ...]:
    presence = "disabled" if item.get("disabled") else str(item.get("presence", "")) + (" (flapping)" if item.get("flapping") else "")
    measured = str(len(item.get("channels", [])))
    said = (item.get("kind", ""), " ".join(item.get("tags", ())))
    return (item["device"], presence, _last_seen(item), item.get("firmware") or "", measured, *said)


def _last_seen(item: Mapping[str, Any]) -> str:
    if item.get("presence") == "online":
        return "now"  # last_seen_us is when it came
    return "never" if item.get("last_seen_us") is None else time_text(item["last_seen_us"])
