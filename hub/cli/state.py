"""`tributary state copy`: from one hub to several, with all that the one knew.

Owns what is printed and the exit code; hub/backup does the work. No hub runs on the directory or the Redis meanwhile.
"""

import json
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import ConfigOption, DataDirOption, JsonOption
from hub.cli.progress import progress_bar

if TYPE_CHECKING:
    from hub.backup.state_copy import Copied
    from hub.config import Settings

ReplaceOption = Annotated[
    bool, typer.Option("--replace", help="Also into a Redis that holds the state of a cluster: all of that is deleted.")
]


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(name="state", help="What a hub knows, beside readings: take it along to where several hubs share it.")
    group.callback()(_group)
    group.command()(copy)
    app.add_typer(group)


def _group() -> None:
    pass


def copy(
    config: ConfigOption = None, data_dir: DataDirOption = None, is_forced: ReplaceOption = False, is_json: JsonOption = False
) -> None:
    """Copy state.db of a hub that stood alone into the Redis of its new configuration, compare, and let hubs start there.

    Stop the hub first; devices keep their readings meanwhile. Devices with their tokens, users, API tokens, rules, alerts, dashboards,
    commands, desired and reported values, log lines, connections and the audit log go along; people log in again. state.db stays as it is.
    """
    import trio

    from hub.backup.state_copy import copy_into_redis
    from hub.config import load_settings

    settings = load_settings(config, data_dir=data_dir)
    with progress_bar("things") as shown:
        copied = trio.run(partial(copy_into_redis, settings, shown, is_forced=is_forced))
    given = "" if config is None else f" --config {config}"
    _print(settings, copied, f"tributary serve --data-dir {settings.data_dir}{given}", is_json=is_json)
    if copied.different:
        raise typer.Exit(1)


def _print(settings: "Settings", copied: "Copied", then: str, *, is_json: bool) -> None:
    if is_json:
        print(json.dumps({"copied": dict(copied.counts), "different": copied.different, "is_alike": not copied.different}))
        return
    typer.echo(", ".join(f"{count:,} {sort.replace('_', ' ')}" for sort, count in copied.counts.items()), err=True)
    if copied.different:
        for each in copied.different:
            typer.echo(f"different: {each}", err=True)
        typer.echo("error: the two do not hold the same, and no hub starts on the copy: run it again", err=True)
        return
    typer.echo(f"both hold the same; {settings.data_dir}/state.db stays as it is, and is looked at no more", err=True)
    if settings.store == "duckdb":
        typer.echo("note: the history is of this data directory alone: move it before a second node comes (tributary migrate)", err=True)
    typer.echo("start the hub with the new configuration on the same data directory, as its journal goes on there:", err=True)
    print(then)
