"""The file itself: all or nothing, full and broken told apart, and every torn or strange file either repaired or refused."""

import errno
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgpack
import pytest

from hub.core.records import Cursor, Row, RowKind
from hub.journal import SQLiteJournalFile
from hub.journal.sqlite_values import damaged_in
from hub.ports import FollowerCursor, JournalBroken, JournalFull, Opening
from simulators.crash.disk import DiskUnavailable, SmallDisk, small_disk
from tests.support.owner import CHANNELS

KEY = ("pump", 7)
MAY_TRACE = shutil.which("strace") is not None and subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"]).returncode == 0


def rows(first: int, last: int, body: bytes = b"body") -> list[Row]:
    return [Row(0, "pump", 7, seq, RowKind.DATA, 0, body, None) for seq in range(first, last + 1)]


def opened(path: Path) -> SQLiteJournalFile:
    file = SQLiteJournalFile(path)
    file.open()
    return file


def seqs(path: Path) -> list[int]:
    with closing(opened(path)) as file:
        return [row.seq for row in all_rows(file)]


def all_rows(file: SQLiteJournalFile) -> list[Row]:
    found: list[Row] = []
    while more := file.read(found[-1].position if found else 0, 1_000_000, 1 << 40):
        found += more
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    try:
        with small_disk(tmp_path / "disk", 8 << 20) as disk:
            yield disk
    except DiskUnavailable as error:
        pytest.skip(str(error))


def test_commit_is_all_or_nothing(path: Path) -> None:
    with closing(opened(path)) as file:
        assert file.commit([Opening(*KEY, CHANNELS, 5)], rows(1, 3), {KEY: 3}) == 1
        writer = file._opened(file._writer)
        writer.execute("CREATE TRIGGER no_more BEFORE INSERT ON batches WHEN new.first > 4 BEGIN SELECT raise(ABORT, 'no'); END")
        with pytest.raises(JournalBroken, match="no"):
            file.commit([Opening("pump", 8, (), 5)], rows(4, 1_500), {KEY: 1_500})
        writer.execute("DROP TRIGGER no_more")
        assert file.commit([], rows(4, 4), {KEY: 4}) == 4
    with closing(SQLiteJournalFile(path)) as file:
        state = file.open()
        assert [(mark.epoch, mark.seq, mark.position, mark.channels) for mark in state.marks] == [(7, 4, 4, CHANNELS)]
        assert (state.first, state.last) == (1, 4)


def test_mark_never_goes_back(path: Path) -> None:
    with closing(opened(path)) as file:
        file.commit([Opening(*KEY, CHANNELS, 5)], rows(1, 3), {KEY: 3})
        file.commit([Opening(*KEY, (), 6)], rows(1, 1), {KEY: 1})
    (mark,) = opened(path).open().marks
    assert (mark.seq, mark.opened_us, mark.channels) == (3, 5, CHANNELS)


def test_marks_are_right_whenever_the_table_followed(path: Path, tmp_path: Path) -> None:
    with closing(opened(path)) as file:
        file.commit([Opening(*KEY, CHANNELS, 5), Opening("pump", 8, CHANNELS, 6)], [], {})
        for seq in range(1, 1_001, 20):
            file.commit([], rows(seq, seq + 19, bytes(10_000)), {KEY: seq + 19})  # the table follows each 4 MiB
            if seq in (1, 401, 441, 981):
                assert marks_of_copy(path, tmp_path / f"copy{seq}") == {7: seq + 19, 8: 0}
        gap = Row(0, "pump", 7, 1_001, RowKind.GAP, 0, b"gap", None)
        file.commit([], [gap], {KEY: 1_100, ("pump", 8): 30})
        assert marks_of_copy(path, tmp_path / "gap") == {7: 1_100, 8: 30}
        while file.trim(1_002, 100):
            pass
        assert marks_of_copy(path, tmp_path / "trimmed") == {7: 1_100, 8: 30}
        assert file.read(0, 10, 10) == []


def marks_of_copy(path: Path, to: Path) -> dict[int, int]:
    """Return the marks that a start after a kill would find now."""
    to.mkdir()
    for each in path.parent.glob("journal.db*"):
        shutil.copy(each, to / each.name)
    with closing(SQLiteJournalFile(to / path.name)) as file:
        return {mark.epoch: mark.seq for mark in file.open().marks}


