"""What a backup says of itself: its files with size and checksum, and what they hold.

Owns manifest.json, which is written last: a folder without one is no backup. Blocking; called in worker threads.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from devices.durable import sync
from hub.core.errors import Refusal

NAME: Final = "manifest.json"
FORMAT: Final = 1
PARTIAL: Final = ".partial"  # the end of the name of a backup that is not whole
_PART_BYTES: Final = 4 << 20

Told = Callable[[int], None]  # so many bytes more are done


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a backup."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. Positions are of the journal in it."""

    made_at: str  # RFC 3339, UTC
    made_by: str  # name and version of the hub
    journal: str  # id
    last: int  # the highest position in the journal
    stored: int | None  # position that the history in it has; None: the history is in a database of its own, or empty
    store: str  # name of the history store
    holds: Mapping[str, int]  # counts: frames, devices, commands, series, readings
    files: Mapping[str, FileEntry] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(entry.bytes for entry in self.files.values())


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it into a folder and sync both."""
    said = {"format": FORMAT, **asdict(manifest)}
    with (folder / NAME).open("x") as file:
        json.dump(said | {"sha256": _checksum(said)}, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    sync(folder)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a whole backup. Raises Refusal for anything else."""
    if folder.name.endswith(PARTIAL):
        raise Refusal("bad_backup", f"{folder} is a backup that never ended", "take another one; this folder may be deleted")
    try:
        said: Any = json.loads((folder / NAME).read_text())
        if said.pop("sha256") != _checksum(said):
            raise ValueError("its checksum is wrong")
        if said.pop("format") != FORMAT:
            raise Refusal("bad_backup", f"{folder / NAME} is of a format that this program does not know", "use the version that made it")
        return Manifest(**(said | {"files": {name: FileEntry(**entry) for name, entry in said["files"].items()}}))
    except FileNotFoundError:
        raise Refusal("bad_backup", f"{folder} is no backup: it has no {NAME}", "name the folder that tributary backup printed") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refusal("bad_backup", f"{folder / NAME} is damaged: {error}", "use another backup") from None


def _checksum(said: Any) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def files_of(folder: Path) -> list[str]:
    """Return the names of all files below a folder, but for the manifest."""
    found = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if not path.is_dir()]
    return [name for name in found if name != NAME]


def entry_of(path: Path, told: Told) -> FileEntry:
    """Read a file and return its size and checksum."""
    digest, size_bytes = hashlib.sha256(), 0
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # what is on the disk, not what was meant to be
        while part := file.read(_PART_BYTES):
            digest.update(part)
            size_bytes += len(part)
            told(len(part))
    return FileEntry(size_bytes, digest.hexdigest())


def check_files(folder: Path, manifest: Manifest, told: Told) -> None:
    """Compare every file with the manifest. Raises Refusal with the name of the first that is not as it was written."""
    for name, entry in manifest.files.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise _damaged(folder, f"{name} lies outside of it")
        if not path.is_file():
            raise _damaged(folder, f"{name} is missing")
        if (size_bytes := path.stat().st_size) != entry.bytes:
            raise _damaged(folder, f"{name} has {size_bytes:,} bytes and not {entry.bytes:,}")
        if entry_of(path, told) != entry:
            raise _damaged(folder, f"{name} is not what was written: its checksum is wrong")
    if strange := sorted(set(files_of(folder)) - set(manifest.files)):
        raise _damaged(folder, f"{strange[0]} does not belong to it")


def _damaged(folder: Path, said: str) -> Refusal:
    return Refusal("bad_backup", f"the backup {folder} is damaged: {said}", "nothing was restored; use another backup")
