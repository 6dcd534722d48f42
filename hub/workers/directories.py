"""The directories of workers below the one that was named, and the credential that they share.

Owns what is made there before any of them starts; each worker owns what is in its own. Called by the command `serve`, which holds the lock
of the directory above.
"""

import os
from contextlib import closing
from pathlib import Path
from typing import Final

from devices.durable import sync
from hub.auth.admin_token import read_or_make
from hub.config import Settings
from hub.datadir import JOURNAL, NODE, DataDirError
from hub.journal import SQLiteJournalFile
from hub.workers.plan import names_of

TOKEN: Final = "admin.token"


def prepare(settings: Settings) -> None:
    """Make them; the journal of a hub that was alone on the directory becomes one below. Raises OSError, JournalBroken, DataDirError."""
    read_or_make(settings.data_dir / TOKEN)
    for name in names_of(settings):
        folder = settings.data_dir / name
        folder.mkdir(mode=0o700, exist_ok=True)
        _link(folder / TOKEN, Path(os.pardir, TOKEN))
    if (settings.data_dir / JOURNAL).exists():
        _set_aside(settings.data_dir, settings.node)


def _set_aside(root: Path, node: str) -> None:
    """Move a journal to where a worker finds and adopts it, one file as a whole: opened and closed it has no log beside it."""
    with closing(SQLiteJournalFile(root / JOURNAL)) as file:
        file.open()
    if (root / f"{JOURNAL}-wal").exists():
        raise DataDirError(f"{root / JOURNAL} is still open in some program; end it, then start again")
    folder = next(each for number in range(1, 1_000) if not ((each := root / f"{node}.{number}") / JOURNAL).exists())
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / NODE).write_text(f"{node}\n")
    sync(folder / NODE)
    (root / JOURNAL).replace(folder / JOURNAL)
    sync(folder)
    sync(root)


def _link(path: Path, target: Path) -> None:
    """Have a name mean another file: commands that are told a worker's directory show the same credential."""
    if path.is_symlink() and path.readlink() == target:
        return
    path.unlink(missing_ok=True)
    path.symlink_to(target)
