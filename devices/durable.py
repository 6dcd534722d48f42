"""What is written to a disk made durable: a file's bytes, the names in a folder, a small file as a whole.

Owns the calls to the system. Blocking; used wherever a file is written or renamed by ourselves, by devices and by the hub.
"""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Sync a file, or the names in a folder: what was created or renamed there. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def keep(path: Path, text: str) -> None:
    """Write a line into a file of which only its owner may read anything: whole, or as it was before. Raises OSError."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync(path.parent)