def test_read_keeps_its_bounds_but_gives_one_row_at_least(path: Path) -> None:
    with closing(opened(path)) as file:
        file.commit([], rows(1, 600, bytes(100)), {})
        assert len(file.read(0, 1_000, 1 << 20)) == 600
        assert len(file.read(10, 300, 1 << 20)) == 300
        assert [row.position for row in file.read(590, 1_000, 350)] == [591, 592, 593]
        assert len(file.read(599, 1_000, 1)) == 1
        assert file.read(600, 1_000, 1) == []


def test_closed_file_says_so(path: Path) -> None:
    file = opened(path)
    file.close()
    file.close()
    for call in (lambda: file.commit([], rows(1, 1), {}), lambda: file.read(0, 1, 1), file.size_bytes):
        with pytest.raises(JournalBroken, match="not open"):
            call()


def test_full_disk_keeps_what_was_told_and_goes_on(disk: SmallDisk) -> None:
    path = disk.path / "journal.db"
    with closing(opened(path)) as file:
        file.commit([Opening(*KEY, CHANNELS, 0)], [], {})
        told = fill(file)
        assert [row.seq for row in all_rows(file)] == list(range(1, told + 1))
        assert file.free_bytes() < 1 << 20
    with closing(opened(path)) as file:  # also a start finds it all
        disk.fill()
        with pytest.raises(JournalFull):
            file.commit([], rows(1, 300, bytes(30_000)), {})
        disk.free()
    assert seqs(path) == list(range(1, told + 1))


def fill(file: SQLiteJournalFile) -> int:
    """Commit until there is no room; return the last seq that was told."""
    for told in range(0, 100_000, 7):
        try:
            file.commit([], rows(told + 1, told + 7, bytes(3_000)), {KEY: told + 7})
        except JournalFull:
            return told
    raise AssertionError("the disk never got full")


@pytest.mark.parametrize("room_bytes", [0, 4_096, 20_480])
def test_start_without_room_says_what_to_do_and_harms_nothing(disk: SmallDisk, room_bytes: int) -> None:
    path = disk.path / "journal.db"
    with closing(opened(path)) as file:
        file.commit([], rows(1, 9), {})
    ballast = disk.path / "ballast"
    size_bytes = disk.fill()
    with ballast.open("r+b") as shrinking:
        shrinking.truncate(size_bytes - room_bytes)
    with pytest.raises(OSError, match="No space left") as caught:
        opened(path)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    disk.free()
    assert seqs(path) == list(range(1, 10))


