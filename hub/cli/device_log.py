"""`tributary device log NAME`: what a device logs.

Owns what is printed; the hub keeps the lines. device.py has the group.
"""

import json
from typing import Annotated

import typer

from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.cli.tables import time_text
from hub.core.errors import Refusal

_LEVELS = ("debug", "info", "warning", "error")


def device_log(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The device.")],
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="How many lines at most, the newest.")] = 50,
    level: Annotated[str, typer.Option("--level", metavar="LEVEL", help="debug, info, warning or error: this and worse.")] = "debug",
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what a device logged, the newest line last; a hub keeps the newest 500 of each device."""
    from hub.client import device_log

    if level not in _LEVELS:
        raise Refusal("bad_usage", f"--level is one of {', '.join(_LEVELS)}, not {level!r}", "say one of them")
    found = ask_hub(data_dir, lambda client: device_log.lines(client, name, limit, level))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    elif not found:
        typer.echo(f"{name} has logged nothing" if level == "debug" else f"{name} has logged nothing of level {level} or worse", err=True)
    else:
        for line in reversed(found):
            at_us = line["arrived_us"] if line["at_us"] is None else line["at_us"]
            typer.echo(f"{time_text(at_us)}  {line['level']:<7}  {_shown(line['text'])}")


def _shown(text: str) -> str:
    """Return a device's text as one line that does nothing to a terminal."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
