"""What is written to a disk made durable: a file's bytes, or the names in a folder.

Owns that one call to the system. Blocking; used wherever a file is written or renamed by ourselves, by devices and by the hub.
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
