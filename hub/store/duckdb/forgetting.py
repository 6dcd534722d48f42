"""Series of which nothing is stored any more, neither hot nor in a file of any tier, are forgotten.

Owns when that is looked for: after a start, and after files grew too old (what the disk's share costs leaves hours). The footers of files
say which series are in them; those of hours come first, which are few and mostly hold all. Without it whatever was ever measured would be
known, and listed, for ever. Called by upkeep.py.
"""

from collections.abc import Sequence
from functools import partial

import duckdb
import structlog

from hub.store.duckdb.connection import DuckDB
from hub.store.duckdb.folder import Folder
from hub.store.duckdb.hot import Hot
from hub.store.duckdb.manifest import File
from hub.store.duckdb.merging import workbench
from hub.store.duckdb.parts import Parts
from hub.store.duckdb.tiers import HOURS
from hub.store.duckdb.writing import series_in

_log = structlog.get_logger(__name__)


class Forgetting:
    """What upkeep calls after each look at what is too old."""

    def __init__(self, parts: Parts, hot: Hot) -> None:
        self._parts = parts
        self._hot = hot
        self._is_due = True

    def expired(self) -> None:
        """Say that files grew too old and were dropped."""
        self._is_due = True

    async def run(self) -> None:
        """Forget what is left nowhere, where it is time to look. Raises StoreUnavailable."""
        if not self._is_due:
            return
        flushes, known, files = self._hot.flushes, frozenset(self._hot.ids.values()), list(self._parts.manifest.files.values())
        ids = await self._parts.file.tend(partial(_in_no_file, self._parts.folder, files, known))
        if ids and not await self._parts.file.write(partial(self._forget, ids, flushes)):
            return  # some may be in a file that was written meanwhile: looked at again
        self._is_due = False

    def _forget(self, ids: frozenset[int], flushes: int, connection: DuckDB) -> bool:
        if self._hot.flushes != flushes:
            return False
        if count := self._hot.forget(ids, connection):
            _log.info("history_series_forgotten", series=count)
        return True


def _in_no_file(folder: Folder, files: Sequence[File], known: frozenset[int]) -> frozenset[int]:
    """Return those series that no file holds; none where one cannot be read, as it may hold any."""
    left = known
    with workbench(folder) as connection:
        for file in sorted(files, key=lambda file: (file.tier != HOURS.name, -file.newest_ns)):
            if not left:
                break
            try:
                left -= series_in(connection, folder.path / file.name).keys()
            except (duckdb.Error, ValueError, KeyError):
                return frozenset()
    return left
