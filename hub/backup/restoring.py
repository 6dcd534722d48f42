"""Restoring a backup into a data directory: checked first, then copied, then given a journal id of its own.

Owns the order and what of the copies changes: the id, so that whoever had a cursor in the old journal notices, and the cursors of the
followers, so that none is ahead of what is there. Blocking; called by the command line, while no hub has the directory.
"""

import os
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from devices.durable import sync
from hub.backup.databases import (
    look_into_journal,
    look_into_state,
    lower_cursor,
    renew_journal,
    renew_state,
)
from hub.backup.manifest import Manifest, check_files, entry_of, read_manifest
from hub.core.errors import Refusal
from hub.datadir import Claim, DataDir
from hub.store.duckdb.copies import look_into_history, renew_history

_OURS: Final = frozenset({"lock", "restoring", "restoring.new"})  # what a restore itself makes
_IN_STATE: Final = ("ledger", "rules")  # followers that keep their cursor in the state store, with what they write there
_ASIDE: Final = "before-restore-"
Told = Callable[[str, int, int], None]  # a step: so many bytes of so many are done


@dataclass(frozen=True, slots=True)
class Restored:
    """A data directory that a hub can be started on."""

    manifest: Manifest
    journal: str  # its new id
    moved_to: Path | None  # where what was there before is now


def restore(backup: Path, target: Path, told: Told, *, is_forced: bool) -> Restored:
    """Fill a data directory from a backup. Nothing is written before every checksum was right.

    A directory that is not empty is refused; `is_forced` moves what is in it into a folder beside the restored files. Killed on the way it
    leaves a directory that no hub starts on, and can be run again. Raises Refusal, DataDirError, OSError.
    """
    manifest = read_manifest(backup)
    check_files(backup, manifest, _counter(told, "check", manifest.size_bytes))
    if target.resolve().is_relative_to(backup.resolve()):
        raise Refusal("bad_usage", f"{target} lies in the backup itself", "name another --data-dir")
    with Claim(target) as claim:
        _check_room(target, manifest)
        moved_to = _make_way(claim, is_forced=is_forced)
        _copy(backup, target, manifest, _counter(told, "copy", manifest.size_bytes))
        journal = _renew(DataDir(target), manifest)
        _check(DataDir(target), manifest, journal)
        sync(target)
        claim.restoring.unlink()
        sync(target)
    return Restored(manifest, journal, moved_to)


def _make_way(claim: Claim, *, is_forced: bool) -> Path | None:
    """Empty a directory: what a restore has left that never ended is deleted, anything else moved aside, and that only where it is wanted.

    The marker says which of the two it is, so that a kill in between neither deletes what was there nor leaves a half of it to a hub.
    """
    there = [path for path in sorted(claim.path.iterdir()) if path.name not in _OURS and not path.name.startswith(_ASIDE)]
    begun = claim.restoring.read_text().strip() if claim.restoring.exists() else None
    if begun == "":
        for path in there:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        return None
    if not there and begun is None:
        _mark(claim, "")
        return None
    if not is_forced and begun is None:
        more = f" and {len(there) - 1} more" if there[1:] else ""
        said = f"the data directory {claim.path} is not empty: it has {there[0].name}{more}"
        raise Refusal("bad_usage", said, "choose an empty one, or --force: what is in it is moved aside then, and not deleted")
    aside = claim.path / (begun or datetime.now(UTC).strftime(f"{_ASIDE}%Y-%m-%dT%H%M%S.%fZ"))
    _mark(claim, aside.name)
    aside.mkdir(mode=0o700, exist_ok=True)
    for path in there:
        path.rename(aside / path.name)
    sync(aside)
    _mark(claim, "")
    return aside


def _mark(claim: Claim, moving_to: str) -> None:
    """Say durably that the directory is no hub's; `moving_to` names the folder that what was there is being moved to."""
    draft = claim.restoring.with_suffix(".new")
    draft.write_text(moving_to)
    sync(draft)
    draft.replace(claim.restoring)
    sync(claim.path)


def _check_room(target: Path, manifest: Manifest) -> None:
    disk = os.statvfs(target)
    free_bytes = disk.f_bavail * disk.f_frsize
    if free_bytes < manifest.size_bytes:
        said = f"the backup has {manifest.size_bytes:,} bytes, the disk of {target} has {free_bytes:,} free"
        raise Refusal("no_room", said, f"free {manifest.size_bytes - free_bytes:,} bytes, or choose another --data-dir")


def _copy(backup: Path, target: Path, manifest: Manifest, told: Callable[[int], None]) -> None:
    for name, entry in manifest.files.items():
        path = target / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(backup / name, path)
        path.chmod(0o600)
        sync(path)
        if entry_of(path, told) != entry:
            raise Refusal("bad_copy", f"{path} is not what was read from the backup", "check the disk, then try again")
        if path.parent != target:
            sync(path.parent)


def _renew(data: DataDir, manifest: Manifest) -> str:
    """Draw a new journal id and carry every cursor into it; return it."""
    journal, stored = secrets.token_hex(8), manifest.stored
    if data.history.exists():
        if stored is not None:
            renew_history(data.history, journal)
        else:
            stored = 0  # it follows no journal, or another one: it is filled from what this one has
    renew_journal(data.journal, journal, stored)
    followed = renew_state(data.state, manifest.journal, journal, manifest.last)
    for follower in _IN_STATE:
        lower_cursor(data.journal, follower, followed.get(follower, 0))
    return journal


def _check(data: DataDir, manifest: Manifest, journal: str) -> None:
    """Look through what a hub will find. Raises Refusal."""
    found, state = look_into_journal(data.journal), look_into_state(data.state)
    holds = {"frames": found.frames, "devices": state.devices, "commands": state.commands}
    if data.history.exists():
        history = look_into_history(data.history)
        holds |= {"series": history.series, "readings": history.readings}
        if manifest.stored is not None and history.cursor != (journal, manifest.stored):
            raise _unfit(f"the history is at {history.cursor} and not at {manifest.stored}")
    if (found.journal, found.last) != (journal, manifest.last):
        raise _unfit(f"the journal ends at {found.last} and not at {manifest.last}")
    for name, count in manifest.holds.items():
        if holds.get(name) != count:
            raise _unfit(f"{holds.get(name, 0):,} {name} are there and not {count:,}")
    for path in (data.journal, data.state, data.history):
        for suffix in ("-wal", "-shm", ".wal"):
            with suppress(FileNotFoundError):
                path.with_name(path.name + suffix).unlink()


def _unfit(said: str) -> Refusal:
    return Refusal(
        "bad_copy", f"what was restored is not what was backed up: {said}", "check the disk, then try again; report it if it stays so"
    )


def _counter(told: Told, name: str, all_bytes: int) -> Callable[[int], None]:
    done_bytes = 0

    def more(size_bytes: int) -> None:
        nonlocal done_bytes
        done_bytes += size_bytes
        told(name, done_bytes, all_bytes)

    return more
