"""Which devices a command means: those that it names, or those that --where means.

Owns the option and how it is told that it means none; the hub reads the expression. Commands that take devices use it.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import ask_hub
from hub.core.errors import Refusal

if TYPE_CHECKING:
    from hub.client import HubClient

WhereOption = Annotated[
    str | None, typer.Option("--where", metavar="TAGS", help="In place of names, the devices with these tags: 'floor=2 and not kind=test'.")
]


def check_one(names: Collection[str], where: str | None, *, is_needed: bool = False) -> None:
    """Refuse names beside --where; with `is_needed` also neither of the two."""
    if names and where is not None:
        raise Refusal("bad_usage", "devices are named, and --where says which", "say one of them; name=pump-* in --where means names")
    if is_needed and not names and where is None:
        raise Refusal("bad_usage", "no device is named", "name one, or say --where")


def said_none(where: str) -> str:
    """Return in words that an expression means no device."""
    return f"no device is meant by --where {where!r}; tags are in: tributary device list"


def chosen(data_dir: Path | None, name: str | None, where: str | None) -> list[str]:
    """Return the names of the devices that a command means; of none it is said. Raises Refusal, HubError."""
    check_one([] if name is None else [name], where, is_needed=True)
    if where is None:
        return [] if name is None else [name]
    from hub.client import fleet

    names = [str(item["device"]) for item in ask_hub(data_dir, lambda client: fleet.devices(client, where))]
    if not names:
        typer.echo(said_none(where), err=True)
    return names


def for_each(data_dir: Path | None, names: Sequence[str], act: "Callable[[HubClient, str], Awaitable[str]]") -> None:
    """Do something to one device after another, and say of each what was done: where one fails it can be seen which are left."""

    async def act_on_all(client: "HubClient") -> None:
        for name in names:
            typer.echo(await act(client, name), err=True)

    if names:
        ask_hub(data_dir, act_on_all)
