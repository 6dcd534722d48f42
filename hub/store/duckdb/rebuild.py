"""The manifest, the series and the cursor made anew from the files, after the database was lost.

Owns the judgement which files count: a flush or a merge that died between naming its files and the manifest must neither lose nor double
a reading. Nothing is deleted here; what does not count is set aside. Blocking, while the store is opened; called by recovery.py.

A flush holds every reading up to its cursor that no earlier one holds. So the cursor of the newest flush that counts is right for all
files at once, whatever times late readings have: the journal is replayed from there.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import duckdb

from hub.core.records import Cursor, Series
from hub.store.duckdb.folder import Folder, named
from hub.store.duckdb.manifest import Damaged, Dropped, File
from hub.store.duckdb.statefile import State, read_state
from hub.store.duckdb.tiers import DAY_NS, TIERS
from hub.store.duckdb.writing import about_file, file_of

_UNREADABLE: Final = (duckdb.Error, ValueError, KeyError, TypeError)


@dataclass(slots=True)
class Rebuilt:
    """What the files say."""

    files: dict[str, File] = field(default_factory=dict)
    series: dict[int, Series] = field(default_factory=dict)
    damaged: list[Damaged] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    left: list[str] = field(default_factory=list)  # set aside: they do not count
    cursor: Cursor | None = None
    state: State = field(default_factory=State)


def rebuild(connection: duckdb.DuckDBPyConnection, folder: Folder) -> Rebuilt:
    """Judge the files in the folder. Raises OSError."""
    rebuilt = Rebuilt()
    state = read_state(folder.path)
    replaces: dict[int, set[str]] = {}
    present = folder.names()
    for name in present:
        try:
            file, said, series = _sound(connection, folder, name)
        except _UNREADABLE as error:
            rebuilt.damaged.append(_damaged(name, str(error)))
            folder.set_aside(name)
            continue
        rebuilt.files[name] = file
        rebuilt.series |= series
        if said["replaces"]:
            replaces[file.run] = set(said["replaces"])
    _choose(rebuilt, folder.names_ever(), replaces, state)
    for name in rebuilt.left:
        folder.set_aside(name)
    _finish(rebuilt, state)
    return rebuilt


def _sound(connection: duckdb.DuckDBPyConnection, folder: Folder, name: str) -> tuple[File, Mapping[str, Any], dict[int, Series]]:
    said_by_name = named(name)
    assert said_by_name is not None  # by folder.names
    size_bytes = (folder.path / name).stat().st_size
    if (reason := folder.damage(name, size_bytes, said_by_name.crc)) is not None:
        raise ValueError(reason)
    said, row_count, series = about_file(connection, folder.path / name)
    return file_of(said, row_count, name, size_bytes, said_by_name.crc), said, series


def _damaged(name: str, reason: str) -> Damaged:
    """Say what is missing where not even a footer tells: by the day in its name."""
    tier, day = name.split("-")[:2]
    try:
        from_ns = int(datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).timestamp()) * 1_000_000_000
    except ValueError:
        from_ns = 0
    return Damaged(name, tier, from_ns, from_ns + TIERS[tier].period_ns if tier in TIERS else from_ns + DAY_NS, reason)


def _choose(rebuilt: Rebuilt, ever: list[str], replaces: Mapping[int, set[str]], state: State | None) -> None:
    """Take away what does not count: what a merge has replaced, or the merge itself where it is not whole, and an unfinished flush."""
    parts: dict[int, set[int]] = defaultdict(set)
    whole: dict[int, int] = {}
    for name in ever:
        if (said := named(name)) is not None:
            parts[said.run].add(said.part)
            whole[said.run] = said.parts
    is_whole = {run: len(parts[run]) == whole[run] for run in whole}
    for run in sorted(replaces, reverse=True):
        inputs = replaces[run]
        made = {name for name, file in rebuilt.files.items() if file.run == run}
        if not made:
            continue  # a later merge has replaced it
        is_kept = is_whole[run] or not all(name in rebuilt.files for name in inputs)
        _leave(rebuilt, inputs if is_kept else made)
    flushes = [file.run for file in rebuilt.files.values() if file.run == file.flush_run]
    last = max(flushes, default=0)
    replaced = {said.run for inputs in replaces.values() for name in inputs if (said := named(name)) is not None}
    was_named = last <= state.flush_run if state is not None else last in replaced
    # One that the manifest has named and that is not whole has lost a file since, to damage or to its age.
    if last and not is_whole[last] and not was_named:
        _leave(rebuilt, {name for name, file in rebuilt.files.items() if file.run == last})


def _leave(rebuilt: Rebuilt, names: set[str]) -> None:
    for name in names & rebuilt.files.keys():
        del rebuilt.files[name]
        rebuilt.left.append(name)


def _finish(rebuilt: Rebuilt, state: State | None) -> None:
    files = rebuilt.files.values()
    newest = max(files, key=lambda file: file.flush_run, default=None)
    if newest is not None and newest.journal:
        rebuilt.cursor = Cursor(newest.journal, newest.position)
    state = state or State()
    rebuilt.series = {number: series for number, series in rebuilt.series.items() if number not in state.gone}
    rebuilt.state = State(
        flush_run=state.flush_run,
        next_run=max([state.next_run, *[file.run + 1 for file in files]]),
        next_series=max([state.next_series, *[number + 1 for number in rebuilt.series], *[file.last_series + 1 for file in files]]),
        gone=state.gone,
    )
    oldest = {tier: min(file.oldest_ns for file in files if file.tier == tier) for tier in {file.tier for file in files}}
    for tier, oldest_ns in oldest.items():
        if oldest_ns - oldest_ns % TIERS["1h"].step_ns > min(oldest.values()):  # it had been dropped before
            rebuilt.dropped.append(Dropped(tier, "rebuilt", min(oldest.values()), oldest_ns, 0, 0))
