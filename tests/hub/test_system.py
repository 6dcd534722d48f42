"""The state of the hub as viewers see it: credit at once, lag that matters, reasons not to be ready. Journal and store are real."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from hub.core.entities import Entities
from hub.history import HistorySide
from hub.history.health import HISTORY
from hub.journal import Journal, JournalSettings, SQLiteJournalFile
from hub.layers import layer
from hub.ports import FollowerCursor
from hub.store.duckdb import DuckDBStore
from hub.system import System
from tests.support.faulty_file import FaultyFile
from tests.support.owner import Session
from tests.support.point_store import PointStore
from tests.support.waiting import until


@asynccontextmanager
async def system_on(directory: Path) -> AsyncIterator[tuple[System, Journal, FaultyFile, Entities]]:
    file, entities = FaultyFile(SQLiteJournalFile(directory / "journal.db")), Entities()
    journal = Journal(file, JournalSettings(), lambda: 0)
    store = DuckDBStore(directory / "history.duckdb")
    await store.start()
    try:
        async with layer(journal.run):
            store.notes.append("look here")
            system = System(journal, HistorySide(journal, store, directory, lambda: 0, "journal"), entities)
            async with layer(system.run):
                yield system, journal, file, entities
    finally:
        await store.aclose()


async def submit(journal: Journal, count: int) -> Session:
    session = Session()
    await journal.open_epochs(session, [session.opening(7)])
    for seq in range(1, count + 1):
        journal.submit(session.entry(7, seq))
    return session


async def test_a_healthy_hub_is_open_and_ready(tmp_path: Path) -> None:
    async with system_on(tmp_path) as (system, _, _, entities):
        item = entities.system()
        assert (item["credit"], item["store_lag"], item["notes"]) == ("open", 0, ["look here"])
        assert system.unready() == []
        await until(lambda: "readings" in system.history_figures())
        assert system.history_figures()["lag_rows"] == 0


async def test_a_node_of_a_cluster_names_those_that_do_not_answer(tmp_path: Path) -> None:
    async with system_on(tmp_path) as (system, _, _, entities):
        assert "nodes" not in entities.system()
        told = {"node": "a", "nodes": [{"name": "b", "since_us": 7}]}
        system.of_cluster = lambda: told
        await until(lambda: told.items() <= entities.system().items())


async def test_a_full_disk_is_shown_at_once_and_makes_it_unready(tmp_path: Path) -> None:
    async with system_on(tmp_path) as (system, journal, file, entities):
        file.is_full = True
        session = Session()
        with capture_logs() as logs:
            await journal.open_epochs(session, [session.opening(7)])
            assert entities.system()["credit"] == "store_full"
            assert system.unready() == ["the journal holds: store_full"]
            file.is_full = False
            await until(lambda: entities.system()["credit"] == "open")
        holding, over = logs
        assert (holding["event"], holding["log_level"], holding["reason"]) == ("holding", "warning", "store_full")
        assert "free space" in holding["hint"]
        assert (over["event"], over["log_level"], over["reason"]) == ("holding_over", "info", "store_full")


async def test_only_a_lag_that_a_person_would_see_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.system._PERIOD_S", 0.01)
    monkeypatch.setattr("hub.system._MAX_READY_LAG", 1_500)
    async with system_on(tmp_path) as (system, journal, _, entities):
        await (await submit(journal, 1_001)).is_told(7, 1_001)
        await until(lambda: entities.system()["store_lag"] == 1_001)
        await journal.set_cursor(HISTORY, FollowerCursor(1, 0))
        await until(lambda: entities.system()["store_lag"] == 0)
        assert (system.store_lag(), system.unready()) == (1_000, [])
        monkeypatch.setattr("hub.system._MAX_READY_LAG", 999)
        assert system.unready() == ["the history store is 1000 frames behind, more than 999"]


async def test_a_store_that_is_down_is_shown_and_unready_only_where_acks_wait_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.system._PERIOD_S", 0.01)
    async with system_on(tmp_path) as (system, _, _, entities):
        assert entities.system()["store"] == {"name": "DuckDB", "state": "ok", "lag_frames": 0, "left_s": None, "reason": "", "since_us": 0}
        assert entities.system()["ack_after"] == "journal"
        with capture_logs():
            system.side.health.failed("cannot be reached")
            await until(lambda: entities.system()["store"]["state"] == "down")
        assert entities.system()["store"]["reason"] == "cannot be reached"
        assert system.described()["store"]["state"] == "down"
        assert system.unready() == []
        system.ack_after = "store"
        assert system.unready() == ["DuckDB is down, and nothing is acked without it: cannot be reached"]
        assert system.history_figures()["is_down"] == 1.0


async def test_a_store_that_never_answers_does_not_keep_the_state_from_being_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.system._PERIOD_S", 0.01)
    store, entities = PointStore(), Entities()
    store.hangs = trio.Event()
    journal = Journal(SQLiteJournalFile(tmp_path / "journal.db"), JournalSettings(), lambda: 0)
    async with layer(journal.run):
        system = System(journal, HistorySide(journal, store, tmp_path, lambda: 0, "journal"), entities)
        async with layer(system.run):
            store.notes.append("something new")
            await until(lambda: entities.system()["notes"] == ["something new"])
