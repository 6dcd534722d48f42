"""The open DuckDB file and its threads: one writes, two read, each query on a cursor of its own.

Owns opening, failing, opening again and closing; knows no table. DuckDB declares a file invalid after a failed write until every
connection to it is closed: `has_failed` says so, and `open` begins anew. Used by store.py.
"""

import errno
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import duckdb
import trio

from hub.ports import StoreFull, StoreRefused, StoreUnavailable
from hub.store.duckdb.file import first_line, is_cut, is_damage, open_file, set_database_aside
from hub.store.duckdb.folder import Folder

T = TypeVar("T")
DuckDB = duckdb.DuckDBPyConnection
_QUERIES: Final = 2
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_INTERRUPT_EVERY_S: Final = 0.01  # an interrupt between two statements is lost, so it is said again


class Connection:
    """One DuckDB file, opened by one process."""

    def __init__(self, path: Path, folder: Folder) -> None:
        self.notes: list[str] = []  # what the operator should know
        self.has_failed = False  # nothing works until `open`
        self._path = path
        self._folder = folder
        self._writing = trio.CapacityLimiter(1)
        self._querying = trio.CapacityLimiter(_QUERIES)
        self._tending = trio.CapacityLimiter(1)
        self._alone = trio.Lock()
        self._connection: DuckDB | None = None

    async def open(self, load: Callable[[DuckDB], None]) -> None:
        """Open the file, or open it again after a failure, and call `load` in the same thread. Raises StoreUnavailable."""

        def open_and_load() -> None:
            self._close()
            self._connection = open_file(self._path, self._folder, self.notes)
            try:
                load(self._connection)
            except duckdb.Error as error:
                if not (is_damage(error) or is_cut(error)):
                    raise
                self._close()
                set_database_aside(self._path, error, self.notes)
                self._connection = open_file(self._path, self._folder, self.notes)
                load(self._connection)

        self.has_failed = True  # until it is open, also where this fails: then it is tried again
        async with self._no_queries():
            await self._in_thread(open_and_load, self._writing)
            self.has_failed = False

    async def write(self, call: Callable[[DuckDB], T]) -> T:
        """Run a change; it is not given up when it is cancelled. Raises StoreUnavailable, StoreRefused."""
        return await self._in_thread(lambda: call(self._opened()), self._writing)

    async def tend(self, call: Callable[[], T]) -> T:
        """Run upkeep of files in its own thread, without the database; not given up when it is cancelled. Raises StoreUnavailable."""
        return await self._in_thread(call, self._tending, is_database=False)

    async def read(self, call: Callable[[DuckDB], T]) -> T:
        """Run a query; it is interrupted when it is cancelled, and its thread has ended when this returns. Raises StoreUnavailable."""
        running = _Running()
        found: list[T] = []
        failed: StoreUnavailable | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(running.interrupt_when_cancelled)
            try:
                found.append(await self._in_thread(partial(self._with_cursor, running, call), self._querying))
            except StoreUnavailable as error:
                failed = error
            finally:
                running.is_over = True
                nursery.cancel_scope.cancel()
        if failed is not None:
            raise failed
        return found[0]

    async def aclose(self) -> None:
        """Close when the queries that run have ended; idempotent. DuckDB checkpoints when its last connection is closed."""
        async with self._no_queries():
            await self._in_thread(self._close, self._writing)

    @asynccontextmanager
    async def _no_queries(self) -> AsyncIterator[None]:
        async with self._alone:
            turns = [object() for _ in range(_QUERIES)]
            taken = 0
            try:
                for turn in turns:
                    await self._querying.acquire_on_behalf_of(turn)
                    taken += 1
                yield
            finally:
                for turn in turns[:taken]:
                    self._querying.release_on_behalf_of(turn)

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(duckdb.Error):  # of a file that has failed: what it says is known by then
                connection.close()

    def _opened(self) -> DuckDB:
        if self._connection is None or self.has_failed:
            raise StoreUnavailable(f"{self._path.name} is not open")
        return self._connection

    def _with_cursor(self, running: "_Running", call: Callable[[DuckDB], T]) -> T:
        with self._opened().cursor() as connection:
            running.connection = connection
            try:
                return call(connection)
            finally:
                running.leave()

    def note(self, said: str) -> None:
        """Tell the operator, once."""
        if said not in self.notes:
            self.notes.append(said)

    async def _in_thread(self, call: Callable[[], T], limiter: trio.CapacityLimiter, *, is_database: bool = True) -> T:
        try:
            return await trio.to_thread.run_sync(call, limiter=limiter)
        except duckdb.DataError as error:
            raise StoreRefused(f"DuckDB: {first_line(error)}") from error
        except duckdb.Error as error:
            if is_database:
                self.has_failed |= is_damage(error) or isinstance(error, duckdb.FatalException | duckdb.InternalException)
            kind = StoreFull if "No space left" in str(error) else StoreUnavailable
            raise kind(f"DuckDB: {first_line(error)}") from error
        except OSError as error:
            kind = StoreFull if error.errno in _NO_ROOM else StoreUnavailable
            raise kind(f"the history's files: {error}") from error


class _Running:
    """A query in its thread, to be interrupted from outside."""

    def __init__(self) -> None:
        self.connection: DuckDB | None = None
        self.is_over = False
        self._lock = threading.Lock()  # an interrupt must not meet the closing of the cursor

    def leave(self) -> None:
        """Say that the cursor is about to be closed."""
        with self._lock:
            self.connection = None

    async def interrupt_when_cancelled(self) -> None:
        """Wait to be cancelled, then interrupt until the query is over."""
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                while not self.is_over:
                    self._interrupt()
                    await trio.sleep(_INTERRUPT_EVERY_S)

    def _interrupt(self) -> None:
        with self._lock:
            if self.connection is not None:
                self.connection.interrupt()
