"""One thread, one call at a time, a file that broke is known to be broken, and marks outlast a kill whatever rows say of them."""

import shutil
import tempfile
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.records import Row, RowKind
from hub.journal import Entry, SQLiteJournalFile
from hub.journal.marks import Marks
from hub.journal.pending import Pending
from hub.journal.writer import Writer, written_by
from hub.ports import FollowerCursor, JournalBroken, Opening
from tests.support.faulty_file import FaultyFile
from tests.support.owner import CHANNELS, Session


async def test_calls_come_one_after_another(tmp_path: Path) -> None:
    writer, running, most = Writer(SQLiteJournalFile(tmp_path / "journal.db")), 0, 0
    lock = threading.Lock()

    def call() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(writer.call, call)
    assert most == 1


async def test_cancelled_call_is_waited_for(tmp_path: Path) -> None:
    writer = Writer(SQLiteJournalFile(tmp_path / "journal.db"))
    began, go_on, ended = trio.Event(), threading.Event(), threading.Event()

    def call() -> None:
        trio.from_thread.run_sync(began.set)
        go_on.wait(10)
        ended.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.call, call)
        await began.wait()
        nursery.cancel_scope.cancel()
        go_on.set()
    assert ended.is_set()


async def test_broken_file_is_remembered(tmp_path: Path) -> None:
    file = FaultyFile(SQLiteJournalFile(tmp_path / "journal.db"))
    file.errors["size_bytes"] = JournalBroken("gone")
    writer = Writer(file)
    with pytest.raises(JournalBroken):
        await writer.call(file.size_bytes)
    assert writer.is_broken


async def test_nothing_is_written_on_a_file_that_broke(tmp_path: Path) -> None:
    file = FaultyFile(SQLiteJournalFile(tmp_path / "journal.db"))
    writer = Writer(file)
    await writer.call(file.open)
    file.errors["set_cursor"] = JournalBroken("gone")
    with pytest.raises(JournalBroken, match="gone"):
        await writer.call(lambda: file.set_cursor("history", FollowerCursor(0, 0)))
    file.errors.clear()  # as a kernel does, which tells of a failed sync once
    with pytest.raises(JournalBroken, match="failed before"):
        await writer.call(lambda: file.commit([], [], {}))
    await writer.close()
    await writer.close()


