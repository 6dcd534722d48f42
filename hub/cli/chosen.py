"""Which devices a command means: those that it names, or those that --where means.

Owns the option and how it is told that it means none; the hub reads the expression. Commands that take devices use it.
"""

from collections.abc import Collection
from typing import Annotated

import typer

from hub.core.errors import Refusal

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
