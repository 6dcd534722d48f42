"""Which journals below a directory may be orphans, and how one goes when nothing of it is needed any more.

Owns the look at names and the deleting, in an order that a crash may cut anywhere. Whether a hub runs there its lock says. Plain code that
blocks; adopting.py calls it.
"""

from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from devices.durable import sync
from hub.datadir import JOURNAL, NODE
from hub.reserve import Reserve

_LOGS: Final = ("-wal", "-shm")


class Orphan(NamedTuple):
    """A directory with a journal, if no hub runs in it."""

    folder: Path
    node: str  # the name of the node that wrote it

    @property
    def journal(self) -> Path:
        """The file."""
        return self.folder / JOURNAL


def orphans_below(root: Path, own: Path, names: Collection[str]) -> Iterator[Orphan]:
    """Yield what lies below a directory, but for a hub's own and for directories of these names.

    Only a node's directory says whose it is: a copy that somebody keeps there, like a backup, does not.
    """
    for path in sorted(root.glob(f"*/{JOURNAL}")):
        folder = path.parent
        if folder == own or folder.name in names:
            continue
        with suppress(OSError):
            if node := (folder / NODE).read_text().strip():
                yield Orphan(folder, node)


def remove(orphan: Orphan) -> None:
    """Delete the journal, which is closed and of which everything was applied. Raises OSError.

    What belongs to it goes first: a log that is left would be taken for that of the next journal there.
    """
    for ending in _LOGS:
        orphan.journal.with_name(JOURNAL + ending).unlink(missing_ok=True)
    orphan.journal.unlink()
    Reserve(orphan.folder).give_up()
    sync(orphan.folder)