@pytest.mark.skipif(not MAY_TRACE, reason="strace is missing, or may not trace here")
@pytest.mark.parametrize("calls", ["-P {path} -e inject=fdatasync:error=EIO:when=2", "-P {path}-wal -e inject=fdatasync:error=EIO:when=40"])
def test_failed_sync_of_log_or_checkpoint_is_told(path: Path, calls: str) -> None:
    program = Path(__file__).with_name("commit_program.py")
    options = calls.format(path=path).split()
    command = ["strace", "-qq", "-f", "-o", "/dev/null", *options, sys.executable, str(program), str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "SQLITE_IOERR_FSYNC" in ended.stdout
    told = int(ended.stdout.split()[0])
    assert seqs(path)[:told] == list(range(1, told + 1))


def killed_copy(path: Path, to: Path) -> Path:
    """Return a copy of a journal as a kill would leave it: with its log."""
    with closing(opened(path)) as file:
        file.commit([Opening(*KEY, CHANNELS, 0)], rows(1, 50, bytes(500)), {KEY: 50})
        file.set_cursor("history", FollowerCursor(40, 30))
        to.mkdir()
        for each in path.parent.glob("journal.db*"):
            shutil.copy(each, to / each.name)
    return to / path.name


def test_log_of_a_killed_hub_is_taken_up(path: Path, tmp_path: Path) -> None:
    copy = killed_copy(path, tmp_path / "copy")
    assert seqs(copy) == list(range(1, 51))


def test_commits_lost_from_a_changed_log_are_said_and_their_positions_never_given_again(path: Path, tmp_path: Path) -> None:
    with closing(opened(path)) as file:
        file.commit([Opening(*KEY, CHANNELS, 0)], rows(1, 1), {KEY: 1})
    with closing(opened(path)) as file:
        for seq in range(2, 31):
            file.commit([], rows(seq, seq, bytes(500)), {KEY: seq})
        (tmp_path / "copy").mkdir()
        for each in path.parent.glob("journal.db*"):
            shutil.copy(each, tmp_path / "copy" / each.name)
    log = tmp_path / "copy" / "journal.db-wal"
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 1
    log.write_bytes(content)
    file = SQLiteJournalFile(tmp_path / "copy" / "journal.db")
    state = file.open()
    assert state.journal != state.before != ""  # the marks went back: what comes again must not be stored twice
    found = file.read(0, 100, 1 << 20)
    assert [row.seq for row in found] == [*range(1, len(found)), 0]
    assert damaged_in(found) == [state.last]
    assert state.last > 1_000
    assert [(mark.epoch, mark.seq) for mark in state.marks] == [(KEY[1], len(found) - 1)]
    assert file.commit([], rows(31, 31), {}) == state.last + 1
    assert log.with_name("journal.db-wal.damaged").read_bytes() == bytes(content)
    file.close()
    assert seqs(tmp_path / "copy" / "journal.db")[-1] == 31


def test_positions_that_others_have_seen_are_not_given_again(path: Path) -> None:
    with closing(opened(path)) as file:
        file.commit([Opening(*KEY, CHANNELS, 0)], rows(1, 5), {KEY: 5})
    with closing(SQLiteJournalFile(path)) as file:
        journal = file.open([Cursor("another", 50)]).journal
    for seen, last in ((5, 5), (9, 10)):
        with closing(SQLiteJournalFile(path)) as file:
            assert file.open([Cursor(journal, seen), Cursor(journal, 1)]).last == last
            found = file.read(5, 100, 1 << 20)
            assert [row.position for row in found] == damaged_in(found) == [10][: last - 5]
    with closing(opened(path)) as file:
        assert file.commit([], rows(6, 6), {KEY: 6}) == 11


@pytest.mark.parametrize("keep", [0, 1, 31, 32, 33, 4_000, 4_152, 20_000, 40_000])
def test_torn_log_leaves_whole_commits(path: Path, tmp_path: Path, keep: int) -> None:
    with closing(opened(path)) as file:
        file.commit([], rows(1, 10, bytes(500)), {})
    with closing(opened(path)) as file:
        for seq in range(11, 31):
            file.commit([], rows(seq, seq, bytes(500)), {})
        (tmp_path / "copy").mkdir()
        for each in path.parent.glob("journal.db*"):
            shutil.copy(each, tmp_path / "copy" / each.name)
    log = tmp_path / "copy" / "journal.db-wal"
    assert log.stat().st_size > keep
    with log.open("r+b") as torn:
        torn.truncate(keep)
    found = seqs(tmp_path / "copy" / "journal.db")
    assert found == list(range(1, len(found) + 1))
    assert len(found) >= 10


def test_file_that_a_kill_left_empty_becomes_a_journal(path: Path) -> None:
    path.touch()
    assert seqs(path) == []


@pytest.mark.parametrize("content", [b"no database " * 400, b"SQLite format 3\0" + bytes(5_000)])
def test_file_of_another_kind_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    file = SQLiteJournalFile(path)
    with pytest.raises(JournalBroken):
        file.open()
    file.close()
    assert path.read_bytes() == content


def test_database_of_somebody_else_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
    file = SQLiteJournalFile(path)
    with pytest.raises(JournalBroken, match="has format 0, this hub reads 3; run the hub that wrote it"):
        file.open()
    file.close()


def test_journal_of_the_format_before_goes_on_and_keeps_older_hubs_away(path: Path) -> None:
    value = msgpack.packb((1, (), ["pump"] * 2, [7] * 2, [1, 2], [1] * 2, [0] * 2, [b"one", b"two"], [None] * 2))
    with closing(opened(path)):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        older.execute("INSERT INTO batches VALUES (1, 2, ?)", (value,))
        older.execute("PRAGMA user_version = 2")
    with closing(opened(path)) as file:
        assert file.commit([], rows(3, 4), {}) == 3
    with closing(opened(path)) as file:
        assert [(row.position, row.seq) for row in file.read(0, 10, 10_000)] == [(1, 1), (2, 2), (3, 3), (4, 4)]
    with closing(sqlite3.connect(path)) as file_itself:
        assert file_itself.execute("PRAGMA user_version").fetchone() == (3,)


def test_senseless_channel_list_is_left_out(path: Path) -> None:
    with closing(opened(path)) as file:
        file.commit([Opening(*KEY, CHANNELS, 0)], [], {})
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE epochs SET channels = x'c1'")
    with closing(SQLiteJournalFile(path)) as file:
        state = file.open()
    assert state.marks == []
    assert "no frame is missing" in state.notes[0]
