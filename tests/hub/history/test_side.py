"""The history's side of a hub starts without its store, and says no to what a store cannot do."""

from pathlib import Path

import msgpack
import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

import hub.history.side
from hub.core.errors import Refusal
from hub.history import HistorySide
from hub.journal import Journal, JournalSettings, SQLiteJournalFile
from hub.layers import layer
from hub.ports import StoreFull, StoreUnavailable
from tests.support.owner import Session
from tests.support.point_store import PointStore
from tests.support.waiting import until


def side_of(directory: Path, store: PointStore) -> HistorySide:
    journal = Journal(SQLiteJournalFile(directory / "journal.db"), JournalSettings(), lambda: 0)
    return HistorySide(journal, store, directory, lambda: 0, "journal")


async def test_a_store_on_the_network_that_is_away_at_the_start_is_filled_once_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.followers.MAX_PAUSE_S", 0.01)
    monkeypatch.setitem(hub.history.side._GATHER_S, "journal", 0.0)
    store = PointStore()
    store.down = "it cannot be reached"
    side = side_of(tmp_path, store)
    with capture_logs() as logs:
        await side.start(is_remote=True)
        side.health.look(0.0)
        assert side.health.item()["state"] == "down"
        async with layer(side._journal.run), layer(*side.runs()):
            session = Session()
            await side._journal.open_epochs(session, [session.opening(7)])
            side._journal.submit(session.entry(7, 1, b"\x80"))
            await until(lambda: store.requests > 3)
            store.down = None
            await until(lambda: store.at is not None and store.at.position == 1)
    side.health.look(1.0)
    assert side.health.item()["state"] == "ok"
    assert "history_not_open" in {log["event"] for log in logs}


async def test_one_that_never_answers_keeps_the_hub_from_starting_for_seconds_only(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    store = PointStore()
    store.hangs = trio.Event()
    side = side_of(tmp_path, store)
    with capture_logs() as logs:
        await side.start(is_remote=True)
    assert trio.current_time() <= 5.0
    assert logs[0]["reason"] == "Points did not answer within 5 s"


async def test_a_file_of_this_machine_is_opened_or_nothing_starts_but_on_a_full_disk(tmp_path: Path) -> None:
    class Locked(PointStore):
        error: StoreUnavailable = StoreUnavailable("another process has it open")

        async def start(self) -> None:
            await trio.lowlevel.checkpoint()
            raise self.error

    store = Locked()
    side = side_of(tmp_path, store)
    with pytest.raises(StoreUnavailable, match="another process"):
        await side.start(is_remote=False)
    store.error = StoreFull("no space")
    with capture_logs() as logs:
        await side.start(is_remote=False)
    assert logs[0]["reason"] == "no space"


async def test_acks_wait_for_no_store_that_answers_too_early(tmp_path: Path) -> None:
    store = PointStore()
    store.syncs_before_it_answers = False
    journal = Journal(SQLiteJournalFile(tmp_path / "journal.db"), JournalSettings(), lambda: 0)
    with pytest.raises(Refusal, match="ack_after = store is not possible with Points"):
        HistorySide(journal, store, tmp_path, lambda: 0, "store")


async def test_what_is_parked_is_counted_and_noted(tmp_path: Path) -> None:
    side = side_of(tmp_path, PointStore())
    side.store.notes.append("a note of the store")
    assert side.notes() == ["a note of the store"]
    assert side.statistics()["parked_readings"] == 0
    assert {"lag_rows", "is_down", "left_seconds", "unreadable_frames"} <= side.statistics().keys()


async def test_an_outage_fills_the_journal_to_its_bound_and_is_drained_after_in_order_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.followers.MAX_PAUSE_S", 0.02)
    monkeypatch.setattr("hub.journal.upkeep._PERIOD_S", 0.02)
    settings = JournalSettings(max_bytes=2_000_000, min_free_bytes=0, resume_window_s=0.0, resume_bytes=0, followers=("history",))
    journal, store = Journal(SQLiteJournalFile(tmp_path / "journal.db"), settings, lambda: 0), PointStore()
    side = HistorySide(journal, store, tmp_path, lambda: 0, "store")
    lost: list[str] = []
    applied: list[int] = []
    side.on_lost(lambda: lost.append("lost"))
    side.writer.on_applied(applied.append)
    with capture_logs() as logs:
        async with layer(journal.run), layer(*side.runs()):
            session, seq = Session(), 1
            await journal.open_epochs(session, [session.opening(7)])
            journal.submit(session.entry(7, seq, frame(seq)))
            await until(lambda: journal.cursor("history").safe == 1)
            store.down = "it was stopped"
            while journal.holding is None:
                for _ in range(50):
                    seq += 1
                    journal.submit(session.entry(7, seq, frame(seq)))
                await session.is_told(7, seq)
                side.health.look(trio.current_time())
            assert journal.holding == "store_full"
            assert side.health.item()["state"] == "down"
            assert side.health.item()["reason"] == "it was stopped"
            assert (side.health.left_s or 0.0) < 10.0
            assert lost == ["lost"]
            store.down = None
            await until(lambda: journal.holding is None and journal.cursor("history").safe == seq)
            side.health.look(trio.current_time())
            assert side.health.item()["state"] == "ok"
    assert [value for _, value in sorted((key, value) for (_, key), value in store.points.items())] == list(range(1, seq + 1))
    assert applied == sorted(applied)
    assert [log["event"] for log in logs if log["event"].startswith("store_")] == ["store_down", "store_over"]


def frame(seq: int) -> bytes:
    """Return a data frame of one reading, and a kilobyte beside it."""
    body = {"e": 7, "s": seq, "op": "data", "t": seq, "c": [0], "d": [0], "v": [seq], "more": bytes(1_000)}
    return bytes(msgpack.packb(body))


async def test_a_store_that_is_back_with_nothing_new_to_take_is_told_of_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.followers.MAX_PAUSE_S", 0.02)
    store = PointStore()
    side = side_of(tmp_path, store)
    applied: list[int] = []
    side.writer.on_applied(applied.append)
    store.down = "it was stopped"
    with capture_logs():
        async with layer(side._journal.run), layer(*side.runs()):
            await until(lambda: store.requests > 2)
            assert applied == []
            store.down = None
            await until(lambda: applied)
    assert applied == [0]
