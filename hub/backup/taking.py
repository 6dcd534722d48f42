"""Taking a backup: copies of the history, the journal and the state in that order, looked through, and named only when they are whole.

Owns the order, which is what makes the parts fit: the history's cursor lies within the journal copied after it, as nothing is trimmed
meanwhile. Needs the running parts of a hub; called by main.py for the API and by offline.py.
"""

import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final, Protocol, TypeVar, runtime_checkable

import trio

from devices.durable import sync
from hub.backup.databases import copy_sqlite, look_into_journal, look_into_state
from hub.backup.folders import Unfinished, free_name, remove_unfinished
from hub.backup.manifest import Manifest, entry_of, files_of, write_manifest
from hub.backup.progress import Said, Told, step
from hub.backup.room import check_room, size_of
from hub.core.errors import Refusal
from hub.core.records import Cursor
from hub.datadir import DataDir
from hub.ports import HistoryStore, Now
from hub.store.duckdb.copies import look_into_history

T = TypeVar("T")
_PAGE_BYTES: Final = 4_096  # of SQLite
_THREAD: Final = trio.CapacityLimiter(1)


class PinnedJournal(Protocol):
    """A journal that can be copied while it is written."""

    id: str

    def pinned(self) -> AbstractContextManager[None]:
        """Trim nothing while the block runs."""

    async def copy_to(self, path: Path, told: Told) -> None:
        """Copy what is committed into a new file; `told(done, of)` counts pages."""

    def statistics(self) -> Mapping[str, float]:
        """Return figures."""


@runtime_checkable
class Embedded(Protocol):
    """A history store whose files lie in the data directory."""

    async def backup(self, folder: Path, said: Callable[[int, int], None]) -> Cursor | None:
        """Copy them into a folder and return the cursor in the copy."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What is copied."""

    data: DataDir
    journal: PinnedJournal
    history: HistoryStore
    now: Now
    made_by: str
    min_free_bytes: int
    is_state_shared: bool = False  # it is in a Redis, not in the data directory


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup that is whole."""

    path: Path
    manifest: Manifest
    notes: tuple[str, ...]  # what the operator should know


def made_by() -> str:
    """Return the name and version that stand in a manifest."""
    return f"tributary {version('tributary-hub')}"


async def take_backup(parts: Parts, folder: Path, said: Said) -> Taken:
    """Write a backup into a new folder below `folder`; it has its name only once it is whole, synced and looked through.

    `said` is told of progress, from this task. Cancelled or failed, nothing is left. Raises Refusal (no room, a folder that does not fit,
    a copy that is damaged), StoreUnavailable, OSError.
    """
    if parts.is_state_shared:
        why = "the state is in Redis, which several nodes share: a backup of one of them would not be whole"
        raise Refusal("state_elsewhere", why, "back up that Redis (its append-only file) and the history store instead", 409)
    await _in_thread(partial(check_room, parts.data, folder, parts.min_free_bytes))
    removed = await _in_thread(partial(remove_unfinished, folder))
    path = folder / await _in_thread(partial(free_name, folder, parts.now()))
    unfinished = await _in_thread(partial(Unfinished, folder, path.name))
    try:
        manifest, notes = await _fill(parts, unfinished.path, said)
        await _in_thread(partial(_finish, unfinished.path, path, manifest))
    finally:
        with trio.CancelScope(shield=True):  # a large file takes a while to delete, and the hub goes on beside it
            await _in_thread(unfinished.close)
    with suppress(OSError):
        await _in_thread(partial(parts.data.note_backup, path.absolute()))
    return Taken(path, manifest, (*(f"removed {each}, which never ended" for each in removed), *notes))


async def _fill(parts: Parts, folder: Path, said: Said) -> tuple[Manifest, list[str]]:
    stored: Cursor | None = None
    notes: list[str] = []
    data = parts.data
    with parts.journal.pinned():
        if isinstance(parts.history, Embedded):
            async with step("history", said) as told:
                stored = await parts.history.backup(folder, told)
        else:
            notes.append(f"the readings are in {parts.history.name}, which is not part of this backup: {_advice(parts.history.name)}")
        async with step("journal", said) as told:
            await parts.journal.copy_to(folder / data.journal.name, lambda done, of: told(done * _PAGE_BYTES, of * _PAGE_BYTES))
    async with step("state", said, (folder / data.state.name, size_of(data.state))):
        await _in_thread(partial(_copy_rest, data, folder))
    all_bytes = await _in_thread(partial(size_of, folder))
    async with step("check", said) as told:
        manifest = await _in_thread(partial(_checked, parts, folder, stored, _counted(told, all_bytes)))
    return manifest, notes


def _copy_rest(data: DataDir, folder: Path) -> None:
    """Copy what is small, after the journal: the ledger may be ahead of it, and a restore brings it back."""
    copy_sqlite(data.state, folder / data.state.name)
    for path in (data.admin_token, data.format, *data.parked()):
        if path.exists():
            shutil.copyfile(path, folder / path.name)
    for name in files_of(folder):
        (folder / name).chmod(0o600)
        sync(folder / name)


def _checked(parts: Parts, folder: Path, stored: Cursor | None, told: Callable[[int], None]) -> Manifest:
    """Read all that was written back from the disk, and make sure that the parts fit. Raises Refusal."""
    data = parts.data
    journal, state = look_into_journal(folder / data.journal.name), look_into_state(folder / data.state.name)
    holds = {"frames": journal.frames, "devices": state.devices, "commands": state.commands}
    if journal.journal != parts.journal.id:
        raise _unfit(f"its journal is {journal.journal} and not {parts.journal.id}")
    if (folder / data.history.name).exists():
        history = look_into_history(folder / data.history.name)
        holds |= {"series": history.series, "readings": history.readings}
        if history.cursor != stored:
            raise _unfit(f"its history ends at {history.cursor} and not at {stored}")
        if stored is not None and stored.journal == journal.journal and not journal.first - 1 <= stored.position <= journal.last:
            raise _unfit(f"its history ends at {stored.position}, its journal goes from {journal.first} to {journal.last}")
    files = {name: entry_of(folder / name, told) for name in files_of(folder)}
    position = stored.position if stored is not None and stored.journal == journal.journal else None
    made_at = datetime.fromtimestamp(parts.now() / 1e6, UTC).isoformat(timespec="seconds")
    return Manifest(made_at, parts.made_by, journal.journal, journal.last, position, parts.history.name, holds, files)


def _unfit(said: str) -> Refusal:
    return Refusal("bad_copy", f"the copies do not fit together: {said}", "try again, and report this", 500)


def _finish(partial_folder: Path, path: Path, manifest: Manifest) -> None:
    write_manifest(partial_folder, manifest)
    for each in partial_folder.rglob("*"):
        if each.is_dir():
            sync(each)
    partial_folder.rename(path)
    sync(path.parent)


def _counted(told: Told, all_bytes: int) -> Callable[[int], None]:
    done_bytes = 0

    def more(size_bytes: int) -> None:
        nonlocal done_bytes
        done_bytes += size_bytes
        told(done_bytes, all_bytes)

    return more


def _advice(name: str) -> str:
    return {
        "InfluxDB": "back it up with `influx backup`",
        "VictoriaMetrics": "back it up with vmbackup, or copy a snapshot of its /snapshot/create",
    }.get(name, "back it up with its own tools")


async def _in_thread(call: Callable[[], T]) -> T:
    return await trio.to_thread.run_sync(call, limiter=_THREAD)
