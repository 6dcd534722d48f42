"""`tributary backup` and `tributary restore`: a copy of everything a hub has, and a hub out of that copy.

Owns what is printed; hub/backup does the work, through the hub where one runs.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import ConfigOption, DataDirOption, JsonOption
from hub.cli.progress import Shown, progress_bar

if TYPE_CHECKING:
    from hub.config import Settings

FolderArgument = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Where the backup goes, as a folder of its own with the time as name.")
]
BackupArgument = Annotated[Path, typer.Argument(metavar="BACKUP", help="The folder that tributary backup printed.")]
ForceOption = Annotated[
    bool,
    typer.Option(
        "--force", help="Also into a directory that is not empty: what is in it is moved into a folder before-restore-TIME there."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(folder: FolderArgument, data_dir: DataDirOption = None, config: ConfigOption = None, is_json: JsonOption = False) -> None:
    """Copy journal, history, devices and credentials into FOLDER, while the hub runs or while it does not.

    The backup is there whole or not at all. A running hub writes it itself, on its machine and with its rights.
    """
    import trio

    from hub.config import load_settings

    settings = load_settings(config, data_dir=data_dir)
    with progress_bar("bytes") as shown:
        said = trio.run(_take, settings, folder.absolute(), shown)
    if is_json:
        print(json.dumps(said))
        return
    print(said["backup"])
    for line in _about(said):
        typer.echo(line, err=True)


async def _take(settings: "Settings", folder: Path, shown: Shown) -> Mapping[str, Any]:
    from hub.backup.offline import offline_backup
    from hub.backup.service import step_words, words
    from hub.client import HubClient, HubError
    from hub.client.backup import take_backup

    def said(step: Mapping[str, Any]) -> None:
        shown(step["step"], step["done_bytes"], step["all_bytes"])

    try:
        client = HubClient.local(settings.data_dir)
    except HubError as error:
        if error.code != "not_running":
            raise
    else:
        async with client:
            return await take_backup(client, folder, said)
    return words(await offline_backup(settings, folder, lambda step: said(step_words(step))))


def _about(said: Mapping[str, Any]) -> list[str]:
    counts = ", ".join(f"{count:,} {name}" for name, count in said["holds"].items())
    return [f"{said['size_bytes']:,} bytes: {counts}; checked", *(f"note: {note}" for note in said["notes"])]


def restore(backup: BackupArgument, data_dir: DataDirOption = None, config: ConfigOption = None, is_forced: ForceOption = False) -> None:
    """Make a data directory out of BACKUP, for a hub that is then started on it.

    Every checksum is compared before anything is written. The journal gets a new id, so that open pages load anew and nobody mistakes it
    for the one that went on after the backup.
    """
    from hub.backup.restoring import restore as fill
    from hub.config import load_settings

    settings = load_settings(config, data_dir=data_dir)
    with progress_bar("bytes") as shown:
        restored = fill(backup.absolute(), settings.data_dir, shown, is_forced=is_forced)
    manifest = restored.manifest
    counts = ", ".join(f"{count:,} {name}" for name, count in manifest.holds.items())
    typer.echo(f"restored {counts} of {manifest.made_at}; checked", err=True)
    if restored.moved_to is not None:
        typer.echo(f"what was there before is in {restored.moved_to}; delete it when the hub runs as it should", err=True)
    if manifest.stored is None:
        typer.echo(f"the readings are in {manifest.store}: start the hub with the same store setting", err=True)
    typer.echo("devices go on from where they are; frames acked after the backup are noted as acked elsewhere", err=True)
    print(f"tributary serve --data-dir {settings.data_dir}")
