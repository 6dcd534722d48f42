"""`tributary command send`: one command to many devices, with a tally that moves while they answer.

Owns the reading of arguments of all commands to devices, and what is printed of a group. The hub keeps the tally.
"""

import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.core.errors import Refusal

if TYPE_CHECKING:
    from hub.client import HubClient

ArgumentsArgument = Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Arguments; numbers, true and false as in JSON.")]
TtlOption = Annotated[float, typer.Option("--ttl", metavar="SECONDS", help="Do not begin it later than this.")]
TimeoutOption = Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="Wait so long for the result.")]
_NAMED: Final = 20  # devices that are told one by one


def send(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A command the devices take.")],
    args: ArgumentsArgument = None,
    where: Annotated[str | None, typer.Option("--where", metavar="EXPRESSION", help="The devices that have these tags now.")] = None,
    devices: Annotated[list[str] | None, typer.Option("--device", metavar="NAME", help="A device; repeatable.")] = None,
    is_all_or_nothing: Annotated[
        bool, typer.Option("--all-or-nothing", help="Send nothing where one of the devices cannot take it.")
    ] = False,
    key: Annotated[str | None, typer.Option("--key", help="Said again with the same key, nobody is commanded twice.")] = None,
    ttl_s: TtlOption = 30.0,
    timeout_s: TimeoutOption = 60.0,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a command to many devices and count their answers. Exit code 0 only when each of them did it.

    The devices are chosen now, by --where or --device. Those that are away get it at their next connection, within --ttl; Ctrl-C ends the
    counting and not the command.
    """
    from hub.client import commands

    given = arguments_of(args, ttl_s, timeout_s)
    if (where is None) == (not devices):
        raise Refusal("bad_usage", "the devices are not said, or said twice", "give either --where EXPRESSION or --device NAME")

    async def send_all(client: "HubClient") -> dict[str, Any]:
        made = await commands.send_to_group(
            client, name, given, devices=devices or None, where=where, ttl_s=ttl_s, key=key, is_all_or_nothing=is_all_or_nothing
        )
        with _live_tally() as show:
            return await commands.group_ended(client, made["id"], timeout_s, show)

    group = ask_hub(data_dir, send_all)
    typer.echo(json.dumps(group, indent=2) if as_json else _tally_text(group))
    for each in group["refusals"][:_NAMED]:
        typer.echo(f"not sent to {each['device']}: {each['message']}", err=True)
    done, meant = group["tally"].get("done", 0), group["devices"] + group["refused"]
    if done != meant:
        hint = f"see: tributary command list --group {group['id']}"
        raise Refusal("not_all_done", f"{done} of {meant} devices did {name}", hint)


def _tally_text(group: dict[str, Any]) -> str:
    states = ", ".join(f"{count} {state}" for state, count in group["tally"].items())
    return f"{group['id']}  {group['devices']} device{'s' * (group['devices'] != 1)}: {states}"


@contextmanager
def _live_tally() -> Iterator[Callable[[dict[str, Any]], None]]:
    """Give a function that shows a group as it is now: on stderr, and only where a person looks."""
    if not sys.stderr.isatty():
        yield lambda group: None
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False) as live:
        yield lambda group: live.update(Text(_tally_text(group)))


def arguments_of(args: list[str] | None, ttl_s: float, timeout_s: float) -> dict[str, Any]:
    """Return the arguments of a command. Raises Refusal, also for times that are none."""
    for option, seconds in (("--ttl", ttl_s), ("--timeout", timeout_s)):
        if not math.isfinite(seconds):
            raise Refusal("bad_usage", f"{option} {seconds} is no number of seconds", "write one as 30")
    return dict(argument_of(text) for text in args or [])


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