class Frames:
    """Frames of some devices on their way into one file, and what must be known of them."""

    def __init__(self, directory: Path) -> None:
        self._directory, self._copies = directory, 0
        self._sessions = {device: Session(device) for device in "ab"}
        self._pending = Pending()
        self._file = SQLiteJournalFile(directory / "journal.db")
        self._marks = Marks(self._file.open().marks)
        self._received: dict[tuple[str, int], int] = {}
        self.durable: dict[tuple[str, int], int] = {}
        self._position = 0

    def close(self) -> None:
        self._file.close()

    def open(self, device: str, epoch: int, elsewhere: int = 0) -> None:
        """Have an epoch opened, with frames that were acked elsewhere; nothing where it is open."""
        if (device, epoch) not in self._received:
            self._received[device, epoch] = elsewhere
            self._pending.ask(self._sessions[device], [Opening(device, epoch, CHANNELS, 0, elsewhere)])

    def say(self, device: str, epoch: int, count: int, gives_up: int | None) -> None:
        """Submit a frame; a gap, where it stands for several, or where the rest of another epoch is given up."""
        seq = self._received[device, epoch] + 1
        last = self._received[device, epoch] = seq + count - 1
        moves: tuple[tuple[int, int], ...] = ((epoch, last),) if last > seq else ()
        if gives_up is not None and (device, gives_up) in self._received:
            to = self._received[device, gives_up] = self._received[device, gives_up] + 3
            moves = (*moves, (gives_up, to))
        kind = RowKind.GAP if moves else RowKind.DATA
        self._pending.add(Entry(self._sessions[device], Row(0, device, epoch, seq, kind, 0, b"body", None), moves))

    def full(self, device: str, epoch: int, count: int, gives_up: int | None) -> None:
        """Find no room for what waits, while a frame comes."""
        self._pending.take()
        self.say(device, epoch, count, gives_up)
        self._pending.put_back()

    def commit(self) -> None:
        """Commit what waits, or the part of it that goes at once."""
        batch = self._pending.take()
        written = written_by(self._file, batch)
        self._position += len(written.rows)
        self._marks.committed(written.openings, written.marks, self._position)
        self._pending.settle()
        self.durable |= dict.fromkeys([(each.device, each.epoch) for each in written.openings if each.elsewhere == 0], 0)
        self.durable |= {(each.device, each.epoch): each.elsewhere for each in written.openings if each.elsewhere}
        self.durable |= {(owner.device, epoch): seq for owner, told in batch.told() for epoch, seq in told.items()}  # type: ignore[attr-defined]

    def trim(self, below: int) -> None:
        self._file.trim(below, 1_000)

    def known(self) -> Mapping[tuple[str, int], int]:
        """Return what a hub knows that goes on."""
        return {(device, epoch): seq for device in self._sessions for epoch, seq in self._marks.of(device).items()}

    def known_after_kill(self) -> Mapping[tuple[str, int], int]:
        """Return what a hub knows that starts on the files as they are."""
        self._copies += 1
        copy = self._directory / str(self._copies)
        copy.mkdir()
        for name in ("journal.db", "journal.db-wal"):
            shutil.copy(self._directory / name, copy / name)
        with closing(SQLiteJournalFile(copy / "journal.db")) as file:
            return {(mark.device, mark.epoch): mark.seq for mark in file.open().marks}


EPOCHS = st.sampled_from([1, 1, 2, 2, 3])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.sampled_from("ab"), EPOCHS, st.sampled_from([0, 0, 5])),
        st.tuples(st.just("say"), st.sampled_from("ab"), EPOCHS, st.sampled_from([1, 1, 4]), st.sampled_from([None, None, 1, 2])),
        st.tuples(st.just("full"), st.sampled_from("ab"), EPOCHS, st.sampled_from([1, 4]), st.sampled_from([None, 1, 2])),
        st.tuples(st.just("commit")),
        st.tuples(st.just("trim"), st.integers(1, 30)),
        st.tuples(st.just("kill")),
    ),
    min_size=3,
    max_size=30,
)


@settings(deadline=None)
@given(STEPS, st.sampled_from([1, 500, 1 << 20]), st.sampled_from([1, 2, 1_000]))
def test_marks_outlast_a_kill_whatever_rows_say_of_them(steps: list[tuple[object, ...]], checkpoint_bytes: int, max_rows: int) -> None:
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as directory,
        pytest.MonkeyPatch.context() as patch,
        closing(Frames(Path(directory))) as frames,
    ):
        patch.setattr("hub.journal.sqlite_file._CHECKPOINT_BYTES", checkpoint_bytes)
        patch.setattr("hub.journal.sqlite_bulk._MAX_ROWS", max_rows)
        patch.setattr("hub.journal.pending.MAX_COMMIT_ROWS", max_rows)
        for device, epoch in (("a", 1), ("a", 2), ("b", 1)):  # with an opening in it a commit goes another way
            frames.open(device, epoch)
        frames.commit()
        for name, *said in [*steps, ("commit",), ("kill",)]:
            match name:
                case "open":
                    frames.open(*said)  # type: ignore[arg-type]
                case "say" | "full":
                    frames.open(*said[:2])  # type: ignore[arg-type]
                    (frames.say if name == "say" else frames.full)(*said)  # type: ignore[arg-type]
                case "commit":
                    frames.commit()
                case "trim":
                    frames.trim(*said)  # type: ignore[arg-type]
                case _:
                    assert frames.known() == frames.known_after_kill() == frames.durable
