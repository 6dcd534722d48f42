"""Journals with damaged pages: made here, overwritten page by page by what kind of page it is, and opened again as a hub would."""

import random
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from devices.wire.messages import Channel
from hub.core.records import Cursor, Row, RowKind
from hub.journal import SQLiteJournalFile, aside
from hub.journal.room import FOLLOWERS
from hub.journal.salvage_found import BATCHES, CURSORS, EPOCHS, MARKS, META
from hub.journal.sqlite_values import damaged_in
from hub.ports import FollowerCursor, JournalBroken, JournalDamaged, JournalState, Opening

PAGE = 4_096
FRAMES = 600  # in as many commits, so that the table of frames has an interior page and some leaves
STORED = 400
DEVICES = ("pump", "fan", "mill")


def made(seq: int, device: str) -> Row:
    size = 40_000 if seq % 100 == 7 else 200  # some values lie in chains of pages
    return Row(0, device, 7, seq, RowKind.DATA, seq, random.Random(f"{device}{seq}").randbytes(size), None)


def filled(path: Path, *, stored: int = STORED, trimmed: int = 0) -> str:
    """Make a journal, closed, so that everything is in its file, and return its id."""
    whole, journal = made_once(stored, trimmed)
    path.write_bytes(whole)
    return journal


@cache
def made_once(stored: int, trimmed: int) -> tuple[bytes, str]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        with closing(SQLiteJournalFile(path)) as file:
            journal = file.open().journal
            file.commit([Opening(device, 7, (Channel("c"),), 5) for device in DEVICES], [], {})
            for number in range(FRAMES):
                row = made(1 + number // 3, DEVICES[number % 3])
                file.commit([], [row], {(row.device, 7): row.seq})
            for follower in FOLLOWERS:
                file.set_cursor(follower, FollowerCursor(stored + 1, stored))
            while trimmed and file.trim(trimmed + 1, 50):
                pass
        return path.read_bytes(), journal


def overwritten(path: Path, page: int, content: bytes | None = None) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(random.Random(page).randbytes(PAGE) if content is None else content)


def pages_of(path: Path, kind: str) -> list[int]:
    """Return the pages of frames: `leaf` or `overflow`."""
    content = path.read_bytes()
    begins_with = {"leaf": 0x0D, "overflow": 0}[kind]
    return [at // PAGE + 1 for at in range(PAGE, len(content), PAGE) if content[at] == begins_with]


def opened(path: Path, seen: Sequence[Cursor] = ()) -> tuple[JournalState, list[Row]]:
    with closing(SQLiteJournalFile(path)) as file:
        return file.open(seen), read_through(file)


def read_through(file: SQLiteJournalFile) -> list[Row]:
    found: list[Row] = []
    while more := file.read(found[-1].position if found else 0, 1_000, 1 << 30):
        found += more
    return found


def marks_in(state: JournalState) -> dict[str, int]:
    return {mark.device: mark.seq for mark in state.marks}


def are_as_made(rows: Sequence[Row]) -> bool:
    """Tell whether each row that is not said to be lost is the one that was committed at its position."""
    lost = set(damaged_in(rows))
    return all(
        row[1:] == made(1 + (row.position - 1) // 3, DEVICES[(row.position - 1) % 3])[1:] for row in rows if row.position not in lost
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def test_sqlite_lays_the_tables_where_they_are_looked_for(path: Path) -> None:
    filled(path)
    with closing(sqlite3.connect(path)) as file:
        found = dict(file.execute("SELECT name, rootpage FROM sqlite_master").fetchall())
        assert file.execute("PRAGMA page_size").fetchone() == (PAGE,)
    assert found == {"batches": BATCHES, "marks": MARKS, "epochs": EPOCHS, "cursors": CURSORS, "meta": META}


@pytest.mark.parametrize("what", ["header", "schema", "format", "freelist", "interior"])
def test_nothing_is_lost_where_a_page_without_frames_is_damaged(path: Path, what: str) -> None:
    before = filled(path, trimmed=90)
    damages: dict[str, Callable[[], None]] = {
        "header": lambda: overwritten(path, 1),
        "schema": lambda: overwritten(path, 1, path.read_bytes()[:100] + bytes(PAGE - 100)),
        "format": lambda: overwritten(path, 1, path.read_bytes()[:60] + b"\x40\0\0\3" + path.read_bytes()[64:PAGE]),
        "freelist": lambda: overwritten(path, int.from_bytes(path.read_bytes()[32:36], "big"), b"\xff" * PAGE),
        "interior": lambda: overwritten(path, BATCHES),
    }
    damages[what]()
    state, rows = opened(path)
    frames = [row for row in rows if row.position <= FRAMES]
    assert [row.position for row in frames] == list(range(state.first, FRAMES + 1))
    assert state.first <= 91
    assert are_as_made(frames)
    assert damaged_in(frames) == []
    assert state.cursors["history"] == FollowerCursor(STORED + 1, STORED)
    assert (state.journal != before, state.before) == (True, before)
    assert len(state.notes) == 1
    is_sure = what != "interior"  # without it nobody knows whether there was one more leaf
    assert marks_in(state) == dict.fromkeys(DEVICES, FRAMES // 3 if is_sure else 0)
    assert state.last == (FRAMES if is_sure else FRAMES + 1)
    assert ("no frame is missing" in state.notes[0]) == is_sure
    (kept,) = path.parent.glob("journal.db.damaged-*Z")
    assert kept.stat().st_size >= FRAMES * 200


def test_frames_of_a_lost_leaf_are_told_and_devices_asked_what_they_still_have(path: Path) -> None:
    filled(path)
    overwritten(path, pages_of(path, "leaf")[-3])
    state, rows = opened(path)
    lost = damaged_in(rows)
    assert are_as_made(rows)
    assert state.last in lost  # there may have been newer ones
    assert len(lost) >= 2
    missing = set(range(1, FRAMES + 1)) - {row.position for row in rows}
    assert missing
    assert min(missing) > STORED
    assert "are lost" in state.notes[0]
    assert marks_in(state) == dict.fromkeys(DEVICES, 0)


def test_a_lost_value_of_many_pages_is_one_hole_beside_whole_neighbours(path: Path) -> None:
    filled(path)
    overwritten(path, pages_of(path, "overflow")[0])  # SQLite sees nothing: the sum does
    overwritten(path, 1)
    state, rows = opened(path)
    assert [row.position for row in rows] == list(range(1, FRAMES + 1))
    assert len(damaged_in(rows)) == 1
    assert are_as_made(rows)
    assert marks_in(state) == dict.fromkeys(DEVICES, FRAMES // 3)  # the history has it


def test_marks_stay_where_all_that_is_lost_was_stored(path: Path) -> None:
    filled(path, stored=FRAMES)
    overwritten(path, MARKS)
    assert marks_in(opened(path)[0]) == dict.fromkeys(DEVICES, FRAMES // 3)  # frames say them too


def test_marks_of_a_lost_page_are_those_of_the_frames_that_are_left(path: Path) -> None:
    filled(path, stored=FRAMES, trimmed=FRAMES)
    overwritten(path, MARKS)
    assert marks_in(opened(path)[0]) == dict.fromkeys(DEVICES, 0)


def test_frames_that_nobody_can_read_without_their_channels_are_told_to_their_device(path: Path) -> None:
    filled(path)
    overwritten(path, EPOCHS)
    state, rows = opened(path)
    assert state.marks == []
    assert damaged_in(rows) == list(range(1, FRAMES + 1))
    assert {row.device for row in rows} == set(DEVICES)
    assert "600 more, as the list of their channels is" in state.notes[0]


def test_a_follower_without_a_cursor_has_nothing_yet(path: Path) -> None:
    with closing(SQLiteJournalFile(path)) as file:
        file.open()
        file.commit([Opening("pump", 7, (Channel("c"),), 5)], [made(1, "pump")], {})
        file.set_cursor("ledger", FollowerCursor(1, 1))
    overwritten(path, META)
    assert [row.position for row in opened(path)[1] if row.device] == [1]


def test_without_its_numbers_a_journal_begins_where_followers_are(path: Path) -> None:
    filled(path, trimmed=90)
    overwritten(path, META)
    state, rows = opened(path)
    assert state.before == "unknown"
    assert [row.position for row in rows] == list(range(state.first, FRAMES + 1))
    assert 91 <= state.first <= STORED + 1
    assert are_as_made(rows)


def test_without_cursors_followers_begin_anew(path: Path) -> None:
    filled(path)
    overwritten(path, CURSORS)
    state, rows = opened(path)
    assert state.cursors == {}
    assert len(rows) == FRAMES


def test_positions_that_a_follower_has_seen_are_not_given_again(path: Path) -> None:
    before = filled(path)
    overwritten(path, 1)
    state, rows = opened(path, [Cursor(before, FRAMES + 50), Cursor("another", 9_000)])
    assert state.last == FRAMES + 50
    assert damaged_in(rows) == [FRAMES + 50]


def killed_copy(path: Path, to: Path, begin: int = 0) -> Path:
    """Return a copy of a journal with frames in its log that are not in its file."""
    with closing(SQLiteJournalFile(path)) as file:
        file.open()
        file.commit([Opening(device, 7, (Channel("c"),), 5) for device in DEVICES], [], {})
        for number in range(begin, begin + 90):
            row = made(1 + number // 3, DEVICES[number % 3])
            file.commit([], [row], {(row.device, 7): row.seq})
        to.mkdir()
        for each in path.parent.glob("journal.db*"):
            if each.is_file():
                shutil.copy(each, to / each.name)
    return to / path.name


def test_what_is_in_the_log_alone_is_saved(path: Path, tmp_path: Path) -> None:
    copy = killed_copy(path, tmp_path / "copy")
    overwritten(copy, 1)
    _, rows = opened(copy)
    assert [row.position for row in rows if row.device] == list(range(1, 91))
    assert are_as_made(rows)


def test_a_journal_cut_to_nothing_is_saved_from_its_log(path: Path, tmp_path: Path) -> None:
    copy = killed_copy(path, tmp_path / "copy")
    copy.write_bytes(b"")
    state, rows = opened(copy)
    assert [row.position for row in rows if row.device] == list(range(1, 91))
    assert len(state.notes) == 1


def test_frames_behind_a_wrong_place_of_the_log_are_saved_too(path: Path, tmp_path: Path) -> None:
    filled(path)
    copy = killed_copy(path, tmp_path / "copy", begin=FRAMES)
    overwritten(copy, CURSORS)
    log = copy.with_name("journal.db-wal")
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 1
    log.write_bytes(content)
    state, rows = opened(copy)
    assert len([row for row in rows if row.device]) >= FRAMES + 80
    assert are_as_made(rows)
    assert marks_in(state) == dict.fromkeys(DEVICES, 0)


def test_a_journal_that_is_missing_though_it_was_followed_is_told(path: Path) -> None:
    state, _ = opened(path, [Cursor("another", 40)])
    assert "missing or empty at a start, though others had followed it up to 40" in state.notes[0]


def test_a_note_stays_until_its_text_is_removed(path: Path) -> None:
    filled(path)
    overwritten(path, 1)
    assert len(opened(path)[0].notes) == 1
    assert len(opened(path)[0].notes) == 1
    for text in aside.texts_beside(path):
        text.unlink()
    assert len(opened(path)[0].notes) == 0


@pytest.mark.parametrize("steps", range(6))
def test_a_start_goes_on_where_setting_aside_was_cut_off(path: Path, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(path)
    overwritten(path, 1)
    rename = Path.rename
    done: list[Path] = []

    class Killed(BaseException):
        pass

    def counted(self: Path, target: Path) -> Path:
        if len(done) == steps:
            raise Killed
        done.append(target)
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", counted)
        file = SQLiteJournalFile(path)
        try:
            file.open()
        except Killed:
            pass
        finally:
            file.close()
    state, rows = opened(path)
    assert [row.position for row in rows] == list(range(1, FRAMES + 1))
    assert marks_in(state) == dict.fromkeys(DEVICES, FRAMES // 3)


def test_damage_that_shows_later_ends_the_hub_and_the_next_start_mends_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(path)
    with closing(SQLiteJournalFile(path)) as file:
        file.open()
        file.commit([], [], {("pump", 7): FRAMES // 3})  # the table of marks follows: a start reads no frame
    overwritten(path, pages_of(path, "leaf")[3])
    monkeypatch.setattr("hub.journal.sqlite_state._MAX_VERIFIED_BYTES", 0)  # as if it were large
    with closing(SQLiteJournalFile(path)) as file:
        file.open()
        with pytest.raises(JournalDamaged):
            read_through(file)
    assert aside.is_suspect(path)
    state, rows = opened(path)
    assert are_as_made(rows)
    assert len(state.notes) == 1
    assert not aside.is_suspect(path)


def test_a_file_of_which_nothing_can_be_read_is_refused_and_left_alone(path: Path) -> None:
    content = random.Random(1).randbytes(50 * PAGE)
    path.write_bytes(content)
    with pytest.raises(JournalBroken, match="nothing in it can be read: restore a backup"):
        opened(path)
    assert path.read_bytes() == content
    assert [each.name for each in path.parent.iterdir()] == ["journal.db"]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_page_is_overwritten_no_other_frame_is_served(path: Path, seed: int) -> None:
    before, dice = filled(path, trimmed=60), random.Random(seed)
    for _ in range(dice.choice((1, 1, 2, 5))):
        page = dice.randrange(path.stat().st_size // PAGE)
        content = bytearray(path.read_bytes())
        at = page * PAGE + dice.randrange(PAGE - 512)
        content[at : at + 512] = dice.choice((bytes(512), b"\xff" * 512, dice.randbytes(512)))
        path.write_bytes(content)
    state, rows = opened(path)
    assert are_as_made(rows)
    assert len({row.position for row in rows}) == len(rows)
    if state.journal == before:
        assert [row.position for row in rows] == list(range(61, FRAMES + 1))
    else:
        assert state.notes
    assert all(mark.seq <= FRAMES // 3 for mark in state.marks)
    with closing(SQLiteJournalFile(path)) as file:
        file.open()
        assert file.commit([], [made(201, "pump")], {("pump", 7): 201}) > max(row.position for row in rows)
