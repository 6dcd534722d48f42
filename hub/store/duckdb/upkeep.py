"""Upkeep of the files, called every few seconds: what is too old or too much goes, files are merged, looked at, and unlinked.

Owns the order of this and the merge under way. The manifest is changed in the writer's thread, shortly; all long work is done in a
thread of its own, in parts of about a second. Called by store.py.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog
import trio

from hub.ports import StoreUnavailable
from hub.store.duckdb import retention as rules
from hub.store.duckdb.checks import FilesDamaged
from hub.store.duckdb.connection import DuckDB
from hub.store.duckdb.forgetting import Forgetting
from hub.store.duckdb.hot import Hot
from hub.store.duckdb.manifest import Damaged, Dropped, File
from hub.store.duckdb.merging import Merge, choose, holds
from hub.store.duckdb.parts import Parts

_log = structlog.get_logger(__name__)
_LOOK_AT_BYTES: Final = 64 << 20  # a call: a history of 100 GB is looked at in two hours after a start
_MERGE_S: Final = 1.0  # a call, and the slice that is begun by then
_AGAIN_AFTER_S: Final = 60.0  # a merge that failed


class Upkeep:
    """Keeps the bounds and the order of the files."""

    def __init__(self, parts: Parts, hot: Hot) -> None:
        self._parts = parts
        self._hot = hot
        self._checks = parts.checks
        self._forgetting = Forgetting(parts, hot)
        self._merge: Merge | None = None
        self._merge_after_s = 0.0
        self._quota_told: Dropped | None = None
        self._quota_note = ""
        self._without: set[str] = set()  # files that hold none of the deleted series
        self._sought: list[int] = []  # these
        self._alone = trio.Lock()

    async def run(self, now_us: int) -> None:
        """Do the next part of each kind of work. Raises StoreUnavailable."""
        async with self._alone:
            await self.unlink()
            await self._drop(now_us)
            await self._forgetting.run()
            await self._merge_some(now_us)
            await self._look()
            await self.unlink()

    async def unlink(self) -> None:
        """Give back the bytes of files that nothing needs any more."""
        if ready := [file.name for file in self._parts.unlinking.ready()]:
            await self._parts.file.tend(partial(self._parts.folder.remove, ready))
            self._checks.forget(ready)

    async def set_aside(self, found: Sequence[tuple[File, str]]) -> None:
        """Take damaged files out of every answer, keep them beside, and tell the operator what is missing."""
        parts = self._parts

        def swap(connection: DuckDB) -> None:
            here = [(file, reason) for file, reason in found if file.name in parts.manifest.files]
            damaged = [Damaged(file.name, file.tier, file.oldest_ns, file.newest_ns, reason) for file, reason in here]
            parts.manifest.swap(connection, removed=[file.name for file, _ in here], damaged=damaged)
            self._hot.checkpoint(connection)
            for each in damaged:
                parts.folder.set_aside(each.name)
                parts.file.note(each.note())
                _log.error("history_file_damaged", file=each.name, reason=each.reason)

        await parts.file.write(swap)

    async def _drop(self, now_us: int) -> None:
        parts, files = self._parts, list(self._parts.manifest.files.values())
        await self._un_name(rules.expired(files, parts.retention, now_us), "retention")
        used, limit = await parts.file.tend(self._room)
        parts.figures.used_bytes, parts.figures.limit_bytes = used, limit
        if (too_many := used - int(rules.FULL * limit)) > 0:
            if not any(file.tier == "raw" for file in files):
                await parts.file.write(self._hot.flush)  # what is hot can only go once it is in files
            await self._un_name(rules.evicted(parts.manifest.files.values(), too_many), "quota")
        by_quota = sorted((each for each in parts.manifest.dropped if each.reason == "quota"), key=lambda each: each.tier != "raw")
        if by_quota and by_quota[0] != self._quota_told:
            self._quota_told = by_quota[0]
            self._tell(rules.quota_note(by_quota[0], limit))

    def _tell(self, said: str) -> None:
        notes = self._parts.file.notes
        if self._quota_note in notes:
            notes.remove(self._quota_note)
        self._quota_note = said
        notes.append(said)
        _log.warning("history_quota", reason=said)

    def _room(self) -> tuple[int, int]:
        """Return the bytes used, without those that will be given back, and how many may be."""
        parts = self._parts
        database = [parts.path, parts.path.with_name(parts.path.name + ".wal")]
        used = parts.folder.used_bytes() + sum(file.stat().st_size for file in database if file.exists()) - parts.unlinking.pending_bytes()
        return used, rules.limit_bytes(parts.retention, parts.folder.path, used)

    async def _un_name(self, files: Sequence[File], reason: str) -> None:
        if not files:
            return
        parts, dropped = self._parts, rules.dropped(files, reason)

        def swap(connection: DuckDB) -> None:
            here = [file for file in files if file.name in parts.manifest.files]
            parts.manifest.swap(connection, removed=[file.name for file in here], dropped=dropped)
            parts.unlinking.add(here)
            self._hot.checkpoint(connection)

        await parts.file.write(swap)
        if reason == "retention":
            self._forgetting.expired()
        _log.info("history_dropped", reason=reason, files=len(files), bytes=sum(each.size_bytes for each in dropped))

    async def _merge_some(self, now_us: int) -> None:
        ends_s = trio.current_time() + _MERGE_S
        while trio.current_time() < ends_s:
            if trio.current_time() < self._merge_after_s or not await self._merge_one(now_us):
                return

    async def _merge_one(self, now_us: int) -> bool:
        """Do a part of a merge; return whether there was something to do."""
        try:
            if self._merge is None:
                await self._begin(now_us)
            if self._merge is None:
                return False
            if not self._merge.is_done:
                await self._parts.file.tend(partial(self._step, self._merge))
            if self._merge.is_done:
                await self._parts.file.write(partial(self._name, self._merge))
                self._merge = None
        except FilesDamaged as error:
            self._abandon()
            await self.set_aside(error.found)
        except StoreUnavailable as error:
            self._abandon()
            self._merge_after_s = trio.current_time() + _AGAIN_AFTER_S
            _log.warning("history_merge_failed", reason=str(error))
        return True

    def _step(self, merge: Merge) -> None:
        self._checks.reading(merge.inputs, merge.step)

    def _abandon(self) -> None:
        if self._merge is not None:
            self._merge.abandon()
        self._merge = None

    async def _begin(self, now_us: int) -> None:
        parts = self._parts
        inputs: list[File] = await self._with_deleted()
        if not inputs:
            inputs = await parts.file.tend(partial(choose, list(parts.manifest.files.values()), now_us * 1_000))
            if parts.figures.used_bytes + sum(file.size_bytes for file in inputs) > rules.MERGES_TO * parts.figures.limit_bytes:
                return
        if inputs:
            self._merge = Merge(parts.folder, parts.manifest.draw_run(), inputs, self._hot.names(), parts.manifest.gone_ids())

    def _name(self, merge: Merge, connection: DuckDB) -> None:
        parts = self._parts
        names = [file.name for file in merge.inputs]
        if not all(name in parts.manifest.files for name in names):
            merge.abandon()  # one was dropped or set aside meanwhile
            return
        merge.is_offered = True
        parts.manifest.swap(connection, merge.files, names, undo=merge.remove)
        parts.unlinking.add(merge.inputs)
        self._hot.checkpoint(connection)
        parts.figures.merges += 1
        parts.figures.merged_rows += sum(file.row_count for file in merge.inputs)

    async def _with_deleted(self) -> list[File]:
        """Return a file that holds readings of a deleted device; mark these as erased where there is none."""
        parts = self._parts
        gone = [each for each in parts.manifest.gone if not each.is_erased]
        if [each.id for each in gone] != self._sought:
            self._sought = [each.id for each in gone]
            self._without.clear()
        newest = max((each.run for each in gone), default=0)
        ends_s = trio.current_time() + _MERGE_S
        for file in list(parts.manifest.files.values()):
            if file.run > newest or file.name in self._without:
                continue
            ids = [each.id for each in gone if file.first_series <= each.id <= file.last_series]
            is_in = await parts.file.tend(partial(holds, parts.folder, file, ids))
            if is_in:
                return [file]
            self._without.add(file.name)
            if trio.current_time() > ends_s:
                return []
        if gone:
            await parts.file.write(partial(self._erased, [each.id for each in gone]))
        return []

    def _erased(self, ids: Sequence[int], connection: DuckDB) -> None:
        listed = ", ".join(map(str, ids))
        manifest = self._parts.manifest
        highest = max([*ids, *[each.id for each in manifest.gone if each.is_erased]])  # one says that no id is given again
        manifest.swap(connection, also=[f"DELETE FROM gone WHERE is_erased OR id IN ({listed})"], rows={"gone": [[highest, 0, True]]})
        self._hot.checkpoint(connection)

    async def _look(self) -> None:
        try:
            await self._parts.file.tend(partial(self._checks.look, list(self._parts.manifest.files.values()), _LOOK_AT_BYTES))
        except FilesDamaged as error:
            await self.set_aside(error.found)
