"""Backups of the hub that runs: one at a time, told to the log.

Owns that and the words for programs; taking.py takes them. Made by main.py, asked by the API.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import structlog
import trio

from hub.backup.progress import Step
from hub.backup.taking import Parts, Taken, take_backup
from hub.core.errors import Refusal
from hub.ports import StoreUnavailable

_log: Final = structlog.get_logger(__name__)


class BackupService:
    """Takes backups of a hub."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._is_taking = False

    async def take(self, folder: Path, said: Callable[[Mapping[str, Any]], None]) -> Mapping[str, Any]:
        """Take a backup and return where it is; `said` gets each step as a map. Raises what take_backup raises, and Refusal 409."""
        if self._is_taking:
            raise Refusal("busy", "a backup is being taken already", "wait for its end", 409)
        self._is_taking = True
        began_s = trio.current_time()
        try:
            taken = await take_backup(self._parts, folder, lambda step: said(step_words(step)))
        except (Refusal, StoreUnavailable, OSError) as error:
            _log.error("backup_failed", folder=str(folder), reason=str(error)[:500])
            raise
        finally:
            self._is_taking = False
        took_s = round(trio.current_time() - began_s, 3)
        _log.info("backup_taken", path=str(taken.path), size_bytes=taken.manifest.size_bytes, took_s=took_s)
        return words(taken) | {"took_s": took_s}


def step_words(step: Step) -> dict[str, Any]:
    """Return a step as programs get it."""
    return {"step": step.name, "done_bytes": step.done_bytes, "all_bytes": step.all_bytes}


def words(taken: Taken) -> dict[str, Any]:
    """Return a backup as programs get it."""
    manifest = taken.manifest
    return {
        "backup": str(taken.path),
        "size_bytes": manifest.size_bytes,
        "journal": manifest.journal,
        "position": manifest.last,
        "stored": manifest.stored,
        "holds": dict(manifest.holds),
        "notes": list(taken.notes),
    }
